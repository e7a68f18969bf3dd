// Lines of metrics to text and back; see metrics.h.
#include "train/metrics.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "latent/error.h"

namespace latent {

using nlohmann::ordered_json;

namespace {

using Cell = std::pair<std::string, std::string>;  // name of its column, text

std::vector<Cell> cells(const ordered_json& line) {
  std::vector<Cell> all;
  for (const auto& [key, value] : line.items()) {
    if (!value.is_array()) {
      all.emplace_back(key, value.dump());
      continue;
    }
    for (size_t i = 0; i < value.size(); ++i)
      all.emplace_back(key + "_" + std::to_string(i + 1), value[i].dump());
  }
  return all;
}

}  // namespace

Metrics Metrics::parse(const std::string& text, int64_t lines, const std::string& path) {
  Metrics m;
  std::stringstream in(text);
  std::string line;
  while (m.size() < lines && std::getline(in, line)) {
    ordered_json j = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!j.is_object()) {
      throw DataError("line " + std::to_string(m.size() + 1) +
                          " is no JSON object; restore the "
                          "file, or start the run anew in another folder",
                      path);
    }
    m.add(std::move(j));
  }
  if (m.size() < lines) {
    throw DataError("it has " + std::to_string(m.size()) + " lines, the run had written " +
                        std::to_string(lines) +
                        "; restore the file, or start the run anew in another folder",
                    path);
  }
  return m;
}

std::string Metrics::jsonl() const {
  std::string text;
  for (const ordered_json& line : lines_) text += line.dump() + "\n";
  return text;
}

std::string Metrics::csv() const {
  std::string text;
  std::vector<std::string> columns;
  for (const ordered_json& line : lines_) {
    if (!line.contains("epoch") || line.contains("event")) continue;
    const std::vector<Cell> row = cells(line);
    if (columns.empty()) {
      for (const auto& [name, value] : row) {
        text += (columns.empty() ? "" : ",") + name;
        columns.push_back(name);
      }
      text += "\n";
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i) text += ",";
      // Keys stand in the same order in all lines but where a run began before a key was told.
      const auto at = i < row.size() && row[i].first == columns[i]
                          ? row.begin() + static_cast<ptrdiff_t>(i)
                          : std::ranges::find(row, columns[i], &Cell::first);
      if (at != row.end()) text += at->second;
    }
    text += "\n";
  }
  return text;
}

}  // namespace latent
