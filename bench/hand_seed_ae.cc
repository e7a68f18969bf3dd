// seed-ae by hand: dense 100-32(relu)-100 twice, batch 32 (the last of an epoch 8), mean squared
// error, Adam. Weights, moments and gradients are one array each, so that Adam is one loop. The
// products are LIBXSMM's; it reads no transposed weight, so the three that the gradient of the data
// needs are transposed first, block by block. One thread: a step is shorter than waking another.
#include <array>
#include <cstddef>

#include "hand.h"
#include "workload.h"

namespace {

constexpr int kInputs = 100, kHidden = 32, kLayers = 4;
constexpr int kWeights = kInputs * kHidden;
constexpr std::array<int, kLayers + 1> kWidth = {kInputs, kHidden, kInputs, kHidden, kInputs};
constexpr std::array<bool, kLayers> kRelu = {true, false, true, false};

/// Offsets of each layer's weight [in, out] and bias [out] in the common arrays; every one a
/// multiple of 4 floats.
struct Layout {
  std::array<int, kLayers> weight{}, bias{};
  int total = 0;
};
constexpr Layout layout() {
  Layout l;
  for (size_t i = 0; i < kLayers; ++i) {
    l.weight[i] = l.total;
    l.bias[i] = l.total + kWeights;
    l.total += kWeights + kWidth[i + 1];
  }
  return l;
}
constexpr Layout kAt = layout();
static_assert(kAt.total == 13064);

/// y [rows, 100] += bias.
HAND_LOOPS void add_bias(float* y, const float* bias, int rows) {
  for (int r = 0; r < rows; ++r, y += kInputs) {
    for (int c = 0; c < kInputs; ++c) y[c] += bias[c];
  }
}

/// dbias [100] = dy [rows, 100] summed over the rows.
HAND_LOOPS void sum_rows(const float* dy, float* dbias, int rows) {
  std::memset(dbias, 0, kInputs * sizeof(float));
  for (int r = 0; r < rows; ++r, dy += kInputs) {
    for (int c = 0; c < kInputs; ++c) dbias[c] += dy[c];
  }
}

/// The last layer's y [rows, 100] becomes the loss's gradient 2 (y + bias - x) / n, with dbias
/// [100] its sum over the rows; returns the mean squared error. rows is a multiple of 4.
HAND_LOOPS double squared_error(float* y, const float* x, const float* bias, float* dbias,
                                int rows) {
  const int n = rows * kInputs;
  const float scale = 2.0f / static_cast<float>(n);
  add_bias(y, bias, rows);
  float lanes[16] = {};
  for (int i = 0; i < n; i += 16) {
    for (int k = 0; k < 16; ++k) {
      const float e = y[i + k] - x[i + k];
      lanes[k] += e * e;
      y[i + k] = scale * e;
    }
  }
  sum_rows(y, dbias, rows);
  return hand::fold(lanes) / n;
}

/// The products of a batch of one size.
class Products {
 public:
  explicit Products(int rows)
      : forward_{{{rows, kHidden, kInputs}, {rows, kInputs, kHidden}}},
        weights_{{{kInputs, kHidden, rows, true}, {kHidden, kInputs, rows, true}}} {}
  // Layers 0 and 2 go down to 32, 1 and 3 up to 100; the gradient of one's data has the shape of
  // the other's result.
  const hand::Product& forward(size_t layer) const { return forward_[layer % 2]; }
  const hand::Product& data(size_t layer) const { return forward_[1 - layer % 2]; }
  const hand::Product& weights(size_t layer) const { return weights_[layer % 2]; }

 private:
  std::array<hand::Product, 2> forward_, weights_;
};

class Net {
 public:
  Net() : whole_(32), last_(8) {
    std::mt19937_64 random(1);
    for (size_t i = 0; i < kLayers; ++i)
      hand::glorot(random, &w_[kAt.weight[i]], kWidth[i], kWidth[i + 1], kWidth[i + 1]);
  }

  /// The rows' place, [32, 100].
  float* x() { return y_[0].get(); }

  /// A step on the first `rows` of x(), 32 or 8; returns the mean squared error.
  double step(int rows) {
    const Products& p = rows == 32 ? whole_ : last_;
    float *w = w_.get(), *g = g_.get();
    for (size_t i = 0; i < kLayers; ++i) {
      float* y = y_[i + 1].get();
      p.forward(i)(y, y_[i].get(), w + kAt.weight[i]);
      if (kRelu[i]) {
        hand::bias_relu(y, w + kAt.bias[i], rows, kHidden, kHidden);
      } else if (i + 1 < kLayers) {
        add_bias(y, w + kAt.bias[i], rows);
      }
    }
    const double loss = squared_error(y_[kLayers].get(), x(), w + kAt.bias[kLayers - 1],
                                      g + kAt.bias[kLayers - 1], rows);
    const float* dy = y_[kLayers].get();
    for (size_t i = kLayers; i-- > 0;) {
      p.weights(i)(g + kAt.weight[i], y_[i].get(), dy);
      if (i == 0) break;
      hand::transpose(transposed_.get(), w + kAt.weight[i], kWidth[i], kWidth[i + 1]);
      float* dx = d_[i].get();
      p.data(i)(dx, dy, transposed_.get());
      if (kRelu[i - 1]) {
        hand::relu_gradient(dx, y_[i].get(), g + kAt.bias[i - 1], rows, kHidden, kHidden);
      } else {
        sum_rows(dx, g + kAt.bias[i - 1], rows);
      }
      dy = dx;
    }
    hand::adam(w, m_.get(), v_.get(), g, kAt.total, hand::AdamRates(++steps_));
    return loss;
  }

 private:
  Products whole_, last_;
  hand::Floats w_ = hand::zeros(kAt.total), m_ = hand::zeros(kAt.total),
               v_ = hand::zeros(kAt.total), g_ = hand::zeros(kAt.total),
               transposed_ = hand::zeros(kWeights);
  // Results of the layers, y_[0] the input, and the loss's gradients with respect to them.
  std::array<hand::Floats, kLayers + 1> y_ = {hand::zeros(32 * kInputs), hand::zeros(32 * kHidden),
                                              hand::zeros(32 * kInputs), hand::zeros(32 * kHidden),
                                              hand::zeros(32 * kInputs)};
  std::array<hand::Floats, kLayers> d_ = {hand::zeros(16), hand::zeros(32 * kHidden),
                                          hand::zeros(32 * kInputs), hand::zeros(32 * kHidden)};
  int64_t steps_ = 0;
};

void run(bench::Options o) {
  hand::check(o, "seed-ae", 1);
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
