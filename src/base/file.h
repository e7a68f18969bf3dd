// Whole files in and out. Every file that latent writes goes through write_file_atomic: after a
// crash or a full disk the path holds the old bytes or the new ones, never a part.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "latent/error.h"

namespace latent {

inline constexpr size_t kMaxFileBytes = size_t{64} << 30;

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// The whole file. SystemError when it cannot be read; DataError when it holds more than
/// `max_bytes`.
std::string read_file(const std::string& path, size_t max_bytes = kMaxFileBytes);

/// The same, decompressed when the file starts as gzip does (several members are joined).
/// `max_bytes` and half of the machine's memory bound what comes out. DataError when the
/// compressed bytes are damaged or cut short. The path "-" is standard input, read to its end.
std::string read_gzip_or_plain(const std::string& path, size_t max_bytes = kMaxFileBytes);

/// Writes the pieces one after another to a temporary file in the same folder, makes them durable,
/// and renames it to `path`. On failure `path` is as before and the temporary file is removed. A
/// path that is not a regular file (a pipe, a device) is written to as it stands. The path "-" is
/// standard output.
void write_file_atomic(const std::string& path, std::span<const std::span<const std::byte>> pieces);
void write_file_atomic(const std::string& path, std::span<const std::byte> bytes);
void write_file_atomic(const std::string& path, std::string_view text);

/// Makes the folder and those above it; one that exists is fine.
void make_folder(const std::string& path);

/// Removes the temporary files that killed processes left in the folder; nobody else may be writing
/// there.
void remove_leftovers(const std::string& folder);

/// For tests of what a full or failing disk does: before each open, write, fsync, close and rename
/// of a file being written, `fault(call, path)` gives 0 to go on, or the errno to fail with; from a
/// write, kShortWrite writes one byte only, which is no failure. An empty function takes it away.
/// Also set by the environment: LATENT_FILE_FAULT=K:ERRNO fails the K-th call of the process, from
/// 1, and all after it.
inline constexpr int kShortWrite = -1;
using FileFault = std::function<int(std::string_view call, const std::string& path)>;
void set_file_fault(FileFault fault);

}  // namespace latent
