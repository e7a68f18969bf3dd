// Running a graph: Slots hold the persistent state, a Plan is a graph bound to memory and kernels,
// a PlanFamily one traced function at several batch sizes over one set of slots.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "latent/graph.h"

namespace latent {

/// Persistent state by name: parameters, optimizer moments, counters. Shared by plans, which must
/// not run at the same time.
class LATENT_API Slots {
 public:
  explicit Slots(uint64_t seed = 1) : seed_(seed) {}
  uint64_t seed() const { return seed_; }

  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  /// Throws UsageError, suggesting a near name, when there is none.
  Tensor& at(const std::string& name);
  const Tensor& at(const std::string& name) const { return const_cast<Slots*>(this)->at(name); }
  /// Adds or replaces a value; a plan already compiled on the slots must see the same shape and
  /// keeps its memory.
  void set(const std::string& name, Tensor value);
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }

  /// Counts runs: what schedules and noise are functions of. "step" is that of the training noise.
  int64_t& counter(const std::string& name) { return counters_[name]; }
  const std::map<std::string, int64_t>& counters() const { return counters_; }

 private:
  uint64_t seed_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, int64_t> counters_;
};

struct CompileOptions {
  int threads = 0;  ///< 0: LATENT_THREADS, else all CPUs of this process; one for a plan too
                    ///< small to share. Never changes a result.
  bool bf16 =
      false;  ///< Products in bfloat16 with float32 sums, where that is faster: bf16_note().
  std::set<std::string>
      off;  ///< Not run: hoist, simplify, cse, recompute, fuse, named, in_place, pieces.
  bool fixed_slots =
      false;            ///< Slots that the graph does not assign keep their values while the plan
                        ///< lives: what is made of them alone is made before the first run.
  bool verify = false;  ///< Check the program after each pass.
  size_t memory_limit =
      0;  ///< Bytes; 0: the memory of this machine. A plan that needs more is refused.
};

/// What to know of bfloat16 on this CPU: empty where its products outrun float32; else that they
/// are slower, or that they run in float32 since the CPU has no AVX-512.
LATENT_API std::string bf16_note();

struct PlanStats {
  size_t arena_bytes = 0, live_bytes = 0, feed_bytes = 0,
         slot_bytes = 0;  ///< live_bytes: largest sum alive at one time
  size_t calls = 0, stages = 0, nodes = 0, parts = 0;  ///< parts: of the call with most
  double flops = 0;
  /// What chains of elementwise work read and write in a run, partial sums included; and their
  /// distinct inputs and outputs: what they must read and write because others give or want it.
  double chain_bytes = 0, chain_distinct_bytes = 0;
  size_t peak_bytes() const { return arena_bytes + feed_bytes + slot_bytes; }
};

class LATENT_API Plan {
 public:
  Plan(const Graph& graph, Slots& slots, CompileOptions options = {});
  ~Plan();
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;

  /// The memory of a feed, to be filled before run(). Throws UsageError for a wrong name or type.
  template <class T = float>
  std::span<T> feed(const std::string& name) {
    return feed_tensor(name).span<T>();
  }
  /// Copies values into a feed; their number must be that of its elements.
  template <class T>
  void feed(const std::string& name, std::span<const T> values) {
    check_feed_size(name, values.size());
    std::copy(values.begin(), values.end(), feed_tensor(name).span<T>().begin());
  }
  Tensor& feed_tensor(const std::string& name);
  bool has_feed(const std::string& name) const;  ///< Declared, and not dropped as unused.

  void run();

  /// A fetched value after run(); valid until the next run of this plan or of another of its
  /// family.
  std::span<const float> fetch(const std::string& name) const;
  std::span<const int32_t> fetch_i32(const std::string& name) const;
  double scalar(const std::string& name) const;
  Shape fetch_shape(const std::string& name) const;

  /// After each run the fetch becomes the feed of the next, by exchanging memory where the fetched
  /// value is computed by the run, else by a copy. The fetch stays readable; where memory was
  /// exchanged it is the feed's, so writing the feed changes it. Shapes and types must agree; a
  /// feed is given by one fetch.
  void carry(const std::string& fetch, const std::string& feed);

  /// What will run: passes, memory, each call with its kernel, parts and why others were refused.
  std::string explain() const;
  /// Runs `runs` times on one thread, as run() does, and tells where the time goes: microseconds,
  /// share and Gflop/s of each call.
  std::string profile(int64_t runs);
  PlanStats stats() const;

 private:
  friend class PlanFamily;
  void check_feed_size(const std::string& name, size_t found) const;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One traced function at several numbers of rows, planned on first use, over one arena and one set
/// of slots.
class LATENT_API PlanFamily {
 public:
  using Trace = std::function<void(Graph& graph, int64_t rows)>;
  PlanFamily(Slots& slots, Trace trace, CompileOptions options = {});
  ~PlanFamily();
  PlanFamily(PlanFamily&&) noexcept;
  Plan& at(int64_t rows);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The double reference: evaluates a graph node by node with plain loops. For tests of gradients
/// and of kernels; slow.
class LATENT_API Reference {
 public:
  Reference(const Graph& graph, uint64_t seed = 1);
  ~Reference();
  /// Values of a feed or a slot, by name.
  void set(const std::string& name, std::vector<double> values);
  std::vector<double> get(const std::string& slot) const;
  /// As Slots::counter: what schedules and noise are functions of.
  int64_t& counter(const std::string& name);
  /// Evaluates; commits slots and advances counters at the end, as a plan does. Slots start at zero
  /// unless set.
  void run();
  std::vector<double> fetch(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace latent
