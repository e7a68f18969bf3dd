// Counter-based shuffling and the hold-out split; see loader.h.
#include "data/loader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/hash.h"

namespace latent {

namespace {

constexpr uint64_t kSplitStream = 0x73706c6974;  // no epoch has this number

// Uniform over 0 .. bound - 1 without bias (Lemire 2019), from draw i of the stream of (seed,
// epoch). bound < 2^32.
class Draws {
 public:
  Draws(uint64_t seed, uint64_t epoch) : key_(mix64(mix64(seed + kGolden) ^ epoch)) {}

  uint32_t below(uint32_t bound, uint32_t i) const {
    for (uint64_t attempt = 0;; ++attempt) {
      const uint64_t word = mix64(key_ + kGolden * (attempt << 32 | i)) >> 32;
      const uint64_t product = word * bound;
      if (static_cast<uint32_t>(product) >= -bound % bound)
        return static_cast<uint32_t>(product >> 32);
    }
  }

 private:
  static constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;
  uint64_t key_;
};

// Fisher and Yates: every order is equally likely.
void shuffle(std::span<int32_t> rows, const Draws& draws) {
  for (size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1], rows[draws.below(static_cast<uint32_t>(i), static_cast<uint32_t>(i))]);
  }
}

std::vector<int32_t> all_rows(int64_t size) {
  if (size < 0 || size > std::numeric_limits<int32_t>::max()) {
    throw UsageError("a data set of " + std::to_string(size) +
                     " rows; it must have from 0 to 2^31 - 1");
  }
  std::vector<int32_t> rows(static_cast<size_t>(size));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace

Split split(int64_t size, double fraction, uint64_t seed) {
  if (!(fraction >= 0 && fraction < 1)) {
    throw UsageError("a fraction of " + std::to_string(fraction) +
                     " was to be held out; it must be at least 0 and under 1");
  }
  Split s;
  s.train = all_rows(size);
  if (fraction == 0) return s;
  if (size < 2) {
    throw UsageError("a data set of " + std::to_string(size) +
                     " rows cannot be split into training and validation; hold out 0");
  }
  shuffle(s.train, Draws(seed, kSplitStream));
  const auto wanted = std::llround(static_cast<double>(size) * fraction);
  const auto held_out = std::clamp<int64_t>(wanted, 1, size - 1);
  s.validation.assign(s.train.end() - held_out, s.train.end());
  s.train.resize(static_cast<size_t>(size - held_out));
  std::ranges::sort(s.train);
  std::ranges::sort(s.validation);
  return s;
}

Loader::Loader(std::vector<int32_t> rows, int64_t batch, uint64_t seed)
    : rows_(std::move(rows)), batch_(batch), seed_(seed) {
  if (rows_.empty()) throw UsageError("there are no rows to make batches of");
  if (batch < 1)
    throw UsageError("a batch of " + std::to_string(batch) + " rows; it must have at least 1");
}

Loader::Loader(int64_t size, int64_t batch, uint64_t seed) : Loader(all_rows(size), batch, seed) {}

int64_t Loader::batches() const { return (std::ssize(rows_) - 1) / batch_ + 1; }

std::span<const int32_t> Loader::batch(int64_t epoch, int64_t index) {
  if (epoch < 0 || index < 0 || index >= batches()) {
    throw UsageError("batch " + std::to_string(index) + " of epoch " + std::to_string(epoch) +
                     " was asked for; an epoch has " + std::to_string(batches()) +
                     ", counted from 0");
  }
  if (epoch != epoch_) {
    order_ = rows_;
    shuffle(order_, Draws(seed_, static_cast<uint64_t>(epoch)));
    epoch_ = epoch;
  }
  int64_t first = index * batch_;
  if (first > 0 && first + 1 == std::ssize(order_) && batch_ > 1) --first;
  const int64_t count = std::min(batch_, std::ssize(order_) - first);
  return std::span(order_).subspan(static_cast<size_t>(first), static_cast<size_t>(count));
}

}  // namespace latent
