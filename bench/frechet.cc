// frechet IMAGES LABELS HELD_OUT HELD_OUT_LABELS COUNT MODEL..: how far COUNT samples of each model
// lie from held-out pictures, over the features of a classifier that is trained here on IMAGES (two
// convolutions, 128 units, classes; the units before the last layer are the features). Beside them
// the distance of as many real training rows, which no model can be expected to beat. A model
// without a prior is drawn from by a Gaussian fitted to its codes of 10,000 training rows.
#include "measure/frechet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "data/dataset.h"
#include "data/loader.h"
#include "latent/latent.h"

namespace latent {
namespace {

constexpr int64_t kFeatures = 128, kBatch = 100, kEpochs = 3, kCodes = 10000;

struct Reader {
  Slots weights{1};
  Shape picture;  // [h, w, c]
  int64_t classes = 0;
  float scale = 1 / 255.0f;

  Expr features(const Scope& s, Expr x) const {
    const Expr p = reshape(x, {x.dim(0), picture[0], picture[1], picture[2]});
    const Expr h = relu(conv2d(s / 0, p, 32, 3, {.stride = 2}));
    const Expr k = relu(conv2d(s / 1, h, 64, 3, {.stride = 2}));
    const Expr flat = reshape(k, {x.dim(0), k.shape().elements() / x.dim(0)});
    return relu(dense(s / 2, flat, kFeatures));
  }
  Expr logits(const Scope& s, Expr x) const { return dense(s / 3, features(s, x), classes); }

  void train(const Dataset& data) {
    Graph g;
    const Scope s(g, true);
    const Expr x = g.feed("x", {kBatch, picture.elements()}),
               label = g.feed("label", {kBatch}, DType::i32);
    minimize(g, mean(categorical_nll(logits(s, x), label)));
    Plan plan(g, weights);
    Loader loader(split(data.size(), 0.0, uint64_t{0}).train, kBatch, 1);
    std::vector<float> labels(kBatch);
    for (int64_t i = 0; i < kEpochs * loader.batches(); ++i) {
      const auto rows = loader.batch(i / loader.batches(), i % loader.batches());
      if (std::ssize(rows) != kBatch) continue;
      data.gather("x", rows, plan.feed("x").data(), scale);
      data.gather("label", rows, labels.data());
      std::ranges::transform(labels, plan.feed<int32_t>("label").begin(),
                             [](float v) { return static_cast<int32_t>(v); });
      plan.run();
    }
  }

  /// Features [n, kFeatures] of rows in the data's units, or with `classify` logits [n, classes].
  std::vector<float> read(std::span<const float> rows, bool classify = false) {
    Graph g;
    const Scope s(g, false);
    const Expr x = g.feed("x", {kBatch, picture.elements()});
    g.fetch("y", classify ? logits(s, x) : features(s, x));
    Plan plan(g, weights);
    const auto width = static_cast<size_t>(picture.elements());
    std::vector<float> out;
    for (size_t at = 0; at < rows.size(); at += width * kBatch) {
      const auto piece = rows.subspan(at, std::min(rows.size() - at, width * kBatch));
      std::ranges::transform(piece, plan.feed("x").begin(), [&](float v) { return v * scale; });
      plan.run();
      const auto y = plan.fetch("y");
      out.insert(out.end(), y.begin(),
                 y.begin() + static_cast<ptrdiff_t>(piece.size() / width * (y.size() / kBatch)));
    }
    return out;
  }

  measure::NormalFit fit(std::span<const float> rows) {
    return measure::gaussian_of(read(rows), kFeatures);
  }
};

double accuracy(Reader& reader, const Data& data) {
  const std::vector<float> logits = reader.read(data.values(), true);
  const auto labels = data.dataset().field("label").values.span<int32_t>();
  const auto k = static_cast<size_t>(reader.classes);
  size_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = std::span(logits).subspan(i * k, k);
    right += std::ranges::max_element(row) - row.begin() == labels[i];
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

std::vector<float> samples_of(const Model& model, const Data& images, int64_t n) {
  const Architecture& a = model.architecture();
  if (a.prior || a.own_prior) return model.sample(n);
  const std::vector<float> codes = model.encode(images.values(0, std::min(kCodes, images.size())));
  return model.decode(measure::draws_of(measure::gaussian_of(codes, model.latent()), n, 1));
}

int run(int argc, char** argv) {
  const Data images = Data::open(argv[1], argv[2]), held = Data::open(argv[3], argv[4]);
  const int64_t n = std::min<int64_t>(std::atoll(argv[5]), std::min(images.size(), held.size()));
  Reader reader;
  reader.picture = images.row_shape();
  if (reader.picture.rank() == 2) reader.picture.push_back(1);
  const auto labels = images.dataset().field("label").values.span<int32_t>();
  reader.classes = std::ranges::max(labels) + 1;
  reader.train(images.dataset());
  fmt::print("the reader is right on {:.2f} % of {} held-out pictures; {} features, n = {}\n",
             100 * accuracy(reader, held), held.size(), kFeatures, n);
  const measure::NormalFit real = reader.fit(held.values(0, n));
  fmt::print("{:10.2f}  real training rows\n",
             measure::frechet_distance(reader.fit(images.values(0, n)), real));
  for (int i = 6; i < argc; ++i) {
    const Model model = load(argv[i], 0);
    const std::vector<float> rows = samples_of(model, images, n);
    fmt::print("{:10.2f}  {} ({})\n", measure::frechet_distance(reader.fit(rows), real), argv[i],
               model.architecture().name);
  }
  return 0;
}

}  // namespace
}  // namespace latent

int main(int argc, char** argv) {
  if (argc < 7) {
    fmt::print(stderr, "usage: frechet IMAGES LABELS HELD_OUT HELD_OUT_LABELS COUNT MODEL..\n");
    return 2;
  }
  try {
    return latent::run(argc, argv);
  } catch (const latent::Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
