// Reading and writing safetensors; see safetensors.h.
#include "data/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/file.h"
#include "base/hash.h"

namespace latent {

namespace {

using Json = nlohmann::json;
constexpr size_t kMostHeader = 100 << 20;
constexpr const char* kHash = "data_hash";

struct TypeName {
  DType type;
  const char* name;
};
constexpr TypeName kTypes[] = {{DType::f32, "F32"}, {DType::f64, "F64"}, {DType::bf16, "BF16"}, {DType::i32, "I32"}, {DType::u8, "U8"}};

/// Nested containers deeper than a header has are refused while parsing, so that no text can exhaust the stack.
Json parse_header(std::string_view text, const std::string& path) {
  const Json::parser_callback_t shallow = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > 8) throw DataError("the header nests too deep", path, 8);
    return true;
  };
  try {
    return Json::parse(text, shallow);
  } catch (const Json::exception& e) {
    throw DataError(std::string("the header is no JSON: ") + e.what(), path, 8);
  }
}

struct Entry {
  std::string name;
  DType type = DType::f32;
  Shape shape;
  size_t begin = 0, end = 0;
};

Entry parse_entry(const std::string& name, const Json& j, size_t data_bytes, const std::string& path) {
  const auto fail = [&](const std::string& what) { throw DataError("the tensor \"" + name.substr(0, 100) + "\" " + what, path, 8); };
  Entry e;
  e.name = name;
  try {
    const std::string type = j.at("dtype").get<std::string>();
    const auto* known = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& t) { return type == t.name; });
    if (known == std::end(kTypes)) fail("has the type " + type.substr(0, 20) + "; F32, F64, BF16, I32 and U8 are read");
    e.type = known->type;
    for (const Json& d : j.at("shape")) {
      if (!d.is_number_unsigned() || d.get<uint64_t>() > uint64_t{1} << 59) fail("has an extent that is no size");
      e.shape.push_back(d.get<int64_t>());
    }
    const Json& offsets = j.at("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) fail("has no two offsets");
    e.begin = offsets[0].get<size_t>();
    e.end = offsets[1].get<size_t>();
  } catch (const Json::exception& error) {
    fail(std::string("is not described well: ") + error.what());
  } catch (const UsageError& error) {  // rank or element count beyond a Shape
    fail(std::string("has no usable shape: ") + error.what());
  }
  if (e.begin > e.end || e.end > data_bytes) fail("lies outside the file");
  if (e.end - e.begin != static_cast<size_t>(e.shape.elements()) * size_of(e.type)) fail("has " + e.shape.text() + ", which is not its number of bytes");
  return e;
}

}  // namespace

void save_safetensors(const std::string& path, const std::map<std::string, const Tensor*>& tensors, std::map<std::string, std::string> metadata) {
  uint64_t hash = 0;
  Json header = Json::object();
  size_t at = 0;
  std::vector<std::span<const std::byte>> pieces(2);
  for (const auto& [name, t] : tensors) {
    const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& n) { return n.type == t->dtype(); });
    header[name] = {{"dtype", type->name},
                    {"shape", std::vector<int64_t>(t->shape().begin(), t->shape().end())},
                    {"data_offsets", {at, at + t->bytes()}}};
    at += t->bytes();
    pieces.push_back(t->as_bytes());
    hash = hash_bytes(t->as_bytes(), hash);
  }
  metadata[kHash] = hex64(hash);
  header["__metadata__"] = metadata;
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  pieces[0] = std::as_bytes(std::span(&length, 1));
  pieces[1] = bytes_of(text);
  write_file_atomic(path, pieces);
}

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& path) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length) throw DataError("too short for a safetensors file", path, static_cast<int64_t>(bytes.size()));
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kMostHeader || length > bytes.size() - sizeof length) throw DataError("the header's length is beyond the file", path, 0);
  const Json header = parse_header({reinterpret_cast<const char*>(bytes.data()) + sizeof length, length}, path);
  if (!header.is_object()) throw DataError("the header is no JSON object", path, 8);
  const auto data = bytes.subspan(sizeof length + length);

  SafetensorsFile file;
  std::vector<Entry> entries;
  for (const auto& [name, j] : header.items()) {
    if (name != "__metadata__") {
      entries.push_back(parse_entry(name, j, data.size(), path));
      continue;
    }
    try {
      file.metadata = j.get<std::map<std::string, std::string>>();
    } catch (const Json::exception&) {
      throw DataError("__metadata__ must map strings to strings", path, 8);
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  size_t at = 0;
  for (const Entry& e : entries) {
    if (e.begin != at) throw DataError("the tensor \"" + e.name + "\" overlaps another or leaves a hole before it", path, static_cast<int64_t>(8 + length + e.begin));
    at = e.end;
  }
  if (at != data.size()) throw DataError("bytes follow the last tensor", path, static_cast<int64_t>(8 + length + at));
  std::map<std::string, const Entry*> by_name;
  for (const Entry& e : entries) by_name[e.name] = &e;
  uint64_t hash = 0;
  for (const auto& [name, e] : by_name) {
    const auto piece = data.subspan(e->begin, e->end - e->begin);
    hash = hash_bytes(piece, hash);
    Tensor t(e->shape, e->type);
    if (!piece.empty()) std::memcpy(t.raw(), piece.data(), piece.size());
    file.tensors.emplace(name, std::move(t));
  }
  const auto told = file.metadata.find(kHash);
  if (told != file.metadata.end() && told->second != hex64(hash)) {
    throw DataError("the tensors are damaged: their hash is " + hex64(hash) + ", the file says " + told->second.substr(0, 40), path,
                    static_cast<int64_t>(8 + length));
  }
  return file;
}

SafetensorsFile load_safetensors(const std::string& path) {
  const std::string bytes = read_file(path);
  return parse_safetensors(bytes_of(bytes), path);
}

}  // namespace latent
