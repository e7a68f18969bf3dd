// Sounds to rows and back: decoded and brought to one rate in parallel, then cut into windows; see
// audio.h.
#include "data/audio.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <utility>

#include "base/memory.h"
#include "base/words.h"
#include "data/audio_file.h"
#include "data/audio_signal.h"
#include "data/dataset.h"
#include "data/folder.h"

namespace latent {

namespace {

using nlohmann::json;

constexpr size_t kMostFileBytes = size_t{1} << 31;
constexpr int kMostWindow = 1 << 22;  // samples

std::string text_of(double value, const char* format = "%g") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// One file, at its own rate, then at the content's.
struct Clip {
  size_t file = 0;
  Sound sound;
  bool good = false;
};

std::vector<Clip> decoded(const FileSet& files, BadFiles& bad) {
  std::vector<Clip> clips(files.size());
  for_all(files.size(), bad, [&](size_t i) {
    const std::string path = files.path(i);
    clips[i].file = i;
    clips[i].good = bad.attempt(i, path, [&] {
      const std::string bytes = files.read(i, kMostFileBytes);
      clips[i].sound = decode_sound(bytes_of(bytes), path);
      if (std::ranges::all_of(clips[i].sound.samples, [](float v) { return v == 0; }))
        throw DataError("only silence: every sample is 0", path);
    });
  });
  bad.check(files.size());
  std::erase_if(clips, [](const Clip& c) { return !c.good; });
  return clips;
}

/// Rate, ends and loudness as asked, in place.
void prepare(std::vector<Clip>& clips, const FileSet& files, int rate, const json& settings,
             BadFiles& bad) {
  const double trim = settings.at("trim"), wanted = settings.at("loudness");
  for_all(clips.size(), [&](size_t i) {
    Clip& clip = clips[i];
    const std::string path = files.path(clip.file);
    clip.good = bad.attempt(clip.file, path, [&] {
      std::vector<float>& x = clip.sound.samples;
      if (static_cast<double>(x.size()) * rate / clip.sound.rate > kMostSamples)
        throw DataError(
            "more than 2^28 samples at " + std::to_string(rate) + " Hz; cut the recording up",
            path);
      if (clip.sound.rate != rate) x = resampled(x, clip.sound.rate, rate);
      if (trim > 0) {
        const auto kept = trimmed(x, rate, trim);
        x = std::vector<float>(kept.begin(), kept.end());
      }
      if (wanted < 0) {
        const double found = loudness(x, rate);
        if (!std::isfinite(found)) throw DataError("only silence, by ITU-R BS.1770", path);
        float peak = 0;
        for (const float v : x) peak = std::max(peak, std::abs(v));
        const double gain = std::min(std::pow(10, (wanted - found) / 20), 1.0 / peak);
        for (float& v : x) v = static_cast<float>(v * gain);
      }
    });
  });
  bad.check(files.size());
  std::erase_if(clips, [](const Clip& c) { return !c.good; });
}

int most_common_rate(const std::vector<Clip>& clips) {
  std::map<int, size_t> count;
  for (const Clip& c : clips) ++count[c.sound.rate];
  return std::ranges::max_element(count, {}, [](const auto& p) { return p.second; })->first;
}

/// The power of two that holds nine sounds of ten, at most 16384 samples.
int proposed_window(const std::vector<Clip>& clips) {
  std::vector<size_t> lengths;
  for (const Clip& c : clips) lengths.push_back(c.sound.samples.size());
  const auto at = lengths.begin() + std::ssize(lengths) * 9 / 10;
  std::ranges::nth_element(lengths, at);
  int window = 1024;
  while (window < 16384 && static_cast<size_t>(window) < *at) window *= 2;
  return window;
}

/// The power of two nearest to 46 ms.
int proposed_fft(int rate) { return 1 << std::lround(std::log2(0.046 * rate)); }

/// Values of the settings in place of those that are to be proposed.
void resolve_rate(json& s, const std::vector<Clip>& clips) {
  if (s.at("rate") == 0) s["rate"] = std::min(most_common_rate(clips), 192000);
  if (s.at("fft") == 0) s["fft"] = proposed_fft(s.at("rate").get<int>());
}
void resolve_window(json& s, const std::vector<Clip>& clips) {
  const double rate = s.at("rate");
  const double asked = s.at("window");
  const bool logmel = s.at("features") == "logmel";
  const int step = logmel ? s.at("fft").get<int>() / 4 : 1;
  const auto whole = [&](double seconds) {
    return std::max(1.0, std::round(seconds * rate / step)) * step / rate;
  };
  s["window"] = whole(asked > 0 ? asked : proposed_window(clips) / rate);
  const double hop = s.at("hop");
  s["hop"] =
      hop > 0 ? std::min(whole(hop), s.at("window").get<double>()) : s.at("window").get<double>();
}

void describe(const std::vector<Clip>& clips, const AudioSettings& a, size_t rows,
              std::vector<std::string>& notes) {
  size_t samples = 0, shorter = 0;
  int64_t converted = 0, mixed = 0;
  for (const Clip& c : clips) {
    samples += c.sound.samples.size();
    converted += c.sound.rate != a.mel.rate;
    mixed += c.sound.channels > 1;
    shorter += c.sound.samples.size() < static_cast<size_t>(a.window);
  }
  const double rate = a.mel.rate;
  std::string text = counted(std::ssize(clips), "sound") + " of " +
                     text_of(static_cast<double>(samples) / rate, "%.1f") + " s in all, as " +
                     (a.logmel ? "log-mel spectra, " + a.row().text() + " in dB" : "samples") +
                     ", of " + counted(static_cast<int64_t>(rows), "window") + " of " +
                     text_of(a.window / rate) + " s at " + std::to_string(a.mel.rate) + " Hz";
  if (shorter > 0)
    text += "; " + std::to_string(shorter) + (shorter == 1 ? " is" : " are") +
            " shorter than that, and silence was added";
  notes.push_back(text);
  if (converted > 0)
    notes.push_back(counted(converted, "sound") + " of another rate brought to " +
                    std::to_string(a.mel.rate) + " Hz");
  if (mixed > 0) notes.push_back(counted(mixed, "sound") + " of several channels mixed to one");
}

/// Appends the features of one window.
void window_features(std::span<const float> window, const AudioSettings& a, float* to) {
  if (a.logmel)
    std::ranges::copy(log_mel(window, a.mel), to);
  else
    std::ranges::copy(window, to);
}

/// x [rows, ..row], its names, and the clip of each row.
struct Rows {
  Tensor values;
  std::vector<std::string> names;
  std::vector<size_t> clip;
};

Rows cut(const std::vector<Clip>& clips, const FileSet& files, const AudioSettings& a) {
  Rows rows;
  std::vector<size_t> starts;
  for (size_t i = 0; i < clips.size(); ++i) {
    const size_t n = clips[i].sound.samples.size(), window = static_cast<size_t>(a.window);
    size_t at = 0;
    do {  // the last window holds the sound's end
      rows.clip.push_back(i);
      starts.push_back(at);
      rows.names.push_back(
          files.name(clips[i].file) +
          (n > window ? "@" + text_of(static_cast<double>(at) / a.mel.rate, "%.4f") : ""));
      at += static_cast<size_t>(a.hop);
    } while (at + window - static_cast<size_t>(a.hop) < n);
  }
  const auto width = static_cast<size_t>(a.row().elements());
  if (width > machine_bytes() / sizeof(float) / starts.size())
    throw UsageError(std::to_string(starts.size()) + " windows of " + std::to_string(width) +
                     " values are more than this machine's memory; give a lower --rate, a longer "
                     "--hop or fewer files");
  Shape shape{std::ssize(starts)};
  for (const int64_t d : a.row()) shape.push_back(d);
  rows.values = Tensor(shape);
  float* to = rows.values.span<float>().data();
  for_all(starts.size(), [&](size_t r) {
    const std::vector<float>& x = clips[rows.clip[r]].sound.samples;
    std::vector<float> window(static_cast<size_t>(a.window), 0);
    const size_t n = std::min(window.size(), x.size() - std::min(x.size(), starts[r]));
    std::copy_n(x.begin() + static_cast<ptrdiff_t>(std::min(x.size(), starts[r])), n,
                window.begin());
    window_features(window, a, to + r * width);
  });
  return rows;
}

Dataset open_audio(const std::string& path, const json& settings, const Content* as,
                   const std::string& label) {
  const FileSet files = FileSet::open(path);
  BadFiles bad(settings.at("skip_bad").get<bool>());
  std::vector<Clip> clips = decoded(files, bad);
  About about{.content = as ? *as : Content{.kind = "audio", .settings = settings}};
  json& resolved = about.content.settings;
  resolve_rate(resolved, clips);
  prepare(clips, files, resolved.at("rate").get<int>(), resolved, bad);
  resolve_window(resolved, clips);
  const AudioSettings a = audio_settings(about.content);
  Rows rows = cut(clips, files, a);
  describe(clips, a, rows.names.size(), about.notes);
  const std::string left = left_out(bad);
  if (!left.empty()) about.notes.push_back(left);
  about.names = std::move(rows.names);
  std::vector<Field> fields;
  fields.push_back({"x", std::move(rows.values)});
  if (!label.empty()) {
    std::vector<size_t> good;
    for (const Clip& c : clips) good.push_back(c.file);
    FileLabels labels = file_labels(files.only(good), label);
    number_as_trained(labels, about.content.blobs["classes"], path);
    about.classes = labels.classes;
    Tensor values({std::ssize(rows.clip)}, DType::i32);
    for (size_t r = 0; r < rows.clip.size(); ++r)
      values.span<int32_t>()[r] = labels.of_file[rows.clip[r]];
    fields.push_back({"label", std::move(values)});
  }
  return Dataset(short_name(path), std::move(fields), std::move(about));
}

/// Whether one of the first files is a sound, by its content.
bool recognizes_audio(const std::string&, const FileSet& files) {
  constexpr size_t kMostLookedAt = 8;
  for (size_t i = 0; i < std::min(files.size(), kMostLookedAt); ++i) {
    if (!sound_format(bytes_of(files.start(i))).empty()) return true;
  }
  return false;
}

/// "a.wav" of "a.wav@0.5120".
std::string file_of(const std::string& name) {
  const size_t at = name.rfind('@');
  const bool start =
      at != name.npos && at > 0 && name.find_first_not_of("0123456789.", at + 1) == name.npos;
  return start ? name.substr(0, at) : name;
}

/// Rows of one sound, hop after hop, averaged where they overlap: [bands, time].
std::vector<float> joined(const AudioSettings& a, std::span<const float> rows, size_t n) {
  const auto bands = static_cast<size_t>(a.row()[0]), width = static_cast<size_t>(a.row()[1]);
  const auto hop = static_cast<size_t>(a.logmel ? a.hop / a.mel.hop : a.hop);
  const size_t time = (n - 1) * hop + width;
  std::vector<float> sum(bands * time, 0), count(time, 0);
  for (size_t r = 0; r < n; ++r) {
    for (size_t t = 0; t < width; ++t) {
      ++count[r * hop + t];
      for (size_t b = 0; b < bands; ++b)
        sum[b * time + r * hop + t] += rows[(r * bands + b) * width + t];
    }
  }
  for (size_t b = 0; b < bands; ++b)
    for (size_t t = 0; t < time; ++t) sum[b * time + t] /= count[t];
  return sum;
}

void write_audio(const std::string& path, const Content& content, std::span<const float> rows,
                 std::span<const std::string> names) {
  const std::string ending = std::filesystem::path(path).extension().string();
  const std::vector<float> sound = sound_of_rows(content, rows, names);
  write_file_atomic(path, encode_sound(sound, audio_settings(content).mel.rate, ending));
}

}  // namespace

Shape AudioSettings::row() const {
  if (!logmel) return {1, window};
  return {mel.mels, window / mel.hop};
}

AudioSettings audio_settings(const Content& content) {
  const json& s = content.settings;
  AudioSettings a{.logmel = s.at("features") == "logmel"};
  const int rate = s.at("rate"), fft = s.at("fft");
  a.mel = {.rate = rate,
           .fft = fft,
           .hop = fft / 4,
           .mels = s.at("mels"),
           .high = rate / 2.0,
           .htk = s.at("mel_scale") == "htk",
           .floor = s.at("floor")};
  if (rate < kLeastRate)
    throw UsageError("a rate of " + std::to_string(rate) + " Hz; at least " +
                     std::to_string(kLeastRate) + " are a sound's");
  if (fft < 16 || (fft & (fft - 1)) != 0)
    throw UsageError("fft is a power of two from 16 on, found " + std::to_string(fft));
  if (a.mel.mels > fft / 2)
    throw UsageError(std::to_string(a.mel.mels) + " mel bands of " + std::to_string(fft / 2) +
                     " bins of the spectrum; give fewer --mels or a longer --fft");
  const double window = s.at("window").get<double>() * rate, hop = s.at("hop").get<double>() * rate;
  if (window > kMostWindow)
    throw UsageError("a window of " + text_of(window / rate) + " s has more than 2^22 samples");
  a.window = static_cast<int>(std::lround(window));
  a.hop = static_cast<int>(std::lround(hop));
  const int step = a.logmel ? a.mel.hop : 1;
  if (a.window < step || a.hop < step || a.hop > a.window || a.window % step || a.hop % step)
    throw UsageError("a window of " + std::to_string(a.window) + " samples every " +
                     std::to_string(a.hop) + " is no whole number of frames of " +
                     std::to_string(step));
  if (a.row().elements() > 1 << 24) throw UsageError("rows of more than 2^24 values");
  return a;
}

std::vector<float> sound_of_rows(const Content& content, std::span<const float> rows,
                                 std::span<const std::string> names) {
  const AudioSettings a = audio_settings(content);
  const auto width = static_cast<size_t>(a.row().elements());
  const size_t n = rows.size() / width;
  std::vector<size_t> firsts = {};  // rows with which a sound begins
  for (size_t r = 0; r < n; ++r) {
    if (r == 0 || names.size() != n || file_of(names[r]) == names[r] ||
        file_of(names[r]) != file_of(names[r - 1]))
      firsts.push_back(r);
  }
  std::vector<std::vector<float>> sounds(firsts.size());
  for_all(firsts.size(), [&](size_t i) {
    const size_t end = i + 1 < firsts.size() ? firsts[i + 1] : n, count = end - firsts[i];
    sounds[i] = joined(a, rows.subspan(firsts[i] * width, count * width), count);
    if (a.logmel)
      sounds[i] = griffin_lim(
          sounds[i], a.mel,
          sounds[i].size() / static_cast<size_t>(a.mel.mels) * static_cast<size_t>(a.mel.hop));
  });
  std::vector<float> all;
  for (size_t i = 0; i < sounds.size(); ++i) {
    if (i > 0) all.insert(all.end(), static_cast<size_t>(a.mel.rate / 4), 0);
    all.insert(all.end(), sounds[i].begin(), sounds[i].end());
  }
  return all;
}

Tensor spectra_of_rows(const Content& content, std::span<const float> rows) {
  const AudioSettings a = audio_settings(content);
  const auto width = static_cast<size_t>(a.row().elements());
  const size_t n = rows.size() / width, mels = static_cast<size_t>(a.mel.mels);
  const size_t frames = frames_of(static_cast<size_t>(a.window), a.mel.hop);
  Tensor out({static_cast<int64_t>(n), a.mel.mels, static_cast<int64_t>(frames)});
  const std::span<float> to = out.span<float>();
  for_all(n, [&](size_t r) {
    const auto row = rows.subspan(r * width, width);
    const std::vector<float> db =
        a.logmel ? std::vector<float>(row.begin(), row.end()) : log_mel(row, a.mel);
    for (size_t m = 0; m < mels; ++m)
      std::copy_n(db.begin() + static_cast<ptrdiff_t>(m * frames), frames,
                  to.begin() + static_cast<ptrdiff_t>((r * mels + mels - 1 - m) * frames));
  });
  const auto floor = static_cast<float>(a.mel.floor);
  float most = floor + 1;
  for (const float v : to) most = std::max(most, v);
  for (float& v : to) v = std::max(0.0F, (v - floor) / (most - floor));
  return out;
}

ContentKind audio_kind() {
  using Kind = ConfigField::Kind;
  return {
      .name = "audio",
      .doc = "WAV, FLAC, Ogg and AIFF files, or a folder, list or archive of them",
      .fields =
          {
              {.name = "features",
               .help = "of sounds: logmel, spectra in dB, or wave, the samples",
               .kind = Kind::word,
               .choices = {"logmel", "wave"},
               .initial = "logmel"},
              {.name = "rate",
               .help = "Hz that sounds are brought to; 0: that of most files",
               .kind = Kind::integer,
               .low = 0,
               .high = 192000,
               .initial = 0},
              {.name = "window",
               .help = "seconds of sound in a row; 0: proposed",
               .kind = Kind::number,
               .low = 0,
               .high = 1000,
               .initial = 0.0},
              {.name = "hop",
               .help = "seconds from one row of a sound to the next; 0: the window",
               .kind = Kind::number,
               .low = 0,
               .high = 1000,
               .initial = 0.0},
              {.name = "mels",
               .help = "mel bands of a spectrum",
               .kind = Kind::integer,
               .low = 1,
               .high = 1024,
               .initial = 64},
              {.name = "fft",
               .help = "samples of a spectrum, a power of two, a new one every quarter; 0: 46 ms",
               .kind = Kind::integer,
               .low = 0,
               .high = 65536,
               .initial = 0},
              {.name = "mel_scale",
               .help = "slaney (as librosa) or htk",
               .kind = Kind::word,
               .choices = {"slaney", "htk"},
               .initial = "slaney"},
              {.name = "floor",
               .help = "dB to which quieter parts of a spectrum are raised",
               .kind = Kind::number,
               .low = -200,
               .high = 0,
               .initial = -60.0},
              {.name = "trim",
               .help = "takes off the ends of a sound what is so many dB under its loudest part; "
                       "0: nothing",
               .kind = Kind::number,
               .low = 0,
               .high = 200,
               .initial = 0.0},
              {.name = "loudness",
               .help = "LUFS (ITU-R BS.1770) that every sound is brought to, as -23; 0: as it is",
               .kind = Kind::number,
               .low = -70,
               .high = 0,
               .initial = 0.0},
              {.name = "skip_bad",
               .help = "leave out files that cannot be read, and name them",
               .kind = Kind::flag,
               .initial = false},
          },
      .endings = sound_endings(),
      .names = {".wav", ".flac", ".ogg", ".oga", ".aif", ".aiff", ".aifc", ".mp3"},
      .recognizes = recognizes_audio,
      .open = open_audio,
      .write = [](const std::string& path, const Content& content, std::span<const float> rows,
                  const Shape&) { write_audio(path, content, rows, {}); },
      .write_named = write_audio,
  };
}

}  // namespace latent
