// Opening, describing and gathering data sets; see dataset.h.
#include "data/dataset.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/near.h"
#include "data/digits.h"
#include "data/idx.h"
#include "data/npy.h"

namespace latent {

namespace {

// Calls f(span of the elements); bf16 is no type of data.
template <class F>
auto visit(const Tensor& t, const F& f) {
  switch (t.dtype()) {
    case DType::f32:
      return f(t.span<float>());
    case DType::f64:
      return f(t.span<double>());
    case DType::i32:
      return f(t.span<int32_t>());
    case DType::u8:
      return f(t.span<uint8_t>());
    case DType::bf16:
      break;
  }
  throw UsageError("a data set holds f32, f64, i32 or u8, not bf16");
}

// One row to float32. The inner loop has a fixed length and the pointers are restrict (bytes may
// alias anything), so that both compilers make vectors of it at -O2.
template <class T>
void convert_row(const T* __restrict src, size_t n, float scale, float shift,
                 float* __restrict dst) {
  constexpr size_t kBlock = 16;
  using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const auto value = [scale, shift](T v) {
    return static_cast<float>(static_cast<Wide>(v) * Wide{scale} + Wide{shift});
  };
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    for (size_t k = 0; k < kBlock; ++k) dst[i + k] = value(src[i + k]);
  }
  for (; i < n; ++i) dst[i] = value(src[i]);
}

std::string short_name(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  for (const std::string_view ending : {".gz", ".npy", ".idx"}) {
    if (name.ends_with(ending) && name.size() > ending.size())
      name.resize(name.size() - ending.size());
  }
  return name;
}

}  // namespace

Dataset::Dataset(std::string name, std::vector<Field> fields)
    : name_(std::move(name)), fields_(std::move(fields)) {
  if (fields_.empty()) throw UsageError("the data set " + name_ + " has no fields");
  for (const Field& field : fields_) {
    if (field.values.shape().rank() == 0) {
      throw UsageError("the field " + field.name + " of " + name_ +
                       " is a single number; a field has rows");
    }
    visit(field.values, [](auto) {});
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
}

Dataset Dataset::open(const std::string& spec) {
  std::vector<Field> fields;
  if (spec == "digits") {
    fields.push_back({"x", digits_images()});
    fields.push_back({"label", digits_labels()});
    return Dataset(spec, std::move(fields));
  }
  struct stat info {};
  const bool looks_like_path = spec.find_first_of("/.") != spec.npos;
  if (!looks_like_path && ::stat(spec.c_str(), &info) != 0) {
    constexpr std::string_view kNames[] = {"digits"};
    const std::string near = nearest_name(spec, kNames);
    throw UsageError("no data set or file named \"" + spec + "\"; " +
                     (near.empty() ? "give \"digits\" or the path of an IDX or NPY file"
                                   : "did you mean \"" + near + "\"?"));
  }
  const std::string content = read_gzip_or_plain(spec);
  const auto bytes = bytes_of(content);
  if (is_npy(bytes)) {
    fields.push_back({"x", parse_npy(bytes, spec)});
  } else if (is_idx(bytes)) {
    fields.push_back({"x", parse_idx(bytes, spec)});
  } else {
    throw DataError("neither an IDX nor an NPY file, packed or not, by its first bytes", spec, 0);
  }
  if (fields[0].values.shape().rank() == 0)
    throw DataError("a single number; a data set has rows", spec);
  if (fields[0].values.shape()[0] > std::numeric_limits<int32_t>::max()) {
    throw DataError("more than 2^31 - 1 rows; split the file", spec);
  }
  return Dataset(short_name(spec), std::move(fields));
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
  return h;
}

ValueRange Dataset::range(std::string_view name) const {
  const Tensor& values = field(name).values;
  const int64_t row = size_ > 0 ? std::max<int64_t>(values.elements() / size_, 1) : 1;
  return visit(values, [&](auto span) {
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
  visit(f.values, [&](auto span) {
    for (size_t i = 0; i < rows.size(); ++i) {
      convert_row(span.data() + static_cast<size_t>(rows[i]) * n, n, scale, shift, dst + i * n);
    }
  });
}

}  // namespace latent
