// mlp-vae by hand: 784-400(relu)-(mu 20, logvar 20), 20-400(relu)-784 logits, batch 128, Bernoulli
// cross-entropy summed over pixels + KL, averaged over the batch, Adam. Every stage is cut into
// four parts, by columns, by rows of the batch, or by rows of a weight, whatever the number of
// threads, so one and two threads give the same bits; a spinning barrier stands between stages.
// Products are oneDNN's, one primitive a part with memory of its own, run by a single thread each.
#include <omp.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <dnnl.hpp>
#include <thread>

#include "hand.h"
#include "workload.h"

namespace {

using hand::kHeads, hand::kLatent;
constexpr int kInputs = 784, kHidden = 400, kRows = 128, kParts = 4, kPart = kRows / kParts;

/// Offsets in the common arrays: weights [in, out], then biases.
enum : int {
  kW1 = 0,
  kWh = kW1 + kInputs * kHidden,
  kW3 = kWh + kHidden * kHeads,
  kW4 = kW3 + kLatent * kHidden,
  kB1 = kW4 + kHidden * kInputs,
  kBh = kB1 + kHidden,
  kB3 = kBh + kHeads,
  kB4 = kB3 + kHidden,
  kTotal = kB4 + kInputs
};

/// Where part p of an extent begins: multiples of 16.
constexpr int cut(int extent, int p) {
  return p == kParts ? extent : (extent * p / kParts + 8) / 16 * 16;
}

/// A row-major matrix in memory, or its transpose.
struct View {
  float* at;
  int stride;
  bool transposed = false;
};

/// One part of a product, bound to its memory: c [m, n] = a b, a [m, k].
class Product {
 public:
  Product(const dnnl::engine& engine, View c, View a, View b, int m, int n, int k) {
    const auto describe = [](const View& v, int rows, int cols) {
      return dnnl::memory::desc(
          {rows, cols}, dnnl::memory::data_type::f32,
          v.transposed ? dnnl::memory::dims{1, v.stride} : dnnl::memory::dims{v.stride, 1});
    };
    const auto da = describe(a, m, k), db = describe(b, k, n), dc = describe(c, m, n);
    dnnl::primitive_attr attr;
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(da, db, dc), attr, engine);
    primitive_ = dnnl::matmul(pd);
    args_ = {{DNNL_ARG_SRC, dnnl::memory(da, engine, a.at)},
             {DNNL_ARG_WEIGHTS, dnnl::memory(db, engine, b.at)},
             {DNNL_ARG_DST, dnnl::memory(dc, engine, c.at)},
             {DNNL_ARG_SCRATCHPAD, dnnl::memory(pd.scratchpad_desc(), engine)}};
  }
  void operator()(dnnl::stream& stream) const { primitive_.execute(stream, args_); }

 private:
  dnnl::matmul primitive_;
  std::unordered_map<int, dnnl::memory> args_;
};

/// All threads wait for the last; spins, since a stage takes a fraction of a millisecond, and gives
/// the CPU away only when the other thread seems to have none.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  void wait() {
    if (threads_ == 1) return;
    const int phase = phase_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      phase_.store(phase + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; phase_.load(std::memory_order_acquire) == phase; ++spins) {
      if (spins > 100000) std::this_thread::yield();
    }
  }

 private:
  int threads_;
  std::atomic<int> arrived_{0}, phase_{0};
};

HAND_LOOPS void widen(const uint8_t* from, float* to, int n) {
  for (int i = 0; i < n; ++i) to[i] = static_cast<float>(from[i]) * (1.0f / 255.0f);
}

/// Columns [0, cols) of logits y [128, 784] become the gradient (sigmoid(y + bias) - x) / 128, with
/// dbias its sum over the rows. Returns the cross-entropy, softplus(l) - l x, summed. cols is a
/// multiple of 16.
HAND_LOOPS double bernoulli(float* y, const float* x, const float* bias, float* dbias, int cols) {
  float lanes[16] = {};
  std::memset(dbias, 0, static_cast<size_t>(cols) * sizeof(float));
  for (int r = 0; r < kRows; ++r, y += kInputs, x += kInputs) {
    for (int c = 0; c < cols; c += 16) {
      for (int k = 0; k < 16; ++k) {
        const float l = y[c + k] + bias[c + k], target = x[c + k];
        const float e = hand::exp(-std::fabs(l)), inverse = 1 / (1 + e);
        lanes[k] += (l > 0 ? l : 0.0f) + hand::log(1 + e) - l * target;
        const float d = ((l > 0 ? inverse : e * inverse) - target) * (1.0f / kRows);
        y[c + k] = d;
        dbias[c + k] += d;
      }
    }
  }
  return hand::fold(lanes);
}

/// sum [cols] of y [128, 400] over the rows.
HAND_LOOPS void sum_rows(const float* y, float* sum, int cols) {
  std::memset(sum, 0, static_cast<size_t>(cols) * sizeof(float));
  for (int r = 0; r < kRows; ++r, y += kHidden) {
    for (int c = 0; c < cols; ++c) sum[c] += y[c];
  }
}

HAND_LOOPS void mask(float* dy, const float* y, int n) {
  for (int i = 0; i < n; ++i) dy[i] = y[i] > 0 ? dy[i] : 0.0f;
}

class Net {
 public:
  explicit Net(int threads) : threads_(threads), barrier_(threads) {
    omp_set_num_threads(1);  // of this thread, before a primitive is made: it fixes its threads
    std::mt19937_64 random(1);
    hand::glorot(random, &w_[kW1], kInputs, kHidden, kHidden);
    hand::glorot(random, &w_[kWh], kHidden, kLatent, kHeads);
    hand::glorot(random, &w_[kWh + kLatent], kHidden, kLatent, kHeads);
    hand::glorot(random, &w_[kW3], kLatent, kHidden, kHidden);
    hand::glorot(random, &w_[kW4], kHidden, kInputs, kInputs);
    for (int p = 0; p < kParts; ++p) bind(p);
    if (threads_ == 2) worker_ = std::thread([this] { work(); });
  }
  ~Net() {
    if (!worker_.joinable()) return;
    batch_ = nullptr;
    barrier_.wait();
    worker_.join();
  }
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;

  /// A step on 128 rows of the data; returns the mean loss of a row.
  double step(const bench::Rows& data, const int32_t* rows) {
    data_ = &data;
    batch_ = rows;
    rates_ = hand::AdamRates(++steps_);
    barrier_.wait();
    share(0, stream_);
    double loss = 0;
    for (const double part : losses_) loss += part;
    return loss / kRows;
  }

 private:
  void bind(int p);
  void share(int thread, dnnl::stream& stream);
  void latent(int p, dnnl::stream& stream);
  void latent_gradient(int p, dnnl::stream& stream);
  void update(int p, dnnl::stream& stream);

  void work() {
    omp_set_num_threads(1);
    dnnl::stream stream(engine_);
    for (;;) {
      barrier_.wait();
      if (!batch_) return;
      share(1, stream);
    }
  }

  void adam(int begin, int n) {
    hand::adam(&w_[begin], &m_[begin], &v_[begin], &g_[begin], n, rates_);
  }

  int threads_;
  Barrier barrier_;
  std::thread worker_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  const bench::Rows* data_ = nullptr;
  const int32_t* batch_ = nullptr;  // rows of the data; none: the worker leaves
  hand::AdamRates rates_{1};
  int64_t steps_ = 0;
  std::array<double, 2 * kParts> losses_{};  // cross-entropy and KL of each part

  hand::Floats w_ = hand::zeros(kTotal), m_ = hand::zeros(kTotal), v_ = hand::zeros(kTotal),
               g_ = hand::zeros(kTotal);
  hand::Floats x_ = hand::zeros(kRows * kInputs), y_ = hand::zeros(kRows * kInputs);
  hand::Floats h_ = hand::zeros(kRows * kHidden), hd_ = hand::zeros(kRows * kHidden),
               dh_ = hand::zeros(kRows * kHidden), dhd_ = hand::zeros(kRows * kHidden);
  hand::Floats posterior_ = hand::zeros(kRows * kHeads), eps_ = hand::zeros(kRows * kLatent),
               sigma_ = hand::zeros(kRows * kLatent), z_ = hand::zeros(kRows * kLatent),
               dz_ = hand::zeros(kRows * kLatent), dbh_ = hand::zeros(kParts * kHeads);
  // One a part; d_*: of the data's gradient, g_*: of the weights'.
  std::vector<Product> encode_, heads_, decode_, out_, d_out_, d_decode_, d_heads_, g_out_,
      g_decode_, g_heads_, g_encode_;
};

void Net::bind(int p) {
  float *w = w_.get(), *g = g_.get(), *x = x_.get(), *y = y_.get(), *h = h_.get(), *hd = hd_.get(),
        *dh = dh_.get(), *dhd = dhd_.get();
  float *post = &posterior_[p * kPart * kHeads], *z = z_.get();
  const int hidden = cut(kHidden, p), hiddens = cut(kHidden, p + 1) - hidden;
  const int input = cut(kInputs, p), inputs = cut(kInputs, p + 1) - input;
  const int row = p * kPart * kHidden, code = p * kPart * kLatent;
  const auto add = [&](std::vector<Product>& to, View c, View a, View b, int m, int n, int k) {
    to.emplace_back(engine_, c, a, b, m, n, k);
  };
  // Columns of the result.
  add(encode_, {h + hidden, kHidden}, {x, kInputs}, {w + kW1 + hidden, kHidden}, kRows, hiddens,
      kInputs);
  add(out_, {y + input, kInputs}, {hd, kHidden}, {w + kW4 + input, kInputs}, kRows, inputs,
      kHidden);
  add(d_out_, {dhd + hidden, kHidden}, {y, kInputs}, {w + kW4 + hidden * kInputs, kInputs, true},
      kRows, hiddens, kInputs);
  // Rows of the batch.
  add(heads_, {post, kHeads}, {h + row, kHidden}, {w + kWh, kHeads}, kPart, kHeads, kHidden);
  add(decode_, {hd + row, kHidden}, {z + code, kLatent}, {w + kW3, kHidden}, kPart, kHidden,
      kLatent);
  add(d_decode_, {&dz_[code], kLatent}, {dhd + row, kHidden}, {w + kW3, kHidden, true}, kPart,
      kLatent, kHidden);
  add(d_heads_, {dh + row, kHidden}, {post, kHeads}, {w + kWh, kHeads, true}, kPart, kHidden,
      kHeads);
  // Rows of the weights; columns of the decoder's first, which has 20 rows.
  add(g_encode_, {g + kW1 + input * kHidden, kHidden}, {x + input, kInputs, true}, {dh, kHidden},
      inputs, kHidden, kRows);
  add(g_heads_, {g + kWh + hidden * kHeads, kHeads}, {h + hidden, kHidden, true},
      {posterior_.get(), kHeads}, hiddens, kHeads, kRows);
  add(g_decode_, {g + kW3 + hidden, kHidden}, {z, kLatent, true}, {dhd + hidden, kHidden}, kLatent,
      hiddens, kRows);
  add(g_out_, {g + kW4 + hidden * kInputs, kInputs}, {hd + hidden, kHidden, true}, {y, kInputs},
      hiddens, kInputs, kRows);
}

/// Rows of part p from the encoder's hidden layer to the decoder's.
void Net::latent(int p, dnnl::stream& stream) {
  const int code = p * kPart * kLatent;
  hand::normals(&eps_[code], kPart * kLatent, static_cast<uint32_t>(steps_ * kParts + p));
  heads_[p](stream);
  losses_[kParts + p] = hand::draw(&posterior_[p * kPart * kHeads], &w_[kBh], &eps_[code],
                                   &sigma_[code], &z_[code], kPart);
  decode_[p](stream);
  hand::bias_relu(&hd_[p * kPart * kHidden], &w_[kB3], kPart, kHidden, kHidden);
}

/// Back from the decoder's hidden layer to the encoder's.
void Net::latent_gradient(int p, dnnl::stream& stream) {
  const int code = p * kPart * kLatent, row = p * kPart * kHidden;
  d_decode_[p](stream);
  hand::draw_gradient(&posterior_[p * kPart * kHeads], &dz_[code], &eps_[code], &sigma_[code],
                      &dbh_[p * kHeads], kPart, kRows);
  d_heads_[p](stream);
  mask(&dh_[row], &h_[row], kPart * kHidden);
}

/// The weights' gradients and Adam, by rows of the weights.
void Net::update(int p, dnnl::stream& stream) {
  const int hidden = cut(kHidden, p), hiddens = cut(kHidden, p + 1) - hidden;
  const int input = cut(kInputs, p), inputs = cut(kInputs, p + 1) - input;
  g_out_[p](stream);
  adam(kW4 + hidden * kInputs, hiddens * kInputs);
  g_encode_[p](stream);
  adam(kW1 + input * kHidden, inputs * kHidden);
  g_heads_[p](stream);
  adam(kWh + hidden * kHeads, hiddens * kHeads);
  g_decode_[p](stream);
  for (int i = 0; i < kLatent; ++i) adam(kW3 + i * kHidden + hidden, hiddens);
  sum_rows(&dh_[hidden], &g_[kB1 + hidden], hiddens);
  for (const int bias : {kB1 + hidden, kB3 + hidden}) adam(bias, hiddens);
  adam(kB4 + input, inputs);
  if (p > 0) return;
  for (int i = 0; i < kHeads; ++i)
    g_[kBh + i] = (dbh_[i] + dbh_[kHeads + i]) + (dbh_[2 * kHeads + i] + dbh_[3 * kHeads + i]);
  adam(kBh, kHeads);
}

/// A thread's parts of all stages.
void Net::share(int thread, dnnl::stream& stream) {
  const auto stage = [&](auto part) {
    for (int p = kParts * thread / threads_; p < kParts * (thread + 1) / threads_; ++p) part(p);
    barrier_.wait();
  };
  stage([&](int p) {
    for (int r = p * kPart; r < (p + 1) * kPart; ++r)
      widen(data_->bytes.data() + batch_[r] * kInputs, &x_[r * kInputs], kInputs);
  });
  stage([&](int p) {
    const int begin = cut(kHidden, p), n = cut(kHidden, p + 1) - begin;
    encode_[p](stream);
    hand::bias_relu(&h_[begin], &w_[kB1 + begin], kRows, n, kHidden);
  });
  stage([&](int p) { latent(p, stream); });
  stage([&](int p) {
    const int begin = cut(kInputs, p), n = cut(kInputs, p + 1) - begin;
    out_[p](stream);
    losses_[p] = bernoulli(&y_[begin], &x_[begin], &w_[kB4 + begin], &g_[kB4 + begin], n);
  });
  stage([&](int p) {
    const int begin = cut(kHidden, p), n = cut(kHidden, p + 1) - begin;
    d_out_[p](stream);
    hand::relu_gradient(&dhd_[begin], &hd_[begin], &g_[kB3 + begin], kRows, n, kHidden);
  });
  stage([&](int p) { latent_gradient(p, stream); });
  stage([&](int p) { update(p, stream); });
}

void run(bench::Options o) {
  hand::check(o, "mlp-vae", 2);
  const latent::DenormalsAreZero denormals;  // as in the engine
  const bench::Rows data = bench::load(o);
  Net net(o.threads);
  bench::measure(o, "hand", data,
                 [&](const int32_t* rows, int64_t) { return net.step(data, rows); });
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, run); }
