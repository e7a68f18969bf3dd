// Shapes refuse what cannot be; tensors own aligned zeroed memory and are read only as what they
// hold.
#include "latent/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/memory.h"

namespace latent {
namespace {

TEST(DTypes, NamesAndSizesGoBothWays) {
  const std::pair<DType, size_t> all[] = {
      {DType::f32, 4}, {DType::f64, 8}, {DType::bf16, 2}, {DType::i32, 4}, {DType::u8, 1}};
  for (const auto& [type, size] : all) {
    EXPECT_EQ(size_of(type), size);
    EXPECT_EQ(dtype_named(name_of(type)), type);
  }
  EXPECT_STREQ(name_of(DType::bf16), "bf16");
  EXPECT_THROW(dtype_named("float"), UsageError);
  EXPECT_THROW(dtype_named(""), UsageError);
}

TEST(Shapes, ElementsTextAndEquality) {
  EXPECT_EQ(Shape{}.rank(), 0);
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ(Shape{}.text(), "[]");
  EXPECT_EQ((Shape{32, 100}.elements()), 3200);
  EXPECT_EQ((Shape{32, 100}.text()), "[32,100]");
  EXPECT_EQ((Shape{3, 0, 5}.elements()), 0);
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{2}), (Shape{2, 1}));
  EXPECT_NE(Shape{}, Shape{1});
  const std::vector<int64_t> dims = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(Shape(dims).elements(), 720);
  EXPECT_TRUE(std::ranges::equal(Shape(dims).dims(), dims));
}

TEST(Shapes, RefuseRankSignAndOverflow) {
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), UsageError);
  EXPECT_THROW((Shape{2, -1}), UsageError);
  const int64_t big = int64_t{1} << 30;
  EXPECT_NO_THROW((Shape{big, (big >> 1) - 1}));
  EXPECT_THROW((Shape{big, big}), UsageError);
  EXPECT_THROW((Shape{INT64_MAX, INT64_MAX}), UsageError);
  EXPECT_THROW((Shape{int64_t{1} << 32, int64_t{1} << 32}), UsageError);  // 2^64 wraps to 0
}

TEST(Tensors, AreAlignedAndZero) {
  const Tensor t({3, 5}, DType::f64);
  EXPECT_EQ(t.bytes(), 120u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(t.raw()) % kAlignment, 0u);
  EXPECT_TRUE(std::ranges::all_of(t.span<double>(), [](double v) { return v == 0; }));
  EXPECT_EQ(Tensor({0, 4}).span<float>().size(), 0u);
  EXPECT_EQ(Tensor(Shape{}).span<float>().size(), 1u);
}

TEST(Tensors, AreReadOnlyAsWhatTheyHold) {
  Tensor t({4}, DType::i32);
  EXPECT_NO_THROW(t.span<int32_t>());
  EXPECT_THROW(t.span<float>(), UsageError);
  EXPECT_THROW(t.span<uint8_t>(), UsageError);
  EXPECT_NO_THROW(Tensor({4}, DType::bf16).span<uint16_t>());
  EXPECT_NO_THROW(Tensor({4}, DType::u8).span<uint8_t>());
}

TEST(Tensors, CloneCopiesAndMoveDoesNot) {
  Tensor a({2, 2});
  a.span<float>()[3] = 7;
  Tensor b = a.clone();
  b.span<float>()[3] = 8;
  EXPECT_EQ(a.span<float>()[3], 7);
  EXPECT_EQ(b.shape(), a.shape());
  const void* address = a.raw();
  const Tensor c = std::move(a);
  EXPECT_EQ(c.raw(), address);
  EXPECT_EQ(c.span<float>()[3], 7);
  EXPECT_EQ(Tensor().clone().raw(), nullptr);
}

TEST(Tensors, MappedFilesAreReadAndNeverWritten) {
  std::FILE* file = std::tmpfile();
  ASSERT_TRUE(file);
  std::fputs("abcdef", file);
  std::fflush(file);
  Tensor t = Tensor::mapped(::fileno(file), "letters", {2, 3}, DType::u8);
  EXPECT_EQ(t.span<uint8_t>()[5], 'f');
  t.span<uint8_t>()[0] = 'X';
  const Tensor again = Tensor::mapped(::fileno(file), "letters", {2, 3}, DType::u8);
  std::fclose(file);  // a mapping outlives it
  EXPECT_EQ(again.span<uint8_t>()[0], 'a');
  EXPECT_EQ(t.clone().span<uint8_t>()[0], 'X');
  EXPECT_THROW(Tensor::mapped(-1, "nothing", {1}, DType::u8), SystemError);
}

TEST(Tensors, TooLargeIsAnErrorNotACrash) { EXPECT_THROW(Tensor({int64_t{1} << 50}), UsageError); }

}  // namespace
}  // namespace latent
