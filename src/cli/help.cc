// Layout of help; see help.h. Commands are never folded, so that they can be copied.
#include "cli/help.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <string_view>

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

bool is_switch(const CLI::Option& o) { return o.get_items_expected_max() == 0; }

/// The kind of an option's value, without the ranges that CLI11 appends.
std::string kind_of(const CLI::Option& o) {
  const std::string name = o.get_type_name();
  return name.substr(0, name.find(':'));
}

std::string head_of(const CLI::Option& o) {
  if (o.get_positional()) return kind_of(o);
  std::string head;
  for (const std::string& s : o.get_snames()) head += "-" + s + ", ";
  for (const std::string& l : o.get_lnames()) head += "--" + l;
  return is_switch(o) ? head : head + " " + kind_of(o);
}

std::string text_of(const CLI::Option& o) {
  if (o.get_positional() || o.get_lnames() == std::vector<std::string>{"help"})
    return o.get_description();
  const std::string initial = is_switch(o) ? "off" : o.get_default_str();
  return fmt::format("{} (default: {})", o.get_description(), initial.empty() ? "none" : initial);
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

std::string help_of(const Verb& verb, const CLI::App& app, int width) {
  std::string out = paragraph(fmt::format("latent {}: {}", verb.name, verb.doc), width) + '\n';
  out += commands(verb.examples);
  std::string usage = fmt::format("usage: latent {}", verb.name), arguments, flags;
  for (const CLI::Option* o : app.get_options()) {
    (o->get_positional() ? arguments : flags) += entry(head_of(*o), text_of(*o), 28, width);
    if (o->get_positional())
      usage += o->get_required() ? " " + kind_of(*o) : " [" + kind_of(*o) + "]";
  }
  out += '\n' + folded(usage + " [flags]", 0, 7, static_cast<size_t>(width));
  if (!arguments.empty()) out += '\n' + arguments;
  return out + '\n' + flags;
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* o : app.get_options()) {
    for (const std::string& l : o->get_lnames()) names.push_back("--" + l);
  }
  return names;
}

}  // namespace latent::cli
