// The exceptions of latent, and `Where`, the place in the user's code that an error names.
// Every failure that a caller can see is one of the four classes below; the command line maps them
// to exit codes (docs/exit-codes.md). A message says what was asked, what was found, where, what to
// do.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#define LATENT_API __attribute__((visibility("default")))

namespace latent {

/// A place in source code. `Where::here()` as a default argument gives the caller's place.
struct Where {
  const char* file = "";
  int line = 0;
  static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
  /// "vae.cc:31", or "" when unknown.
  std::string text() const;
};

/// Base of every exception that latent throws.
class LATENT_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller asked for something that cannot be: shapes that do not fit, an unknown name, a bad
/// flag.
class LATENT_API UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(message) {}
  /// Appends " (file:line)" of the user's code to the message.
  UsageError(const std::string& message, Where where);
};

/// A file holds something that cannot be used. Carries the path and, where known, the byte offset.
class LATENT_API DataError : public Error {
 public:
  DataError(const std::string& message, std::string path, int64_t offset = -1);
  const std::string& path() const { return path_; }
  int64_t offset() const { return offset_; }

 private:
  std::string path_;
  int64_t offset_;
};

/// The operating system refused: no space, no permission, no such file. Carries errno and the path.
class LATENT_API SystemError : public Error {
 public:
  SystemError(const std::string& message, std::string path, int error_number);
  const std::string& path() const { return path_; }
  int error_number() const { return error_number_; }

 private:
  std::string path_;
  int error_number_;
};

/// A fault of latent itself; the message asks for a report.
class LATENT_API InternalError : public Error {
 public:
  explicit InternalError(const std::string& message, Where where = Where::here());
};

}  // namespace latent
