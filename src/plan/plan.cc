// Plan and PlanFamily: memory for feeds and arena, slots made and bound, and the runner that walks
// the stages.
#include "latent/plan.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/denormals.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/near.h"
#include "base/team.h"
#include "ir/op.h"
#include "kernels/product.h"
#include "plan/build.h"
#include "plan/explain.h"
#include "plan/profile.h"

namespace latent {

namespace {

/// The arena that the plans of a family share: of the largest.
struct Arena {
  AlignedBytes bytes;
  size_t size = 0;
  const void* user = nullptr;  // the plan that ran in it last
  void reserve(size_t wanted) {
    if (wanted <= size) return;
    bytes = allocate_bytes(wanted);
    size = wanted;
  }
};

/// One thread's walk over stages. Every thread walks all; parts are dealt out by their number.
class Walker {
 public:
  Walker(Team* team, int thread, int threads, void** pointers, kernels::RunState state)
      : team_(team), thread_(thread), threads_(threads), pointers_(pointers), state_(state) {}

  void walk(const std::vector<plan::Stage>& stages) {
    for (const plan::Stage& s : stages) {
      if (s.loop) {
        const int64_t before = state_.iteration;
        for (int64_t i = 0; i < s.loop->length; ++i) {
          state_.iteration = s.loop->turn(i, pointers_);
          walk(s.loop->stages);
        }
        state_.iteration = before;
      } else if (s.parts) {
        stage(s);
      }
    }
  }

 private:
  void stage(const plan::Stage& s) {
    // Work of one part stays on thread 0, so two such stages need no barrier between them.
    if (threads_ > 1 && (s.parts > 1 || wide_)) team_->barrier();
    wide_ = s.parts > 1;
    // Each entry is cut evenly by itself, so that equal pieces of one picture stay with a thread;
    // the parts that remain are dealt in turn.
    int turn = 0;
    for (const plan::Entry& e : s.entries) {
      const int each = e.call.parts / threads_;
      if (each) plan::run_entry(e, thread_ * each, (thread_ + 1) * each, pointers_, state_);
      for (int part = each * threads_; part < e.call.parts; ++part) {
        if (turn++ % threads_ == thread_) plan::run_entry(e, part, part + 1, pointers_, state_);
      }
    }
  }

  Team* team_;
  int thread_, threads_;
  void** pointers_;  // this thread's own: loops move some
  kernels::RunState state_;
  bool wide_ = false;
  DenormalsAreZero denormals_;
};

/// Parts of calls that have several: work that threads can share, of some 10 microseconds a part.
int64_t shared_parts(const std::vector<plan::Stage>& stages) {
  int64_t parts = 0;
  for (const plan::Stage& s : stages) {
    if (s.loop) parts += s.loop->length * shared_parts(s.loop->stages);
    for (const plan::Entry& e : s.entries) {
      if (e.call.parts > 1) parts += e.call.parts * static_cast<int64_t>(1 + e.then.size());
    }
  }
  return parts;
}

/// As many as were asked for; else all CPUs, where sharing saves more than waking and waiting cost.
int threads_for(const std::vector<plan::Stage>& stages, int asked) {
  constexpr int64_t kWorthATeam = 24;
  if (asked > 0) return asked;
  return shared_parts(stages) >= kWorthATeam ? default_threads() : 1;
}

}  // namespace

struct Plan::Impl {
  Slots* slots = nullptr;
  plan::Built built;
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();
  std::shared_ptr<Team> team;
  std::vector<void*> pointers;
  std::vector<std::vector<void*>> tables;  // of the team's threads, copied from it in each run
  std::byte* bound_arena = nullptr;
  std::vector<float> constants;
  struct Feed {
    Tensor tensor;
    int pointer;
  };
  std::map<std::string, Feed> feeds;
  struct Fetch {
    ir::NodeId node;
    int pointer;  // where a run leaves the value
    int read;     // where it is afterwards: elsewhere once a carry has exchanged memory
  };
  std::map<std::string, Fetch> fetches;
  struct Scheduled {
    std::string feed, counter;
    std::function<double(int64_t)> value;
  };
  std::vector<Scheduled> schedules;
  /// A fetch that becomes a feed. `spare` is the memory that the feed gets after the next run: the
  /// fetch's own where the value had a place in the arena to itself, else a copy is made.
  struct Carried {
    Feed* feed;
    int fetch;          // pointer
    int spare_pointer;  // the fetch's, or one that no call knows
    bool copy;
    Tensor spare;
  };
  std::vector<Carried> carried;
  std::vector<std::string> counters;  // that a run advances
  size_t slot_bytes = 0;
  bool bf16 = false;  // was asked for

  const Fetch& fetch(const std::string& name) const;
  template <class T>
  std::span<const T> fetched(const std::string& name, DType wanted) const;
  kernels::RunState begin_run();
  void end_run();
  void bind_arena();
  void exchange_carried();
  void check_memory(const CompileOptions& options) const;
};

void Plan::Impl::bind_arena() {
  if (bound_arena == arena->bytes.get()) return;
  bound_arena = arena->bytes.get();
  for (const plan::Placement& p : built.placements)
    pointers[static_cast<size_t>(p.pointer)] = bound_arena + p.offset;
}

/// All carried values are read before the first of them moves.
void Plan::Impl::exchange_carried() {
  for (Carried& c : carried) {
    if (c.copy)
      std::copy_n(static_cast<const std::byte*>(pointers[static_cast<size_t>(c.fetch)]),
                  c.spare.bytes(), static_cast<std::byte*>(c.spare.raw()));
  }
  for (Carried& c : carried) {
    std::swap(c.feed->tensor, c.spare);
    pointers[static_cast<size_t>(c.feed->pointer)] = c.feed->tensor.raw();
    pointers[static_cast<size_t>(c.spare_pointer)] = c.spare.raw();
    for (auto& [name, f] : fetches) {
      if (!c.copy && f.pointer == c.fetch) f.read = c.feed->pointer;
      if (f.pointer == c.feed->pointer) f.read = c.spare_pointer;
    }
  }
}

void Plan::Impl::check_memory(const CompileOptions& options) const {
  const size_t limit = options.memory_limit ? options.memory_limit : machine_bytes();
  size_t feed_bytes = 0;
  for (const ir::Node& n : built.program.nodes) {
    if (passes::is_source(n))
      feed_bytes += static_cast<size_t>(n.shape.elements()) * size_of(n.dtype);
  }
  const size_t need = built.arena_bytes + feed_bytes;
  if (need <= limit) return;
  throw UsageError("the plan needs " + std::to_string(need >> 20) + " MiB (" +
                   std::to_string(built.arena_bytes >> 20) +
                   " MiB for activations, the rest for weights and inputs), the limit is " +
                   std::to_string(limit >> 20) + " MiB; use a smaller batch or model");
}

std::string bf16_note() {
  const kernels::Bf16 speed = kernels::bf16_products();
  if (speed == kernels::Bf16::faster) return "";
  return std::string("bfloat16: ") +
         (speed == kernels::Bf16::none ? "this CPU has no AVX-512"
                                       : "float32 is faster on this CPU") +
         ", so products run in float32";
}

Plan::Plan(const Graph& graph, Slots& slots, CompileOptions options)
    : impl_(std::make_unique<Impl>()) {
  static const std::set<std::string> known = {"hoist", "simplify",  "cse",      "fuse",
                                              "named", "recompute", "in_place", "pieces"};
  for (const std::string& name : options.off) {
    if (!known.count(name)) {
      throw UsageError("no pass is called \"" + name + "\"" +
                       did_you_mean(name, {known.begin(), known.end()}));
    }
  }
  Impl& m = *impl_;
  m.slots = &slots;
  m.bf16 = options.bf16;
  if (graph.program().fetches.empty() && graph.program().commits.empty()) {
    throw UsageError("the graph fetches and assigns nothing, so there is nothing to run");
  }
  kernels::pin_library_threads();
  if (kernels::bf16_products() != kernels::Bf16::faster) options.bf16 = false;
  m.built = plan::build(graph.program(), options);
  m.check_memory(options);
  const ir::Program& p = m.built.program;
  m.pointers.assign(static_cast<size_t>(m.built.pointers), nullptr);
  for (const ir::SlotInfo& s : p.slots) {
    const ir::Node& n = p.nodes[s.node];
    if (!slots.has(s.name)) {
      Tensor t(n.shape, n.dtype);
      s.init.fill(t, slots.seed(), hash_name(s.name));
      slots.set(s.name, std::move(t));
    }
    Tensor& t = slots.at(s.name);
    if (!(t.shape() == n.shape) || t.dtype() != n.dtype) {
      throw UsageError("the slot \"" + s.name + "\" holds " + name_of(t.dtype()) +
                           t.shape().text() + ", the graph declares " + name_of(n.dtype) +
                           n.shape.text(),
                       s.where);
    }
    m.pointers[static_cast<size_t>(m.built.pointer_of[s.node])] = t.raw();
    m.slot_bytes += t.bytes();
  }
  m.constants.reserve(m.built.constants.size());
  for (const auto& [pointer, value] : m.built.constants) {
    m.constants.push_back(value);
    m.pointers[static_cast<size_t>(pointer)] = &m.constants.back();
  }
  for (ir::NodeId i = 0; i < p.nodes.size(); ++i) {
    const ir::Node& n = p.nodes[i];
    if (std::string_view(n.op->name) != "feed") continue;
    Impl::Feed feed{Tensor(n.shape, n.dtype), m.built.pointer_of[i]};
    const std::string name = n.attrs.word("name");
    if (name.starts_with("row:")) {  // noise rows are the places in the batch unless fed
      auto ids = feed.tensor.span<int32_t>();
      for (size_t k = 0; k < ids.size(); ++k) ids[k] = static_cast<int32_t>(k);
    }
    m.pointers[static_cast<size_t>(feed.pointer)] = feed.tensor.raw();
    m.feeds.emplace(name, std::move(feed));
  }
  for (const ir::Fetch& f : p.fetches) {
    const auto old = m.built.old_values.find(f.name);
    const int pointer = old != m.built.old_values.end() ? old->second : m.built.pointer_of[f.node];
    m.fetches[f.name] = {f.node, pointer, pointer};
  }
  std::set<std::string> counters;
  for (const ir::Schedule& s : p.schedules) {
    m.schedules.push_back({p.nodes[s.node].attrs.word("name"), s.counter, s.value});
    counters.insert(s.counter);
  }
  if (!p.commits.empty()) {
    counters.insert("step");
    m.counters.assign(counters.begin(), counters.end());
  }
  m.arena->reserve(m.built.arena_bytes);
  const int threads = threads_for(m.built.stages, options.threads);
  if (threads > 1) m.team = std::make_shared<Team>(threads, kernels::pin_library_threads);
}

Plan::~Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;

Tensor& Plan::feed_tensor(const std::string& name) {
  const auto found = impl_->feeds.find(name);
  if (found != impl_->feeds.end()) return found->second.tensor;
  std::vector<std::string> names;
  for (const auto& [n, f] : impl_->feeds) names.push_back(n);
  throw UsageError("no feed is called \"" + name + "\"" + did_you_mean(name, names));
}

bool Plan::has_feed(const std::string& name) const { return impl_->feeds.count(name) > 0; }

void Plan::check_feed_size(const std::string& name, size_t found) const {
  const Tensor& t = const_cast<Plan*>(this)->feed_tensor(name);
  if (found != static_cast<size_t>(t.elements())) {
    throw UsageError("the feed \"" + name + "\" is " + t.shape().text() + ", " +
                     std::to_string(t.elements()) + " elements; got " + std::to_string(found));
  }
}

/// Places the arena and fills the feeds that the host computes. What is made once is made again
/// where another plan has used the arena.
kernels::RunState Plan::Impl::begin_run() {
  bind_arena();
  for (const Scheduled& s : schedules)
    feeds.at(s.feed).tensor.span<float>()[0] =
        static_cast<float>(s.value(slots->counter(s.counter)));
  const kernels::RunState state{slots->seed(), slots->counter("step"), 0};
  if (arena->user != this) Walker(nullptr, 0, 1, pointers.data(), state).walk(built.once);
  arena->user = this;
  return state;
}

/// Advances the counters and hands carried fetches to their feeds.
void Plan::Impl::end_run() {
  for (const std::string& c : counters) ++slots->counter(c);
  exchange_carried();
}

void Plan::run() {
  Impl& m = *impl_;
  const kernels::RunState state = m.begin_run();
  if (!m.team) {
    Walker(nullptr, 0, 1, m.pointers.data(), state).walk(m.built.stages);
  } else {
    const int threads = m.team->threads();
    m.tables.resize(static_cast<size_t>(threads));
    const auto walk = [&](int thread) {
      std::vector<void*>& own = m.tables[static_cast<size_t>(thread)];
      own = m.pointers;
      Walker(m.team.get(), thread, threads, own.data(), state).walk(m.built.stages);
    };
    m.team->run(std::ref(walk));  // by reference: what it captures would need the heap
  }
  m.end_run();
}

std::string Plan::profile(int64_t runs) {
  Impl& m = *impl_;
  if (runs < 1)
    throw UsageError("a profile needs at least one run, asked for " + std::to_string(runs));
  plan::Profile profile;
  for (int64_t i = 0; i < runs; ++i) {
    plan::run_timed(m.built.stages, m.pointers.data(), m.begin_run(), profile);
    m.end_run();
  }
  return plan::profile_text(m.built.stages, std::move(profile));
}

const Plan::Impl::Fetch& Plan::Impl::fetch(const std::string& name) const {
  const auto found = fetches.find(name);
  if (found != fetches.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [n, f] : fetches) names.push_back(n);
  throw UsageError("no fetch is called \"" + name + "\"" + did_you_mean(name, names));
}
template <class T>
std::span<const T> Plan::Impl::fetched(const std::string& name, DType wanted) const {
  const Fetch& f = fetch(name);
  const ir::Node& n = built.program.nodes[f.node];
  if (n.dtype != wanted)
    throw UsageError("the fetch \"" + name + "\" is " + name_of(n.dtype) + ", read as " +
                     name_of(wanted));
  return {static_cast<const T*>(pointers[static_cast<size_t>(f.read)]),
          static_cast<size_t>(n.shape.elements())};
}

std::span<const float> Plan::fetch(const std::string& name) const {
  return impl_->fetched<float>(name, DType::f32);
}
std::span<const int32_t> Plan::fetch_i32(const std::string& name) const {
  return impl_->fetched<int32_t>(name, DType::i32);
}
double Plan::scalar(const std::string& name) const {
  const auto v = fetch(name);
  if (v.size() != 1)
    throw UsageError("the fetch \"" + name + "\" has " + std::to_string(v.size()) +
                     " elements, read as a scalar");
  return static_cast<double>(v[0]);
}
Shape Plan::fetch_shape(const std::string& name) const {
  return impl_->built.program.nodes[impl_->fetch(name).node].shape;
}

void Plan::carry(const std::string& fetch, const std::string& feed) {
  Impl& m = *impl_;
  const Tensor& t = feed_tensor(feed);
  const Shape s = fetch_shape(fetch);
  const DType type = impl_->built.program.nodes[impl_->fetches.at(fetch).node].dtype;
  if (!(s == t.shape()) || type != t.dtype()) {
    throw UsageError("carry: the fetch \"" + fetch + "\" is " + name_of(type) + s.text() +
                     ", the feed \"" + feed + "\" is " + name_of(t.dtype()) + t.shape().text());
  }
  Impl::Carried c{&m.feeds.at(feed), m.fetches.at(fetch).pointer, 0, false,
                  Tensor(t.shape(), t.dtype())};
  for (const Impl::Carried& other : m.carried) {
    if (other.feed == c.feed)
      throw UsageError("carry: the feed \"" + feed + "\" is already given by another fetch");
  }
  // A value of its own in the arena moves out of it. Values that are slots, feeds or carried
  // elsewhere already stay where they are.
  auto& places = m.built.placements;
  const auto place = std::find_if(places.begin(), places.end(),
                                  [&](const plan::Placement& p) { return p.pointer == c.fetch; });
  c.copy = place == places.end();
  if (c.copy) {
    c.spare_pointer = static_cast<int>(m.pointers.size());
    m.pointers.push_back(c.spare.raw());
  } else {
    void*& memory = m.pointers[static_cast<size_t>(c.fetch)];
    if (memory)  // what an earlier run has left
      std::copy_n(static_cast<const std::byte*>(memory), c.spare.bytes(),
                  static_cast<std::byte*>(c.spare.raw()));
    memory = c.spare.raw();
    c.spare_pointer = c.fetch;
    places.erase(place);
  }
  m.carried.push_back(std::move(c));
}

PlanStats Plan::stats() const {
  PlanStats s = plan::count(impl_->built);
  for (const auto& [name, f] : impl_->feeds) s.feed_bytes += f.tensor.bytes();
  for (const Impl::Carried& c : impl_->carried) s.feed_bytes += c.spare.bytes();
  s.slot_bytes = impl_->slot_bytes;
  return s;
}

std::string Plan::explain() const {
  const std::string note = impl_->bf16 ? bf16_note() : "";
  return plan::explain(impl_->built, stats(), impl_->team ? impl_->team->threads() : 1) +
         (note.empty() ? "" : note + "\n");
}

struct PlanFamily::Impl {
  Slots* slots;
  Trace trace;
  CompileOptions options;
  std::shared_ptr<Arena> arena = std::make_shared<Arena>();
  std::shared_ptr<Team> team;
  std::map<int64_t, Plan> plans;
};

PlanFamily::PlanFamily(Slots& slots, Trace trace, CompileOptions options)
    : impl_(new Impl{
          &slots, std::move(trace), std::move(options), std::make_shared<Arena>(), nullptr, {}}) {}
PlanFamily::~PlanFamily() = default;
PlanFamily::PlanFamily(PlanFamily&&) noexcept = default;

Plan& PlanFamily::at(int64_t rows) {
  const auto found = impl_->plans.find(rows);
  if (found != impl_->plans.end()) return found->second;
  if (rows < 1)
    throw UsageError("a plan needs at least one row, asked for " + std::to_string(rows));
  Graph graph;
  impl_->trace(graph, rows);
  CompileOptions single = impl_->options;
  single.threads = 1;  // the family's team serves all its plans
  Plan plan(graph, *impl_->slots, single);
  const int threads = threads_for(plan.impl_->built.stages, impl_->options.threads);
  if (threads > 1 && !impl_->team)
    impl_->team = std::make_shared<Team>(threads, kernels::pin_library_threads);
  if (threads > 1) plan.impl_->team = impl_->team;
  Arena& own = *plan.impl_->arena;  // made already: a second one would double the peak
  if (own.size > impl_->arena->size) *impl_->arena = std::move(own);
  plan.impl_->arena = impl_->arena;
  return impl_->plans.emplace(rows, std::move(plan)).first->second;
}

}  // namespace latent
