// See plain_text.h.
#include "data/plain_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "latent/error.h"

namespace latent {

bool is_text(std::span<const std::byte> start) {
  constexpr size_t kLooked = 4096;
  return std::ranges::none_of(start.first(std::min(start.size(), kLooked)), [](std::byte b) {
    const auto c = std::to_integer<unsigned char>(b);
    return c < 32 && c != '\t' && c != '\n' && c != '\r' && c != '\f';
  });
}

void refuse_utf16(std::string_view text, const std::string& path) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw DataError("text in UTF-16; convert it: iconv -f UTF-16 -t UTF-8", path, 0);
}

std::string checked_text(std::string file, const std::string& path) {
  if (file.empty()) throw DataError("the file is empty", path, 0);
  refuse_utf16(file, path);
  if (const size_t nul = file.find('\0'); nul != file.npos)
    throw DataError("a NUL byte, which no text holds", path, static_cast<int64_t>(nul));
  if (const size_t bad = invalid_utf8(file); bad != std::string_view::npos) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(file[bad]);
    throw DataError(std::string("the byte 0x") + kDigits[byte >> 4] + kDigits[byte & 15] +
                        " is no UTF-8; if the text is in Latin-1, convert it: "
                        "iconv -f LATIN1 -t UTF-8",
                    path, static_cast<int64_t>(bad));
  }
  file.erase(0, mark_bytes(file));
  if (file.find('\r') == file.npos) return file;
  size_t to = 0;
  for (size_t i = 0; i < file.size(); ++i) {
    const bool ends = file[i] == '\r' && (i + 1 == file.size() || file[i + 1] == '\n');
    if (!ends) file[to++] = file[i];
  }
  file.resize(to);
  return file;
}

size_t mark_bytes(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  return text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
}

size_t utf8_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned c = byte(0);
  if (c < 0x80) return 1;
  const size_t length = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 ? 4 : 0;
  if (length == 0 || c > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) >= 0xc0) return 0;
  const unsigned second = byte(1);
  const bool refused = (c == 0xe0 && second < 0xa0) || (c == 0xed && second >= 0xa0) ||
                       (c == 0xf0 && second < 0x90) || (c == 0xf4 && second >= 0x90);
  return refused ? 0 : length;
}

size_t invalid_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    uint64_t eight = 0;
    while (i + 8 <= text.size()) {  // ASCII, eight bytes at a time
      std::memcpy(&eight, text.data() + i, 8);
      if (eight & 0x8080808080808080u) break;
      i += 8;
    }
    if (i == text.size()) break;
    const size_t length = utf8_character(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

std::string repaired_utf8(std::string_view text) {
  std::string good;
  while (!text.empty()) {
    const size_t length = utf8_character(text);
    good += length ? text.substr(0, length) : kReplacement;
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return good;
}

size_t utf8_count(std::string_view text) {
  return text.size() - static_cast<size_t>(std::ranges::count_if(text, within_character));
}

}  // namespace latent
