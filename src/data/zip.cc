// Reader of ZIP archives in memory; see zip.h. The directory stands at the end of the file and is
// found from there; every number that it holds is checked before it is used.
#include "data/zip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>

#include "latent/error.h"

namespace latent {

namespace {

constexpr uint32_t kLocalMagic = 0x04034b50, kEntryMagic = 0x02014b50, kEndMagic = 0x06054b50;
constexpr uint32_t kEnd64Magic = 0x06064b50, kLocator64Magic = 0x07064b50;
constexpr size_t kLocalBytes = 30, kEntryBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                 kLocator64Bytes = 20;
constexpr uint32_t kIn64 = 0xffffffff;  // "see the 64-bit field"
constexpr uint16_t kZip64Extra = 1;

// Little-endian numbers of an archive, each read after checking that it is there.
class Bytes {
 public:
  Bytes(std::span<const std::byte> bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  uint64_t size() const { return bytes_.size(); }
  uint16_t u16(uint64_t at) const { return static_cast<uint16_t>(number(at, 2)); }
  uint32_t u32(uint64_t at) const { return static_cast<uint32_t>(number(at, 4)); }
  uint64_t u64(uint64_t at) const { return number(at, 8); }
  std::span<const std::byte> part(uint64_t at, uint64_t n) const {
    if (at > size() || n > size() - at) fail("it points past the end of the file", at);
    return bytes_.subspan(at, n);
  }
  std::string text(uint64_t at, uint64_t n) const {
    const auto p = part(at, n);
    return {reinterpret_cast<const char*>(p.data()), p.size()};
  }
  [[noreturn]] void fail(const std::string& what, uint64_t at) const {
    throw DataError("cannot read the ZIP archive (an .npz file is one): " + what, path_,
                    static_cast<int64_t>(std::min<uint64_t>(at, size())));
  }

 private:
  uint64_t number(uint64_t at, size_t n) const {
    const auto p = part(at, n);
    uint64_t value = 0;
    for (size_t i = n; i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(p[i]);
    return value;
  }

  std::span<const std::byte> bytes_;
  const std::string& path_;
};

struct Directory {
  uint64_t at = 0, bytes = 0, members = 0;
};

Directory find_directory(const Bytes& b) {
  if (b.size() < kEndBytes) b.fail("it is shorter than an empty archive", b.size());
  // The end record is followed by a comment of at most 65,535 bytes that may hold anything: the
  // last record whose comment ends with the file counts.
  const uint64_t last = b.size() - kEndBytes, first = last > 0xffff ? last - 0xffff : 0;
  uint64_t end = last;
  while (b.u32(end) != kEndMagic || b.u16(end + 20) != last - end) {
    if (end-- == first) b.fail("it has no end record; was the copy cut short?", b.size());
  }
  Directory d{.at = b.u32(end + 16), .bytes = b.u32(end + 12), .members = b.u16(end + 10)};
  if (end >= kLocator64Bytes && b.u32(end - kLocator64Bytes) == kLocator64Magic) {
    const uint64_t wide = b.u64(end - kLocator64Bytes + 8);
    if (b.part(wide, kEnd64Bytes).empty() || b.u32(wide) != kEnd64Magic)
      b.fail("its 64-bit end record is not where it is said to be", wide);
    d = {.at = b.u64(wide + 48), .bytes = b.u64(wide + 40), .members = b.u64(wide + 32)};
  }
  b.part(d.at, d.bytes);
  if (d.members > d.bytes / kEntryBytes)
    b.fail("its directory cannot hold the " + std::to_string(d.members) + " members it claims",
           end);
  return d;
}

// Replaces by the 64-bit extra field what stands there as 0xffffffff: size, packed size, place.
void widen(const Bytes& b, uint64_t at, uint64_t end, ZipMember& m) {
  while (end - at >= 4) {
    const uint16_t id = b.u16(at), n = b.u16(at + 2);
    at += 4;
    if (n > end - at) b.fail("an extra field is longer than its entry", at);
    if (id == kZip64Extra) {
      uint64_t from = at;
      for (uint64_t* field : {&m.bytes, &m.packed_bytes, &m.header_at}) {
        if (*field != kIn64) continue;
        if (from + 8 > at + n) b.fail("a 64-bit size is missing", from);
        *field = b.u64(from);
        from += 8;
      }
    }
    at += n;
  }
}

std::string inflated(std::span<const std::byte> packed, const ZipMember& member, const Bytes& b,
                     uint64_t most) {
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) throw InternalError("zlib has no memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&z, inflateEnd);
  std::string out;
  std::array<char, 1 << 16> block;
  int code = Z_OK;
  while (code == Z_OK && out.size() < most) {
    if (z.avail_in == 0) {  // zlib counts in 32 bits
      const size_t n = std::min<size_t>(packed.size(), 1 << 30);
      z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
      z.avail_in = static_cast<uInt>(n);
      packed = packed.subspan(n);
    }
    z.next_out = reinterpret_cast<Bytef*>(block.data());
    z.avail_out = block.size();
    code = inflate(&z, Z_NO_FLUSH);
    const size_t got = block.size() - z.avail_out;
    if (out.size() + got > member.bytes)
      b.fail(member.name + " unpacks to more than the " + std::to_string(member.bytes) +
                 " bytes it claims",
             member.header_at);
    out.append(block.data(), got);
  }
  const bool whole = code == Z_STREAM_END && packed.empty() && z.avail_in == 0;
  if (!whole && (code != Z_OK || out.size() < most))
    b.fail("the packed bytes of " + member.name + " are damaged", member.header_at);
  return out;
}

// The member's first `most` bytes or some more; nothing but their form is checked.
std::string unpacked(const ZipMember& member, const Bytes& b, uint64_t most) {
  const uint64_t at = member.header_at;
  b.part(at, kLocalBytes);
  if (b.u32(at) != kLocalMagic) b.fail(member.name + " is not where the directory says", at);
  const uint64_t skip = kLocalBytes + b.u16(at + 26) + b.u16(at + 28);
  b.part(at, skip);
  const auto packed = b.part(at + skip, member.packed_bytes);
  if (member.deflated) return inflated(packed, member, b, most);
  const size_t n = std::min<uint64_t>(packed.size(), most);
  return {reinterpret_cast<const char*>(packed.data()), n};
}

}  // namespace

bool is_zip(std::span<const std::byte> bytes) {
  constexpr std::array kStarts = {"PK\3\4", "PK\5\6"};
  return bytes.size() >= 4 && std::ranges::any_of(kStarts, [&](const char* start) {
           return std::memcmp(bytes.data(), start, 4) == 0;
         });
}

std::vector<ZipMember> zip_members(std::span<const std::byte> bytes, const std::string& path) {
  const Bytes b(bytes, path);
  const Directory d = find_directory(b);
  std::vector<ZipMember> members;
  uint64_t at = d.at;
  const uint64_t end = d.at + d.bytes;
  for (uint64_t i = 0; i < d.members; ++i) {
    if (end - at < kEntryBytes || b.u32(at) != kEntryMagic) b.fail("its directory is damaged", at);
    const uint16_t flags = b.u16(at + 8), method = b.u16(at + 10);
    const uint64_t name = b.u16(at + 28), extra = b.u16(at + 30), comment = b.u16(at + 32);
    if (kEntryBytes + name + extra + comment > end - at) b.fail("its directory is damaged", at);
    ZipMember m{.name = b.text(at + kEntryBytes, name),
                .deflated = method == 8,
                .crc = b.u32(at + 16),
                .packed_bytes = b.u32(at + 20),
                .bytes = b.u32(at + 24),
                .header_at = b.u32(at + 42)};
    if ((flags & 1) != 0) b.fail(m.name + " is encrypted", at);
    if (method != 0 && method != 8)
      b.fail(m.name + " is packed by method " + std::to_string(method) +
                 "; stored (0) and deflated (8) can be read",
             at);
    widen(b, at + kEntryBytes + name, at + kEntryBytes + name + extra, m);
    members.push_back(std::move(m));
    at += kEntryBytes + name + extra + comment;
  }
  return members;
}

std::string unpack_member(std::span<const std::byte> bytes, const ZipMember& member,
                          const std::string& path) {
  const Bytes b(bytes, path);
  std::string out = unpacked(member, b, std::numeric_limits<uint64_t>::max());
  if (out.size() != member.bytes)
    b.fail(member.name + " has " + std::to_string(out.size()) + " bytes, not the " +
               std::to_string(member.bytes) + " it claims",
           member.header_at);
  if (crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size()) != member.crc)
    b.fail("the bytes of " + member.name + " do not match their checksum; use another copy",
           member.header_at);
  return out;
}

std::string member_start(std::span<const std::byte> bytes, const ZipMember& member,
                         const std::string& path, size_t most) {
  std::string out = unpacked(member, Bytes(bytes, path), most);
  out.resize(std::min(out.size(), most));
  return out;
}

}  // namespace latent
