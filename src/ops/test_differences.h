// Gradients against central differences, in double, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "latent/latent.h"

namespace latent {

inline std::vector<double> draw(int64_t n, uint64_t seed, double scale = 0.5) {
  std::mt19937_64 random(seed);
  std::vector<double> v(static_cast<size_t>(n));
  for (double& x : v) x = scale * std::normal_distribution<double>()(random);
  return v;
}

/// Compares the fetch d<name> with differences of the fetch "loss" in the feeds `names`.
inline void check(const Graph& g, const std::vector<std::pair<std::string, int64_t>>& feeds,
                  double tolerance) {
  Reference r(g);
  std::vector<std::vector<double>> v;
  for (size_t i = 0; i < feeds.size(); ++i) {
    v.push_back(draw(feeds[i].second, i + 1));
    r.set(feeds[i].first, v.back());
  }
  r.run();
  std::vector<std::vector<double>> d;
  for (const auto& [name, n] : feeds) d.push_back(r.fetch("d" + name));
  for (size_t i = 0; i < feeds.size(); ++i) {
    for (size_t k = 0; k < v[i].size(); ++k) {
      const double h = 1e-5, old = v[i][k];
      const auto at = [&](double x) {
        v[i][k] = x;
        r.set(feeds[i].first, v[i]);
        r.run();
        return r.fetch("loss")[0];
      };
      const double up = at(old + h), down = at(old - h), difference = (up - down) / (2 * h);
      v[i][k] = old;
      r.set(feeds[i].first, v[i]);
      EXPECT_NEAR(d[i][k], difference, tolerance * std::max(1.0, std::abs(difference)))
          << feeds[i].first << "[" << k << "]";
    }
  }
}

}  // namespace latent
