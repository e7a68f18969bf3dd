// NPY, the format of NumPy arrays. Reads versions 1 to 3, either byte order, C and Fortran order;
// never objects, which would be pickles.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "latent/tensor.h"

namespace latent {

/// Whether the bytes start as an NPY file does.
bool is_npy(std::span<const std::byte> bytes);

/// bool and uint8 become u8; other integers i32 if every one fits; float32 and float64 stay. A
/// Fortran-ordered array is brought to row-major. DataError naming `path` and the byte otherwise.
Tensor parse_npy(std::span<const std::byte> bytes, const std::string& path);

/// Reads an NPY file, packed by gzip or not.
Tensor read_npy(const std::string& path);

/// Writes version 1.0. bf16, which NumPy has not got, is written as float32.
void write_npy(const std::string& path, const Tensor& tensor);

}  // namespace latent
