// NPY: types, orders and versions that NumPy writes; refusal of the rest; what is written is read
// back.
#include "data/npy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "base/file.h"

namespace latent {
namespace {

using namespace std::string_literals;

// An NPY file of the given version around a header text and the bytes of the elements.
std::string npy(const std::string& header, const std::string& body, int version = 1) {
  const size_t n = header.size();
  std::string s = "\x93NUMPY" + std::string(1, static_cast<char>(version)) + '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) s += static_cast<char>(n >> 8 * i & 255);
  return s + header + body;
}

std::string head(const std::string& descr, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") +
         ", 'shape': " + shape + ", }   \n";
}

Tensor parse(const std::string& text) { return parse_npy(bytes_of(text), "a.npy"); }

template <class T>
std::string raw(std::initializer_list<T> values) {
  return std::string(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T));
}

TEST(Npy, TypesOfBothByteOrders) {
  EXPECT_EQ(parse(npy(head("|u1", "(2,)"), "\1\xff"s)).span<uint8_t>()[1], 255);
  EXPECT_EQ(parse(npy(head("|b1", "(2,)"), "\0\1"s)).span<uint8_t>()[1], 1);
  EXPECT_EQ(parse(npy(head("|i1", "(1,)"), "\xff"s)).span<int32_t>()[0], -1);
  EXPECT_EQ(parse(npy(head("<u2", "(1,)"), "\1\2"s)).span<int32_t>()[0], 0x0201);
  EXPECT_EQ(parse(npy(head(">i2", "(1,)"), "\xff\xfe"s)).span<int32_t>()[0], -2);
  EXPECT_EQ(parse(npy(head("<i4", "(1,)"), raw({-7}))).span<int32_t>()[0], -7);
  EXPECT_EQ(parse(npy(head(">i4", "(1,)"), "\0\0\1\0"s)).span<int32_t>()[0], 256);
  EXPECT_EQ(parse(npy(head("<i8", "(2,)"), raw<int64_t>({-3, INT32_MAX}))).span<int32_t>()[1],
            INT32_MAX);
  EXPECT_EQ(parse(npy(head("<f4", "(1,)"), raw({1.5f}))).span<float>()[0], 1.5f);
  EXPECT_EQ(parse(npy(head(">f4", "(1,)"), "\xc0\x20\0\0"s)).span<float>()[0], -2.5f);
  EXPECT_EQ(parse(npy(head("<f8", "(1,)"), raw({1e300}))).span<double>()[0], 1e300);
  EXPECT_EQ(parse(npy(head(">f8", "(1,)"), "\x3f\xf8\0\0\0\0\0\0"s)).span<double>()[0], 1.5);
}

TEST(Npy, AnIntegerThatDoesNotFitIsNamedWithItsPlace) {
  const std::string file = npy(head("<i8", "(2,)"), raw<int64_t>({1, int64_t{1} << 40}));
  try {
    parse(file);
    FAIL() << "2^40 became an i32";
  } catch (const DataError& e) {
    EXPECT_EQ(e.offset(), static_cast<int64_t>(file.size()) - 8);
    EXPECT_NE(std::string(e.what()).find("1099511627776"), std::string::npos) << e.what();
  }
  EXPECT_THROW(parse(npy(head("<u4", "(1,)"), raw({UINT32_MAX}))), DataError);
}

TEST(Npy, VersionsShapesAndSpellings) {
  for (int version : {1, 2, 3}) {
    EXPECT_EQ(parse(npy(head("|u1", "(1, 2, 3)"), "abcdef", version)).shape(), (Shape{1, 2, 3}))
        << version;
  }
  EXPECT_EQ(parse(npy(head("<f4", "()"), raw({4.f}))).shape(), Shape{});
  EXPECT_EQ(parse(npy(head("|u1", "(0, 5)"), "")).shape(), (Shape{0, 5}));
  EXPECT_EQ(parse(npy(head("|u1", "(2L, 1L)"), "ab")).shape(), (Shape{2, 1})) << "Python 2";
  EXPECT_EQ(parse(npy(R"({"shape":(2,),"fortran_order":False,"descr":"|u1"})", "ab")).shape(),
            (Shape{2}));
}

TEST(Npy, FortranOrderIsTransposed) {
  // NumPy's asfortranarray(arange(6).reshape(2, 3)) lies as 0 3 1 4 2 5.
  const Tensor a = parse(npy(head("|u1", "(2, 3)", true), "\0\3\1\4\2\5"s));
  const uint8_t expected[] = {0, 1, 2, 3, 4, 5};
  EXPECT_EQ(a.shape(), (Shape{2, 3}));
  EXPECT_TRUE(std::ranges::equal(a.span<uint8_t>(), expected));
  // Element (i, j, k) of shape (2, 3, 4) lies at i + 2 j + 6 k.
  std::string body;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) body += raw({100 * i + 10 * j + k});
  const Tensor b = parse(npy(head("<i4", "(2, 3, 4)", true), body));
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k) {
        EXPECT_EQ(b.span<int32_t>()[static_cast<size_t>((i * 3 + j) * 4 + k)],
                  100 * i + 10 * j + k);
      }
  EXPECT_EQ(parse(npy(head("|u1", "(0, 100000000, 1000000000)", true), "")).elements(), 0);
}

TEST(Npy, RefusesWhatItCannotReadInWords) {
  const std::pair<std::string, const char*> bad[] = {
      {"", "NPY file"},
      {"\x93NUMPZ\1\0\0\0"s, "NPY file"},
      {"\x93NUMPY\1\0\1"s, "ends within"},
      {"\x93NUMPY\2\0\1\0\0"s, "ends within"},
      {npy(head("|u1", "(1,)"), "a", 4), "version 4"},
      {"\x93NUMPY\1\0\xff\xff{"s, "length"},
      {"\x93NUMPY\2\0\xff\xff\xff\xff{"s, "length"},
      {npy(head("|O", "(1,)"), "abcdefgh"), "objects"},
      {npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", "abcd"),
       "records"},
      {npy(head("<c8", "(1,)"), "abcdefgh"), "<c8"},
      {npy(head("<f2", "(1,)"), "ab"), "<f2"},
      {npy(head("<U4", "(1,)"), "abcd"), "<U4"},
      {npy(head("|u4", "(1,)"), "abcd"), "|u4"},
      {npy(head("|u1", "(2,)"), "a"), "needs 2 bytes"},
      {npy(head("|u1", "(2,)"), "abc"), "needs 2 bytes"},
      {npy(head("|u1", "(1, 1, 1, 1, 1, 1, 1)"), "a"), "axes"},
      {npy(head("|u1", "(4294967296, 4294967296)"), ""), "memory"},
      {npy(head("|u1", "(0, 4294967296, 4294967296)", true), ""), "memory"},
      {npy(head("<f8", "(99999999999999999999,)"), ""), "memory"},
      {npy(head("|u1", "(-1,)"), "a"), "whole number"},
      {npy(head("|u1", "(1"), "a"), "expected"},
      {npy("{'descr': '|u1', 'shape': (1,), }\n", "a"), "lacks"},
      {npy("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}\n", "a"),
       "twice"},
      {npy("{'descr': '|u1', 'fortran_order': 1, 'shape': (1,)}\n", "a"), "True or False"},
      {npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'x': 1}\n", "a"), "unknown"},
      {npy("{'descr': '|u1", "a"), "without an end"},
      {npy(head("|u1", "(1,)") + "x", "a"), "after"},
  };
  for (const auto& [file, words] : bad) {
    try {
      parse(file);
      ADD_FAILURE() << "was read: " << testing::PrintToString(file);
    } catch (const DataError& e) {
      EXPECT_EQ(e.path(), "a.npy");
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos)
          << e.what() << "; expected: " << words;
    }
  }
}

TEST(Npy, CutOrChangedFilesNeverCrash) {
  const std::string good = npy(head("<i4", "(2, 3)", true), std::string(24, '\1'));
  for (size_t n = 0; n < good.size(); ++n) EXPECT_THROW(parse(good.substr(0, n)), DataError) << n;
  for (size_t i = 0; i < good.size(); ++i) {
    for (int v = 0; v < 256; ++v) {
      std::string file = good;
      file[i] = static_cast<char>(v);
      try {
        EXPECT_EQ(parse(file).bytes(), 24u);
      } catch (const DataError&) {
      }
    }
  }
}

TEST(Npy, WritesWhatItReads) {
  const std::string path = testing::TempDir() + "latent-npy-" + std::to_string(::getpid()) + ".npy";
  for (const Shape& shape :
       {Shape{}, Shape{3}, Shape{2, 3}, Shape{0, 4}, Shape{1, 2, 3, 4, 5, 6}}) {
    for (const DType type : {DType::u8, DType::i32, DType::f32, DType::f64}) {
      Tensor t(shape, type);
      for (size_t i = 0; i < t.bytes(); ++i) t.as_bytes()[i] = static_cast<std::byte>(i * 37);
      write_npy(path, t);
      const std::string file = read_file(path);
      EXPECT_EQ((file.size() - t.bytes()) % 64, 0u);
      EXPECT_EQ(file[file.size() - t.bytes() - 1], '\n');
      const Tensor back = read_npy(path);
      EXPECT_EQ(back.shape(), shape);
      EXPECT_EQ(back.dtype(), type);
      EXPECT_TRUE(std::ranges::equal(back.as_bytes(), t.as_bytes()));
    }
  }
  std::filesystem::remove(path);
}

TEST(Npy, WritesTheHeaderThatNumpyWrites) {
  const std::string path = testing::TempDir() + "latent-npy-" + std::to_string(::getpid()) + ".npy";
  const std::pair<Shape, std::string> shapes[] = {
      {Shape{}, "()"}, {Shape{3}, "(3,)"}, {Shape{3, 4}, "(3, 4)"}};
  for (const auto& [shape, text] : shapes) {
    write_npy(path, Tensor(shape));
    const std::string start =
        "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': "s + text + ", } ";
    EXPECT_EQ(read_file(path).substr(0, start.size()), start);
  }
  std::filesystem::remove(path);
}

TEST(Npy, WritesBf16AsFloat32) {
  const std::string path = testing::TempDir() + "latent-npy-" + std::to_string(::getpid()) + ".npy";
  Tensor t({2}, DType::bf16);
  t.span<uint16_t>()[0] = 0x3fc0;
  t.span<uint16_t>()[1] = 0xc020;
  write_npy(path, t);
  const Tensor back = read_npy(path);
  EXPECT_EQ(back.span<float>()[0], 1.5f);
  EXPECT_EQ(back.span<float>()[1], -2.5f);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace latent
