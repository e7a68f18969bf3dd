// Checked shapes and conversion of stored numbers; see elements.h.
#include "data/elements.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace latent {

static_assert(std::endian::native == std::endian::little,
              "files are read on little-endian machines");

namespace {

// Copies each element of T from the file to S, reversing its bytes if need be.
template <class T, class S>
void convert(std::span<const std::byte> bytes, bool big_endian, std::span<S> out,
             const std::string& path, int64_t offset) {
  for (size_t i = 0; i < out.size(); ++i) {
    std::byte raw[sizeof(T)];
    std::memcpy(raw, bytes.data() + i * sizeof(T), sizeof(T));
    if (big_endian) std::reverse(std::begin(raw), std::end(raw));
    T value;
    std::memcpy(&value, raw, sizeof(T));
    if constexpr (std::is_integral_v<T>) {
      if (!std::in_range<S>(value)) {
        throw DataError(
            "the number " + std::to_string(value) + " does not fit 32 bits; store it as float64",
            path, offset + static_cast<int64_t>(i * sizeof(T)));
      }
    }
    out[i] = static_cast<S>(value);
  }
}

}  // namespace

DType dtype_for(ElementFormat format) {
  if (format.kind == ElementFormat::Kind::kFloat) return format.size == 8 ? DType::f64 : DType::f32;
  return format.kind == ElementFormat::Kind::kUnsigned && format.size == 1 ? DType::u8 : DType::i32;
}

Shape checked_shape(std::span<const uint64_t> dims, size_t element_size, size_t bytes_left,
                    const std::string& path, int64_t offset) {
  if (dims.size() > Shape::kMaxRank) {
    throw DataError("an array of " + std::to_string(dims.size()) + " axes; at most 6 can be read",
                    path, offset);
  }
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max() / 16;  // what a Shape holds
  uint64_t volume = 1;  // of the extents that are not zero: axes in any order have a product
  bool empty = false;
  std::string text;
  for (const uint64_t d : dims) {
    text += (text.empty() ? "" : " x ") + std::to_string(d);
    if (d > 0 && volume > kMost / d) {
      throw DataError("the shape " + text + " is larger than any memory", path, offset);
    }
    volume *= std::max<uint64_t>(d, 1);
    empty = empty || d == 0;
  }
  const uint64_t elements = empty ? 0 : volume;
  if (elements * element_size != bytes_left) {
    throw DataError("the shape " + (text.empty() ? "of one number" : text) + " needs " +
                        std::to_string(elements * element_size) + " bytes, but " +
                        std::to_string(bytes_left) +
                        " follow; was the file cut short, or is it of another type?",
                    path, offset);
  }
  Shape shape;
  for (const uint64_t d : dims) shape.push_back(static_cast<int64_t>(d));
  return shape;
}

Tensor decode_elements(std::span<const std::byte> bytes, const Shape& shape, ElementFormat format,
                       const std::string& path, int64_t offset) {
  Tensor t(shape, dtype_for(format));
  const auto as = [&]<class T, class S>(T, S) {
    convert<T>(bytes, format.big_endian, t.span<S>(), path, offset);
    return std::move(t);
  };
  const bool is_signed = format.kind == ElementFormat::Kind::kSigned;
  if (format.kind == ElementFormat::Kind::kFloat)
    return format.size == 8 ? as(double{}, double{}) : as(float{}, float{});
  switch (format.size) {
    case 1:
      return is_signed ? as(int8_t{}, int32_t{}) : as(uint8_t{}, uint8_t{});
    case 2:
      return is_signed ? as(int16_t{}, int32_t{}) : as(uint16_t{}, int32_t{});
    case 4:
      return is_signed ? as(int32_t{}, int32_t{}) : as(uint32_t{}, int32_t{});
    default:
      return is_signed ? as(int64_t{}, int32_t{}) : as(uint64_t{}, int32_t{});
  }
}

}  // namespace latent
