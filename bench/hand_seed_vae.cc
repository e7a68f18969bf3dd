// seed-vae by hand: dense 100-32(relu)-(mu 20, logvar 20), 20-32(relu)-100, batch 32 (the last of
// an epoch 8), squared error summed over features + KL summed over latents, averaged over the
// batch, Adam. The two heads are one product: the posterior is one array [rows, 40], mu beside
// logvar. Weights, moments and gradients are one array each. One thread.
#include <array>
#include <cstddef>

#include "hand.h"
#include "workload.h"

namespace {

using hand::kHeads, hand::kLatent;
constexpr int kInputs = 100, kHidden = 32, kRows = 32;

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
static_assert(kTotal == 8524);

/// The decoder's y [rows, 100] becomes the loss's gradient 2 (y + bias - x) / rows, with dbias its
/// sum over the rows. Returns the squared error, summed.
HAND_LOOPS double squared_error(float* y, const float* x, const float* bias, float* dbias,
                                int rows) {
  const int n = rows * kInputs;
  const float scale = 2.0f / static_cast<float>(rows);
  float lanes[16] = {};
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < kInputs; ++c) y[r * kInputs + c] += bias[c];
  }
  for (int i = 0; i < n; i += 16) {
    for (int k = 0; k < 16; ++k) {
      const float e = y[i + k] - x[i + k];
      lanes[k] += e * e;
      y[i + k] = scale * e;
    }
  }
  std::memset(dbias, 0, kInputs * sizeof(float));
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < kInputs; ++c) dbias[c] += y[r * kInputs + c];
  }
  return hand::fold(lanes);
}

/// The products of a batch of one size; d*: of the data's gradient, g*: of the weights'.
struct Products {
  explicit Products(int rows)
      : encode(rows, kHidden, kInputs),
        heads(rows, kHeads, kHidden),
        decode(rows, kHidden, kLatent),
        out(rows, kInputs, kHidden),
        d_out(rows, kHidden, kInputs),
        d_decode(rows, kLatent, kHidden),
        d_heads(rows, kHidden, kHeads),
        g_out(kHidden, kInputs, rows, true),
        g_decode(kLatent, kHidden, rows, true),
        g_heads(kHidden, kHeads, rows, true),
        g_encode(kInputs, kHidden, rows, true) {}
  hand::Product encode, heads, decode, out, d_out, d_decode, d_heads, g_out, g_decode, g_heads,
      g_encode;
};

class Net {
 public:
  Net() : whole_(kRows), last_(8) {
    std::mt19937_64 random(1);
    hand::glorot(random, &w_[kW1], kInputs, kHidden, kHidden);
    hand::glorot(random, &w_[kWh], kHidden, kLatent, kHeads);
    hand::glorot(random, &w_[kWh + kLatent], kHidden, kLatent, kHeads);
    hand::glorot(random, &w_[kW3], kLatent, kHidden, kHidden);
    hand::glorot(random, &w_[kW4], kHidden, kInputs, kInputs);
  }

  /// The rows' place, [32, 100].
  float* x() { return x_.get(); }

  /// A step on the first `rows` of x(), 32 or 8; returns the mean loss of a row.
  double step(int rows) {
    const Products& p = rows == kRows ? whole_ : last_;
    float *w = w_.get(), *g = g_.get(), *h = h_.get(), *dh = dh_.get(), *z = z_.get(),
          *posterior = posterior_.get(), *eps = eps_.get(), *y = y_.get(), *t = transposed_.get();
    hand::normals(eps, rows * kLatent, static_cast<uint32_t>(steps_));
    p.encode(h, x(), w + kW1);
    hand::bias_relu(h, w + kB1, rows, kHidden, kHidden);
    p.heads(posterior, h, w + kWh);
    const double kl = hand::draw(posterior, w + kBh, eps, sigma_.get(), z, rows);
    float* hd = hd_.get();
    p.decode(hd, z, w + kW3);
    hand::bias_relu(hd, w + kB3, rows, kHidden, kHidden);
    p.out(y, hd, w + kW4);
    const double error = squared_error(y, x(), w + kB4, g + kB4, rows);

    p.g_out(g + kW4, hd, y);
    hand::transpose(t, w + kW4, kHidden, kInputs);
    p.d_out(dh, y, t);
    hand::relu_gradient(dh, hd, g + kB3, rows, kHidden, kHidden);
    p.g_decode(g + kW3, z, dh);
    hand::transpose(t, w + kW3, kLatent, kHidden);
    p.d_decode(z, dh, t);  // z is over: dz
    hand::draw_gradient(posterior, z, eps, sigma_.get(), g + kBh, rows, rows);
    p.g_heads(g + kWh, h, posterior);
    hand::transpose(t, w + kWh, kHidden, kHeads);
    p.d_heads(dh, posterior, t);
    hand::relu_gradient(dh, h, g + kB1, rows, kHidden, kHidden);
    p.g_encode(g + kW1, x(), dh);
    hand::adam(w, m_.get(), v_.get(), g, kTotal, hand::AdamRates(++steps_));
    return (error + kl) / rows;
  }

 private:
  Products whole_, last_;
  hand::Floats w_ = hand::zeros(kTotal), m_ = hand::zeros(kTotal), v_ = hand::zeros(kTotal),
               g_ = hand::zeros(kTotal), transposed_ = hand::zeros(kHidden * kInputs);
  hand::Floats x_ = hand::zeros(kRows * kInputs), y_ = hand::zeros(kRows * kInputs);
  hand::Floats h_ = hand::zeros(kRows * kHidden), hd_ = hand::zeros(kRows * kHidden),
               dh_ = hand::zeros(kRows * kHidden), posterior_ = hand::zeros(kRows * kHeads);
  hand::Floats eps_ = hand::zeros(kRows * kLatent), sigma_ = hand::zeros(kRows * kLatent),
               z_ = hand::zeros(kRows * kLatent);
  int64_t steps_ = 0;
};

void run(bench::Options o) {
  hand::check(o, "seed-vae", 1);
  const latent::DenormalsAreZero denormals;  // as in the engine
  const bench::Rows data = bench::load(o);
  Net net;
  bench::measure(o, "hand", data, [&](const int32_t* rows, int64_t n) {
    data.gather(rows, n, net.x());
    return net.step(static_cast<int>(n));
  });
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, run); }
