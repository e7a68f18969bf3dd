// Texts of the exceptions declared in latent/error.h.
#include "latent/error.h"

#include <cstring>

namespace latent {

std::string Where::text() const {
  if (!file || !*file) return "";
  const char* slash = std::strrchr(file, '/');
  return std::string(slash ? slash + 1 : file) + ":" + std::to_string(line);
}

namespace {
std::string with_place(const std::string& message, Where where) {
  const std::string place = where.text();
  return place.empty() ? message : message + " (" + place + ")";
}
std::string with_file(const std::string& message, const std::string& path, int64_t offset) {
  return path + (offset >= 0 ? " at byte " + std::to_string(offset) : "") + ": " + message;
}
}  // namespace

UsageError::UsageError(const std::string& message, Where where)
    : Error(with_place(message, where)) {}

DataError::DataError(const std::string& message, std::string path, int64_t offset)
    : Error(with_file(message, path, offset)), path_(std::move(path)), offset_(offset) {}

SystemError::SystemError(const std::string& message, std::string path, int error_number)
    : Error(path + ": " + message + ": " + std::strerror(error_number)),
      path_(std::move(path)),
      error_number_(error_number) {}

InternalError::InternalError(const std::string& message, Where where)
    : Error(with_place("internal error: " + message, where) +
            "; this is a fault in latent, please report it") {}

}  // namespace latent
