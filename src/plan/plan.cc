// Plan and PlanFamily: memory for feeds and arena, slots made and bound, and runs; walk.cc walks
// the stages.
#include "latent/plan.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/hash.h"
#include "base/memory.h"
#include "base/near.h"
#include "ir/op.h"
#include "kernels/product.h"
#include "plan/build.h"
#include "plan/explain.h"
#include "plan/profile.h"
#include "plan/walk.h"

namespace latent {

namespace {

/// The arena that the plans of a family share: of the largest.
struct Arena {
  AlignedBytes bytes;
  size_t size = 0;
  const void* user = nullptr;  // the plan that ran in it last
  void reserve(size_t wanted) {
    if (wanted <= size) return;
    *this = {};  // first: both at once would be the peak
    bytes = allocate_bytes(wanted);
    size = wanted;
  }
};

/// Parts of calls that have several: work that threads can share, of some 10 microseconds a part.
int64_t shared_parts(const std::vector<plan::Stage>& stages) {
  int64_t parts = 0;
  plan::for_each_stage(stages, [&](const plan::Stage& s, int64_t times) {
    plan::for_each_call(s, [&](const plan::Entry& e) {
      if (e.call.parts > 1) parts += times * e.call.parts;
    });
  });
  return parts;
}

constexpr int64_t kBrief = 256;  // such parts of a plan that takes no millisecond or two

/// As many as were asked for; else all CPUs, where sharing saves more than waking and waiting cost.
int threads_for(const std::vector<plan::Stage>& stages, int asked) {
  constexpr int64_t kWorthATeam = 24;
  if (asked > 0) {
    Team::check(asked);
    return asked;
  }
  return shared_parts(stages) >= kWorthATeam ? default_threads() : 1;
}

}  // namespace

struct Plan::Impl {
  Slots* slots = nullptr;
  plan::Built built;
  int threads = 1;
  bool brief = false;  // to run alone costs less than to wait for a thread that is late
  // Made for the first run, where a family has given none.
  std::shared_ptr<Arena> arena;
  std::shared_ptr<Team> team;
  std::vector<void*> pointers;
  // What the team's threads read while they walk: a thread may come late, when the run is over.
  std::vector<std::vector<void*>> tables;  // pointers of each
  kernels::RunState state, state_of_team;
  std::function<void(int)> walk = [this](int thread) {
    plan::walk(built.stages, *team, thread, tables[static_cast<size_t>(thread)].data(),
               state_of_team);
  };
  std::byte* bound_arena = nullptr;
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
  /// A fetch that becomes a feed. `spare` is the memory that the feed gets after the next run: the
  /// fetch's own where the value had a place in the arena to itself, else a copy is made.
  struct Carried {
    Feed* feed;
    int fetch;          // pointer
    int spare_pointer;  // the fetch's, or one that no call knows
    bool copy;
    Tensor spare;
    void keep(const void* value) {
      std::copy_n(static_cast<const std::byte*>(value), spare.bytes(), spare.as_bytes().data());
    }
  };
  std::vector<Carried> carried;
  std::set<std::string> counters;  // that a run advances
  size_t slot_bytes = 0;
  bool bf16 = false;  // was asked for

  template <class T>
  std::span<const T> fetched(const std::string& name, DType wanted) const;
  void begin_run();
  void end_run();
  void bind_arena();
  void exchange_carried();
  void check_memory(const CompileOptions& options) const;
  ~Impl() {
    if (team) team->wait();
  }
};

void Plan::Impl::bind_arena() {
  if (!arena) arena = std::make_shared<Arena>();
  arena->reserve(built.bytes(threads));
  if (bound_arena == arena->bytes.get()) return;
  bound_arena = arena->bytes.get();
  pointers[plan::kThreadMemory] = bound_arena + built.arena_bytes;
  for (const plan::Placement& p : built.placements)
    pointers[static_cast<size_t>(p.pointer)] = bound_arena + p.offset;
}

/// All carried values are read before the first of them moves.
void Plan::Impl::exchange_carried() {
  for (Carried& c : carried) {
    if (c.copy) c.keep(pointers[static_cast<size_t>(c.fetch)]);
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
  const size_t need = built.bytes(threads) + feed_bytes;
  if (need <= limit) return;
  throw UsageError("the plan needs " + std::to_string(need >> 20) + " MiB (" +
                   std::to_string(built.bytes(threads) >> 20) +
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
  m.threads = threads_for(m.built.stages, options.threads);
  m.brief = shared_parts(m.built.stages) <= kBrief;
  if (m.threads > 1) plan::deal(m.built.stages, m.threads);
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
  for (auto& [pointer, value] : m.built.constants)
    m.pointers[static_cast<size_t>(pointer)] = &value;
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
  for (size_t k = 0; k < p.fetches.size(); ++k)
    m.fetches[p.fetches[k].name] = {p.fetches[k].node, m.built.fetched[k], m.built.fetched[k]};
  if (p.commits.empty()) return;
  m.counters.insert("step");
  for (const ir::Schedule& s : p.schedules) m.counters.insert(s.counter);
}

Plan::~Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;

Tensor& Plan::feed_tensor(const std::string& name) {
  return entry_named(impl_->feeds, "feed", name).tensor;
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
void Plan::Impl::begin_run() {
  bind_arena();
  for (const ir::Schedule& s : built.program.schedules)
    *static_cast<float*>(pointers[static_cast<size_t>(built.pointer_of[s.node])]) =
        static_cast<float>(s.value(slots->counter(s.counter)));
  state = {slots->seed(), slots->counter("step"), 0};
  if (arena->user != this) plan::walk(built.once, pointers.data(), state);
  arena->user = this;
}

/// Advances the counters and hands carried fetches to their feeds.
void Plan::Impl::end_run() {
  for (const std::string& c : counters) ++slots->counter(c);
  exchange_carried();
}

void Plan::run() {
  Impl& m = *impl_;
  m.begin_run();
  if (m.threads > 1 && !m.team)
    m.team = std::make_shared<Team>(m.threads, kernels::pin_library_threads);
  if (m.threads == 1 || (m.brief && !m.team->back())) {
    plan::walk(m.built.stages, m.pointers.data(), m.state);
  } else {
    m.team->wait();
    m.state_of_team = m.state;
    m.tables.resize(static_cast<size_t>(m.threads));
    for (size_t t = 0; t < m.tables.size(); ++t) {
      m.tables[t] = m.pointers;
      m.tables[t][plan::kThreadMemory] =
          m.bound_arena + m.built.arena_bytes + t * m.built.local_bytes;
    }
    m.team->run(m.walk);
  }
  m.end_run();
}

std::string Plan::profile(int64_t runs) {
  Impl& m = *impl_;
  if (runs < 1)
    throw UsageError("a profile needs at least one run, asked for " + std::to_string(runs));
  plan::Profile profile;
  for (int64_t i = 0; i < runs; ++i) {
    m.begin_run();
    profile.run(m.built.stages, m.pointers.data(), m.state);
    m.end_run();
  }
  return profile.text();
}

template <class T>
std::span<const T> Plan::Impl::fetched(const std::string& name, DType wanted) const {
  const Fetch& f = entry_named(fetches, "fetch", name);
  const ir::Node& n = built.program.nodes[f.node];
  if (n.dtype != wanted)
    throw UsageError("the fetch \"" + name + "\" is " + name_of(n.dtype) + ", read as " +
                     name_of(wanted));
  if (arena && arena->user != this)
    throw UsageError("the fetch \"" + name +
                     "\" is gone: another plan of the family has run since");
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
  return impl_->built.program.nodes[entry_named(impl_->fetches, "fetch", name).node].shape;
}

void Plan::carry(const std::string& fetch, const std::string& feed) {
  Impl& m = *impl_;
  Impl::Feed& to = entry_named(m.feeds, "feed", feed);
  const Tensor& t = to.tensor;
  const Impl::Fetch& from = entry_named(m.fetches, "fetch", fetch);
  const ir::Node& n = m.built.program.nodes[from.node];
  if (!(n.shape == t.shape()) || n.dtype != t.dtype()) {
    throw UsageError("carry: the fetch \"" + fetch + "\" is " + name_of(n.dtype) + n.shape.text() +
                     ", the feed \"" + feed + "\" is " + name_of(t.dtype()) + t.shape().text());
  }
  Impl::Carried c{&to, from.pointer, 0, false, Tensor(t.shape(), t.dtype())};
  for (const Impl::Carried& other : m.carried) {
    if (other.feed == c.feed)
      throw UsageError("carry: the feed \"" + feed + "\" is already given by another fetch");
  }
  // A value of its own in the arena moves out of it. Values that are slots, feeds or carried
  // elsewhere already stay where they are.
  auto& places = m.built.placements;
  const auto place = std::ranges::find(places, c.fetch, &plan::Placement::pointer);
  c.copy = place == places.end();
  if (c.copy) {
    c.spare_pointer = static_cast<int>(m.pointers.size());
    m.pointers.push_back(c.spare.raw());
  } else {
    void*& memory = m.pointers[static_cast<size_t>(c.fetch)];
    if (m.arena && m.arena->user == &m)  // what an earlier run has left
      c.keep(memory);
    memory = c.spare.raw();
    c.spare_pointer = c.fetch;
    places.erase(place);
  }
  m.carried.push_back(std::move(c));
}

PlanStats Plan::stats() const {
  PlanStats s = plan::count(impl_->built, impl_->threads);
  for (const auto& [name, f] : impl_->feeds) s.feed_bytes += f.tensor.bytes();
  for (const Impl::Carried& c : impl_->carried) s.feed_bytes += c.spare.bytes();
  s.slot_bytes = impl_->slot_bytes;
  return s;
}

std::string Plan::explain() const {
  const std::string note = impl_->bf16 ? bf16_note() : "";
  return plan::explain(impl_->built, stats(), impl_->threads) + (note.empty() ? "" : note + "\n");
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
    : impl_(new Impl{&slots, std::move(trace), std::move(options)}) {}
PlanFamily::~PlanFamily() = default;
PlanFamily::PlanFamily(PlanFamily&&) noexcept = default;

Plan& PlanFamily::at(int64_t rows) {
  const auto found = impl_->plans.find(rows);
  if (found != impl_->plans.end()) return found->second;
  if (rows < 1)
    throw UsageError("a plan needs at least one row, asked for " + std::to_string(rows));
  Graph graph;
  impl_->trace(graph, rows);
  Plan plan(graph, *impl_->slots, impl_->options);
  const int threads = plan.impl_->threads;
  // Another number where the CPUs that the process may use have changed since.
  if (threads > 1 && (!impl_->team || impl_->team->threads() != threads))
    impl_->team = std::make_shared<Team>(threads, kernels::pin_library_threads);
  if (threads > 1) plan.impl_->team = impl_->team;
  plan.impl_->arena = impl_->arena;
  return impl_->plans.emplace(rows, std::move(plan)).first->second;
}

}  // namespace latent
