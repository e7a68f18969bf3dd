// Every op of the tile table on every instruction set: against double, at every short length and
// misalignment, at the edges of the floats.
#include "kernels/tile.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "kernels/test_targets.h"

namespace latent::kernels {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kMaxFloat = std::numeric_limits<float>::max();
constexpr float kMinNormal = std::numeric_limits<float>::min();
constexpr size_t kLongest = 2 * 16 + 3;  // two of the widest vectors and a rest

struct Reference {
  std::string name;
  int arity;
  std::function<double(double, double, double)> value;
  double ulps;  // allowed distance from `value`
};

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

/// By the recurrence up to 20, then the asymptotic series: 1e-15, which matters at the zero.
double digamma(double x) {
  if (!(x >= 0)) return std::nan("");
  double y = 0;
  for (; x < 20; ++x) y -= 1 / x;
  const double r = 1 / (x * x);
  return y + std::log(x) - 0.5 / x -
         r * (1. / 12 - r * (1. / 120 - r * (1. / 252 - r * (1. / 240 - r / 132))));
}

std::vector<Reference> references() {
  using std::isnan;
  const auto unary = [](const char* name, double (*f)(double), double ulps) {
    return Reference{name, 1, [f](double x, double, double) { return f(x); }, ulps};
  };
  const auto binary = [](const char* name, double (*f)(double, double), double ulps) {
    return Reference{name, 2, [f](double x, double y, double) { return f(x, y); }, ulps};
  };
  return {
      unary(
          "copy", [](double x) { return x; }, 0),
      unary(
          "neg", [](double x) { return -x; }, 0),
      unary(
          "abs", [](double x) { return std::abs(x); }, 0),
      unary(
          "sign", [](double x) { return x > 0   ? 1.0
                                        : x < 0 ? -1.0
                                                : x; }, 0),
      unary(
          "exp", [](double x) { return std::exp(x); }, 2),
      unary(
          "log", [](double x) { return std::log(x); }, 2),
      unary(
          "log1p", [](double x) { return std::log1p(x); }, 3),
      unary(
          "expm1", [](double x) { return std::expm1(x); }, 3),
      unary(
          "sqrt", [](double x) { return std::sqrt(x); }, 0.5),
      unary(
          "reciprocal", [](double x) { return 1 / x; }, 0.5),
      unary(
          "square", [](double x) { return x * x; }, 0.5),
      unary(
          "tanh", [](double x) { return std::tanh(x); }, 3),
      unary(
          "sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, 3),
      unary("softplus", softplus, 3),
      unary(
          "relu", [](double x) { return isnan(x) || x > 0 ? x : 0; }, 0),
      unary(
          "erf", [](double x) { return std::erf(x); }, 3),
      unary(
          "lgamma", [](double x) { return x < 0 ? std::nan("") : std::lgamma(x); }, 4),
      unary("digamma", digamma, 4),
      unary(
          "rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1.5),
      unary(
          "floor", [](double x) { return std::floor(x); }, 0),
      unary(
          "step", [](double x) { return x > 0 ? 1.0 : 0.0; }, 0),
      binary(
          "add", [](double x, double y) { return x + y; }, 0.5),
      binary(
          "sub", [](double x, double y) { return x - y; }, 0.5),
      binary(
          "mul", [](double x, double y) { return x * y; }, 0.5),
      binary(
          "div", [](double x, double y) { return x / y; }, 0.5),
      binary(
          "max", [](double x, double y) { return isnan(x) || x > y ? x : y; }, 0),
      binary(
          "min", [](double x, double y) { return isnan(x) || x < y ? x : y; }, 0),
      binary(
          "pow", [](double x, double y) { return std::pow(x, y); }, 1),
      binary(
          "greater", [](double x, double y) { return x > y ? 1.0 : 0.0; }, 0),
      binary(
          "equal", [](double x, double y) { return x == y ? 1.0 : 0.0; }, 0),
      binary(
          "greater_equal", [](double x, double y) { return x >= y ? 1.0 : 0.0; }, 0),
      {"where", 3, [](double x, double y, double z) { return x != 0 ? y : z; }, 0},
  };
}

/// Distance of y from the exact value in units in the last place of the value; 0 for two NaN or two
/// equal infinities.
double ulp_distance(float y, double exact) {
  if (std::isnan(exact) || std::isnan(y)) return std::isnan(exact) == std::isnan(y) ? 0 : kInf;
  const float rounded = static_cast<float>(exact);
  if (std::isinf(rounded) || std::isinf(y)) {
    if (rounded == y) return 0;
    // On the brink of overflow, one may have rounded down.
    return std::abs(static_cast<double>(y)) >= kMaxFloat && std::abs(exact) > 0.9999999 * kMaxFloat
               ? 1
               : kInf;
  }
  // Denormal results may be flushed to zero.
  if (std::abs(exact) < kMinNormal) return std::abs(y - exact) <= kMinNormal ? 0 : kInf;
  const double spacing = std::ldexp(1.0, std::ilogb(exact) - 23);
  return std::abs(y - exact) / spacing;
}

float apply(const TileOp& op, float x, float y = 0, float z = 0) {
  float result = -7;
  op.fn(&result, &x, &y, &z, 1);
  return result;
}

/// Floats spread evenly over all exponents and both signs, infinities and quiet NaN among them.
std::vector<float> sweep(uint32_t step) {
  std::vector<float> values = {0.0f, -0.0f, kInf, -kInf, kNan};
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += step) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (!std::isnan(x)) values.push_back(x);
  }
  return values;
}

std::vector<float> ramp(float low, float high, size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) {
    values[i] = low + (high - low) * (static_cast<float>(i) / static_cast<float>(n - 1));
  }
  return values;
}

TEST(Tile, FindsEveryOpByName) {
  for_each_target([] {
    for (const Reference& reference : references()) {
      const TileOp* op = find_tile_op(reference.name);
      ASSERT_NE(op, nullptr) << reference.name;
      EXPECT_EQ(op->name, reference.name);
      EXPECT_EQ(op->arity, reference.arity) << reference.name;
    }
    EXPECT_NE(find_tile_op("sin"), nullptr);
    EXPECT_NE(find_tile_op("cos"), nullptr);
    EXPECT_EQ(find_tile_op("no_such_op"), nullptr);
    EXPECT_EQ(find_tile_op(""), nullptr);
  });
}

// Lengths 0 to 2 N + 3 at misaligned places, in place or not: the bits of an element are those of
// the element alone, and nothing around dst changes.
TEST(Tile, BitsDoNotDependOnPlaceAndNothingElseIsWritten) {
  constexpr float kSentinel = -12345.0f;
  std::vector<std::string> names = {"sin", "cos"};
  for (const Reference& reference : references()) names.push_back(reference.name);
  for_each_target([&] {
    for (const std::string& name : names) {
      const TileOp& op = *find_tile_op(name);
      for (size_t n = 0; n <= kLongest; ++n) {
        const size_t shift = 1 + n % 3;
        std::vector<float> operands[3];
        for (int k = 0; k < 3; ++k) {
          operands[k].assign(shift + n, 0);
          for (size_t i = 0; i < n; ++i) {
            operands[k][shift + i] = 0.37f * static_cast<float>((i * 7 + 5 * k) % 23) - 3.0f;
          }
        }
        const float* a = operands[0].data() + shift;
        const float* b = op.arity > 1 ? operands[1].data() + shift : nullptr;
        const float* c = op.arity > 2 ? operands[2].data() + shift : nullptr;
        std::vector<float> dst(n + 8, kSentinel);
        op.fn(dst.data() + 3, a, b, c, n);
        std::vector<float> in_place(a, a + n);
        op.fn(in_place.data(), in_place.data(), b, c, n);
        for (size_t i = 0; i < dst.size(); ++i) {
          if (i < 3 || i >= n + 3) {
            ASSERT_EQ(dst[i], kSentinel) << name << " n " << n << " wrote at " << i;
            continue;
          }
          const size_t e = i - 3;
          const float alone = apply(op, a[e], b ? b[e] : 0, c ? c[e] : 0);
          ASSERT_EQ(std::bit_cast<uint32_t>(dst[i]), std::bit_cast<uint32_t>(alone))
              << name << " n " << n << " element " << e;
          ASSERT_EQ(std::bit_cast<uint32_t>(in_place[e]), std::bit_cast<uint32_t>(alone))
              << name << " in place, n " << n << " element " << e;
        }
      }
    }
  });
}

void check_accuracy(const Reference& reference, const std::vector<float>& a,
                    const std::vector<float>& b, const std::vector<float>& c) {
  const size_t n = a.size();
  std::vector<double> exact(n);
  for (size_t i = 0; i < n; ++i) exact[i] = reference.value(a[i], b[i], c[i]);
  for_each_target([&] {
    std::vector<float> got(n);
    find_tile_op(reference.name)->fn(got.data(), a.data(), b.data(), c.data(), n);
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; ++i) {
      const double distance = ulp_distance(got[i], exact[i]);
      if (distance > worst) worst = distance, at = i;
    }
    EXPECT_LE(worst, reference.ulps) << reference.name << "(" << a[at] << ", " << b[at] << ", "
                                     << c[at] << ") = " << got[at] << ", not " << exact[at];
  });
}

TEST(Tile, UnaryAccuracyOverAllFloats) {
  std::vector<float> x = sweep(4099 * 3);
  for (const auto& more : {ramp(-20, 20, 200001), ramp(-2, 2, 100001), ramp(-105, 90, 50001)}) {
    x.insert(x.end(), more.begin(), more.end());
  }
  for (const Reference& reference : references()) {
    if (reference.arity == 1) check_accuracy(reference, x, x, x);
  }
}

TEST(Tile, BinaryAndTernaryAccuracy) {
  std::vector<float> a, b, c;
  const std::vector<float> values = sweep(0x00c5a31b);
  for (const float x : values) {
    for (const float y : values) {
      a.push_back(x), b.push_back(y), c.push_back(x + 1);
    }
  }
  const std::vector<float> near = ramp(0.01f, 8, 301);
  for (const float x : near) {
    for (const float y : near) {
      a.push_back(x), b.push_back(y - 4), c.push_back(-x);
    }
  }
  for (const Reference& reference : references()) {
    if (reference.arity > 1) check_accuracy(reference, a, b, c);
  }
}

TEST(Tile, SineAndCosine) {
  std::vector<float> x = ramp(-10, 10, 100001);
  for (const auto& more : {ramp(-9000, 9000, 100001), ramp(-1e6f, 1e6f, 1001)}) {
    x.insert(x.end(), more.begin(), more.end());
  }
  for_each_target([&] {
    std::vector<float> sine(x.size()), cosine(x.size());
    find_tile_op("sin")->fn(sine.data(), x.data(), nullptr, nullptr, x.size());
    find_tile_op("cos")->fn(cosine.data(), x.data(), nullptr, nullptr, x.size());
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = x[i];
      worst = std::max(worst, std::abs(sine[i] - std::sin(exact)));
      worst = std::max(worst, std::abs(cosine[i] - std::cos(exact)));
    }
    EXPECT_LE(worst, 1.5e-7);
    for (const char* name : {"sin", "cos"}) {
      const TileOp& op = *find_tile_op(name);
      EXPECT_TRUE(std::isnan(apply(op, kInf))) << name;
      EXPECT_TRUE(std::isnan(apply(op, -kInf))) << name;
      EXPECT_TRUE(std::isnan(apply(op, kNan))) << name;
    }
  });
}

TEST(Tile, Limits) {
  struct Case {
    const char* op;
    float x, expected;
  };
  const Case cases[] = {
      {"exp", 89, kInf},
      {"exp", kInf, kInf},
      {"exp", -kInf, 0},
      {"exp", 0, 1},
      {"exp", -200, 0},
      {"exp", kMaxFloat, kInf},
      {"log", 0, -kInf},
      {"log", -0.0f, -kInf},
      {"log", -1, kNan},
      {"log", kInf, kInf},
      {"log", 1, 0},
      {"log", -kInf, kNan},
      {"log", -1e-40f, kNan},
      {"log1p", -1, -kInf},
      {"log1p", -2, kNan},
      {"log1p", kInf, kInf},
      {"log1p", -kInf, kNan},
      {"expm1", -kInf, -1},
      {"expm1", kInf, kInf},
      {"expm1", -200, -1},
      {"expm1", 89, kInf},
      {"tanh", kInf, 1},
      {"tanh", -kInf, -1},
      {"tanh", 50, 1},
      {"sigmoid", kInf, 1},
      {"sigmoid", -kInf, 0},
      {"sigmoid", 0, 0.5f},
      {"softplus", 1000, 1000},
      {"softplus", -1000, 0},
      {"softplus", kInf, kInf},
      {"softplus", -kInf, 0},
      {"erf", kInf, 1},
      {"erf", -kInf, -1},
      {"erf", 5, 1},
      {"sqrt", -1, kNan},
      {"reciprocal", 0, kInf},
      {"reciprocal", -kInf, 0},
      {"relu", kInf, kInf},
      {"relu", -kInf, 0},
      {"sign", -kInf, -1},
      {"floor", -0.5f, -1},
      {"step", 0, 0},
  };
  for_each_target([&] {
    for (const Case& c : cases) {
      const float got = apply(*find_tile_op(c.op), c.x);
      if (std::isnan(c.expected)) {
        EXPECT_TRUE(std::isnan(got)) << c.op << "(" << c.x << ") = " << got;
      } else {
        EXPECT_EQ(got, c.expected) << c.op << "(" << c.x << ")";
      }
    }
    // The sign of zero is kept.
    for (const char* name : {"log1p", "expm1", "tanh", "erf"}) {
      EXPECT_TRUE(std::signbit(apply(*find_tile_op(name), -0.0f))) << name;
    }
    EXPECT_NEAR(apply(*find_tile_op("log"), 1e-40f), std::log(1e-40), 1e-5);
    EXPECT_GE(apply(*find_tile_op("sigmoid"), -100), 0);
    EXPECT_EQ(apply(*find_tile_op("where"), kNan, 1, 2), 1);
  });
}

TEST(Tile, NanPropagates) {
  for_each_target([] {
    for (const char* name :
         {"copy", "neg", "abs", "sign", "exp", "log", "log1p", "expm1", "sqrt", "reciprocal",
          "square", "tanh", "sigmoid", "softplus", "relu", "erf", "floor"}) {
      EXPECT_TRUE(std::isnan(apply(*find_tile_op(name), kNan))) << name;
      EXPECT_TRUE(std::isnan(apply(*find_tile_op(name), -kNan))) << name;
    }
    for (const char* name : {"add", "sub", "mul", "div", "max", "min", "pow"}) {
      EXPECT_TRUE(std::isnan(apply(*find_tile_op(name), kNan, 2))) << name;
      EXPECT_TRUE(std::isnan(apply(*find_tile_op(name), 2, kNan))) << name;
    }
  });
}

}  // namespace
}  // namespace latent::kernels
