// Files: what is read is what was written, limits hold, and a failed write leaves the old file and
// nothing else.
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

namespace latent {
namespace {

namespace fs = std::filesystem;

class File : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "latent-file-" + std::to_string(::getpid());
    make_folder(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string in(const std::string& name) const { return folder_ + "/" + name; }
  size_t files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  std::string folder_;
};

std::string gzip(std::string_view text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST_F(File, ReadsWhatWasWritten) {
  for (size_t n : {0, 1, 4095, 4096, 65536, 65537, 3000000}) {
    std::string text(n, 'x');
    for (size_t i = 0; i < n; ++i) text[i] = static_cast<char>(i * 31 >> 3);
    write_file_atomic(in("a"), text);
    EXPECT_EQ(read_file(in("a")), text);
    EXPECT_EQ(read_gzip_or_plain(in("a")), text);
    EXPECT_EQ(read_file(in("a"), n), text) << "exactly at the limit";
    if (n > 0) {
      EXPECT_THROW(read_file(in("a"), n - 1), DataError);
    }
  }
  EXPECT_EQ(files(), 1u);
}

TEST_F(File, WritesPiecesInOrder) {
  const std::span<const std::byte> pieces[] = {bytes_of("head"), {}, bytes_of("tail")};
  write_file_atomic(in("a"), pieces);
  EXPECT_EQ(read_file(in("a")), "headtail");
}

TEST_F(File, ReplacesAndHonoursTheMask) {
  const mode_t old = ::umask(027);
  write_file_atomic(in("a"), "old");
  write_file_atomic(in("a"), "new");
  ::umask(old);
  EXPECT_EQ(read_file(in("a")), "new");
  struct stat info {};
  ASSERT_EQ(::stat(in("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

TEST_F(File, PassesOverTheLeavingsOfAKilledProcess) {
  // Whatever number the next temporary file has, names of its kind exist already.
  for (int i = 0; i < 64; ++i) {
    write_file_atomic(in("a." + std::to_string(::getpid()) + "-" + std::to_string(i) + ".part"),
                      "stale");
  }
  write_file_atomic(in("a"), "fresh");
  EXPECT_EQ(read_file(in("a")), "fresh");
  EXPECT_EQ(files(), 65u);
}

TEST_F(File, MissingFilesAndFoldersAreNamed) {
  try {
    read_file(in("absent"));
    FAIL() << "read a file that does not exist";
  } catch (const SystemError& e) {
    EXPECT_EQ(e.error_number(), ENOENT);
    EXPECT_EQ(e.path(), in("absent"));
  }
  EXPECT_THROW(read_gzip_or_plain(in("absent")), SystemError);
  EXPECT_THROW(read_file(folder_), SystemError);
  EXPECT_THROW(read_gzip_or_plain(folder_), SystemError);
  EXPECT_THROW(write_file_atomic(in("absent/a"), "x"), SystemError);
  EXPECT_THROW(write_file_atomic(folder_, "x"), SystemError);
}

// A limit on file size makes the kernel write a part and then fail, as a full disk does.
TEST_F(File, AFailedWriteLeavesTheOldFileAndNothingElse) {
  write_file_atomic(in("a"), "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  int error = 0;
  try {
    write_file_atomic(in("a"), std::string(5000, 'n'));
  } catch (const SystemError& e) {
    error = e.error_number();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error, EFBIG);
  EXPECT_EQ(read_file(in("a")), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(File, DevicesAndPipesAreWrittenInPlace) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  try {
    write_file_atomic("/dev/full", "x");
    FAIL() << "wrote to a full device";
  } catch (const SystemError& e) {
    EXPECT_EQ(e.error_number(), ENOSPC);
  }
  ASSERT_EQ(::mkfifo(in("pipe").c_str(), 0600), 0);
  const std::string text(200000, 'p');  // more than a pipe holds, so that writes come short
  std::string got;
  std::thread reader([&] { got = read_file(in("pipe")); });
  write_file_atomic(in("pipe"), text);
  reader.join();
  EXPECT_EQ(got, text);
}

TEST_F(File, UnpacksGzipOfSeveralMembers) {
  write_file_atomic(in("a.gz"), gzip("one,") + gzip("two"));
  EXPECT_EQ(read_gzip_or_plain(in("a.gz")), "one,two");
  EXPECT_EQ(read_file(in("a.gz")).substr(0, 2), "\x1f\x8b");
}

TEST_F(File, AGzipBombStopsAtTheLimit) {
  const std::string bomb = gzip(std::string(10 << 20, '\0'));
  ASSERT_LT(bomb.size(), 20000u);
  write_file_atomic(in("bomb.gz"), bomb);
  EXPECT_THROW(read_gzip_or_plain(in("bomb.gz"), 1 << 20), DataError);
  EXPECT_EQ(read_gzip_or_plain(in("bomb.gz"), 10 << 20).size(), 10u << 20);
}

TEST_F(File, EveryCutOfAGzipFileIsNoticed) {
  const std::string whole =
      gzip("a text long enough to be worth packing, packing, packing, packing");
  for (size_t n = 2; n < whole.size(); ++n) {  // shorter ones do not start as gzip does
    write_file_atomic(in("a.gz"), whole.substr(0, n));
    EXPECT_THROW(read_gzip_or_plain(in("a.gz")), DataError) << n << " of " << whole.size();
  }
}

TEST_F(File, DamagedGzipIsNoticedOrHarmless) {
  const std::string text = "a text long enough to be worth packing, packing, packing, packing";
  const std::string whole = gzip(text);
  int harmless = 0;
  for (size_t i = 10; i < whole.size();
       ++i) {  // after the header, whose time and flags carry no data
    std::string bad = whole;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    write_file_atomic(in("a.gz"), bad);
    try {
      EXPECT_EQ(read_gzip_or_plain(in("a.gz")), text) << i;
      ++harmless;
    } catch (const DataError&) {
    }
  }
  EXPECT_LE(harmless, 1);  // the unused bits that fill the last byte before the checksum
}

TEST_F(File, MakesFolders) {
  make_folder(in("x/y/z"));
  make_folder(in("x/y/z"));
  EXPECT_TRUE(fs::is_directory(in("x/y/z")));
  write_file_atomic(in("file"), "");
  EXPECT_THROW(make_folder(in("file/below")), SystemError);
}

/// Counts the calls of a write; from call `at` on, `error`.
struct FailFrom {
  int at, error;
  bool once = true;
  std::shared_ptr<int> calls = std::make_shared<int>(0);
  int operator()(std::string_view, const std::string&) const {
    const int call = ++*calls;
    return call == at || (!once && call > at) ? error : 0;
  }
};

TEST_F(File, AFaultAtAnyCallLeavesTheOldFileOrTheNew) {
  const FailFrom count{-1, 0};
  set_file_fault(count);
  write_file_atomic(in("a"), "old");
  const int calls = *count.calls;
  EXPECT_EQ(calls, 6);  // open, write, fsync, close, rename, fsync of the folder
  for (const int error : {ENOSPC, EIO}) {
    for (int at = 1; at <= calls; ++at) {
      set_file_fault({});
      write_file_atomic(in("a"), "old");
      set_file_fault(FailFrom{at, error, at % 2 == 0});
      try {
        write_file_atomic(in("a"), "new");
        ADD_FAILURE() << "call " << at << " did not fail";
      } catch (const SystemError& e) {
        EXPECT_EQ(e.error_number(), error) << e.what();
        EXPECT_EQ(e.path(), in("a"));
      }
      set_file_fault({});
      EXPECT_EQ(read_file(in("a")), at < calls ? "old" : "new") << "call " << at;
      EXPECT_EQ(files(), 1u) << "call " << at;
    }
  }
}

TEST_F(File, ShortWritesAreContinued) {
  set_file_fault(
      [](std::string_view call, const std::string&) { return call == "write" ? kShortWrite : 0; });
  write_file_atomic(in("a"), "several bytes");
  set_file_fault({});
  EXPECT_EQ(read_file(in("a")), "several bytes");
}

TEST_F(File, LeftoversOfKilledProcessesAreRemoved) {
  for (const char* name : {"a.safetensors.123-4.part", "a.part", "b.12x-4.part", "c.123.part", "d"})
    write_file_atomic(in(name), "");
  remove_leftovers(folder_);
  EXPECT_EQ(files(), 4u);
  EXPECT_FALSE(fs::exists(in("a.safetensors.123-4.part")));
}

}  // namespace
}  // namespace latent
