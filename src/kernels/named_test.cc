// Every named kernel against the interpreter, bit for bit, at shapes with rests, several parts and
// several blocks; and the texts against what FusedProgram prints.
#include "kernels/named.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "kernels/chain_shape.h"

namespace latent::kernels {
namespace {

/// With `strided` every second full input is the right part of rows that are 5 elements longer.
FusedProgram program_of(std::string_view text, int64_t rows, int64_t cols, bool strided = false) {
  const ChainShape s = parse_chain(text);
  FusedProgram p;
  p.rows = rows;
  p.cols = cols;
  for (int k = 0; k < s.inputs; ++k) {
    p.inputs.push_back({s.access[k]});
    if (strided && s.access[k] == Access::full && k % 2)
      p.inputs.back().stride = cols + 5, p.inputs.back().offset = 5;
  }
  for (int k = 0; k < s.constants; ++k)
    p.constants.push_back(0.25f + 0.125f * static_cast<float>(k));
  for (int k = 0; k < s.steps; ++k)
    p.steps.push_back({find_tile_op(s.op[k]), {s.src[k][0], s.src[k][1], s.src[k][2]}});
  for (int o = 0; o < s.outputs; ++o) p.outputs.push_back({s.end[o], s.value[o]});
  return p;
}

int64_t length(const FusedInput& i, const FusedProgram& p) {
  return i.access == Access::full     ? p.rows * (i.stride ? i.stride : p.cols)
         : i.access == Access::row    ? p.cols
         : i.access == Access::column ? p.rows
                                      : 1;
}
int64_t length(End e, const FusedProgram& p) {
  return e == End::store ? p.rows * p.cols : e == End::column_sum ? p.cols : p.rows;
}

/// The bytes of all outputs.
std::vector<float> run(const FusedProgram& p, bool named, bool backward) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<float> draw(0.01f, 2);
  std::vector<std::vector<float>> memory;
  for (const FusedOutput& o : p.outputs)
    memory.emplace_back(static_cast<size_t>(length(o.end, p)), -7.f);
  for (const FusedInput& i : p.inputs) {
    memory.emplace_back(static_cast<size_t>(length(i, p)));
    for (float& v : memory.back()) v = draw(random);
  }
  std::vector<void*> operands;
  for (auto& m : memory) operands.push_back(m.data());
  const std::vector<Call> calls = bind_fused(p, std::vector<int>(p.outputs.size(), -1), named);
  std::vector<std::byte> scratch(calls[0].scratch_bytes + 64);
  for (const Call& c : calls) {
    for (int k = 0; k < c.parts; ++k)
      c.run(backward ? c.parts - 1 - k : k, operands.data(), scratch.data(), {});
  }
  std::vector<float> all;
  for (size_t o = 0; o < p.outputs.size(); ++o)
    all.insert(all.end(), memory[o].begin(), memory[o].end());
  return all;
}

TEST(Named, TextsAreThoseThatChainsPrint) {
  for (const NamedKernel& k : named_kernels()) {
    EXPECT_EQ(program_of(k.program, 3, 5).text(), k.program) << k.name;
    EXPECT_EQ(find_named(k.program), &k) << "two kernels for " << k.program;
  }
  EXPECT_EQ(find_named("ff:0 add,0,1 =2 no such"), nullptr);
}

TEST(Named, EqualsTheInterpreterBitForBit) {
  if (named_kernels().empty()) GTEST_SKIP() << "named kernels need AVX2";
  for (const NamedKernel& k : named_kernels()) {
    for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{1, 1},
                                     {1, 33},
                                     {1, 20000},
                                     {7, 1},
                                     {32, 20},
                                     {33, 100},
                                     {20, 16},
                                     {70, 8},  // one or two vectors of some CPU
                                     {5000, 16},
                                     {130, 32},
                                     {300, 257},
                                     {130, 784},
                                     {3, 17000}}) {
      for (const bool strided : {false, true}) {
        const FusedProgram p = program_of(k.program, rows, cols, strided);
        ASSERT_EQ(bind_fused(p, std::vector<int>(p.outputs.size(), -1))[0].kernel, k.name);
        const std::vector<float> expected = run(p, false, false);
        for (bool backward : {false, true}) {
          const std::vector<float> found = run(p, true, backward);
          ASSERT_EQ(found.size(), expected.size());
          ASSERT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
              << k.name << " at " << rows << " x " << cols << (strided ? ", strided" : "");
        }
      }
    }
  }
}

}  // namespace
}  // namespace latent::kernels
