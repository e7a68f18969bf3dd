// NPZ: archives that NumPy wrote, names, and archives that lie or were cut short.
#include "data/npz.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <functional>

#include "base/file.h"
#include "data/zip.h"

namespace latent {
namespace {

using namespace std::string_literals;

std::string unhex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

// numpy 2.x: savez_compressed(x=arange(6, dtype=float32).reshape(2, 3), y=array([3, 1])). NumPy
// writes 64-bit fields into the members' own headers.
std::string from_numpy() {
  return unhex(
      "504b03042d0000000800000021004fe9002affffffffffffffff05001400782e6e70790100100098000000000000"
      "0055000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f"
      "5f94920a12774bcc294e058a17672416a402f91a463a0ac69a3a0ab50a64032e063068b007120e4004c40d40bcc0"
      "0100504b03042d0000000800000021008cde33e0ffffffffffffffff05001400792e6e7079010010009000000000"
      "0000004a000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9369a1aea3a09e965f54529498"
      "179f5f94920a12774bcc294e058a17672416a402f91a463a9a3a0ab50a14002e6606086084d200504b01022d032d"
      "0000000800000021004fe9002a5500000098000000050000000000000000000000800100000000782e6e7079504b"
      "01022d032d0000000800000021008cde33e04a0000009000000005000000000000000000000080018c000000792e"
      "6e7079504b05060000000002000200660000000d0100000000");
}

template <class T>
void put(std::string& s, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) s += static_cast<char>(value >> 8 * i & 255);
}

// What an archive says of its one stored member; each may be a lie.
struct Claims {
  uint32_t packed = 0, bytes = 0, crc = 0, header_at = 0;
  uint16_t method = 0, flags = 0, members = 1;
  std::string extra, comment;
};

std::string archive(
    const std::string& name, const std::string& content,
    const std::function<void(Claims&)>& lie = [](Claims&) {}) {
  Claims c;
  c.packed = c.bytes = static_cast<uint32_t>(content.size());
  c.crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
  lie(c);
  std::string s = "PK\3\4"s + "\x14\0\0\0\0\0\0\0\0\0"s;
  put(s, c.crc);
  put(s, c.packed);
  put(s, c.bytes);
  put(s, static_cast<uint16_t>(name.size()));
  put(s, uint16_t{0});
  s += name + content;
  const auto directory = static_cast<uint32_t>(s.size());
  s += "PK\1\2\x14\0\x14\0"s;
  put(s, c.flags);
  put(s, c.method);
  put(s, uint32_t{0});
  put(s, c.crc);
  put(s, c.packed);
  put(s, c.bytes);
  put(s, static_cast<uint16_t>(name.size()));
  put(s, static_cast<uint16_t>(c.extra.size()));
  s += std::string(10, '\0');
  put(s, c.header_at);
  s += name + c.extra;
  const auto size = static_cast<uint32_t>(s.size()) - directory;
  s += "PK\5\6\0\0\0\0"s;
  put(s, c.members);
  put(s, c.members);
  put(s, size);
  put(s, directory);
  put(s, static_cast<uint16_t>(c.comment.size()));
  return s + c.comment;
}

std::string two_bytes() {
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n";
  return "\x93NUMPY\1\0"s + static_cast<char>(header.size()) + '\0' + header + "ab";
}

Tensor parse(const std::string& file, const std::string& array = "") {
  return parse_npz(bytes_of(file), array, "a.npz");
}

TEST(Npz, ReadsWhatNumpyWrote) {
  const std::string file = from_numpy();
  EXPECT_EQ(npz_arrays(bytes_of(file), "a.npz"), (std::vector<std::string>{"x", "y"}));
  const Tensor x = parse(file, "x");
  EXPECT_EQ(x.shape(), (Shape{2, 3}));
  EXPECT_EQ(x.span<float>()[5], 5);
  EXPECT_EQ(parse(file, "y").span<int32_t>()[0], 3);
}

TEST(Npz, NamesAreAskedForAndSuggested) {
  const auto message = [](const std::string& array) -> std::string {
    try {
      parse(from_numpy(), array);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(message("").find("x, y"), std::string::npos) << message("");
  EXPECT_NE(message("").find("a.npz:x"), std::string::npos) << message("");
  EXPECT_NE(message("z").find("there are: x, y"), std::string::npos) << message("z");
  EXPECT_EQ(parse(archive("images.npy", two_bytes())).shape(), Shape{2});
  try {
    parse(archive("images.npy", two_bytes()), "image");
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean \"images\""), std::string::npos) << e.what();
  }
  EXPECT_THROW(parse(archive("readme.txt", "hello")), DataError);
}

TEST(Npz, EveryTruncationIsRefused) {
  for (const std::string& file : {from_numpy(), archive("a.npy", two_bytes())}) {
    for (size_t n = 0; n < file.size(); ++n)
      EXPECT_THROW(parse(file.substr(0, n), "y"), DataError) << n << " of " << file.size();
  }
}

TEST(Npz, NoChangedByteCrashesOrPassesUnnoticedInTheData) {
  const std::string file = from_numpy();
  for (size_t at = 0; at < file.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = file;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      try {
        const Tensor x = parse(changed, "x");
        ASSERT_EQ(x.span<float>()[5], 5) << "byte " << at << ", bit " << bit;
      } catch (const Error&) {
      }
    }
  }
}

TEST(Npz, LiesAreRefused) {
  const std::string npy = two_bytes();
  EXPECT_EQ(
      parse(archive("a.npy", npy, [](Claims& c) { c.comment = "PK\5\6 in a comment"; })).elements(),
      2);
  const std::function<void(Claims&)> lies[] = {
      [](Claims& c) { c.bytes = 0xfffffffe; },
      [](Claims& c) { c.bytes -= 1; },
      [](Claims& c) { c.packed += 1000; },
      [](Claims& c) { c.crc ^= 1; },
      [](Claims& c) { c.header_at = 5; },
      [](Claims& c) { c.header_at = 0xfffffff0; },
      [](Claims& c) { c.members = 1000; },
      [](Claims& c) { c.members = 2; },
      [](Claims& c) { c.flags = 1; },                // encrypted
      [](Claims& c) { c.method = 12; },              // bzip2
      [](Claims& c) { c.method = 8; },               // stored bytes that are no deflated ones
      [](Claims& c) { c.bytes = 0xffffffff; },       // a 64-bit size that is not there
      [](Claims& c) { c.extra = "\1\0\xff\xff"s; },  // longer than its entry
      [](Claims& c) { c.bytes = 0xffffffff, c.extra = "\1\0\4\0abcd"s; },  // too short for it
      [](Claims& c) {
        c.bytes = 0xffffffff, c.extra = "\1\0\x08\0\xff\xff\xff\xff\xff\xff\xff\x7f"s;
      },
  };
  for (size_t i = 0; i < std::size(lies); ++i)
    EXPECT_THROW(parse(archive("a.npy", npy, lies[i])), DataError) << "lie " << i;
  EXPECT_THROW(parse(archive("a.npy", "not npy")), DataError);
  EXPECT_THROW(parse("PK\5\6" + std::string(18, '\0')), DataError) << "an archive of nothing";
}

// 1 MiB of zeros packs to 1 KiB; a directory that claims less must stop the unpacking.
TEST(Npz, MemoryFollowsTheClaimNotTheBomb) {
  std::string zeros(1 << 20, '\0'), packed(1 << 12, '\0');
  z_stream z{};
  ASSERT_EQ(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(zeros.data());
  z.avail_in = static_cast<uInt>(zeros.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  ASSERT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  packed.resize(z.total_out);
  deflateEnd(&z);
  const auto unpack = [&](uint32_t claim) {
    const std::string file = archive("a.npy", packed, [&](Claims& c) {
      c.method = 8;
      c.bytes = claim;
      c.crc = static_cast<uint32_t>(
          crc32(0, reinterpret_cast<const Bytef*>(zeros.data()), static_cast<uInt>(zeros.size())));
    });
    const ZipMember member = zip_members(bytes_of(file), "a.npz")[0];
    EXPECT_EQ(member_start(bytes_of(file), member, "a.npz", 10), zeros.substr(0, 10));
    return unpack_member(bytes_of(file), member, "a.npz").size();
  };
  EXPECT_EQ(unpack(1 << 20), zeros.size());
  EXPECT_THROW(unpack(1000), DataError);
  EXPECT_THROW(unpack((1 << 20) + 1), DataError);
}

}  // namespace
}  // namespace latent
