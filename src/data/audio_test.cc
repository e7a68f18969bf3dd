// Sounds as rows: files of mixed rates and lengths, what is said of them, bad ones, and rows that
// become sounds again.
#include "data/audio.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "base/file.h"
#include "data/audio_file.h"
#include "data/dataset.h"
#include "data/test_sounds.h"

namespace latent {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using nlohmann::json;

class AudioTest : public testing::Test {
 protected:
  AudioTest()
      : root_(fs::path(testing::TempDir()) /
              ("audio_test." + std::to_string(::getpid()) + "." +
               testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(root_);
  }
  ~AudioTest() override { fs::remove_all(root_); }

  std::string put(const std::string& name, const std::string& bytes) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << bytes;
    return (root_ / name).string();
  }
  std::string put_tone(const std::string& name, int rate, size_t samples) {
    return put(name, encode_sound(tone(440, rate, samples), rate, ".wav"));
  }
  Dataset open(const json& settings = json::object(), const std::string& label = "") const {
    return Dataset::open(root_.string(), {.label = label, .settings = settings});
  }
  std::string refusal(const json& settings = json::object()) const {
    try {
      open(settings);
    } catch (const Error& e) {
      return e.what();
    }
    return "was read";
  }

  fs::path root_;
};

std::string notes(const Dataset& d) {
  std::string text;
  for (const std::string& n : d.notes()) text += n + "\n";
  return text;
}
void expect_says(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(AudioTest, AFolderBecomesWindowsOfOneRate) {
  put_tone("a.wav", 8000, 2500);
  put_tone("b.wav", 8000, 700);
  put_tone("c.wav", 16000, 2000);
  put("d.wav", wav({.channels = 2}, std::string(400, 'a')));
  const Dataset d = open({{"features", "wave"}, {"window", 0.128}});
  EXPECT_EQ(d.content().kind, "audio");
  EXPECT_EQ(d.content().settings.at("rate"), 8000);
  EXPECT_EQ(d.row_shape("x"), (Shape{1, 1024}));
  EXPECT_EQ(d.names(), (std::vector<std::string>{"a.wav@0.0000", "a.wav@0.1280", "a.wav@0.2560",
                                                 "b.wav", "c.wav", "d.wav"}));
  const auto x = d.field("x").values.span<float>();
  EXPECT_NEAR(x[1024], tone(440, 8000, 2500)[1024], 1e-4);
  EXPECT_EQ(x[3 * 1024 + 700], 0) << "padded";
  EXPECT_NEAR(x[4 * 1024 + 500], tone(440, 8000, 600)[500], 1e-3) << "brought to 8000 Hz";
  expect_says(notes(d), {"4 sounds of", "6 windows of 0.128 s at 8000 Hz", "3 are shorter",
                         "1 sound of another rate", "1 sound of several channels"});
}

TEST_F(AudioTest, LogMelIsTheDefaultAndAModelReadsInItsWay) {
  put_tone("a.wav", 8000, 5000);
  const Dataset d = open();
  EXPECT_EQ(d.row_shape("x"), (Shape{64, 64}));  // 8192 samples, a frame every 128
  const json& s = d.content().settings;
  EXPECT_EQ(s.at("fft"), 512);
  EXPECT_DOUBLE_EQ(s.at("window"), 8192 / 8000.0);
  std::vector<float> padded = tone(440, 8000, 5000);
  padded.resize(8192, 0);
  const std::vector<float> db = log_mel(padded, audio_settings(d.content()).mel);
  EXPECT_LT(std::abs(db[10 * 64 + 5] - d.field("x").values.span<float>()[10 * 64 + 5]), 0.5);
  // Of another rate and length, read as the model does.
  put_tone("a.wav", 44100, 100000);
  const Dataset again = Dataset::open(root_.string(), {.as = &d.content()});
  EXPECT_EQ(again.row_shape("x"), (Shape{64, 64}));
  EXPECT_EQ(again.size(), 3);
  EXPECT_EQ(again.content().settings, s);
  EXPECT_EQ(Content::from_json(d.content().json(), "model").settings, s);
}

TEST_F(AudioTest, EndsAndLoudnessAreAsAsked) {
  std::vector<float> x(16000, 0);
  const std::vector<float> sine = tone(440, 8000, 8000);
  for (size_t i = 0; i < sine.size(); ++i) x[4000 + i] = sine[i] / 10;
  put("a.wav", encode_sound(x, 8000, ".wav"));
  const Dataset d =
      open({{"features", "wave"}, {"trim", 40.0}, {"loudness", -20.0}, {"window", 1.0}});
  const auto row = d.field("x").values.span<float>().first(8000);
  double power = 0;
  for (const float v : row) power += static_cast<double>(v) * v / 8000;
  EXPECT_NEAR(10 * std::log10(power), -20, 1.5);
}

TEST_F(AudioTest, LabelsAreFoldersAndEveryWindowHasItsFiles) {
  put_tone("one/a.wav", 8000, 3000);
  put_tone("two/b.wav", 8000, 500);
  const json settings = {{"features", "wave"}, {"window", 0.25}};
  const Dataset d = open(settings, "folder");
  EXPECT_EQ(d.classes(), (std::vector<std::string>{"one", "two"}));
  const auto labels = d.field("label").values.span<int32_t>();
  EXPECT_EQ(std::vector<int32_t>(labels.begin(), labels.end()), (std::vector<int32_t>{0, 0, 1}));
  // A model that saw both gives a folder with the second alone its number.
  fs::remove_all(root_ / "one");
  const Dataset again = Dataset::open(root_.string(), {.label = "folder", .as = &d.content()});
  EXPECT_EQ(again.field("label").values.span<int32_t>()[0], 1);
}

TEST_F(AudioTest, TheFirstBadFileStopsUnlessSkipped) {
  put_tone("good.wav", 8000, 2000);
  put("a.wav", "a text that is named so");
  put("b/empty.wav", wav({}, ""));
  put("c.wav", wav({.rate = 1}, "abcd"));
  put("d.wav", wav({.claim = 1000000}, "abcd"));
  put("e.wav", wav({.codec = 3, .bits = 32}, float_bytes({1, NAN})));
  put("f.wav", wav({}, std::string(2000, '\0')));
  put("g.wav", wav({.codec = 0x55}, "abcd"));
  put("h.wav", wav({.bits = 24}, "abcd"));
  expect_says(refusal(), {"a.wav", "a text, not a sound", "--skip-bad leaves such files out"});
  const Dataset d = open({{"skip_bad", true}});
  EXPECT_EQ(d.names(), std::vector<std::string>{"good.wav"});
  EXPECT_THROW(Dataset::open(root_.string(), {.as = &d.content()}), DataError)
      << "a model does not keep what was skipped once";
  expect_says(notes(d),
              {"left out 8 files:", "a.wav: a text", "empty.wav: the sound has no samples",
               "c.wav: a rate of 1 Hz", "d.wav: the header says 1000000", "e.wav: sample 2 is NaN",
               "f.wav: only silence", "g.wav: the WAV file cannot", "h.wav: 4 bytes of samples"});
  fs::remove(root_ / "good.wav");
  EXPECT_EQ(recognized_kind((root_ / "a.wav").string()), nullptr);
  expect_says(refusal({{"skip_bad", true}}), {"none of the 8 files can be used"});
}

TEST_F(AudioTest, SettingsThatDoNotGoTogetherAreTold) {
  put_tone("a.wav", 8000, 2000);
  expect_says(refusal({{"fft", 500}}), {"a power of two"});
  expect_says(refusal({{"mels", 400}}), {"400 mel bands of 256 bins"});
  expect_says(refusal({{"rate", 100}}), {"a rate of 100 Hz"});
  expect_says(refusal({{"window", 999.0}}), {"2^22 samples"});
  expect_says(refusal({{"features", "logmle"}}), {"logmel"});
  Content bad = open().content();
  bad.settings["window"] = 0.0123;
  EXPECT_THROW(audio_settings(bad), UsageError);
}

TEST_F(AudioTest, WindowsAreJoinedToTheSoundAgain) {
  put_tone("a.wav", 8000, 3000);
  put_tone("b.wav", 8000, 1000);
  for (const double hop : {0.125, 0.0625}) {
    const Dataset d = open({{"features", "wave"}, {"window", 0.125}, {"hop", hop}});
    const auto rows = d.field("x").values.span<float>();
    const std::vector<float> y = sound_of_rows(d.content(), rows, d.names());
    const std::vector<float> x = tone(440, 8000, 3000);
    ASSERT_EQ(y.size(), 3000u + 2000 + 1000) << "a quarter of a second between them";
    for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i], x[i], 1e-4) << i;
    EXPECT_EQ(y[4000], 0);
    EXPECT_NEAR(y[5000 + 500], x[500], 1e-4);
    EXPECT_EQ(sound_of_rows(d.content(), rows.first(2000)).size(), 1000u + 2000 + 1000)
        << "rows without names are sounds of their own";
  }
  const Dataset d = open({{"window", 0.25}});
  const std::string path = (root_ / "out.flac").string();
  content_kind("audio").write_named(path, d.content(), d.field("x").values.span<float>(),
                                    d.names());
  const Sound s = decode_sound(bytes_of(read_file(path)), path);
  EXPECT_EQ(s.rate, 8000);
  EXPECT_EQ(s.samples.size(), 2 * 2048u + 2000 + 2048) << "a whole number of frames of 128";
}

TEST_F(AudioTest, PicturesHaveLowFrequenciesBelow) {
  put_tone("a.wav", 8000, 2048);
  for (const char* features : {"wave", "logmel"}) {
    const Dataset d = open({{"features", features}, {"window", 0.256}, {"mels", 16}});
    const Tensor t = spectra_of_rows(d.content(), d.field("x").values.span<float>());
    ASSERT_EQ(t.shape(), (Shape{1, 16, 16}));
    const auto v = t.span<float>();
    EXPECT_GT(v[13 * 16 + 8], 0.9) << "440 Hz";
    EXPECT_LT(v[2 * 16 + 8], 0.5) << "3 kHz";
  }
}

TEST_F(AudioTest, OtherFilesAreNoSounds) {
  EXPECT_EQ(recognized_kind(put("a.csv", "1,2\n3,4\n")), nullptr);
  EXPECT_EQ(recognized_kind((root_ / "none").string()), nullptr);
  EXPECT_EQ(recognized_kind(put_tone("a.wav", 8000, 10))->name, "audio");
}

}  // namespace
}  // namespace latent
