// The sections of the page, in the order of the questions that a reader has; see report.h.
#include "report/report.h"

#include <fmt/format.h>

#include "report/html.h"

namespace latent::report {

namespace {

std::string facts(const std::vector<Fact>& list) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : list) rows.push_back({escape(name), escape(value)});
  return table({}, rows);
}

std::string soft(const std::string& text) { return "<p class=\"soft\">" + escape(text) + "</p>\n"; }

std::string worked(const RunReport& r) {
  bool fault = false;
  for (const Finding& f : r.findings) fault = fault || f.kind == Finding::Kind::fault;
  std::string out = fmt::format("<h2>Did it work?</h2>\n<div class=\"verdict{}\"><p>{}</p>\n",
                                fault || !r.notice.empty() ? " fault" : "", escape(r.verdict));
  for (const Finding& f : r.findings) {
    out += fmt::format("<p><strong>{}</strong>: {}</p>\n", escape(f.code), escape(f.sentence));
    if (!f.advice.empty()) out += "<p>Try: " + escape(f.advice) + "</p>\n";
  }
  if (r.findings.empty() && r.notice.empty() && !r.checks.empty())
    out += fmt::format("<p>The diagnosis found no fault: {}.</p>\n",
                       escape(fmt::format("{}", fmt::join(r.checks, ", "))));
  out += "</div>\n";
  if (!r.measures.empty()) out += facts(r.measures);
  for (const LineChart& chart : r.curves)
    out += "<h3>" + escape(chart.title) + "</h3>\n" + svg_lines(chart);
  return out;
}

std::string column_errors(const std::vector<ColumnError>& columns) {
  std::vector<std::vector<std::string>> rows;
  for (const ColumnError& c : columns) {
    const double part = c.deviation > 0 ? 1 - c.rmse * c.rmse / (c.deviation * c.deviation) : 0;
    rows.push_back({escape(c.name), fmt::format("{:.4g}", c.deviation),
                    fmt::format("{:.4g}", c.rmse),
                    c.deviation > 0 ? fmt::format("{:.1f} %", 100 * part) : "does not vary"});
  }
  return "<h3>Reconstruction, column by column</h3>\n" +
         table({"column", "deviation", "error (rms)", "variance explained"}, rows);
}

std::string effects_table(const UnitEffects& e) {
  std::vector<std::string> head = {"unit"};
  for (const std::string& name : e.columns) head.push_back(escape(name));
  std::vector<std::vector<std::string>> rows;
  for (size_t u = 0; u < e.units.size(); ++u) {
    rows.push_back({escape(e.units[u])});
    for (const double v : e.effects[u]) rows.back().push_back(fmt::format("{:+.2f}", v));
  }
  return "<h3>What each unit does</h3>\n" + table(head, rows);
}

std::string player(const Clip& c) {
  return "<audio controls src=\"data:audio/wav;base64," + base64(c.wav) + "\"></audio>";
}

std::string learned(const RunReport& r) {
  std::string out = "<h2>What did it learn?</h2>\n";
  if (r.reconstructions) {
    out += "<h3>Reconstructions</h3>\n" +
           soft(std::string(r.held_out ? "Held-out rows" : "Rows trained on") +
                ", and under each what comes back through the code.") +
           image(*r.reconstructions, "rows of data over their reconstructions");
  }
  if (!r.heard.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [from, back] : r.heard)
      rows.push_back({escape(from.title), player(from), player(back)});
    out += "<h3>Listen</h3>\n" + table({"sound", "as it was", "through the code"}, rows);
  }
  if (!r.columns.empty()) out += column_errors(r.columns);
  if (r.samples) {
    out += "<h3>Samples</h3>\n" + soft("Decoded draws from the prior: none of these is data.") +
           image(*r.samples, "samples from the prior");
  }
  for (const Clip& c : r.drawn) out += "<p>" + escape(c.title) + " " + player(c) + "</p>\n";
  if (!r.units.empty())
    out += "<h3>" + escape(r.units_title) + "</h3>\n" + svg_bars(r.units_title, r.units);
  if (r.traversal) {
    out += "<h3>Traversal of each unit</h3>\n" + soft(r.traversal_text) +
           image(*r.traversal, "one unit a line, decoded from its low to its high end");
  }
  if (r.effects) out += effects_table(*r.effects) + soft(r.traversal_text);
  if (r.interpolation) {
    out += "<h3>Interpolation</h3>\n" +
           soft(std::string("From one ") + (r.held_out ? "held-out row" : "row trained on") +
                " to another: codes on the straight line between theirs.") +
           image(*r.interpolation, "a pair of rows a line, decoded codes between them");
  }
  if (r.map) {
    const std::string drawn = svg_scatter(*r.map);
    if (!drawn.empty()) out += "<h3>Map of the codes</h3>\n" + soft(r.map_text) + drawn;
  }
  return out;
}

std::string commands(const std::vector<Fact>& list) {
  std::string out;
  for (const auto& [what, command] : list) {
    out += "<p>" + escape(what) + "</p>\n<pre>" + escape(command) + "</pre>\n";
  }
  return out;
}

}  // namespace

std::string report_html(const RunReport& r) {
  const std::string notice =
      r.notice.empty()
          ? ""
          : "<div class=\"verdict fault\"><p><strong>Unfinished</strong>: " + escape(r.notice) +
                "</p></div>\n";
  std::string body = "<h1>" + escape(r.title) + "</h1>\n" + notice + facts(r.trained) + worked(r) +
                     learned(r) + "<h2>What to try next</h2>\n";
  if (!r.advice.empty()) {
    body += "<ul>\n";
    for (const std::string& a : r.advice) body += "<li>" + escape(a) + "</li>\n";
    body += "</ul>\n";
  }
  body +=
      "<h2>Use the model</h2>\n" + commands(r.commands) + "<h2>Reproduce it</h2>\n" +
      commands({r.reproduction.begin(), r.reproduction.begin() + (r.reproduction.empty() ? 0 : 1)});
  if (r.reproduction.size() > 1) body += facts({r.reproduction.begin() + 1, r.reproduction.end()});
  return page(r.title, body);
}

}  // namespace latent::report
