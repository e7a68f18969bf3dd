// Bytes that chains move, counted by hand.
#include "kernels/traffic.h"

#include <gtest/gtest.h>

namespace latent::kernels {
namespace {

TEST(Traffic, EachOperandOnceByItsAccessAndType) {
  FusedProgram p;
  p.rows = 6;
  p.cols = 10;
  p.inputs = {{Access::full},
              {Access::full, Element::u8},
              {Access::row},
              {Access::column, Element::bf16},
              {Access::scalar}};
  p.outputs = {{End::store, 0, Element::bf16}, {End::row_sum, 0}, {End::column_sum, 1}};
  const Traffic t = traffic_of(p);
  EXPECT_EQ(t.written, (std::vector<size_t>{120, 24, 40}));
  EXPECT_EQ(t.read, (std::vector<size_t>{240, 60, 40, 12, 4}));
}

}  // namespace
}  // namespace latent::kernels
