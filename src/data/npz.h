// NPZ, what NumPy's savez and savez_compressed write: a ZIP archive of NPY files, one an array.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "latent/tensor.h"

namespace latent {

/// The names of the arrays, as NumPy shows them (without .npy), in the archive's order. DataError
/// when the bytes are no ZIP archive or hold no NPY file.
std::vector<std::string> npz_arrays(std::span<const std::byte> bytes, const std::string& path);

/// The array of that name, or the only one when `array` is empty. UsageError, naming what there is,
/// when several could be meant or none has the name; DataError as parse_npy, with offsets within
/// the unpacked member.
Tensor parse_npz(std::span<const std::byte> bytes, const std::string& array,
                 const std::string& path);

}  // namespace latent
