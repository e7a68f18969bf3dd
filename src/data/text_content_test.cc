// Text as a kind of content: recognized, read, kept, read again in the same way, and written.
#include "data/text_content.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "data/dataset.h"
#include "latent/error.h"

namespace latent {
namespace {

class TextFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "latent_text_content";
    make_folder(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) {
    write_file_atomic(folder_ + "/" + name, text);
    return folder_ + "/" + name;
  }
  std::string folder_;
};

TEST_F(TextFiles, AreKnownByTheirContent) {
  const std::string prose = "Call me Ishmael.\nSome years ago\n";
  EXPECT_EQ(recognized_kind(file("a.txt", prose))->name, "text");
  EXPECT_EQ(recognized_kind(file("b", prose))->name, "text");
  for (const char* name : {"a.csv", "a.tsv", "a.csv.gz", "a.wav", "a.jpeg", "a.toml"})
    EXPECT_EQ(recognized_kind(file(name, prose)), nullptr) << name;
  EXPECT_EQ(recognized_kind(file("numbers.txt", "1 2\n3\n4\n")), nullptr);
  EXPECT_EQ(recognized_kind(folder_ + "/absent"), nullptr);
}

TEST_F(TextFiles, ComeBackAsTheyWereRead) {
  const std::string path = file("a.txt", "ab\ncab\n\nbb\n");
  const Dataset data = Dataset::open(path, {.settings = {{"unit", "chars"}}});
  EXPECT_EQ(data.name(), "a");
  EXPECT_EQ(data.row_shape("x"), (Shape{4}));
  EXPECT_EQ(data.names(), (std::vector<std::string>{"ab", "cab", "bb"}));
  EXPECT_EQ(data.notes().size(), 1u);
  const Content& kept = data.content();
  EXPECT_EQ(kept.settings.at("window"), 4);
  EXPECT_EQ(kept.settings.at("vocabulary"), 6);
  // Another file, by the settings and the vocabulary of the first.
  Content stored = Content::from_json(kept.json(), "m");
  stored.blobs = kept.blobs;
  const Dataset other = Dataset::open(file("b.txt", "abcabc\nxa\n"), {.as = &stored});
  EXPECT_EQ(other.names(), (std::vector<std::string>{"abca",
                                                     "\xef\xbf\xbd"
                                                     "a"}));
  EXPECT_NE(other.notes()[0].find("1 unknown"), std::string::npos);
  std::vector<float> rows(8);
  const int32_t ids[] = {0, 1};
  data.gather("x", ids, rows.data());
  content_kind("text").write(folder_ + "/out.txt", stored, rows, {4});
  EXPECT_EQ(read_file(folder_ + "/out.txt"), "ab\ncab\n");
}

TEST_F(TextFiles, WhatDoesNotFitIsRefused) {
  EXPECT_THROW(Dataset::open(file("a.txt", "ab\n"), {.label = "l"}), UsageError);
  EXPECT_THROW(Dataset::open(file("a.txt", "ab\n"), {.settings = {{"window", 70000}}}), UsageError);
  const Dataset data = Dataset::open(file("a.txt", "ab\n"), {.settings = {{"unit", "chars"}}});
  Content lost = data.content();
  lost.blobs.clear();
  EXPECT_THROW(fitted_text(lost), DataError);
  lost = data.content();
  lost.settings["vocabulary"] = 99;
  EXPECT_THROW(fitted_text(lost), DataError);
  EXPECT_THROW(texts_of(fitted_text(data.content()), std::vector<float>(4)), UsageError);
  EXPECT_EQ(texts_of(fitted_text(data.content()), std::vector<float>{-1, 1e9f, 0})[0],
            "\xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace
}  // namespace latent
