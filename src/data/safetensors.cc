// Writer and reader of safetensors files; see safetensors.h.
#include "data/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "data/elements.h"

namespace latent {

namespace {

using nlohmann::json;

constexpr const char* kMetadataKey = "__metadata__";
constexpr const char* kHash = "data_hash";
constexpr uint64_t kMostHeader = 100'000'000;  // bytes, as in the reference reader
constexpr size_t kStart = 8;                   // bytes of the header's length

constexpr std::pair<std::string_view, DType> kTypes[] = {{"F32", DType::f32},
                                                         {"F64", DType::f64},
                                                         {"BF16", DType::bf16},
                                                         {"I32", DType::i32},
                                                         {"U8", DType::u8}};

// What the header says of one tensor.
struct Entry {
  std::optional<DType> dtype;
  std::optional<std::vector<uint64_t>> shape;
  std::optional<std::vector<uint64_t>> offsets;  // begin and end in the data section
};

struct Header {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Entry> entries;
};

// Takes the events of nlohmann's parser and accepts only the three levels that a header has, so
// that neither depth nor number of values in a hostile file costs memory. It throws DataError at
// the first thing out of place.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  HeaderReader(Header& header, const std::string& path) : header_(header), path_(path) {}

  bool start_object(size_t) override {
    if (level_ == Level::kNothing) return to(Level::kTop);
    if (level_ == Level::kTop) return to(name_ == kMetadataKey ? Level::kMetadata : Level::kEntry);
    fail("an object where none belongs");
  }
  bool end_object() override {
    if (level_ == Level::kEntry && !(entry_->dtype && entry_->shape && entry_->offsets)) {
      fail("it lacks dtype, shape or data_offsets");
    }
    return to(level_ == Level::kTop ? Level::kNothing : Level::kTop);
  }
  bool key(string_t& key) override {
    if (level_ == Level::kTop) {
      name_ = key;
      if (key == kMetadataKey) {
        if (std::exchange(has_metadata_, true)) fail("it comes twice");
      } else {
        const auto [at, is_new] = header_.entries.try_emplace(key);
        if (!is_new) fail("it comes twice");
        entry_ = &at->second;
      }
    } else {
      key_ = key;
      if (level_ == Level::kMetadata && header_.metadata.contains(key))
        fail("\"" + key + "\" comes twice");
    }
    return true;
  }
  bool string(string_t& value) override {
    if (level_ == Level::kMetadata) {
      header_.metadata.emplace(key_, value);
      return true;
    }
    if (level_ != Level::kEntry || key_ != "dtype") fail("a text where none belongs");
    if (entry_->dtype) fail("dtype comes twice");
    const auto* known =
        std::ranges::find(kTypes, value, &std::pair<std::string_view, DType>::first);
    if (known == std::end(kTypes))
      fail("elements of type \"" + value + "\"; F32, F64, BF16, I32 and U8 can be read");
    entry_->dtype = known->second;
    return true;
  }
  bool start_array(size_t) override {
    if (level_ != Level::kEntry) fail("a list where none belongs");
    std::optional<std::vector<uint64_t>>* const list = key_ == "shape"          ? &entry_->shape
                                                       : key_ == "data_offsets" ? &entry_->offsets
                                                                                : nullptr;
    if (!list) fail("an unknown list \"" + key_ + "\"");
    if (*list) fail(key_ + " comes twice");
    list_ = &list->emplace();
    return to(Level::kList);
  }
  bool end_array() override {
    if (key_ == "data_offsets" && list_->size() != 2) fail("data_offsets must hold two numbers");
    return to(Level::kEntry);
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (level_ != Level::kList) fail("a number where none belongs");
    if (list_->size() == Shape::kMaxRank) fail("more than 6 axes");
    list_->push_back(value);
    return true;
  }
  bool number_integer(number_integer_t) override { fail("a negative number"); }
  bool number_float(number_float_t, const string_t& text) override {
    fail("the number " + text + " is not a size");
  }
  bool boolean(bool) override { fail("true or false where none belongs"); }
  bool null() override { fail("null where none belongs"); }
  bool binary(binary_t&) override { fail("bytes where none belong"); }
  bool parse_error(size_t position, const std::string&, const json::exception& e) override {
    throw DataError(std::string("the header is not JSON: ") + e.what(), path_,
                    static_cast<int64_t>(kStart + position));
  }

 private:
  enum class Level { kNothing, kTop, kMetadata, kEntry, kList };

  bool to(Level level) {
    level_ = level;
    return true;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError("cannot read the safetensors header" +
                        (name_.empty() ? "" : " at \"" + name_ + "\"") + ": " + what,
                    path_, kStart);
  }

  Header& header_;
  const std::string& path_;
  Level level_ = Level::kNothing;
  std::string name_;  // of the tensor, or __metadata__
  std::string key_;   // within it
  Entry* entry_ = nullptr;
  std::vector<uint64_t>* list_ = nullptr;
  bool has_metadata_ = false;
};

const char* file_name_of(DType dtype) {
  return std::ranges::find(kTypes, dtype, &std::pair<std::string_view, DType>::second)
      ->first.data();
}

}  // namespace

void save_safetensors(const std::string& path, const std::map<std::string, const Tensor*>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  if (tensors.contains(kMetadataKey)) throw UsageError("a tensor cannot be named __metadata__");
  if (metadata.contains(kHash))
    throw UsageError("the metadata entry data_hash is computed, not given");
  json header = json::object();  // its keys are sorted
  std::vector<std::span<const std::byte>> pieces(2);
  uint64_t offset = 0;
  uint64_t hash = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = tensor->as_bytes();
    header[name] = {{"dtype", file_name_of(tensor->dtype())},
                    {"shape", std::vector<int64_t>(tensor->shape().begin(), tensor->shape().end())},
                    {"data_offsets", {offset, offset + bytes.size()}}};
    offset += bytes.size();
    hash = hash_bytes(bytes, hash);
    pieces.push_back(bytes);
  }
  header[kMetadataKey] = metadata;
  header[kMetadataKey][kHash] = hex64(hash);
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception&) {
    throw UsageError("a name or a metadata text for " + path + " is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMostHeader)
    throw UsageError("more than 100 MB of names and metadata for " + path);
  const uint64_t length = text.size();
  pieces[0] = std::as_bytes(std::span(&length, 1));
  pieces[1] = bytes_of(text);
  write_file_atomic(path, pieces);
}

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.size() < kStart) {
    throw DataError(
        "not a safetensors file: it has only " + std::to_string(bytes.size()) + " bytes", path, 0);
  }
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kStart);
  if (length > kMostHeader || length > bytes.size() - kStart) {
    throw DataError("not a safetensors file, or cut short: its first 8 bytes say that " +
                        std::to_string(length) + " bytes of header follow, where " +
                        std::to_string(bytes.size() - kStart) + " bytes are (at most 100 MB)",
                    path, 0);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kStart, length);
  if (!text.starts_with('{'))
    throw DataError("not a safetensors file: its header does not start with '{'", path, kStart);
  Header header;
  HeaderReader reader(header, path);
  json::sax_parse(text.begin(), text.end(), &reader);

  // In the order of the data, each tensor must begin where the one before ends, and the last must
  // end the file. Tensors without elements sort before their neighbour.
  const auto data = bytes.subspan(kStart + length);
  std::vector<std::pair<const std::string*, const Entry*>> in_order;
  for (const auto& [name, entry] : header.entries) in_order.emplace_back(&name, &entry);
  std::ranges::stable_sort(in_order, {}, [](const auto& e) {
    return std::pair((*e.second->offsets)[0], (*e.second->offsets)[1]);
  });
  SafetensorsFile file;
  uint64_t at = 0;
  uint64_t hash = 0;
  for (const auto& [name, entry] : in_order) {
    const uint64_t begin = (*entry->offsets)[0];
    const uint64_t end = (*entry->offsets)[1];
    const auto place = static_cast<int64_t>(kStart + length + at);
    if (begin != at || end < begin || end > data.size()) {
      throw DataError("the tensor " + *name + " claims bytes " + std::to_string(begin) + " to " +
                          std::to_string(end) + " of " + std::to_string(data.size()) +
                          ", but must begin at " + std::to_string(at),
                      path, place);
    }
    const auto body = data.subspan(begin, end - begin);
    Tensor tensor(checked_shape(*entry->shape, size_of(*entry->dtype), body.size(), path, place),
                  *entry->dtype);
    if (!body.empty()) std::memcpy(tensor.raw(), body.data(), body.size());
    file.tensors.emplace(*name, std::move(tensor));
    hash = hash_bytes(body, hash);
    at = end;
  }
  if (at != data.size()) {
    throw DataError("bytes that belong to no tensor follow the last one", path,
                    static_cast<int64_t>(kStart + length + at));
  }
  file.metadata = std::move(header.metadata);
  if (const auto found = file.metadata.find(kHash);
      found != file.metadata.end() && found->second != hex64(hash)) {
    throw DataError("the data do not match their hash: the file was damaged; use another copy",
                    path);
  }
  return file;
}

SafetensorsFile load_safetensors(const std::string& path) {
  return parse_safetensors(bytes_of(read_file(path)), path);
}

}  // namespace latent
