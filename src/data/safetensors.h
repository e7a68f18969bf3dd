// Safetensors, the format of weights: a length, a JSON header, and the elements. Files of latent
// are a function of what is in them: tensors and metadata sorted by name, no time, host or path.
// The reader trusts nothing in a file.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "latent/tensor.h"

namespace latent {

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;
};

/// Writes tensors and metadata; adds the metadata entry "data_hash", the hash of the data section.
/// UsageError when a name is "__metadata__", "data_hash" is given, or a text is not UTF-8.
void save_safetensors(const std::string& path, const std::map<std::string, const Tensor*>& tensors,
                      const std::map<std::string, std::string>& metadata);

/// Reads U8, I32, F32, F64 and BF16. DataError for anything that breaks the format: lengths, types,
/// shapes, offsets that overlap or leave holes, names that come twice, more than 100 MB of header,
/// data that do not match "data_hash".
SafetensorsFile load_safetensors(const std::string& path);
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& path);

}  // namespace latent
