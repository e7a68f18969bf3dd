// Model weights in the safetensors format: an 8-byte little-endian header length, a JSON header, the tensors one after another.
// Ours are sorted by name and carry a hash of the data section, so that equal contents are equal bytes and damage is noticed.
#pragma once

#include <map>
#include <span>
#include <string>

#include "latent/tensor.h"

namespace latent {

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;
};

/// Writes atomically. The key "data_hash" of the metadata is set here.
void save_safetensors(const std::string& path, const std::map<std::string, const Tensor*>& tensors,
                      std::map<std::string, std::string> metadata);

/// Throws DataError naming path and byte for anything that is not such a file: lengths, types, extents and offsets are checked
/// against the file before memory is taken; tensors may not overlap or leave holes; the hash, where there is one, must agree.
SafetensorsFile load_safetensors(const std::string& path);
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& path);

}  // namespace latent
