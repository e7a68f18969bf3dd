// See lists.h.
#include "cli/lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace latent::cli {

std::vector<std::string> split_list(const std::string& text, const char* flag, char separator) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    if (end == at)
      throw UsageError(
          fmt::format("{} takes a list with {} between, found \"{}\"", flag, separator, text));
    pieces.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return pieces;
}

std::vector<int64_t> whole_numbers(const std::string& text, const char* flag, int64_t low,
                                   int64_t high) {
  std::vector<int64_t> numbers;
  for (const std::string& piece : split_list(text, flag)) {
    int64_t n = 0;
    const char* const end = piece.data() + piece.size();
    const auto [stop, error] = std::from_chars(piece.data(), end, n);
    if (error != std::errc() || stop != end || n < low || n > high)
      throw UsageError(fmt::format("{} takes whole numbers from {} to {}, found \"{}\"", flag, low,
                                   high, piece));
    numbers.push_back(n);
  }
  return numbers;
}

double number(const std::string& text, const char* flag) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value))
    throw UsageError(fmt::format("{} takes numbers, found \"{}\"", flag, text));
  return value;
}

std::vector<int64_t> row_numbers(const std::string& text, const Data& data, const char* flag) {
  return whole_numbers(text, flag, 0, data.size() - 1);
}

std::vector<float> rows_at(const Data& data, const std::vector<int64_t>& rows) {
  std::vector<float> values;
  for (const int64_t row : rows) {
    const std::vector<float> one = data.values(row, 1);
    values.insert(values.end(), one.begin(), one.end());
  }
  return values;
}

}  // namespace latent::cli
