// Counter-based shuffling, the hold-out split and the prefetching worker; see loader.h.
#include "data/loader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
#include <thread>
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
  const int64_t first = index * batch_;
  const int64_t count = std::min(batch_, std::ssize(order_) - first);
  return std::span(order_).subspan(static_cast<size_t>(first), static_cast<size_t>(count));
}

struct Prefetcher::Worker {
  Worker(const Dataset& dataset, std::vector<BatchField> batch_fields, Loader order, int64_t epoch,
         int64_t index)
      : data(dataset),
        fields(std::move(batch_fields)),
        loader(std::move(order)),
        next_epoch(epoch),
        next_index(index) {
    const int64_t rows = std::ssize(loader.batch(epoch, 0));  // none is larger
    for (LoadedBatch& batch : buffers) {
      batch.rows.reserve(static_cast<size_t>(rows));
      for (const BatchField& field : fields) {
        Shape shape{rows};
        for (const int64_t d : data.row_shape(field.name)) shape.push_back(d);
        batch.values.emplace_back(shape);
      }
    }
    thread = std::thread([this] { run(); });
  }

  ~Worker() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    thread.join();
  }

  void run() {
    std::unique_lock lock(mutex);
    while (!stop && !error) {
      if (filled == given + 1) {  // one ahead of the batch in use: wait until that is done with
        changed.wait(lock);
        continue;
      }
      LoadedBatch& batch = buffers[static_cast<size_t>(filled % 2)];
      lock.unlock();
      std::exception_ptr failure;
      try {
        fill(batch);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      error = failure;
      if (!error) ++filled;
      changed.notify_all();
    }
  }

  void fill(LoadedBatch& batch) {
    const auto rows = loader.batch(next_epoch, next_index);
    batch.epoch = next_epoch;
    batch.index = next_index;
    batch.rows.assign(rows.begin(), rows.end());
    for (size_t i = 0; i < fields.size(); ++i) {
      data.gather(fields[i].name, rows, batch.values[i].span<float>().data(), fields[i].scale,
                  fields[i].shift);
    }
    if (++next_index == loader.batches()) {
      next_index = 0;
      ++next_epoch;
    }
  }

  const LoadedBatch& next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return filled > given || error; });
    if (filled == given) std::rethrow_exception(error);
    const LoadedBatch& batch = buffers[static_cast<size_t>(given % 2)];
    ++given;
    changed.notify_all();
    return batch;
  }

  // Used by the worker alone once it runs.
  const Dataset& data;
  std::vector<BatchField> fields;
  Loader loader;
  int64_t next_epoch;
  int64_t next_index;

  // LoadedBatch k lies in buffer k % 2. The caller uses batch given - 1; the worker may fill batch
  // `given`, in the other buffer.
  std::array<LoadedBatch, 2> buffers;
  std::mutex mutex;
  std::condition_variable changed;
  int64_t filled = 0;  // batches ready so far
  int64_t given = 0;   // batches handed out so far
  bool stop = false;
  std::exception_ptr error;
  std::thread thread;
};

Prefetcher::Prefetcher(const Dataset& data, std::vector<BatchField> fields, Loader loader,
                       int64_t epoch, int64_t index)
    : worker_(std::make_unique<Worker>(data, std::move(fields), std::move(loader), epoch, index)) {}

Prefetcher::~Prefetcher() = default;

const LoadedBatch& Prefetcher::next() { return worker_->next(); }

}  // namespace latent
