// Chains with every kind of access and end, at sizes around the tiles and blocks, against double
// sums; parts and sharing of memory change nothing.
#include "kernels/fused.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace latent::kernels {
namespace {

std::vector<float> draw(int64_t n, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = std::uniform_real_distribution<float>(-1, 1)(random);
  return v;
}

void run(const std::vector<Call>& calls, std::vector<void*> operands, bool backward = false) {
  size_t scratch = 0;
  for (const Call& c : calls) scratch = std::max(scratch, c.scratch_bytes);
  std::vector<float> memory(scratch / 4 + 16);
  for (const Call& c : calls) {
    for (int k = 0; k < c.parts; ++k)
      c.run(backward ? c.parts - 1 - k : k, operands.data(),
            reinterpret_cast<std::byte*>(memory.data()), {});
  }
}

/// y = (x + r) * c * 2 with a row r and a column c; stores y, its row sums, row maxima and column
/// sums.
TEST(Fused, EveryAccessAndEnd) {
  for (int64_t rows : {1, 2, 31, 33, 300}) {
    for (int64_t cols : {1, 20, 100, 255, 256, 257, 784, 9000}) {
      FusedProgram p;
      p.rows = rows;
      p.cols = cols;
      p.inputs = {{Access::full}, {Access::row}, {Access::column}};
      p.constants = {2};
      p.steps = {{find_tile_op("add"), {0, 1, -1}},
                 {find_tile_op("mul"), {4, 2, -1}},
                 {find_tile_op("mul"), {5, 3, -1}}};
      p.outputs = {{End::store, 6}, {End::row_sum, 6}, {End::row_max, 6}, {End::column_sum, 6}};
      const std::vector<float> x = draw(rows * cols, 1), r = draw(cols, 2), c = draw(rows, 3);
      std::vector<float> y(x.size()), sums(static_cast<size_t>(rows)),
          most(static_cast<size_t>(rows)), columns(static_cast<size_t>(cols));
      const auto operands = [&](std::vector<float>& out) {
        return std::vector<void*>{out.data(),
                                  sums.data(),
                                  most.data(),
                                  columns.data(),
                                  const_cast<float*>(x.data()),
                                  const_cast<float*>(r.data()),
                                  const_cast<float*>(c.data())};
      };
      run(bind_fused(p, {-1, -1, -1, -1}), operands(y));
      std::vector<double> expected_columns(static_cast<size_t>(cols), 0);
      for (int64_t i = 0; i < rows; ++i) {
        double sum = 0;
        float top = -INFINITY;
        for (int64_t j = 0; j < cols; ++j) {
          const float v = (x[static_cast<size_t>(i * cols + j)] + r[static_cast<size_t>(j)]) *
                          c[static_cast<size_t>(i)] * 2;
          ASSERT_EQ(y[static_cast<size_t>(i * cols + j)], v);
          sum += static_cast<double>(v);
          expected_columns[static_cast<size_t>(j)] += static_cast<double>(v);
          top = std::max(top, v);
        }
        ASSERT_NEAR(static_cast<double>(sums[static_cast<size_t>(i)]), sum,
                    1e-5 * std::sqrt(static_cast<double>(cols)) + 1e-6);
        ASSERT_EQ(most[static_cast<size_t>(i)], top);
      }
      for (int64_t j = 0; j < cols; ++j)
        ASSERT_NEAR(static_cast<double>(columns[static_cast<size_t>(j)]),
                    expected_columns[static_cast<size_t>(j)], 1e-4);
      const auto old_sums = sums, old_columns = columns;
      std::vector<float> shared = x;
      auto in_place = operands(shared);
      in_place[4] = shared.data();
      run(bind_fused(p, {0, -1, -1, -1}), in_place, true);
      ASSERT_EQ(shared, y);
      ASSERT_EQ(sums, old_sums);
      ASSERT_EQ(columns, old_columns);
    }
  }
}

TEST(Fused, AnInputReadAfterItsMemoryIsTakenKeepsItsValue) {
  // y = x * x computed first, z = y + x; y shares x's memory.
  FusedProgram p;
  p.cols = 1000;
  p.inputs = {{Access::full}};
  p.steps = {{find_tile_op("square"), {0, -1, -1}}, {find_tile_op("add"), {1, 0, -1}}};
  p.outputs = {{End::store, 1}, {End::store, 2}};
  const std::vector<float> x = draw(1000, 4);
  std::vector<float> y = x, z(1000);
  run(bind_fused(p, {0, -1}), {y.data(), z.data(), y.data()});
  for (size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(y[i], x[i] * x[i]);
    EXPECT_EQ(z[i], x[i] * x[i] + x[i]);
  }
}

TEST(Fused, AnInputReducedAfterItsMemoryIsTakenKeepsItsValue) {
  // y = -x, and the row and column sums of x; y shares x's memory.
  FusedProgram p;
  p.rows = 40;
  p.cols = 300;
  p.inputs = {{Access::full}};
  p.steps = {{find_tile_op("neg"), {0, -1, -1}}};
  p.outputs = {{End::store, 1}, {End::row_sum, 0}, {End::column_sum, 0}};
  const std::vector<float> x = draw(12000, 4);
  const auto sums = [&](std::vector<float> in, bool share) {
    std::vector<float> out(12000), all(340);
    run(bind_fused(p, {share ? 0 : -1, -1, -1}, false),
        {share ? in.data() : out.data(), all.data(), all.data() + 40, in.data()});
    return all;
  };
  EXPECT_EQ(sums(x, true), sums(x, false));
}

TEST(Fused, LongSumsHaveBlocks) {
  FusedProgram p;
  p.cols = 100000;
  p.inputs = {{Access::full}};
  p.outputs = {{End::row_sum, 0}};
  const std::vector<float> x = draw(p.cols, 5);
  const std::vector<Call> calls = bind_fused(p, {-1});
  ASSERT_EQ(calls.size(), 2u);
  float sum = 0, again = 0;
  run(calls, {&sum, const_cast<float*>(x.data())});
  run(calls, {&again, const_cast<float*>(x.data())}, true);
  double expected = 0;
  for (float v : x) expected += static_cast<double>(v);
  EXPECT_NEAR(static_cast<double>(sum), expected, 1e-2);
  EXPECT_EQ(sum, again);
}

TEST(Fused, TrafficIsEachOperandOnceByItsAccessAndType) {
  FusedProgram p;
  p.rows = 6;
  p.cols = 10;
  p.inputs = {{Access::full},
              {Access::full, DType::u8},
              {Access::row},
              {Access::column, DType::bf16},
              {Access::scalar}};
  p.outputs = {{End::store, 0, DType::bf16}, {End::row_sum, 0}, {End::column_sum, 1}};
  const Traffic t = p.traffic();
  EXPECT_EQ(t.written, (std::vector<size_t>{120, 24, 40}));
  EXPECT_EQ(t.read, (std::vector<size_t>{240, 60, 40, 12, 4}));
}

}  // namespace
}  // namespace latent::kernels
