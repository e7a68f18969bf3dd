// The part of TAR that holds plain files: V7, ustar, and GNU's and pax's long names (POSIX.1-2017,
// pax). Links, folders and devices are passed over; nothing is ever unpacked to disk.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace latent {

struct TarMember {
  std::string name;
  size_t at = 0, bytes = 0;  // where the content lies within the archive
};

/// Whether the first header has the right check sum.
bool is_tar(std::span<const std::byte> bytes);

/// The plain files in the archive's order; of several of one name the last, as unpacking would
/// leave. DataError for anything that breaks the format, also an archive without its end mark.
std::vector<TarMember> tar_members(std::span<const std::byte> bytes, const std::string& path);

}  // namespace latent
