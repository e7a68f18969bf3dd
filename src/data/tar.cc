// Walks the 512-byte headers of a TAR archive; see tar.h. Every size is held against what is left
// of the archive before it is used.
#include "data/tar.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string_view>

#include "base/file.h"

namespace latent {

namespace {

constexpr size_t kBlock = 512;

// Where the fields of a header lie (POSIX.1-2017, ustar interchange format).
struct Place {
  size_t at, bytes;
};
constexpr Place kName{0, 100}, kSize{124, 12}, kSum{148, 8}, kType{156, 1}, kMagic{257, 5},
    kPrefix{345, 155};

std::string_view text_of(std::span<const std::byte> header, Place p) {
  const std::string_view field(reinterpret_cast<const char*>(header.data()) + p.at, p.bytes);
  return field.substr(0, field.find('\0'));
}

// An octal number with blanks around it, or GNU's base 256 behind a first byte of 0x80.
std::optional<uint64_t> number_of(std::span<const std::byte> header, Place p) {
  const auto field = header.subspan(p.at, p.bytes);
  uint64_t value = 0;
  if (field[0] == std::byte{0x80}) {
    for (const std::byte b : field.subspan(1)) {
      if (value >> 56) return std::nullopt;
      value = value << 8 | std::to_integer<uint64_t>(b);
    }
    return value;
  }
  std::string_view text = text_of(header, p);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const size_t end = text.find_first_not_of("01234567");
  if (end == 0 || text.empty() ||
      text.find_first_not_of(' ', std::min(end, text.size())) != text.npos)
    return std::nullopt;
  for (const char c : text.substr(0, end)) value = value << 3 | static_cast<uint64_t>(c - '0');
  return value;
}

// The check sum counts its own field as blanks.
bool sum_holds(std::span<const std::byte> header) {
  uint64_t sum = kSum.bytes * ' ';
  for (size_t i = 0; i < kBlock; ++i) {
    if (i < kSum.at || i >= kSum.at + kSum.bytes) sum += std::to_integer<uint64_t>(header[i]);
  }
  return number_of(header, kSum) == sum;
}

std::string name_of_header(std::span<const std::byte> header) {
  std::string name(text_of(header, kName));
  if (text_of(header, kMagic) != "ustar" || text_of(header, kPrefix).empty()) return name;
  return std::string(text_of(header, kPrefix)) + "/" + name;
}

// The value of the last record "LENGTH key=value\n" of that key.
std::optional<std::string> pax_record(std::string_view records, std::string_view key) {
  std::optional<std::string> found;
  while (!records.empty()) {
    size_t length = 0, digits = 0;
    for (;
         digits < records.size() && digits < 9 && records[digits] >= '0' && records[digits] <= '9';
         ++digits)
      length = length * 10 + static_cast<size_t>(records[digits] - '0');
    if (length <= digits + 1 || length > records.size()) break;
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    const size_t equals = record.find('=');
    if (equals != record.npos && record.substr(0, equals) == key) found = record.substr(equals + 1);
    records.remove_prefix(length);
  }
  return found;
}

}  // namespace

bool is_tar(std::span<const std::byte> bytes) {
  return bytes.size() >= kBlock && sum_holds(bytes.first(kBlock));
}

std::vector<TarMember> tar_members(std::span<const std::byte> bytes, const std::string& path) {
  const auto broken = [&](const std::string& what, size_t at) {
    return DataError(what, path, static_cast<int64_t>(at));
  };
  std::vector<TarMember> members;
  std::map<std::string, size_t> places;
  std::string long_name;  // said by a header of its own before the file's
  constexpr uint64_t kUnsaid = std::numeric_limits<uint64_t>::max();
  uint64_t long_size = kUnsaid;  // likewise
  for (size_t at = 0;;) {
    if (bytes.size() - at < kBlock)
      throw broken("the TAR archive ends without its end mark; was the copy cut short?", at);
    const auto header = bytes.subspan(at, kBlock);
    if (std::ranges::all_of(header, [](std::byte b) { return b == std::byte{0}; })) break;
    if (!sum_holds(header)) throw broken("a header of the TAR archive has a wrong check sum", at);
    const char type = static_cast<char>(header[kType.at]);
    const std::optional<uint64_t> said = number_of(header, kSize);
    if (!said) throw broken("a size in the TAR archive is no number", at);
    const bool plain = type == '0' || type == '\0' || type == '7';
    const uint64_t size = plain && long_size != kUnsaid ? long_size : *said;
    const size_t content = at + kBlock;
    if (size > bytes.size() - content)
      throw broken("a file of " + std::to_string(size) + " bytes in a TAR archive with " +
                       std::to_string(bytes.size() - content) + " left; was the copy cut short?",
                   at);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + content, size);
    if (type == 'L') {
      long_name = text.substr(0, text.find('\0'));
    } else if (type == 'x') {
      if (const auto name = pax_record(text, "path")) long_name = *name;
      if (const auto digits = pax_record(text, "size")) {
        uint64_t value = 0;
        for (const char c : *digits) {
          if (c < '0' || c > '9' || value >> 56)
            throw broken("a size in the TAR archive is no number", at);
          value = value * 10 + static_cast<uint64_t>(c - '0');
        }
        long_size = value;
      }
    } else if (type != 'g' && type != 'K') {
      if (plain) {
        TarMember member{long_name.empty() ? name_of_header(header) : long_name, content, size};
        const auto [place, fresh] = places.try_emplace(member.name, members.size());
        if (fresh)
          members.push_back(std::move(member));
        else
          members[place->second] = std::move(member);
      }
      long_name.clear();
      long_size = kUnsaid;
    }
    const uint64_t blocks = (size + kBlock - 1) / kBlock * kBlock;
    at = content + std::min<uint64_t>(blocks, bytes.size() - content);
  }
  return members;
}

}  // namespace latent
