// Finds and unpacks an array of an NPZ file; see npz.h.
#include "data/npz.h"

#include <algorithm>
#include <string_view>

#include "base/file.h"
#include "base/near.h"
#include "data/npy.h"
#include "data/zip.h"

namespace latent {

namespace {

constexpr std::string_view kEnding = ".npy";

std::vector<ZipMember> arrays(std::span<const std::byte> bytes, const std::string& path) {
  std::vector<ZipMember> members = zip_members(bytes, path);
  std::erase_if(members, [](const ZipMember& m) { return !m.name.ends_with(kEnding); });
  if (members.empty())
    throw DataError("a ZIP archive without NPY arrays; an .npz file holds some", path);
  return members;
}

std::string array_name(const ZipMember& m) {
  return m.name.substr(0, m.name.size() - kEnding.size());
}

}  // namespace

std::vector<std::string> npz_arrays(std::span<const std::byte> bytes, const std::string& path) {
  std::vector<std::string> names;
  for (const ZipMember& m : arrays(bytes, path)) names.push_back(array_name(m));
  return names;
}

Tensor parse_npz(std::span<const std::byte> bytes, const std::string& array,
                 const std::string& path) {
  const std::vector<ZipMember> members = arrays(bytes, path);
  auto found = members.begin();
  if (!array.empty()) {
    found = std::ranges::find(members, array, array_name);
    if (found == members.end())
      throw UsageError("no array \"" + array + "\" in " + path +
                       did_you_mean(array, npz_arrays(bytes, path)));
  } else if (members.size() > 1) {
    std::string all;
    for (const ZipMember& m : members) all += (all.empty() ? "" : ", ") + array_name(m);
    throw UsageError(path + " holds the arrays " + all + "; say which one, as " + path + ":" +
                     array_name(members[0]));
  }
  const std::string npy = unpack_member(bytes, *found, path);
  return parse_npy(bytes_of(npy), path + ":" + array_name(*found));
}

}  // namespace latent
