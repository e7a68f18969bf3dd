// What the readers of binary formats share: shapes from files that nobody trusts, and numbers of
// any width and byte order brought to the element types of a Tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "latent/tensor.h"

namespace latent {

/// How a file stores a number.
struct ElementFormat {
  enum class Kind : uint8_t { kUnsigned, kSigned, kFloat };
  Kind kind = Kind::kUnsigned;
  int size = 1;  // bytes: 1, 2, 4, 8; floats 4 or 8
  bool big_endian = false;
};

/// The type that numbers of this format are kept in: u8 for bytes without sign, i32 for other
/// integers, f32 and f64.
DType dtype_for(ElementFormat format);

/// The shape, where `bytes_left` bytes at `offset` must hold exactly its elements of `element_size`
/// bytes; else a DataError. Nothing is allocated, no product overflows.
Shape checked_shape(std::span<const uint64_t> dims, size_t element_size, size_t bytes_left,
                    const std::string& path, int64_t offset);

/// A tensor of the elements in `bytes`, as many as `shape` has. DataError, with the place, when an
/// integer does not fit i32. `offset` is that of bytes[0] in the file.
Tensor decode_elements(std::span<const std::byte> bytes, const Shape& shape, ElementFormat format,
                       const std::string& path, int64_t offset);

}  // namespace latent
