// Models and rows of data sets for measures; see view.h.
#include "measure/view.h"

#include <numeric>

namespace latent::measure {

ModelView view_of(const Architecture& a) {
  if (!a.encode || !a.decode || !a.likelihood) {
    throw UsageError("the model " + a.name +
                     " cannot be measured: that takes encode, decode and likelihood");
  }
  return {.inputs = a.inputs,
          .latent = a.latent,
          .encode =
              [encode = a.encode](const Scope& s, Arg x) {
                const Code code = encode(s, x.expr());
                return Gaussian{code.mean, code.logvar};
              },
          .decode = [decode = a.decode](const Scope& s, Arg z) { return decode(s, z.expr()); },
          .likelihood = *a.likelihood};
}

RowSource rows_of(const Dataset& data, const Scaling& scaling, std::vector<int32_t> rows) {
  if (rows.empty()) {
    rows.resize(static_cast<size_t>(data.size()));
    std::iota(rows.begin(), rows.end(), 0);
  }
  return {std::move(rows), [&data, scaling](std::span<const int32_t> ids, float* dst) {
            data.gather("x", ids, dst, scaling);
          }};
}

RowSource some_rows(const RowSource& all, int64_t most) {
  if (most < 1) throw UsageError("at most " + std::to_string(most) + " rows were asked for");
  if (all.size() <= most) return all;
  RowSource some{.read = all.read};
  for (int64_t i = 0; i < most; ++i)
    some.rows.push_back(all.rows[static_cast<size_t>(i * all.size() / most)]);
  return some;
}

}  // namespace latent::measure
