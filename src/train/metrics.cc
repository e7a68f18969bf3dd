// Lines of metrics to text and back; see metrics.h.
#include "train/metrics.h"

#include <sstream>

#include "latent/error.h"

namespace latent {

using nlohmann::ordered_json;

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
    if (columns.empty()) {
      for (const auto& [key, value] : line.items()) {
        text += (columns.empty() ? "" : ",") + key;
        columns.push_back(key);
      }
      text += "\n";
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i) text += ",";
      if (const auto at = line.find(columns[i]); at != line.end()) text += at->dump();
    }
    text += "\n";
  }
  return text;
}

}  // namespace latent
