// Layout of help; see help.h. Commands are never folded, so that they can be copied.
#include "cli/help.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "data/plain_text.h"

namespace latent::cli {

namespace {

/// Words of `text` in lines of at most `width`, the first after `used` columns, all others
/// indented.
std::string folded(std::string_view text, size_t used, size_t indent, size_t width) {
  std::string out;
  size_t column = used;
  bool fresh = true;  // at the start of a line
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!fresh && column + 1 + word.size() > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!fresh) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    fresh = false;
  }
  return out + '\n';
}

std::string head_of(const FlagText& f) {
  return f.names + (f.names.empty() || f.kind.empty() ? "" : " ") + f.kind;
}

std::string text_of(const FlagText& f) {
  return f.initial.empty() ? f.help : fmt::format("{} (default: {})", f.help, f.initial);
}

std::string commands(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    out += "  " + std::string(lines.substr(0, end)) + '\n';
    lines.remove_prefix(std::min(end, lines.size() - 1) + 1);
  }
  return out;
}

}  // namespace

int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return std::max<int>(size.ws_col, 20);
  const char* columns = std::getenv("COLUMNS");
  const int width = columns ? std::atoi(columns) : 0;
  return width > 0 ? std::max(width, 20) : 80;
}

std::string paragraph(const std::string& text, int width) {
  return folded(text, 0, 0, static_cast<size_t>(width));
}

std::string fitted(std::string_view text, int columns) {
  constexpr size_t kIndent = 4;
  const auto width = static_cast<size_t>(columns);
  std::string out;
  size_t column = 0;
  bool fresh = true;  // at the start of a line
  while (!text.empty()) {
    if (text.front() == '\n') {
      out += '\n';
      column = 0;
      fresh = true;
      text.remove_prefix(1);
      continue;
    }
    const size_t gap = std::min(text.find_first_not_of(' '), text.size());
    const size_t end = std::min(text.find_first_of(" \n", gap), text.size());
    const std::string_view word = text.substr(gap, end - gap);
    const size_t wide = utf8_count(word);
    if (!fresh && column + gap + wide > width) {
      out += '\n' + std::string(kIndent, ' ');
      column = kIndent;
    } else {
      out.append(gap, ' ');
      column += gap;
    }
    out += word;
    column += wide;
    fresh = false;
    text.remove_prefix(end);
  }
  return out;
}

void tell(const std::string& text) {
  if (::isatty(STDOUT_FILENO) || std::getenv("COLUMNS"))
    fmt::print("{}", fitted(text, terminal_width()));
  else
    fmt::print("{}", text);
}

std::string entry(const std::string& head, const std::string& text, int text_column, int columns) {
  const auto column = static_cast<size_t>(text_column), width = static_cast<size_t>(columns);
  if (column + 30 > width)
    return "  " + folded(head, 2, 4, width) + "    " + folded(text, 4, 4, width);
  std::string out = "  " + head;
  if (out.size() + 2 > column)
    out += '\n' + std::string(column, ' ');
  else
    out.resize(column, ' ');
  return out + folded(text, column, column, width);
}

std::string overview(int width) {
  std::string out = paragraph("latent: autoencoders and variational autoencoders", width) + '\n';
  out += commands(
      "latent train digits --model vae --out runs/digits\n"
      "latent sample runs/digits -o grid.png\n"
      "latent encode runs/digits digits -o codes.npy\n");
  out += "\nverbs:\n";
  for (const Verb& v : verbs()) out += entry(v.name, v.doc, 15, width);
  return out + '\n' +
         paragraph("latent help VERB shows examples and flags; latent --version.", width);
}

std::string help_of(const Verb& verb, const Flags& all, int width) {
  std::string out = paragraph(fmt::format("latent {}: {}", verb.name, verb.doc), width) + '\n';
  out += commands(verb.examples);
  std::string usage = fmt::format("usage: latent {}", verb.name), arguments, flags;
  for (const FlagText& f : all.texts()) {
    (f.names.empty() ? arguments : flags) += entry(head_of(f), text_of(f), 28, width);
    if (f.names.empty()) usage += f.required ? " " + f.kind : " [" + f.kind + "]";
  }
  out += '\n' + folded(usage + " [flags]", 0, 7, static_cast<size_t>(width));
  if (!arguments.empty()) out += '\n' + arguments;
  return out + '\n' + flags;
}

}  // namespace latent::cli
