// Files of folders, lists and archives: order, labels, links that go round, bad ones told or left
// out in the same order for any threads.
#include "data/folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "data/tar.h"

namespace latent {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

class FolderTest : public testing::Test {
 protected:
  FolderTest()
      : root_(fs::path(testing::TempDir()) /
              ("folder_test." + std::to_string(::getpid()) + "." +
               testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~FolderTest() override { fs::remove_all(root_); }

  std::string put(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
    return (root_ / name).string();
  }
  std::string root() const { return root_.string(); }

  fs::path root_;
};

std::vector<std::string> names(const FileSet& files) {
  std::vector<std::string> out;
  for (const FoundFile& f : files.files()) out.push_back(f.name);
  return out;
}

std::string message(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

// A header of ustar, whose check sum is right.
std::string tar_header(const std::string& name, size_t bytes, char type = '0') {
  std::string h(512, '\0');
  h.replace(0, name.size(), name);
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", bytes);
  h.replace(124, 11, size);
  h[156] = type;
  h.replace(257, 5, "ustar");
  h.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : h) sum += static_cast<unsigned char>(c);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  h.replace(148, 7, text, 7);
  return h;
}

std::string tar_file(const std::string& name, const std::string& content, char type = '0') {
  return tar_header(name, content.size(), type) + content +
         std::string((512 - content.size() % 512) % 512, '\0');
}

const std::string kEnd(1024, '\0');

TEST_F(FolderTest, AFolderIsReadWholeInBytewiseOrder) {
  put("b/2.wav", "two");
  put("b/10.wav", "ten");
  put("B.wav", "root");
  put("a/deep/er/x", "x");
  put("\xc3\xa4/y", "y");
  put(".DS_Store", "no");
  put("b/.hidden/z", "no");
  ASSERT_EQ(::symlink("b", (root_ / "link").c_str()), 0);
  ASSERT_EQ(::symlink("..", (root_ / "b" / "round").c_str()), 0);
  const FileSet files = FileSet::open(root() + "/");
  EXPECT_EQ(files.source(), FileSet::Source::folder);
  EXPECT_EQ(names(files), (std::vector<std::string>{"B.wav", "a/deep/er/x", "b/10.wav", "b/2.wav",
                                                    "link/10.wav", "link/2.wav", "\xc3\xa4/y"}));
  EXPECT_EQ(files.read(2), "ten");
  EXPECT_EQ(files.path(2), root() + "/b/10.wav");
  const size_t last[] = {6, 0};
  EXPECT_EQ(names(files.only(last)), (std::vector<std::string>{"\xc3\xa4/y", "B.wav"}));
  EXPECT_TRUE(FileSet::recognizes(root()));
}

TEST_F(FolderTest, NothingThereIsTold) {
  EXPECT_NE(message([&] { FileSet::open(root()); }).find("no files"), std::string::npos);
  EXPECT_THROW(FileSet::open(root() + "/none"), SystemError);
  EXPECT_FALSE(FileSet::recognizes(root() + "/none"));
  EXPECT_NE(message([&] {
              FileSet::open(put("empty.tar", tar_file("d/", "", '5') + kEnd));
            }).find("no files"),
            std::string::npos);
}

TEST_F(FolderTest, AFileStandsForItself) {
  const std::string path = put("a.wav", "RIFF");
  const FileSet files = FileSet::open(path);
  EXPECT_FALSE(FileSet::recognizes(path));
  EXPECT_EQ(names(files), std::vector<std::string>{"a.wav"});
  EXPECT_EQ(files.path(0), path);
  EXPECT_EQ(files.read(0), "RIFF");
  EXPECT_THROW(files.read(0, 3), DataError);
}

TEST_F(FolderTest, AListIsInItsOwnOrderWithItsLabels) {
  put("s/a.wav", "a");
  const std::string b = put("s/b.wav", "b");
  const std::string list =
      put("list.txt", "# mine\n\ns/a.wav\tzero\r\n" + b + "\tone\ns/none\tone\n");
  EXPECT_TRUE(FileSet::recognizes(list));
  const FileSet files = FileSet::open(list);
  EXPECT_EQ(files.source(), FileSet::Source::list);
  EXPECT_EQ(names(files), (std::vector<std::string>{"s/a.wav", b, "s/none"}));
  EXPECT_EQ(files.read(0) + files.read(1), "ab");
  EXPECT_THROW(files.read(2), SystemError);
  const FileLabels labels = file_labels(files, "list");
  EXPECT_EQ(labels.classes, (std::vector<std::string>{"one", "zero"}));
  EXPECT_EQ(labels.of_file, (std::vector<int32_t>{1, 0, 0}));
  EXPECT_FALSE(FileSet::recognizes(put("table.csv", "a,b\n1,2\n")));
  const std::string gone = put("gone.txt", "\xef\xbb\xbfs/none\ns/a.wav\n");
  EXPECT_EQ(names(FileSet::open(gone)), (std::vector<std::string>{"s/none", "s/a.wav"}))
      << "the first file is missing; a byte order mark is no part of its name";
  EXPECT_FALSE(FileSet::recognizes(put("binary", "s/a.wav\n\0"s)));
}

TEST_F(FolderTest, LabelsAreTheFirstFolders) {
  put("one/a", "");
  put("two/deep/b", "");
  put("one/c", "");
  const FileLabels labels = file_labels(FileSet::open(root()), "folder");
  EXPECT_EQ(labels.classes, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(labels.of_file, (std::vector<int32_t>{0, 0, 1}));
  put("alone", "");
  EXPECT_NE(message([&] { file_labels(FileSet::open(root()), "folder"); }).find("/alone: labels"),
            std::string::npos);
  EXPECT_THROW(file_labels(FileSet::open(root()), "list"), DataError);
  EXPECT_THROW(file_labels(FileSet::open(root()), "colour"), UsageError);
}

TEST(FileLabels, AModelNumbersThemAsInTraining) {
  std::string kept;
  FileLabels first{.of_file = {1, 0}, .classes = {"a\nb", "c"}};
  number_as_trained(first, kept, "photos");
  FileLabels later{.of_file = {0, 0}, .classes = {"c"}};
  number_as_trained(later, kept, "photos");
  EXPECT_EQ(later.of_file, (std::vector<int32_t>{1, 1}));
  EXPECT_EQ(later.classes, first.classes);
  FileLabels unknown{.of_file = {0}, .classes = {"d"}};
  EXPECT_THROW(number_as_trained(unknown, kept, "photos"), DataError);
  kept = "no end";  // of a file that somebody changed
  EXPECT_THROW(number_as_trained(unknown, kept, "photos"), DataError);
}

TEST_F(FolderTest, AnArchiveIsAFolder) {
  const std::string long_name(150, 'n');
  const std::string tar =
      put("a.tar", tar_file("./b", "old") + tar_file("./d", "", '5') + tar_file("./b", "newer") +
                       tar_file("l", long_name + "\0"s, 'L') + tar_file("short", "long") +
                       tar_file("p", "14 path=pax/x\n11 size=3\n", 'x') + tar_file("short", "pax") +
                       tar_file(".hidden", "no") + tar_file("link", "", '2') + kEnd);
  EXPECT_TRUE(FileSet::recognizes(tar));
  const FileSet files = FileSet::open(tar);
  EXPECT_EQ(files.source(), FileSet::Source::tar);
  EXPECT_EQ(names(files), (std::vector<std::string>{"b", long_name, "pax/x"}));
  EXPECT_EQ(files.read(0), "newer");
  EXPECT_EQ(files.read(1), "long");
  EXPECT_EQ(files.path(2), tar + ":pax/x");
  EXPECT_THROW(files.read(2, 2), DataError);
}

TEST(Tar, EveryTruncationAndEveryLieIsRefused) {
  const std::string whole = tar_file("a", std::string(600, 'x')) + tar_file("b", "y") + kEnd;
  ASSERT_EQ(tar_members(bytes_of(whole), "a.tar").size(), 2u);
  for (size_t n = 0; n < whole.size() - 512; n += 7)
    EXPECT_THROW(tar_members(bytes_of(whole.substr(0, n)), "a.tar"), DataError) << n;
  const auto changed = [&](size_t at, const std::string& bytes) {
    std::string s = tar_header("a", 0);
    s.replace(at, bytes.size(), bytes);
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < 512; ++i)
      if (i < 148 || i >= 156) sum += static_cast<unsigned char>(s[i]);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    s.replace(148, 7, text, 7);
    return s + kEnd;
  };
  EXPECT_EQ(tar_members(bytes_of(changed(0, "c")), "a.tar")[0].name, "c");
  EXPECT_THROW(tar_members(bytes_of(changed(124, "77777777777")), "a.tar"), DataError);
  EXPECT_THROW(tar_members(bytes_of(changed(124, "0000000x000")), "a.tar"), DataError);
  EXPECT_THROW(tar_members(bytes_of(changed(124, "\x80" + std::string(11, '\xff'))), "a.tar"),
               DataError);
  EXPECT_THROW(
      tar_members(bytes_of(changed(124, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"s)), "a.tar"),
      DataError);
  EXPECT_THROW(tar_members(bytes_of(tar_file("p", "25 size=18446744073709551617\n", 'x') +
                                    tar_file("a", "") + kEnd),
                           "a.tar"),
               DataError);
  EXPECT_FALSE(is_tar(bytes_of(std::string(2048, '\0'))));
}

TEST(BadFiles, TheFirstOfTheFilesStopsAndNotTheFirstOfTheThreads) {
  BadFiles bad(false);
  EXPECT_TRUE(bad.attempt(0, "a", [] {}));
  EXPECT_FALSE(bad.stopped());
  std::thread([&] {
    EXPECT_FALSE(bad.attempt(5, "e", [] { throw DataError("late", "e", 7); }));
  }).join();
  EXPECT_FALSE(bad.attempt(2, "c", [] { throw DataError("early", "c", 3); }));
  EXPECT_TRUE(bad.stopped());
  try {
    bad.check(6);
    FAIL();
  } catch (const DataError& e) {
    EXPECT_STREQ(e.what(), "c at byte 3: early; --skip-bad leaves such files out");
  }
  EXPECT_THROW(bad.attempt(1, "b", [] { throw UsageError("other"); }), UsageError);
}

TEST(BadFiles, TheSystemsRefusalsStayTheSystems) {
  BadFiles bad(false);
  EXPECT_FALSE(bad.attempt(0, "a", [] { throw SystemError("cannot open", "a", EACCES); }));
  EXPECT_THROW(bad.check(2), SystemError);
  BadFiles skipped(true);
  EXPECT_THROW(skipped.attempt(0, "a", [] { throw SystemError("cannot read", "a", EIO); }),
               SystemError)
      << "the next file would fail too";
}

TEST(BadFiles, SkippedOnesAreListedUnlessNoneIsLeft) {
  BadFiles bad(true);
  bad.attempt(1, "b", [] { throw SystemError("cannot open", "b", ENOENT); });
  bad.attempt(0, "a", [] { throw DataError("odd: very", "a", 4); });
  EXPECT_FALSE(bad.stopped());
  bad.check(3);
  EXPECT_EQ(bad.lines(), (std::vector<std::string>{"a: odd: very",
                                                   "b: cannot open: No such file or directory"}));
  EXPECT_NE(message([&] { bad.check(2); }).find("none of the 2 files"), std::string::npos);
}

}  // namespace
}  // namespace latent
