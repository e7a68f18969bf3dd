// Pictures as content: folders, lists and archives to rows, sizes proposed and given, labels, bad
// files, the cache, and reading as for a trained model.
#include "data/pictures.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "data/dataset.h"
#include "data/test_images.h"

namespace latent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::slopes_png;

class Photos : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "latent-photos-" + std::to_string(::getpid());
    fs::remove_all(folder_);
    make_folder(in("photos"));
    ::setenv("LATENT_CACHE", in("cache").c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("LATENT_CACHE");
    fs::remove_all(folder_);
  }
  std::string in(const std::string& name) const { return folder_ + "/" + name; }
  void photo(const std::string& name, const std::string& bytes) const {
    make_folder(fs::path(in("photos/" + name)).parent_path().string());
    write_file_atomic(in("photos/" + name), bytes);
  }
  Dataset open(const json& settings = json::object(), const std::string& label = "") const {
    return Dataset::open(in("photos"), {.label = label, .settings = settings});
  }
  template <class E>
  std::string complaint(const json& settings = json::object(),
                        const std::string& label = "") const {
    try {
      open(settings, label);
    } catch (const E& e) {
      return e.what();
    }
    return "";
  }
  static std::string grey_png(int height, int width, char value) {
    return testing::encode_png_rows(std::string(static_cast<size_t>(height * width), value), height,
                                    width, {.type = PNG_COLOR_TYPE_GRAY});
  }
  size_t cached() const {
    return fs::exists(in("cache"))
               ? static_cast<size_t>(std::distance(fs::directory_iterator(in("cache")), {}))
               : 0;
  }

  std::string folder_;
};

TEST_F(Photos, OneSmallSizeStaysAsItIs) {
  photo("b.png", slopes_png(12, 20));
  photo("a.ppm", "P6 20 12 255\n" + std::string(720, '\x7'));
  const Dataset d = open();
  EXPECT_EQ(d.name(), "photos");
  EXPECT_EQ(d.field("x").values.shape(), (Shape{2, 12, 20, 3}));
  EXPECT_EQ(d.field("x").values.dtype(), DType::u8);
  EXPECT_EQ(d.names(), (std::vector<std::string>{"a.ppm", "b.png"}));
  const auto x = d.field("x").values.span<uint8_t>();
  EXPECT_EQ(x[0], 7);
  EXPECT_TRUE(std::ranges::equal(x.subspan(720), testing::slopes(12, 20)));
  EXPECT_EQ(d.content().kind, "pictures");
  EXPECT_EQ(d.content().settings.at("size"), "12x20");
  EXPECT_EQ(d.content().settings.at("colour"), "rgb");
}

TEST_F(Photos, GreyWhereAllAre) {
  photo("a.png", grey_png(9, 9, 'a'));
  EXPECT_EQ(open().field("x").values.shape(), (Shape{1, 9, 9}));
  EXPECT_EQ(open({{"colour", "rgb"}}).field("x").values.shape(), (Shape{1, 9, 9, 3}));
  photo("b.png", slopes_png(9, 9));
  EXPECT_EQ(open().field("x").values.shape(), (Shape{2, 9, 9, 3}));
  EXPECT_EQ(open({{"colour", "grey"}}).field("x").values.shape(), (Shape{2, 9, 9}));
}

TEST_F(Photos, MixedSizesAreBroughtToOneThatIsSaid) {
  photo("a.png", slopes_png(100, 300));
  photo("b.png", slopes_png(200, 300));
  photo("c.png", slopes_png(120, 240));
  const Dataset d = open();
  EXPECT_EQ(d.row_shape("x"), (Shape{64, 128, 3})) << "as most are: twice as wide as high";
  ASSERT_EQ(d.notes().size(), 1u);
  EXPECT_NE(d.notes()[0].find("3 pictures of 3 sizes, from 120 x 240 to 200 x 300"),
            std::string::npos)
      << d.notes()[0];
  EXPECT_NE(d.notes()[0].find("brought to 64 x 128"), std::string::npos) << d.notes()[0];
  EXPECT_NE(d.notes()[0].find("--size"), std::string::npos);
  EXPECT_EQ(open({{"size", "32"}}).row_shape("x"), (Shape{32, 32, 3}));
  EXPECT_EQ(open({{"size", "32x48"}}).row_shape("x"), (Shape{32, 48, 3}));
  for (const char* size : {"0", "x", "32x", "-1", "99999", "1e3", "32x32x3"})
    EXPECT_NE(complaint<UsageError>({{"size", size}}).find("HEIGHTxWIDTH"), std::string::npos);
  EXPECT_NE(complaint<UsageError>({{"fit", "cut"}}), "");
}

TEST_F(Photos, LabelsFromFoldersKeepTheirNumbers) {
  photo("cat/1.png", slopes_png(8, 8));
  photo("dog/1.png", slopes_png(8, 8));
  photo("dog/deep/2.png", slopes_png(8, 8));
  const Dataset d = open(json::object(), "folder");
  EXPECT_EQ(d.classes(), (std::vector<std::string>{"cat", "dog"}));
  const auto labels = d.field("label").values.span<int32_t>();
  EXPECT_EQ(std::vector<int32_t>(labels.begin(), labels.end()), (std::vector<int32_t>{0, 1, 1}));
  fs::remove_all(in("photos/cat"));
  const OpenOptions as{.label = "folder", .as = &d.content()};
  const Dataset dogs = Dataset::open(in("photos"), as);
  EXPECT_EQ(dogs.field("label").values.span<int32_t>()[0], 1) << "as in training";
  photo("eel/1.png", slopes_png(8, 8));
  EXPECT_THROW(Dataset::open(in("photos"), as), DataError) << "a class that it was not trained on";
  photo("top.png", slopes_png(8, 8));
  EXPECT_NE(complaint<DataError>(json::object(), "folder").find("lies in none"), std::string::npos);
  EXPECT_NE(complaint<UsageError>(json::object(), "kind"), "");
}

TEST_F(Photos, BadFilesStopOrAreLeftOut) {
  photo("a.png", slopes_png(8, 8));
  photo("b.gif", "GIF89a....");
  const std::string whole = slopes_png(64, 64);
  photo("c.png", whole.substr(0, whole.size() / 2));
  photo("d.txt", "not a picture");
  photo("e.png", grey_png(8, 8, 'e'));
  const std::string said = complaint<DataError>();
  EXPECT_NE(said.find("b.gif"), std::string::npos) << said;
  EXPECT_NE(said.find("a GIF picture"), std::string::npos) << said;
  EXPECT_NE(said.find("--skip-bad"), std::string::npos) << said;
  for (const char* run : {"decoded", "from the cache"}) {
    const Dataset d = open({{"skip_bad", true}});
    EXPECT_EQ(d.names(), (std::vector<std::string>{"a.png", "e.png"})) << run;
    EXPECT_EQ(d.field("x").values.shape()[0], 2) << run;
    EXPECT_EQ(d.field("x").values.span<uint8_t>()[192], 'e') << run;
    ASSERT_EQ(d.notes().size(), 2u) << run;
    const std::string& note = d.notes()[1];
    EXPECT_TRUE(note.starts_with("left out 3 files:")) << note;
    EXPECT_NE(note.find("c.png: the PNG picture cannot be read"), std::string::npos) << note;
    EXPECT_NE(note.find("d.txt: no picture"), std::string::npos) << note;
    EXPECT_EQ(cached(), 1u) << run;
  }
  fs::remove(in("photos/a.png"));
  fs::remove(in("photos/e.png"));
  EXPECT_NE(complaint<DataError>({{"skip_bad", true}}).find("none of the 3 files"),
            std::string::npos);
}

TEST_F(Photos, TheCacheKnowsContentsAndSettings) {
  photo("a.png", slopes_png(8, 8));
  open();
  EXPECT_EQ(cached(), 1u);
  fs::rename(in("photos/a.png"), in("photos/z.png"));
  const Dataset renamed = open();
  EXPECT_EQ(cached(), 1u) << "names do not matter";
  EXPECT_EQ(renamed.names()[0], "z.png");
  open({{"size", "4"}});
  EXPECT_EQ(cached(), 2u);
  photo("z.png", grey_png(8, 8, 'z'));
  EXPECT_EQ(open().field("x").values.span<uint8_t>()[0], 'z') << "other bytes";
  EXPECT_EQ(cached(), 3u);
  ::setenv("LATENT_CACHE", (in("photos/z.png") + "/no").c_str(), 1);
  const Dataset kept_nowhere = open();
  EXPECT_EQ(kept_nowhere.size(), 1);
  EXPECT_NE(kept_nowhere.notes().back().find("not kept"), std::string::npos);
}

TEST_F(Photos, ArchivesListsAndSingleFiles) {
  photo("a.png", slopes_png(8, 8));
  photo("b.png", grey_png(8, 8, 'b'));
  write_file_atomic(in("list.txt"), std::string("photos/b.png\nphotos/a.png\n"));
  const Dataset list = Dataset::open(in("list.txt"));
  EXPECT_EQ(list.names(), (std::vector<std::string>{"photos/b.png", "photos/a.png"}));
  const Dataset one = Dataset::open(in("photos/b.png"));
  EXPECT_EQ(one.size(), 1);
  EXPECT_EQ(one.name(), "b");
  EXPECT_EQ(one.row_shape("x"), (Shape{8, 8}));
}

TEST_F(Photos, ReadAsForATrainedModel) {
  photo("a.png", slopes_png(30, 40));
  const Dataset trained = open({{"size", "16x8"}, {"fit", "pad"}});
  photo("b.png", grey_png(5, 5, 'b'));
  const Dataset d = Dataset::open(in("photos"), {.as = &trained.content()});
  EXPECT_EQ(d.row_shape("x"), (Shape{16, 8, 3}));
  EXPECT_EQ(d.content().json(), trained.content().json());
  EXPECT_TRUE(std::ranges::equal(d.field("x").values.span<uint8_t>().first(16 * 8 * 3),
                                 trained.field("x").values.span<uint8_t>()));
}

TEST_F(Photos, FoldersWithoutPictures) {
  EXPECT_NE(complaint<DataError>().find("no files"), std::string::npos) << complaint<DataError>();
  photo("a.txt", "Call me Ishmael.");
  EXPECT_NE(complaint<DataError>().find("pictures: PNG, JPEG"), std::string::npos)
      << complaint<DataError>();
}

TEST_F(Photos, RecognizedByTheirBytes) {
  const auto recognized = [&](const char* name) {
    return recognized_kind(in(name)) == &content_kind("pictures");
  };
  photo("a.dat", slopes_png(8, 8));
  EXPECT_TRUE(recognized("photos"));
  EXPECT_TRUE(recognized("photos/a.dat"));
  EXPECT_FALSE(recognized("nothing"));
  write_file_atomic(in("t.csv"), std::string("1,2\n"));
  EXPECT_FALSE(recognized("t.csv"));
}

}  // namespace
}  // namespace latent
