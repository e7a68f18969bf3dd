// libsndfile over bytes in memory, behind checks of what it takes on trust; see audio_file.h.
#include "data/audio_file.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>

#include "base/file.h"
#include "base/near.h"
#include "data/plain_text.h"

namespace latent {

namespace {

constexpr float kMostLoud = 1e4f;  // 80 dB above full scale: no recording, and sums stay finite
// Codecs pack silence without end: a small file must not fill the memory. Speech takes 1 to 10.
constexpr int64_t kSamplesPerByte = 256, kFreeSamples = 1 << 16;
constexpr int kMostChannels = 64;
constexpr size_t kBlockFrames = 4096;

std::string_view text_at(std::span<const std::byte> bytes, size_t at, size_t n) {
  if (bytes.size() < n || at > bytes.size() - n) return {};
  return {reinterpret_cast<const char*>(bytes.data()) + at, n};
}

// libsndfile reads and writes through these; `at` stays within the bytes.
struct Memory {
  std::span<const std::byte> in;
  std::string out;
  bool writing = false;
  sf_count_t at = 0;

  sf_count_t size() const { return static_cast<sf_count_t>(writing ? out.size() : in.size()); }
};

sf_count_t size_of_memory(void* user) { return static_cast<Memory*>(user)->size(); }
sf_count_t tell(void* user) { return static_cast<Memory*>(user)->at; }
sf_count_t seek(sf_count_t offset, int whence, void* user) {
  auto& m = *static_cast<Memory*>(user);
  const sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m.at : m.size();
  // Offsets come from headers: the sum must not overflow.
  if (offset > m.size() - from || offset < -from) return -1;
  return m.at = from + offset;
}
sf_count_t read(void* to, sf_count_t count, void* user) {
  auto& m = *static_cast<Memory*>(user);
  const sf_count_t n = std::clamp<sf_count_t>(count, 0, m.size() - m.at);
  if (n > 0) std::memcpy(to, m.in.data() + m.at, static_cast<size_t>(n));
  m.at += n;
  return n;
}
sf_count_t write(const void* from, sf_count_t count, void* user) {
  auto& m = *static_cast<Memory*>(user);
  const size_t at = static_cast<size_t>(m.at), n = static_cast<size_t>(count);
  if (m.out.size() < at + n) m.out.resize(at + n);
  std::memcpy(m.out.data() + at, from, n);
  m.at += count;
  return count;
}

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using File = std::unique_ptr<SNDFILE, Close>;

File open(Memory& memory, int mode, SF_INFO& info) {
  static SF_VIRTUAL_IO io = {size_of_memory, seek, read, write, tell};
  return File(sf_open_virtual(&io, mode, &info, &memory));
}

// The chunk of samples of a RIFF or FORM file, as its header claims.
struct Claim {
  size_t at;  // of its first byte
  uint64_t bytes;
};
std::optional<Claim> sample_chunk(std::span<const std::byte> bytes, std::string_view format) {
  const bool big = text_at(bytes, 0, 4) == "RIFX" || format == "AIFF";
  const std::string_view wanted = format == "AIFF" ? "SSND" : "data";
  for (size_t at = 12; at + 8 <= bytes.size();) {
    uint64_t size = 0;
    for (size_t i = 0; i < 4; ++i)
      size = size << 8 | std::to_integer<uint64_t>(bytes[at + 4 + (big ? i : 3 - i)]);
    if (text_at(bytes, at, 4) == wanted) return Claim{at + 8, size};
    if (size > bytes.size() - at - 8) return std::nullopt;
    at += 8 + static_cast<size_t>(size + size % 2);
  }
  return std::nullopt;
}

// libsndfile reads what is there of a file that was cut short, and says nothing. A claim of 0 or
// 2^32 - 1 is of a program that wrote to a pipe.
void check_claim(std::span<const std::byte> bytes, std::string_view format, const SF_INFO& info,
                 const std::string& path) {
  const auto claim = sample_chunk(bytes, format);
  if (!claim || claim->bytes == 0 || claim->bytes == 0xffffffff) return;
  const uint64_t there = bytes.size() - claim->at;
  if (claim->bytes > there)
    throw DataError("the header says " + std::to_string(claim->bytes) +
                        " bytes of samples, the file holds " + std::to_string(there) +
                        "; was the copy cut short?",
                    path, static_cast<int64_t>(claim->at));
  const int codec = info.format & SF_FORMAT_SUBMASK;
  const uint64_t width = codec == SF_FORMAT_PCM_24                               ? 3
                         : codec == SF_FORMAT_PCM_16                             ? 2
                         : codec == SF_FORMAT_PCM_32 || codec == SF_FORMAT_FLOAT ? 4
                         : codec == SF_FORMAT_DOUBLE                             ? 8
                                                                                 : 1;
  const uint64_t frame = width * static_cast<uint64_t>(info.channels);
  const uint64_t head = format == "AIFF" ? 8 : 0;  // offset and block size before the samples
  if (claim->bytes < head || (claim->bytes - head) % frame != 0)
    throw DataError(std::to_string(claim->bytes) + " bytes of samples, of which " +
                        std::to_string(frame) + " make one of each channel: the last is cut",
                    path, static_cast<int64_t>(claim->at));
}

File opened(Memory& memory, SF_INFO& info, std::string_view format, const std::string& path) {
  // Why a file cannot be opened is kept once a process, and files are read by many threads.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  File file = open(memory, SFM_READ, info);
  if (file) return file;
  std::string why = sf_strerror(nullptr);
  while (why.ends_with('.') || why.ends_with('\n')) why.pop_back();
  throw DataError("the " + std::string(format) + " file cannot be read: " + why, path);
}

[[noreturn]] void refuse_format(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.empty()) throw DataError("the file is empty", path, 0);
  if (is_text(bytes))
    throw DataError("a text, not a sound; WAV, FLAC, Ogg and AIFF files are read", path, 0);
  if (text_at(bytes, 0, 3) == "ID3" || (bytes.size() > 1 && bytes[0] == std::byte{0xff} &&
                                        (bytes[1] & std::byte{0xe0}) == std::byte{0xe0}))
    throw DataError("an MP3 file; convert it to FLAC or WAV, as ffmpeg -i in.mp3 out.flac does",
                    path, 0);
  throw DataError("not a WAV, FLAC, Ogg or AIFF file by its first bytes", path, 0);
}

struct Ending {
  std::string_view name;
  int format;
};
constexpr Ending kEndings[] = {{".wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
                               {".flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
                               {".aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16}};

}  // namespace

std::string_view sound_format(std::span<const std::byte> bytes) {
  const std::string_view tag = text_at(bytes, 0, 4), kind = text_at(bytes, 8, 4);
  if ((tag == "RIFF" || tag == "RIFX" || tag == "RF64") && kind == "WAVE") return "WAV";
  if (tag == "FORM" && (kind == "AIFF" || kind == "AIFC")) return "AIFF";
  if (tag == "fLaC") return "FLAC";
  if (tag == "OggS") return "Ogg";
  return "";
}

Sound decode_sound(std::span<const std::byte> bytes, const std::string& path) {
  const std::string_view format = sound_format(bytes);
  if (format.empty()) refuse_format(bytes, path);
  Memory memory{.in = bytes};
  SF_INFO info{};
  const File file = opened(memory, info, format, path);
  if (info.samplerate < kLeastRate || info.samplerate > kMostRate)
    throw DataError("a rate of " + std::to_string(info.samplerate) + " Hz; " +
                        std::to_string(kLeastRate) + " to " + std::to_string(kMostRate) +
                        " can be a sound's",
                    path);
  if (info.channels < 1 || info.channels > kMostChannels)
    throw DataError(std::to_string(info.channels) + " channels; at most " +
                        std::to_string(kMostChannels) + " are mixed",
                    path);
  if (format == "WAV" || format == "AIFF") check_claim(bytes, format, info, path);

  Sound sound{.rate = info.samplerate, .channels = info.channels};
  const auto channels = static_cast<size_t>(info.channels);
  std::vector<float> block(kBlockFrames * channels);
  for (;;) {
    const sf_count_t got = sf_readf_float(file.get(), block.data(), kBlockFrames);
    if (got <= 0) break;
    if (std::ssize(sound.samples) + got > kMostSamples)
      throw DataError("more than 2^28 samples; cut the recording up", path);
    if (std::ssize(sound.samples) + got > kFreeSamples + kSamplesPerByte * std::ssize(bytes))
      throw DataError("more than 256 samples a byte: almost all of it is silence", path);
    for (size_t i = 0; i < static_cast<size_t>(got); ++i) {
      double sum = 0;
      for (size_t c = 0; c < channels; ++c) sum += block[i * channels + c];
      const auto value = static_cast<float>(sum / info.channels);
      if (!std::isfinite(value))
        throw DataError("sample " + std::to_string(sound.samples.size() + 1) + " is " +
                            (std::isnan(value) ? "NaN" : "infinite"),
                        path);
      if (std::abs(value) > kMostLoud)
        throw DataError("sample " + std::to_string(sound.samples.size() + 1) + " is " +
                            std::to_string(value) + "; sounds lie in [-1, 1]",
                        path);
      sound.samples.push_back(value);
    }
  }
  if (sound.samples.empty()) throw DataError("the sound has no samples", path);
  // A length of 2^63 - 1 stands for one that the header does not say.
  if (info.frames > std::ssize(sound.samples) && info.frames != SF_COUNT_MAX)
    throw DataError("the header says " + std::to_string(info.frames) + " samples, " +
                        std::to_string(sound.samples.size()) +
                        " could be decoded; was the copy cut short?",
                    path);
  return sound;
}

std::vector<std::string> sound_endings() {
  std::vector<std::string> names;
  for (const Ending& e : kEndings) names.emplace_back(e.name);
  return names;
}

std::string encode_sound(std::span<const float> samples, int rate, std::string_view ending) {
  const auto* kind = std::ranges::find(kEndings, ending, &Ending::name);
  if (kind == std::end(kEndings))
    throw UsageError("sounds are written as .wav, .flac or .aiff; \"" + std::string(ending) +
                     "\" was asked for" + did_you_mean(ending, sound_endings()));
  Memory memory{.writing = true};
  SF_INFO info{.samplerate = rate, .channels = 1, .format = kind->format};
  File file = open(memory, SFM_WRITE, info);
  if (!file) throw UsageError(std::string("cannot write a sound: ") + sf_strerror(nullptr));
  std::vector<int16_t> block;
  for (size_t at = 0; at < samples.size(); at += block.size()) {
    block.clear();
    for (const float v : samples.subspan(at, std::min(kBlockFrames, samples.size() - at)))
      block.push_back(
          static_cast<int16_t>(std::lrint(std::clamp(v * 32768.0F, -32768.0F, 32767.0F))));
    sf_writef_short(file.get(), block.data(), std::ssize(block));
  }
  file.reset();  // brings the header up to date
  return std::move(memory.out);
}

}  // namespace latent
