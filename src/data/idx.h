// IDX, the format of MNIST: two zero bytes, a type, the number of axes, the extents as big-endian
// 32-bit numbers, then the elements, big-endian and row-major.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "latent/tensor.h"

namespace latent {

/// Whether the bytes start as an IDX file does.
bool is_idx(std::span<const std::byte> bytes);

/// u8 stays u8; i8, i16 and i32 become i32; f32 and f64 stay. DataError naming `path` and the byte
/// otherwise.
Tensor parse_idx(std::span<const std::byte> bytes, const std::string& path);

/// Reads an IDX file, packed by gzip or not.
Tensor read_idx(const std::string& path);

}  // namespace latent
