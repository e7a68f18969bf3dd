// What a run tells of itself, a line an event: metrics.jsonl for programs, metrics.csv with the
// epochs alone for spreadsheets. Kept in memory and written as whole files, so that a file never
// ends within a line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace latent {

class Metrics {
 public:
  /// The first `lines` lines of a metrics.jsonl; DataError with `path` when it has fewer, or one is
  /// no JSON object.
  static Metrics parse(const std::string& text, int64_t lines, const std::string& path);

  void add(nlohmann::ordered_json line) { lines_.push_back(std::move(line)); }
  int64_t size() const { return static_cast<int64_t>(lines_.size()); }

  const std::vector<nlohmann::ordered_json>& lines() const { return lines_; }
  std::string jsonl() const;
  /// Lines with the key "epoch" and without "event"; the columns are the keys of the first, of an
  /// array one for each element: key_1, key_2, ..
  std::string csv() const;

 private:
  std::vector<nlohmann::ordered_json> lines_;
};

}  // namespace latent
