// See walk.h.
#include "measure/walk.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "latent/error.h"

namespace latent::measure {

namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// Codes of weight(t) = (of a, of b), t from 0 to 1; the ends are a and b to the bit.
template <class F>
std::vector<float> mix(std::span<const float> a, std::span<const float> b, int64_t steps,
                       const F& weights) {
  if (steps < 2 || a.size() != b.size()) {
    throw UsageError("a way takes 2 steps or more and codes of one length; asked for " +
                     std::to_string(steps) + " steps, " + std::to_string(a.size()) + " and " +
                     std::to_string(b.size()) + " units");
  }
  std::vector<float> codes;
  for (int64_t i = 0; i < steps; ++i) {
    const auto [of_a, of_b] = weights(static_cast<double>(i) / static_cast<double>(steps - 1));
    for (size_t j = 0; j < a.size(); ++j) {
      const double v = of_a * static_cast<double>(a[j]) + of_b * static_cast<double>(b[j]);
      codes.push_back(i == 0 ? a[j] : i == steps - 1 ? b[j] : static_cast<float>(v));
    }
  }
  return codes;
}

}  // namespace

std::vector<float> line(std::span<const float> a, std::span<const float> b, int64_t steps) {
  return mix(a, b, steps, [](double t) { return std::pair(1 - t, t); });
}

std::vector<float> arc(std::span<const float> a, std::span<const float> b, int64_t steps) {
  if (a.size() != b.size()) return line(a, b, steps);  // which refuses
  const double length_a = std::sqrt(dot(a, a)), length_b = std::sqrt(dot(b, b));
  if (length_a == 0 || length_b == 0) return line(a, b, steps);
  const double angle = std::acos(std::clamp(dot(a, b) / (length_a * length_b), -1.0, 1.0));
  if (std::sin(angle) < 1e-6) return line(a, b, steps);
  return mix(a, b, steps, [&](double t) {
    const double length = (1 - t) * length_a + t * length_b;
    return std::pair(length / length_a * std::sin((1 - t) * angle) / std::sin(angle),
                     length / length_b * std::sin(t * angle) / std::sin(angle));
  });
}

std::vector<float> along_unit(std::span<const float> code, int64_t unit,
                              std::span<const double> values) {
  if (unit < 0 || unit >= std::ssize(code)) {
    throw UsageError("unit " + std::to_string(unit) + " was asked of a code of " +
                     std::to_string(code.size()));
  }
  std::vector<float> codes;
  for (const double v : values) {
    codes.insert(codes.end(), code.begin(), code.end());
    codes[codes.size() - code.size() + static_cast<size_t>(unit)] = static_cast<float>(v);
  }
  return codes;
}

}  // namespace latent::measure
