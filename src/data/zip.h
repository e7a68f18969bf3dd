// The part of ZIP (PKWARE's APPNOTE 6.3) that NumPy writes: stored and deflated members, 64-bit
// sizes. No encryption, no archive over several files. A member is checked against its CRC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace latent {

/// A member as the archive's directory describes it.
struct ZipMember {
  std::string name;
  bool deflated = false;
  uint32_t crc = 0;
  uint64_t packed_bytes = 0, bytes = 0;
  uint64_t header_at = 0;  // of the member's own header, which precedes its bytes
};

/// Whether the bytes start as a ZIP file does, also one without members.
bool is_zip(std::span<const std::byte> bytes);

/// The members in the directory's order. DataError for anything that breaks the format.
std::vector<ZipMember> zip_members(std::span<const std::byte> bytes, const std::string& path);

/// The bytes of a member, unpacked. Memory grows with what really comes out, never by what the
/// directory claims. DataError when they are damaged or not as many as claimed.
std::string unpack_member(std::span<const std::byte> bytes, const ZipMember& member,
                          const std::string& path);
/// Its first bytes, at most so many, for a look: the rest is not unpacked, nor the checksum
/// checked.
std::string member_start(std::span<const std::byte> bytes, const ZipMember& member,
                         const std::string& path, size_t most);

}  // namespace latent
