// Texts and fields of the exceptions: each message carries what a caller needs to act.
#include "latent/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace latent {
namespace {

TEST(Error, WhereIsTheCallersLineWithoutItsFolder) {
  const Where here = Where::here();
  EXPECT_EQ(here.line, __LINE__ - 1);
  EXPECT_EQ(here.text(), "error_test.cc:" + std::to_string(here.line));
  EXPECT_EQ((Where{"a/b/vae.cc", 31}.text()), "vae.cc:31");
  EXPECT_EQ((Where{"vae.cc", 1}.text()), "vae.cc:1");
  EXPECT_EQ(Where{}.text(), "");
  EXPECT_EQ((Where{nullptr, 3}.text()), "");
}

TEST(Error, UsageErrorNamesThePlaceWhenItKnowsOne) {
  EXPECT_STREQ(UsageError("no such model").what(), "no such model");
  EXPECT_STREQ(UsageError("no such model", Where{"x/run.cc", 7}).what(),
               "no such model (run.cc:7)");
  EXPECT_STREQ(UsageError("no such model", Where{}).what(), "no such model");
}

TEST(Error, DataErrorCarriesPathAndOffset) {
  const DataError with("bad magic", "a.idx", 4);
  EXPECT_STREQ(with.what(), "a.idx at byte 4: bad magic");
  EXPECT_EQ(with.path(), "a.idx");
  EXPECT_EQ(with.offset(), 4);
  EXPECT_STREQ(DataError("bad magic", "a.idx", 0).what(), "a.idx at byte 0: bad magic");
  const DataError without("empty", "a.idx");
  EXPECT_STREQ(without.what(), "a.idx: empty");
  EXPECT_EQ(without.offset(), -1);
}

TEST(Error, SystemErrorCarriesPathAndReason) {
  const SystemError e("cannot open", "a/b", ENOENT);
  EXPECT_STREQ(e.what(), "a/b: cannot open: No such file or directory");
  EXPECT_EQ(e.path(), "a/b");
  EXPECT_EQ(e.error_number(), ENOENT);
}

TEST(Error, InternalErrorAsksForAReport) {
  const std::string text = InternalError("slot lost").what();
  EXPECT_NE(text.find("slot lost (error_test.cc:"), std::string::npos) << text;
  EXPECT_NE(text.find("report"), std::string::npos) << text;
}

TEST(Error, AllAreCaughtAsError) {
  EXPECT_THROW(throw UsageError("x"), Error);
  EXPECT_THROW(throw DataError("x", "p"), Error);
  EXPECT_THROW(throw SystemError("x", "p", EIO), Error);
  EXPECT_THROW(throw InternalError("x"), Error);
  EXPECT_THROW(throw UsageError("x"), std::runtime_error);
}

}  // namespace
}  // namespace latent
