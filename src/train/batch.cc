// Feeds of a batch; see batch.h.
#include "train/batch.h"

#include <algorithm>
#include <vector>

namespace latent {

std::string row_feed(int64_t n) { return "row:" + std::to_string(n); }

Batch declare_batch(Graph& g, int64_t n, int64_t inputs, const Dataset& data) {
  Batch b{.x = g.feed("x", {n, inputs}), .row = g.feed(row_feed(n), {n}, DType::i32)};
  if (data.labelled()) b.label = g.feed("label", {n}, DType::i32);
  return b;
}

void feed_labels(Plan& plan, const Dataset& data, std::span<const int32_t> rows) {
  if (!plan.has_feed("label")) return;
  std::vector<float> labels(rows.size());
  data.gather("label", rows, labels.data());
  std::ranges::transform(labels, plan.feed<int32_t>("label").begin(),
                         [](float v) { return static_cast<int32_t>(v); });
}

}  // namespace latent
