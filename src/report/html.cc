// Pages; see html.h. The series' colours are those of Okabe and Ito (2008), which people who see
// no red or no green tell apart, lighter ones of them on dark ground.
#include "report/html.h"

#include <fmt/format.h>

#include <cstdint>

#include "data/plain_text.h"
#include "report/png.h"

namespace latent::report {

namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ground: #fff; --text: #1c1c1c; --soft: #5c5c5c; --edge: #d8d8d8; --panel: #f5f5f3; --warn: #b04a00; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #161616; --text: #e8e8e8; --soft: #a6a6a6; --edge: #3a3a3a; --panel: #202020; --warn: #ffb066; }
}
.c0 { --c: #0072b2; } .c1 { --c: #d55e00; } .c2 { --c: #009e73; } .c3 { --c: #cc79a7; } .c4 { --c: #56b4e9; } .c5 { --c: #b98a00; } .c6 { --c: #6a6a6a; }
@media (prefers-color-scheme: dark) {
  .c0 { --c: #4aa8e0; } .c1 { --c: #ff8a3d; } .c2 { --c: #2ecb9d; } .c3 { --c: #e79cc5; } .c4 { --c: #9bd6ff; } .c5 { --c: #f0e442; } .c6 { --c: #b4b4b4; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; border-top: 1px solid var(--edge); padding-top: 1rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p, li { max-width: 44rem; } p { margin: .5rem 0; }
.soft { color: var(--soft); font-size: .9rem; }
.verdict { background: var(--panel); border-left: 4px solid #009e73; padding: .7rem 1rem; margin: .8rem 0; }
.verdict.fault { border-left-color: #d55e00; }
.fault strong { color: var(--warn); }
img, svg { display: block; max-width: 100%; height: auto; }
img { image-rendering: pixelated; margin: .4rem 0; }
svg { width: 40rem; font: 12px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .mid, svg .place { text-anchor: middle; } svg .end { text-anchor: end; }
svg .place { font-weight: bold; font-size: 16px; stroke: var(--ground); stroke-width: 4px; paint-order: stroke; }
svg .grid { stroke: var(--edge); stroke-width: 1; } svg .line { fill: none; stroke: var(--c); stroke-width: 2; }
svg .dashed { stroke-dasharray: 6 4; } svg .bar { fill: #0072b2; } svg .bar.faint { fill: var(--edge); }
svg .dot, svg .square { stroke: var(--c); stroke-width: 5; stroke-linecap: round; fill: none; opacity: .75; }
svg .square { stroke-linecap: square; stroke-width: 4; } svg .figure { fill: var(--c); opacity: .75; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--edge); }
th { font-weight: 600; } td:first-child { color: var(--soft); white-space: nowrap; overflow-wrap: normal; } thead th { white-space: nowrap; }
pre { background: var(--panel); padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; margin: .3rem 0 .8rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
@media (max-width: 600px) { svg { font-size: 18px; } }
@media print {
  :root { color-scheme: light; --ground: #fff; --text: #000; --soft: #444; --edge: #ccc; --panel: #f5f5f5; --warn: #8a3a00; }
  body { max-width: none; font-size: 11pt; } h2, h3 { break-after: avoid; } figure, img, svg, table, pre { break-inside: avoid; }
}
)";

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t n = utf8_character(text);
    const char c = text.front();
    const bool control =
        n == 1 && (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) && c != '\n' && c != '\t';
    if (n == 0 || control)
      out += kReplacement;
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += text.substr(0, n);
    text.remove_prefix(n ? n : 1);
  }
  return out;
}

std::string shortened(const std::string& text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most > 2 ? most - 2 : 0;
  while (end > 0 && within_character(text[end])) --end;
  return text.substr(0, end) + "..";
}

std::string base64(std::string_view bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t triple = 0;
    for (size_t k = 0; k < 3; ++k)
      triple = triple << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k)
      out += i + k <= bytes.size() ? kDigits[triple >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string image(const Picture& p, const std::string& alt) {
  return fmt::format(
      "<img width=\"{}\" height=\"{}\" alt=\"{}\" src=\"data:image/png;base64,{}\">\n", p.width,
      p.height, escape(alt), base64(encode_png(p.pixels, p.height, p.width, p.channels)));
}

std::string table(const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows) {
  std::string out = "<div class=\"scroll\"><table>\n";
  if (!head.empty()) {
    out += "<thead><tr>";
    for (const std::string& cell : head) out += "<th>" + cell + "</th>";
    out += "</tr></thead>\n";
  }
  out += "<tbody>\n";
  for (const auto& row : rows) {
    out += "<tr>";
    for (const std::string& cell : row) out += "<td>" + cell + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string page(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
         "name=\"viewport\" "
         "content=\"width=device-width, initial-scale=1\">\n<title>" +
         escape(title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n" + body +
         "</body>\n</html>\n";
}

}  // namespace latent::report
