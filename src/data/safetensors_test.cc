// Round trips, equal bytes for equal contents, and a file that lies in every way that can be tried
// one byte at a time.
#include "data/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/file.h"

namespace latent {
namespace {

std::string saved() {
  Tensor a({2, 3}), b({4}, DType::i32), c({0});
  for (size_t i = 0; i < 6; ++i) a.span<float>()[i] = static_cast<float>(i) * 0.5f;
  for (size_t i = 0; i < 4; ++i) b.span<int32_t>()[i] = -static_cast<int32_t>(i);
  const std::string path = testing::TempDir() + "latent_safetensors_test";
  save_safetensors(path, {{"a", &a}, {"b", &b}, {"c", &c}}, {{"z", "1"}, {"model", "{}"}});
  const std::string bytes = read_file(path);
  std::filesystem::remove(path);
  return bytes;
}

TEST(Safetensors, RoundTripAndEqualBytes) {
  const std::string bytes = saved();
  EXPECT_EQ(bytes, saved());
  const SafetensorsFile file = parse_safetensors(bytes_of(bytes), "x");
  EXPECT_EQ(file.metadata.at("model"), "{}");
  EXPECT_EQ(file.tensors.at("a").shape(), (Shape{2, 3}));
  EXPECT_EQ(file.tensors.at("a").span<float>()[5], 2.5f);
  EXPECT_EQ(file.tensors.at("b").span<int32_t>()[3], -3);
  EXPECT_EQ(file.tensors.at("c").elements(), 0);
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string bytes = saved();
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THROW(parse_safetensors(bytes_of(std::string_view(bytes).substr(0, n)), "x"), DataError)
        << n;
  }
}

TEST(Safetensors, ChangedBytesNeverCrashAndChangedDataIsNoticed) {
  const std::string bytes = saved();
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = bytes;
      if (changed[at] == static_cast<char>(value)) continue;
      changed[at] = static_cast<char>(value);
      bool refused = false;
      try {
        parse_safetensors(bytes_of(changed), "x");
      } catch (const DataError&) {
        refused = true;
      }
      EXPECT_TRUE(refused || at < 8 + length) << at;
    }
  }
}

TEST(Safetensors, LiesAreNamed) {
  const auto file = [](const std::string& header, size_t data) {
    const uint64_t n = header.size();
    std::string s(reinterpret_cast<const char*>(&n), 8);
    return s + header + std::string(data, '\0');
  };
  const char* lies[] = {
      "[]",
      "{\"a\":1}",
      "{\"__metadata__\":{\"k\":1}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
      "{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,18446744073709551615]}}",
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[6],\"data_offsets\":[0,6]},\"b\":{\"dtype\":\"U8\","
      "\"shape\":[6],\"data_offsets\":[2,8]}}"};
  for (const char* header : lies)
    EXPECT_THROW(parse_safetensors(bytes_of(file(header, 8)), "x"), DataError) << header;
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THROW(parse_safetensors(bytes_of(file(deep, 0)), "x"), DataError);
}

}  // namespace
}  // namespace latent
