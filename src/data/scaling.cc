// Statistics of a field and the scaling and likelihood that follow from them; see scaling.h.
#include "data/scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/near.h"
#include "data/visit.h"

namespace latent {

namespace {

constexpr std::pair<ScalingKind, const char*> kKinds[] = {
    {ScalingKind::none, "none"},
    {ScalingKind::minmax, "minmax"},
    {ScalingKind::standardize, "standardize"}};
constexpr size_t kLeastPicture = 64;  // values of a row that may be a picture laid out flat

// Of each value of a row over the rows asked for.
struct Column {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double mean = 0, variance = 0;
  bool integral = true;
};

// Calls f(row number, values of the row) in order.
template <class F>
void for_rows(const Dataset& data, std::string_view field, std::span<const int32_t> rows,
              const F& f) {
  const int64_t count = rows.empty() ? data.size() : std::ssize(rows);
  if (count == 0) throw UsageError("scaling was asked of " + data.name() + ", which has no rows");
  const auto width = static_cast<size_t>(data.row_shape(field).elements());
  visit_elements(data.field(field).values, [&](auto values) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = rows.empty() ? i : rows[static_cast<size_t>(i)];
      if (row < 0 || row >= data.size())
        throw UsageError("row " + std::to_string(row) + " was asked of " + data.name() +
                         ", which has " + std::to_string(data.size()));
      f(row, values.subspan(static_cast<size_t>(row) * width, width));
    }
  });
}

// Sums run over the rows in order, in double: mean first, then squares about it.
std::vector<Column> columns_of(const Dataset& data, std::string_view field,
                               std::span<const int32_t> rows) {
  std::vector<Column> columns(static_cast<size_t>(data.row_shape(field).elements()));
  const auto n = static_cast<double>(rows.empty() ? data.size() : std::ssize(rows));
  for_rows(data, field, rows, [&](int64_t row, auto values) {
    for (size_t i = 0; i < values.size(); ++i) {
      const auto v = static_cast<double>(values[i]);
      if (!std::isfinite(v)) {
        throw DataError(
            fmt::format("value {} of row {} of {} is {}; replace it or leave out the row", i + 1,
                        row, field, v),
            data.name());
      }
      Column& c = columns[i];
      c.low = std::min(c.low, v);
      c.high = std::max(c.high, v);
      c.integral = c.integral && v == std::trunc(v);
      c.mean += v;
    }
  });
  for (Column& c : columns) c.mean = c.low == c.high ? c.low : c.mean / n;
  for_rows(data, field, rows, [&](int64_t, auto values) {
    for (size_t i = 0; i < values.size(); ++i) {
      const double d = static_cast<double>(values[i]) - columns[i].mean;
      columns[i].variance += d * d / n;
    }
  });
  return columns;
}

Column whole(const std::vector<Column>& columns) {
  Column all;
  for (const Column& c : columns) {
    all.low = std::min(all.low, c.low);
    all.high = std::max(all.high, c.high);
    all.integral = all.integral && c.integral;
    all.mean += c.mean / static_cast<double>(columns.size());
  }
  for (const Column& c : columns) {
    all.variance += (c.variance + (c.mean - all.mean) * (c.mean - all.mean)) /
                    static_cast<double>(columns.size());
  }
  return all;
}

bool has_byte_values(const Column& all) {
  return all.integral && all.low >= 0 && all.high > 127 && all.high <= 255;
}

bool is_picture(const Dataset& data, std::string_view field, const Column& all) {
  const Shape row = data.row_shape(field);
  return row.rank() >= 2 || data.field(field).values.dtype() == DType::u8 ||
         (has_byte_values(all) && row.elements() >= static_cast<int64_t>(kLeastPicture));
}

// Scale and shift of one column, or of all of them as one.
std::pair<double, double> pair_of(ScalingKind kind, const Column& c) {
  if (c.low == c.high) return {1, -c.low};
  if (kind == ScalingKind::minmax) return {1 / (c.high - c.low), -c.low / (c.high - c.low)};
  const double scale = 1 / std::sqrt(c.variance);
  return {scale, -c.mean * scale};
}

std::string constant_columns(const Dataset& data, const std::vector<Column>& columns) {
  std::string names;
  int64_t count = 0;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].low != columns[i].high) continue;
    if (++count > 5) continue;
    names += (names.empty() ? "" : ", ") +
             (data.columns().size() == columns.size() ? data.columns()[i] : std::to_string(i + 1));
  }
  if (count == 0) return "";
  return fmt::format("; {} of the {} columns do{} not vary ({}{}) and become 0", count,
                     columns.size(), count == 1 ? "es" : "", names, count > 5 ? ", .." : "");
}

Scaling scale_by(ScalingKind kind, const Dataset& data, std::string_view field,
                 const std::vector<Column>& columns) {
  Scaling s{.kind = kind};
  Column all = whole(columns);
  if (kind == ScalingKind::none) {
    s.reason =
        fmt::format("values lie in [{:g}, {:g}] and are used as they are", all.low, all.high);
    return s;
  }
  const char* action =
      kind == ScalingKind::minmax ? "scaled to [0, 1]" : "standardized to mean 0 and variance 1";
  if (is_picture(data, field, all)) {
    if (all.low == all.high) {
      s.reason = fmt::format("every value is {:g}: there is nothing to scale", all.low);
      s.shift = {-all.low};
      return s;
    }
    s.reason = fmt::format("values of pictures lie in [{:g}, {:g}] and are {} by one scale",
                           all.low, all.high, action);
    if (kind == ScalingKind::minmax && all.low > 0) all.low = 0;  // black stays 0
    if (kind == ScalingKind::minmax && has_byte_values(all)) {
      all.high = 255;
      s.reason = "values are bytes of pictures and are divided by 255";
    }
    std::tie(s.scale[0], s.shift[0]) = pair_of(kind, all);
    return s;
  }
  s.scale.clear();
  s.shift.clear();
  for (const Column& c : columns) {
    const auto [scale, shift] = pair_of(kind, c);
    s.scale.push_back(scale);
    s.shift.push_back(shift);
  }
  s.reason = fmt::format("the columns of a table, with values in [{:g}, {:g}], are each {}",
                         all.low, all.high, action) +
             constant_columns(data, columns);
  return s;
}

}  // namespace

const char* name_of(ScalingKind kind) {
  return std::ranges::find(kKinds, kind, &std::pair<ScalingKind, const char*>::first)->second;
}

ScalingKind scaling_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [kind, known] : kKinds) {
    if (name == known) return kind;
    names.emplace_back(known);
  }
  throw UsageError("no scaling is called \"" + name + "\"" + did_you_mean(name, names));
}

void Scaling::apply(std::span<float> values) const {
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = i % scale.size();
    values[i] = static_cast<float>(static_cast<double>(values[i]) * scale[c] + shift[c]);
  }
}

void Scaling::undo(std::span<float> values) const {
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t c = i % scale.size();
    values[i] = static_cast<float>((static_cast<double>(values[i]) - shift[c]) / scale[c]);
  }
}

Scaling make_scaling(ScalingKind kind, const Dataset& data, std::string_view field,
                     std::span<const int32_t> rows) {
  return scale_by(kind, data, field, columns_of(data, field, rows));
}

Scaling choose_scaling(const Dataset& data, std::string_view field, std::span<const int32_t> rows) {
  const std::vector<Column> columns = columns_of(data, field, rows);
  const Column all = whole(columns);
  const bool inside = all.low >= 0 && all.high <= 1;
  const bool named = data.columns().size() == columns.size();
  const ScalingKind kind = inside && (all.integral || !named) ? ScalingKind::none
                           : is_picture(data, field, all)     ? ScalingKind::minmax
                                                              : ScalingKind::standardize;
  return scale_by(kind, data, field, columns);
}

void check_likelihood(const std::string& likelihood, const Dataset& data, std::string_view field,
                      const Scaling& scaling, std::span<const int32_t> rows) {
  if (likelihood != "bernoulli" && likelihood != "continuous_bernoulli" &&
      !likelihood.starts_with("discretized_logistic"))
    return;
  constexpr double kRounding = 1e-6;  // of scaling, in float32
  const size_t pairs = scaling.scale.size();
  for_rows(data, field, rows, [&](int64_t row, auto values) {
    for (size_t i = 0; i < values.size(); ++i) {
      const double v =
          static_cast<double>(values[i]) * scaling.scale[i % pairs] + scaling.shift[i % pairs];
      if (v >= -kRounding && v <= 1 + kRounding) continue;
      throw UsageError(fmt::format(
          "the likelihood {} is for values in [0, 1], but value {} of row {} of {} is {:g}{}; "
          "scale "
          "the data (--scaling minmax) or take a likelihood of real numbers (--likelihood "
          "gaussian_optimal)",
          likelihood, i + 1, row, data.name(), v,
          scaling.kind == ScalingKind::none
              ? ""
              : fmt::format(" after scaling by {}", name_of(scaling.kind))));
    }
  });
}

LikelihoodChoice choose_likelihood(const Dataset& data, std::string_view field,
                                   const Scaling& scaling) {
  if (data.content().kind == "audio") {
    return {"gaussian_optimal",
            "levels and samples of sound are real numbers; one standard deviation for all, at its "
            "optimum"};
  }
  bool inside = scaling.is_uniform(), two = true;
  for_rows(data, field, {}, [&](int64_t, auto values) {
    for (const auto stored : values) {
      const auto v =
          static_cast<float>(static_cast<double>(stored) * scaling.scale[0] + scaling.shift[0]);
      inside = inside && v >= 0 && v <= 1;
      two = two && (v == 0 || v == 1);
      if (!inside) return;
    }
  });
  if (inside && two) return {"bernoulli", "every value is 0 or 1"};
  if (inside) {
    return {"bernoulli",
            "values lie in [0, 1], between its ends too; on these the Bernoulli is a bound, not a "
            "density: compare it with itself only, or take continuous_bernoulli"};
  }
  return {"gaussian_optimal",
          "values are real numbers; one standard deviation for all, at its optimum"};
}

}  // namespace latent
