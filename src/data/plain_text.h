// What text is: the one place where bytes that came from a file are judged, for tables, prose,
// lists of files, and for what is told of a sound or a picture that is none. Text is UTF-8 as RFC
// 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace latent {

/// Whether a file that starts so can be text: the first 4096 bytes hold no control characters but
/// tab, the ends of lines and form feed. Says nothing of the encoding.
bool is_text(std::span<const std::byte> start);

/// DataError where `text` starts with the byte order mark of UTF-16.
void refuse_utf16(std::string_view text, const std::string& path);

/// The text of a file without a byte order mark, lines ended by "\n" alone. DataError, naming the
/// byte offset, for a file that is empty, is UTF-16, holds a NUL byte or is no UTF-8.
std::string checked_text(std::string file, const std::string& path);

/// Bytes of the byte order mark that `text` starts with: 3 or 0.
size_t mark_bytes(std::string_view text);

inline constexpr std::string_view kReplacement =
    "\xef\xbf\xbd";  // U+FFFD, for what is no character

/// Bytes of the character that `text`, which is not empty, starts with; 0 where it is none.
size_t utf8_character(std::string_view text);
/// Offset of the first byte that is part of no character, or std::string_view::npos.
size_t invalid_utf8(std::string_view text);
/// Every byte that is part of no character becomes U+FFFD.
std::string repaired_utf8(std::string_view text);

// Of valid UTF-8:

/// Bytes of the character that starts with this byte.
inline size_t utf8_length(char first) {
  const auto c = static_cast<unsigned char>(first);
  return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}
/// Whether the byte is not the first of its character.
inline bool within_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
/// Characters.
size_t utf8_count(std::string_view text);

}  // namespace latent
