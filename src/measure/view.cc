// Views of models and rows of a data set for measures; see view.h.
#include "measure/view.h"

#include <algorithm>
#include <numeric>

namespace latent::measure {

ModelView view_of(const Architecture& model) {
  const char* missing = !model.encode       ? "encode"
                        : !model.decode     ? "decode"
                        : !model.likelihood ? "likelihood"
                                            : nullptr;
  if (missing)
    throw UsageError("the model " + model.name + " has no " + missing +
                     "; measures need encode, decode and likelihood");
  return {model.inputs,
          model.latent,
          [encode = model.encode](const Scope& s, Arg x) {
            const Code code = encode(s, x.expr());
            return Gaussian{code.mean, code.logvar};
          },
          [decode = model.decode](const Scope& s, Arg z) { return decode(s, z.expr()); },
          *model.likelihood,
          model.own_prior ? model.own_prior->nll : nullptr,
          model.classes};
}

bool ModelView::is_bound() const {
  if (prior_nll) return true;
  Graph g;
  return encode(Scope(g, false), g.feed("x", {1, inputs})).logvar.valid();
}

void feed_labels(Plan& plan, const RowSource& source, std::span<const int32_t> rows) {
  if (!plan.has_feed("label")) return;
  if (!source.labels) {
    throw UsageError(
        "the model is conditioned on labels, which these rows have not; give --label "
        "COLUMN of a CSV file, or --label FILE with one number a row");
  }
  source.labels(rows, plan.feed<int32_t>("label").data());
}

RowSource rows_of(const Dataset& data, const Scaling& scaling, std::vector<int32_t> rows) {
  if (rows.empty()) {
    rows.resize(static_cast<size_t>(data.size()));
    std::iota(rows.begin(), rows.end(), 0);
  }
  RowSource source{std::move(rows), [&data, scaling](std::span<const int32_t> ids, float* dst) {
                     data.gather("x", ids, dst, scaling);
                   }};
  if (data.labelled()) {
    source.labels = [&data](std::span<const int32_t> ids, int32_t* dst) {
      std::vector<float> labels(ids.size());
      data.gather("label", ids, labels.data());
      std::ranges::transform(labels, dst, [](float v) { return static_cast<int32_t>(v); });
    };
  }
  return source;
}

RowSource rows_in(std::span<const float> values, int64_t width) {
  const auto w = static_cast<size_t>(width);
  RowSource r;
  r.rows.resize(values.size() / w);
  std::iota(r.rows.begin(), r.rows.end(), 0);
  r.read = [values, w](std::span<const int32_t> ids, float* dst) {
    for (const int32_t id : ids)
      dst = std::ranges::copy(values.subspan(static_cast<size_t>(id) * w, w), dst).out;
  };
  return r;
}

std::vector<int32_t> evenly(std::vector<int32_t> rows, int64_t most) {
  if (most < 1) throw UsageError("at most " + std::to_string(most) + " rows were asked for");
  const auto size = std::ssize(rows);
  if (size <= most) return rows;
  for (int64_t i = 0; i < most; ++i)
    rows[static_cast<size_t>(i)] = rows[static_cast<size_t>(i * size / most)];
  rows.resize(static_cast<size_t>(most));
  return rows;
}

RowSource some_rows(const RowSource& all, int64_t most) { return all.with(evenly(all.rows, most)); }

}  // namespace latent::measure
