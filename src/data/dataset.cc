// Describing and gathering data sets; see dataset.h. Opening is in open.cc.
#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "data/scaling.h"
#include "data/visit.h"

namespace latent {

namespace {

// One row to float32; Wide is the type of the arithmetic. The inner loop has a fixed length and the
// pointers are restrict (bytes may alias anything), so that both compilers make vectors of it at
// -O2.
template <class Wide, class T>
void convert_row(const T* __restrict src, size_t n, Wide scale, Wide shift, float* __restrict dst) {
  constexpr size_t kBlock = 16;
  const auto value = [scale, shift](T v) {
    return static_cast<float>(static_cast<Wide>(v) * scale + shift);
  };
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    for (size_t k = 0; k < kBlock; ++k) dst[i + k] = value(src[i + k]);
  }
  for (; i < n; ++i) dst[i] = value(src[i]);
}

}  // namespace

Dataset::Dataset(std::string name, std::vector<Field> fields, About about)
    : name_(std::move(name)), fields_(std::move(fields)), about_(std::move(about)) {
  if (fields_.empty()) throw UsageError("the data set " + name_ + " has no fields");
  for (const Field& field : fields_) {
    if (field.values.shape().rank() == 0) {
      throw UsageError("the field " + field.name + " of " + name_ +
                       " is a single number; a field has rows");
    }
    visit_elements(field.values, [](auto) {});
    const int64_t rows = field.values.shape()[0];
    if (&field == &fields_[0]) size_ = rows;
    if (rows != size_) {
      throw UsageError("the field " + field.name + " of " + name_ + " has " + std::to_string(rows) +
                       " rows, but " + fields_[0].name + " has " + std::to_string(size_));
    }
    if (std::ranges::count(fields_, field.name, &Field::name) != 1) {
      throw UsageError("the data set " + name_ + " has two fields named " + field.name);
    }
  }
  if (size_ > std::numeric_limits<int32_t>::max()) {
    throw UsageError("the data set " + name_ + " has " + std::to_string(size_) +
                     " rows; at most 2^31 - 1 can be used");
  }
  if (!names().empty() && std::ssize(names()) != size_) {
    throw UsageError("the data set " + name_ + " has " + std::to_string(size_) + " rows and " +
                     std::to_string(names().size()) + " names of rows");
  }
}

const Field& Dataset::field(std::string_view name) const {
  for (const Field& field : fields_) {
    if (field.name == name) return field;
  }
  std::string known;
  for (const Field& field : fields_) known += (known.empty() ? "" : ", ") + field.name;
  throw UsageError("the data set " + name_ + " has no field \"" + std::string(name) +
                   "\"; it has " + known);
}

bool Dataset::labelled() const {
  return std::ranges::any_of(
      fields_, [](const Field& f) { return f.name == "label" && f.values.shape().rank() == 1; });
}

Shape Dataset::row_shape(std::string_view name) const {
  return Shape(field(name).values.shape().dims().subspan(1));
}

uint64_t Dataset::fingerprint() const {
  uint64_t h = 0;
  for (const Field& field : fields_) {
    h = hash_bytes(
        bytes_of(field.name + " " + name_of(field.values.dtype()) + field.values.shape().text()),
        h);
    h = hash_bytes(field.values.as_bytes(), h);
  }
  if (!content().array()) h = hash_bytes(bytes_of(content().json().dump()), h);
  return h;
}

ValueRange Dataset::range(std::string_view name) const {
  const Tensor& values = field(name).values;
  const int64_t row = size_ > 0 ? std::max<int64_t>(values.elements() / size_, 1) : 1;
  return visit_elements(values, [&](auto span) {
    ValueRange r;
    r.low = std::numeric_limits<double>::infinity();
    r.high = -r.low;
    for (size_t i = 0; i < span.size(); ++i) {
      const auto v = static_cast<double>(span[i]);
      if (!std::isfinite(v)) {
        if (r.not_finite++ == 0) r.first_not_finite_row = static_cast<int64_t>(i) / row;
        continue;
      }
      r.low = std::min(r.low, v);
      r.high = std::max(r.high, v);
      r.integral = r.integral && v == std::trunc(v);
    }
    if (r.low > r.high) r.low = r.high = 0;
    return r;
  });
}

size_t Dataset::checked_row_bytes(const Field& field, std::span<const int32_t> rows) const {
  for (const int32_t row : rows) {
    if (row < 0 || row >= size_) {
      throw UsageError("row " + std::to_string(row) + " was asked of " + name_ + ", which has " +
                       std::to_string(size_));
    }
  }
  return size_ > 0 ? field.values.bytes() / static_cast<size_t>(size_) : 0;
}

void Dataset::read(std::string_view name, std::span<const int32_t> rows,
                   std::span<std::byte> dst) const {
  const Field& f = field(name);
  const size_t bytes = checked_row_bytes(f, rows);
  if (dst.size() != rows.size() * bytes) {
    throw UsageError(std::to_string(rows.size()) + " rows of " + f.name + " are " +
                     std::to_string(rows.size() * bytes) + " bytes, but there is room for " +
                     std::to_string(dst.size()));
  }
  if (bytes == 0) return;
  const std::byte* src = f.values.as_bytes().data();
  for (size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(dst.data() + i * bytes, src + static_cast<size_t>(rows[i]) * bytes, bytes);
  }
}

void Dataset::gather(std::string_view name, std::span<const int32_t> rows, float* dst, float scale,
                     float shift) const {
  const Field& f = field(name);
  const size_t n = checked_row_bytes(f, rows) / size_of(f.values.dtype());
  visit_elements(f.values, [&](auto span) {
    using T = std::remove_cv_t<typename decltype(span)::element_type>;
    using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
    for (size_t i = 0; i < rows.size(); ++i) {
      convert_row<Wide>(span.data() + static_cast<size_t>(rows[i]) * n, n, Wide{scale}, Wide{shift},
                        dst + i * n);
    }
  });
}

void Dataset::gather(std::string_view name, std::span<const int32_t> rows, float* dst,
                     const Scaling& scaling) const {
  const Field& f = field(name);
  const size_t n = checked_row_bytes(f, rows) / size_of(f.values.dtype());
  if (!scaling.is_uniform() && (scaling.scale.size() != n || scaling.shift.size() != n)) {
    throw UsageError("rows of " + std::to_string(n) + " values of " + name_ +
                     " were to be scaled by " + std::to_string(scaling.scale.size()) + " columns");
  }
  const bool as_stored = scaling.is_uniform() && scaling.scale[0] == 1 && scaling.shift[0] == 0;
  if (as_stored && f.values.dtype() == DType::f32) {
    read(name, rows, std::as_writable_bytes(std::span(dst, rows.size() * n)));
    return;
  }
  if (scaling.is_uniform() && f.values.dtype() == DType::u8) {
    const auto bytes = f.values.span<uint8_t>();
    float scaled[256];
    for (size_t v = 0; v < 256; ++v)
      scaled[v] = static_cast<float>(static_cast<double>(v) * scaling.scale[0] + scaling.shift[0]);
    for (const int32_t row : rows) {
      for (const uint8_t v : bytes.subspan(static_cast<size_t>(row) * n, n)) *dst++ = scaled[v];
    }
    return;
  }
  visit_elements(f.values, [&](auto span) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto* src = span.data() + static_cast<size_t>(rows[i]) * n;
      float* out = dst + i * n;
      if (scaling.is_uniform()) {
        convert_row<double>(src, n, scaling.scale[0], scaling.shift[0], out);
        continue;
      }
      for (size_t j = 0; j < n; ++j) {
        out[j] =
            static_cast<float>(static_cast<double>(src[j]) * scaling.scale[j] + scaling.shift[j]);
      }
    }
  });
}

}  // namespace latent
