// Runs beside each other; see comparison.h.
#include "report/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "data/plain_text.h"
#include "report/frame.h"
#include "report/html.h"
#include "report/svg.h"
#include "report/words.h"

namespace latent::report {

namespace {

std::string setting(const RunSummary& r, const std::string& key) {
  const auto found = r.settings.find(key);
  return found == r.settings.end() ? "-" : found->second;
}

std::vector<std::string> differing(const std::vector<RunSummary>& runs) {
  std::set<std::string> keys;
  for (const RunSummary& r : runs) {
    for (const auto& [key, value] : r.settings) keys.insert(key);
  }
  std::vector<std::string> out;
  for (const std::string& key : keys) {
    if (std::ranges::any_of(
            runs, [&](const RunSummary& r) { return setting(r, key) != setting(runs[0], key); }))
      out.push_back(key);
  }
  return out;
}

bool comparable(const std::vector<RunSummary>& runs) {
  return std::ranges::all_of(runs, [&](const RunSummary& r) {
    return r.loss_name == runs[0].loss_name && setting(r, "data") == setting(runs[0], "data");
  });
}

std::vector<std::string> notes_of(const std::vector<RunSummary>& runs) {
  if (runs.size() < 2) return {};
  if (!comparable(runs)) {
    return {
        "The losses are of different kinds or data, so that their order says nothing about the "
        "models."};
  }
  if (!runs[0].loss)
    return {"These models have no likelihood, hence no loss that compares: look at their samples."};
  const auto best = std::ranges::min_element(runs, {}, &RunSummary::loss);
  std::string ties;
  for (const RunSummary& r : runs) {
    if (&r != &*best && *r.loss - *best->loss < std::hypot(r.bar, best->bar))
      ties += (ties.empty() ? "" : ", ") + r.name;
  }
  std::vector<std::string> notes = {"The lowest loss is that of " + best->name + "."};
  if (!ties.empty())
    notes.push_back("By the bars over rows, not told apart from it: " + ties + ".");
  return notes;
}

/// Losses as points with bars, a run a line.
std::string intervals(const std::vector<RunSummary>& runs) {
  double low = INFINITY, high = -INFINITY;
  for (const RunSummary& r : runs) {
    if (!r.loss) continue;
    low = std::min(low, *r.loss - r.bar);
    high = std::max(high, *r.loss + r.bar);
  }
  if (!std::isfinite(low) || !std::isfinite(high)) return "";
  constexpr double kLine = 28;
  Frame frame(640, 80 + kLine * static_cast<double>(runs.size()));
  frame.left = 180;
  frame.set_ranges(low, high, 0, 1);
  std::string out = frame.open("loss on held-out rows");
  for (const double t : ticks(low, high)) {
    out += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} {1:.1f}V{2:.1f}\"/><text class=\"mid\" x=\"{0:.1f}\" "
        "y=\"{3:.1f}\">{4:.5g}</text>\n",
        frame.x(t), frame.top, frame.bottom, frame.bottom + 16, t);
  }
  double y = frame.top + kLine / 2;
  for (const RunSummary& r : runs) {
    if (!r.loss) continue;
    out += fmt::format(
        "<text class=\"end\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text><path class=\"line c0\" "
        "d=\"M{:.1f} {:.1f}H{:.1f}\"/><circle class=\"bar\" cx=\"{:.1f}\" cy=\"{:.1f}\" "
        "r=\"5\"/>\n",
        frame.left - 8, y + 4, escape(shortened(r.name, 24)), frame.x(*r.loss - r.bar), y,
        frame.x(*r.loss + r.bar), frame.x(*r.loss), y);
    y += kLine;
  }
  return out + "</svg>\n";
}

std::string loss_cell(const RunSummary& r, bool one_kind) {
  if (!r.loss) return "-";
  return fmt::format("{:.3f} +- {:.3f}{}", *r.loss, r.bar, one_kind ? "" : " " + r.loss_name);
}

}  // namespace

Comparison compare_runs(const std::vector<RunSummary>& runs) {
  Comparison c{.head = {"run", "loss", "active", "parameters", "time"}};
  if (runs.empty()) return c;
  const bool one_kind = std::ranges::all_of(
      runs, [&](const RunSummary& r) { return r.loss_name == runs[0].loss_name; });
  c.head[1] = one_kind && runs[0].loss ? runs[0].loss_name : "loss";
  const std::vector<std::string> keys = differing(runs);
  c.head.insert(c.head.end(), keys.begin(), keys.end());
  for (const RunSummary& r : runs) {
    c.rows.push_back({r.name, loss_cell(r, one_kind),
                      r.units > 0 ? fmt::format("{}/{}", r.active, r.units) : "-",
                      std::to_string(r.parameters), duration_text(r.seconds)});
    for (const std::string& key : keys) c.rows.back().push_back(setting(r, key));
  }
  c.notes = notes_of(runs);
  return c;
}

std::string comparison_text(const Comparison& c) {
  std::vector<size_t> widths;
  for (const std::string& cell : c.head) widths.push_back(utf8_count(cell));
  for (const auto& row : c.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], utf8_count(row[i]));
  }
  std::string out;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - utf8_count(row[i]) + 2, ' ');
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add(c.head);
  for (const auto& row : c.rows) add(row);
  for (const std::string& note : c.notes) out += note + "\n";
  return out;
}

std::string comparison_html(const Comparison& c, const std::vector<RunSummary>& runs) {
  std::vector<std::string> head;
  for (const std::string& cell : c.head) head.push_back(escape(cell));
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : c.rows) {
    rows.emplace_back();
    for (const std::string& cell : row) rows.back().push_back(escape(cell));
  }
  const std::string title = fmt::format("{} runs compared", runs.size());
  std::string body = "<h1>" + title + "</h1>\n";
  for (const std::string& note : c.notes) body += "<p>" + escape(note) + "</p>\n";
  body += table(head, rows) + "<h2>Loss on held-out rows</h2>\n" +
          "<p class=\"soft\">The bars are 95 % intervals over rows; the chance of seeds comes on "
          "top.</p>\n" +
          intervals(runs);
  return page(title, body);
}

}  // namespace latent::report
