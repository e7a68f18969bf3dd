// One file an entry: the values, a text of JSON, and its length in sixteen hexadecimal digits; see
// cache.h.
#include "data/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "base/hash.h"

namespace latent {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kLengthDigits = 16;
constexpr int kFormat = 2;
constexpr std::string_view kEnding = ".cache";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Reasons why files are bad may hold their names, which need not be UTF-8.
std::string text_of(const json& j) {
  return j.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

std::string hash_of(const CacheEntry& entry) {
  return hex64(hash_bytes(entry.values.as_bytes(), hash_bytes(bytes_of(text_of(entry.about)))));
}

std::string cache_folder() {
  std::string own = environment("LATENT_CACHE");
  if (own == "off") return "";
  if (!own.empty()) return own;
  const std::string xdg = environment("XDG_CACHE_HOME"), home = environment("HOME");
  if (xdg.starts_with('/')) return xdg + "/latent";
  return home.empty() ? "" : home + "/.cache/latent";
}

struct OpenFile {
  explicit OpenFile(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat info {};
    if (fd >= 0 && ::fstat(fd, &info) == 0) bytes = static_cast<size_t>(info.st_size);
  }
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  // `n` bytes that end `before` the file's end; "" when they are not there.
  std::string tail(size_t n, size_t before) const {
    if (bytes < before || n > bytes - before) return "";
    std::string text(n, '\0');
    const auto at = static_cast<off_t>(bytes - before - n);
    return ::pread(fd, text.data(), n, at) == static_cast<ssize_t>(n) ? text : "";
  }

  int fd;
  size_t bytes = 0;
};

}  // namespace

Cache::Cache() : folder_(cache_folder()) {}

std::string Cache::path(uint64_t key) const {
  return folder_ + "/" + hex64(key) + std::string(kEnding);
}

std::optional<CacheEntry> Cache::find(uint64_t key) const {
  if (!exists()) return std::nullopt;
  const std::string name = path(key);
  const OpenFile file(name);
  const std::string digits = file.tail(kLengthDigits, 0);
  const size_t length = std::strtoull(digits.c_str(), nullptr, 16);
  const json head = json::parse(file.tail(length, kLengthDigits), nullptr, /*exceptions=*/false);
  try {
    if (head.at("format") != kFormat || head.at("key") != hex64(key)) return std::nullopt;
    const Shape shape(head.at("shape").get<std::vector<int64_t>>());
    const auto bytes = static_cast<size_t>(shape.elements());
    if (bytes == 0 || file.bytes != bytes + length + kLengthDigits) return std::nullopt;
    CacheEntry entry{Tensor::mapped(file.fd, name, shape, DType::u8), head.at("about")};
    if (head.at("hash") != hash_of(entry)) return std::nullopt;
    std::error_code ignored;
    fs::last_write_time(name, fs::file_time_type::clock::now(), ignored);  // was used
    return entry;
  } catch (const json::exception&) {
  } catch (const Error&) {  // a shape that cannot be, or a file that cannot be mapped
  }
  return std::nullopt;
}

void Cache::keep(uint64_t key, const CacheEntry& entry) const {
  const std::vector<int64_t> shape(entry.values.shape().begin(), entry.values.shape().end());
  const json head = {{"format", kFormat},
                     {"key", hex64(key)},
                     {"shape", shape},
                     {"hash", hash_of(entry)},
                     {"about", entry.about}};
  std::string tail = text_of(head);
  tail += hex64(tail.size());
  make_folder(folder_);
  const std::span<const std::byte> pieces[] = {entry.values.as_bytes(), bytes_of(tail)};
  write_file_atomic(path(key), pieces);
  trim(path(key));
}

void Cache::trim(const std::string& newest) const {
  struct Found {
    fs::file_time_type used;
    uint64_t bytes;
    fs::path path;
  };
  std::vector<Found> files;
  uint64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const bool part = name.ends_with(".part") && name.find(kEnding) != name.npos;
    if (!part && !name.ends_with(kEnding)) continue;
    std::error_code gone;  // by another process
    Found f{it->last_write_time(gone), it->file_size(gone), it->path()};
    if (gone) continue;
    if (part) {  // of a process that writes it, or was killed
      if (fs::file_time_type::clock::now() - f.used > std::chrono::hours(24))
        fs::remove(f.path, gone);
      continue;
    }
    total += f.bytes;
    files.push_back(std::move(f));
  }
  std::ranges::sort(files, {}, &Found::used);
  for (const Found& f : files) {
    if (total <= kMostBytes) return;
    if (f.path == newest) continue;
    fs::remove(f.path, error);
    total -= f.bytes;
  }
}

}  // namespace latent
