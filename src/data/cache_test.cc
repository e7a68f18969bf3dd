// The cache: what is kept is found again; what is damaged or of another key is not.
#include "data/cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "latent/error.h"

namespace latent {
namespace {

namespace fs = std::filesystem;

class Caching : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "latent-cache-" + std::to_string(::getpid());
    ::setenv("LATENT_CACHE", folder_.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("LATENT_CACHE");
    fs::remove_all(folder_);
  }
  static CacheEntry entry(uint8_t first) {
    CacheEntry e{Tensor({3, 5}, DType::u8), {{"n", 3}}};
    e.values.span<uint8_t>()[0] = first;
    e.values.span<uint8_t>()[14] = 77;
    return e;
  }
  std::string only_file() const { return fs::directory_iterator(folder_)->path().string(); }

  std::string folder_;
};

TEST_F(Caching, KeepsAndFinds) {
  const Cache cache;
  EXPECT_FALSE(cache.find(1)) << "no folder yet";
  const CacheEntry e = entry(9);
  cache.keep(1, e);
  std::optional<CacheEntry> found = cache.find(1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->values.shape(), (Shape{3, 5}));
  EXPECT_EQ(found->values.span<uint8_t>()[14], 77);
  EXPECT_EQ(found->about.at("n"), 3);
  EXPECT_FALSE(cache.find(2));
}

TEST_F(Caching, DamagedFilesAreNone) {
  const Cache cache;
  const CacheEntry e = entry(9);
  cache.keep(1, e);
  const std::string file = only_file(), whole = read_file(file);
  for (size_t n = 0; n < whole.size(); ++n) {
    write_file_atomic(file, whole.substr(0, n));
    EXPECT_FALSE(cache.find(1)) << n;
  }
  std::string other = whole;
  other.replace(other.find("[3,5]"), 5, "[9,5]");
  write_file_atomic(file, other);
  EXPECT_FALSE(cache.find(1)) << "more than the file holds";
  for (const size_t at : {size_t{0}, size_t{14}, whole.find("\"n\":3") + 4}) {
    other = whole;
    other[at] = static_cast<char>(other[at] ^ 1);
    write_file_atomic(file, other);
    EXPECT_FALSE(cache.find(1)) << "a bit is wrong at " << at;
  }
  write_file_atomic(file, whole);
  EXPECT_TRUE(cache.find(1));
}

TEST_F(Caching, LeavingsOfKilledProcessesGo) {
  const Cache cache;
  const CacheEntry e = entry(9);
  cache.keep(1, e);
  const std::string old = only_file() + ".99999-0.part", fresh = only_file() + ".99998-0.part";
  write_file_atomic(old, "x");
  write_file_atomic(fresh, "x");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(25));
  cache.keep(1, e);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(fresh)) << "somebody may be writing it";
}

TEST_F(Caching, CanBeElsewhereOrOff) {
  ::setenv("LATENT_CACHE", "off", 1);
  EXPECT_FALSE(Cache().exists());
  EXPECT_FALSE(Cache().find(1));
  ::unsetenv("LATENT_CACHE");
  ::setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
  EXPECT_EQ(Cache().folder(), folder_ + "/latent");
  ::unsetenv("XDG_CACHE_HOME");
}

TEST_F(Caching, AFolderThatCannotBeMadeIsAnError) {
  write_file_atomic(folder_, "a file");
  const CacheEntry e = entry(9);
  EXPECT_THROW(Cache().keep(1, e), SystemError);
  fs::remove(folder_);
}

}  // namespace
}  // namespace latent
