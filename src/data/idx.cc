// Reader of IDX files; see idx.h.
#include "data/idx.h"

#include <optional>

#include "base/file.h"
#include "data/elements.h"

namespace latent {

namespace {
std::optional<ElementFormat> format_of(std::byte type) {
  using Kind = ElementFormat::Kind;
  switch (std::to_integer<int>(type)) {
    case 0x08:
      return ElementFormat{Kind::kUnsigned, 1, true};
    case 0x09:
      return ElementFormat{Kind::kSigned, 1, true};
    case 0x0b:
      return ElementFormat{Kind::kSigned, 2, true};
    case 0x0c:
      return ElementFormat{Kind::kSigned, 4, true};
    case 0x0d:
      return ElementFormat{Kind::kFloat, 4, true};
    case 0x0e:
      return ElementFormat{Kind::kFloat, 8, true};
    default:
      return std::nullopt;
  }
}
}  // namespace

bool is_idx(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0} && bytes[1] == std::byte{0} &&
         format_of(bytes[2]).has_value() && bytes[3] >= std::byte{1} &&
         bytes[3] <= std::byte{Shape::kMaxRank};
}

Tensor parse_idx(std::span<const std::byte> bytes, const std::string& path) {
  if (!is_idx(bytes)) {
    throw DataError(
        "not an IDX file: it must start with two zero bytes, a type of 08, 09, 0b, 0c, 0d or 0e "
        "(hex) and a "
        "number of axes from 1 to 6",
        path, 0);
  }
  const ElementFormat format = *format_of(bytes[2]);
  const auto rank = std::to_integer<size_t>(bytes[3]);
  const size_t header = 4 + 4 * rank;
  if (bytes.size() < header)
    throw DataError("the IDX file ends within its header", path,
                    static_cast<int64_t>(bytes.size()));
  uint64_t dims[Shape::kMaxRank] = {};
  for (size_t axis = 0; axis < rank; ++axis) {
    for (size_t i = 0; i < 4; ++i)
      dims[axis] = dims[axis] << 8 | std::to_integer<uint64_t>(bytes[4 + 4 * axis + i]);
  }
  const auto body = bytes.subspan(header);
  const auto offset = static_cast<int64_t>(header);
  const Shape shape =
      checked_shape({dims, rank}, static_cast<size_t>(format.size), body.size(), path, offset);
  return decode_elements(body, shape, format, path, offset);
}

Tensor read_idx(const std::string& path) {
  return parse_idx(bytes_of(read_gzip_or_plain(path)), path);
}

}  // namespace latent
