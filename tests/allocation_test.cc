// What a plan takes from the heap, by counting every allocation of the program: a run takes nothing
// after the first (oneDNN's execute apart, which is told from ours by the call site), and the
// forecast of memory holds. A program of its own, since it replaces operator new and malloc.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "latent/latent.h"

extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* p);
}

namespace {

/// Since reset(): calls by this program and its library, and by oneDNN; bytes taken and not given
/// back, and their largest sum.
struct Counters {
  std::atomic<bool> on{false};
  std::atomic<size_t> ours{0}, onednn{0};
  std::atomic<int64_t> live{0}, peak{0};
  std::atomic<int64_t> aligned{0};  // taken by aligned_alloc: tensors, feeds and arenas

  void reset() {
    on = false;
    ours = onednn = 0;
    live = peak = aligned = 0;
    on = true;
  }
};
Counters counters;
thread_local bool counting = false;  // dladdr may allocate

/// Whether the code at `caller` is oneDNN's, or that of the OpenMP runtime, which only it uses.
bool is_onednn(const void* caller) {
  Dl_info info;
  return dladdr(caller, &info) && info.dli_fname &&
         (std::strstr(info.dli_fname, "libdnnl") || std::strstr(info.dli_fname, "libgomp"));
}

void* counted(void* p, const void* caller) {
  if (!p || counting || !counters.on.load(std::memory_order_relaxed)) return p;
  counting = true;
  ++(is_onednn(caller) ? counters.onednn : counters.ours);
  const int64_t live = counters.live += static_cast<int64_t>(malloc_usable_size(p));
  int64_t peak = counters.peak;
  while (live > peak && !counters.peak.compare_exchange_weak(peak, live)) {
  }
  counting = false;
  return p;
}

void uncounted(void* p) {
  if (p && counters.on.load(std::memory_order_relaxed))
    counters.live -= static_cast<int64_t>(malloc_usable_size(p));
  __libc_free(p);
}

}  // namespace

extern "C" void* malloc(size_t bytes) {
  return counted(__libc_malloc(bytes), __builtin_return_address(0));
}
extern "C" void* aligned_alloc(size_t alignment, size_t bytes) {
  if (counters.on) counters.aligned += static_cast<int64_t>(bytes);
  return counted(__libc_memalign(alignment, bytes), __builtin_return_address(0));
}
extern "C" void free(void* p) { uncounted(p); }
void* operator new(size_t bytes) {
  if (void* p = counted(__libc_malloc(bytes), __builtin_return_address(0))) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { uncounted(p); }
void operator delete(void* p, size_t) noexcept { uncounted(p); }

namespace latent {
namespace {

/// A training step of one of the shared workloads.
void trace(Graph& g, const std::string& workload) {
  const Scope s(g, true);
  Expr loss;
  if (workload == "seed-ae") {
    const Autoencoder net{{.inputs = 100, .hidden = {32}, .latent = 100}};
    loss = net.loss(s, {.x = g.feed("x", {32, 100})}).total;
  } else if (workload == "seed-vae") {
    const Vae net{{.inputs = 100, .hidden = {32}, .latent = 20, .likelihood = "squared_error"}};
    loss = net.loss(s, {.x = g.feed("x", {32, 100})}).total;
  } else {
    const Vae net{{.inputs = 784, .hidden = {400}, .latent = 20}};
    loss = net.loss(s, {.x = g.feed("x", {128, 784})}).total;
  }
  minimize(g, loss, Adam{});
  g.fetch("loss", loss);
}

TEST(Allocation, ARunTakesNothingAfterTheFirst) {
  for (const char* workload : {"seed-ae", "seed-vae", "mlp-vae"}) {
    for (int threads : {1, 2}) {
      Graph g;
      trace(g, workload);
      Slots slots;
      Plan plan(g, slots, {.threads = threads});
      for (int i = 0; i < 2; ++i) plan.run();
      counters.reset();
      for (int i = 0; i < 10; ++i) plan.run();
      counters.on = false;
      EXPECT_EQ(counters.ours, 0u) << workload << " on " << threads << " threads";
      const bool large = std::string(workload) == "mlp-vae";
      if (!large) {
        EXPECT_EQ(counters.onednn, 0u) << workload;
      } else {
        std::printf("oneDNN allocates %zu times a run of %s\n", counters.onednn.load() / 10,
                    workload);
      }
    }
  }
}

TEST(Allocation, TheCounterCounts) {
  counters.reset();
  Graph g;
  counters.on = false;
  EXPECT_GT(counters.ours, 0u);
}

TEST(Allocation, MemoryIsAsForecast) {
  for (const char* workload : {"seed-ae", "seed-vae", "mlp-vae"}) {
    Graph g;
    trace(g, workload);
    {
      Slots warm;  // the libraries' own tables
      Plan(g, warm, {.threads = 1}).run();
    }
    counters.reset();
    Slots slots;
    Plan plan(g, slots, {.threads = 1});
    for (int i = 0; i < 3; ++i) plan.run();
    counters.on = false;
    const auto forecast = static_cast<double>(plan.stats().peak_bytes());
    EXPECT_NEAR(static_cast<double>(counters.aligned), forecast, 0.05 * forecast) << workload;
    // Calls and names, some 100 KB, are not forecast: they do not grow with a model.
    const double more = std::string(workload) == "mlp-vae" ? 0 : 300e3;
    EXPECT_NEAR(static_cast<double>(counters.peak), forecast, 0.05 * forecast + more) << workload;
    counters.reset();
    Slots others;
    PlanFamily family(others, [&](Graph& own, int64_t) { trace(own, workload); }, {.threads = 1});
    family.at(1).run();
    counters.on = false;
    EXPECT_NEAR(static_cast<double>(counters.peak), forecast, 0.05 * forecast + more) << workload;
  }
}

}  // namespace
}  // namespace latent
