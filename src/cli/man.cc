// latent man: the manual page latent.1 in roff, made from the table of verbs.
#include <fmt/format.h>

#include <string_view>

#include "cli/verbs.h"

namespace latent::cli {

namespace {

/// Text as roff shows it as it stands: hyphens that can be copied, no line that is a request.
std::string roff(std::string_view text) {
  std::string out;
  bool fresh = true;  // at the start of a line
  for (const char c : text) {
    if (fresh && (c == '.' || c == '\'')) out += "\\&";
    fresh = c == '\n';
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string section_of(const Verb& verb) {
  Flags flags;
  verb.add(flags);
  std::string usage = fmt::format("latent {}", verb.name), texts;
  for (const FlagText& f : flags.texts()) {
    if (f.names.empty()) usage += f.required ? " " + f.kind : " [" + f.kind + "]";
    const std::string head = f.names + (f.names.empty() || f.kind.empty() ? "" : " ") + f.kind;
    texts += ".TP\n.B " + roff(head) + "\n" + roff(f.help);
    texts += f.initial.empty() ? "\n" : roff(fmt::format(" (default: {})\n", f.initial));
  }
  return ".SS " + roff(usage) + "\n" + roff(verb.doc) + ".\n.PP\n.nf\n" + roff(verb.examples) +
         ".fi\n" + texts;
}

int run() {
  std::string page = fmt::format(
      ".TH LATENT 1 \"\" \"latent {}\" \"User Commands\"\n.SH NAME\n"
      "latent \\- autoencoders and variational autoencoders\n.SH SYNOPSIS\n.B latent\n"
      "VERB [arguments] [flags]\n.br\n.B latent help\n[VERB]\n.SH DESCRIPTION\n"
      "Trains autoencoders and variational autoencoders on pictures and tables, and uses them to\n"
      "reduce dimensions, generate, represent and find anomalies.\n.SH VERBS\n",
      LATENT_VERSION);
  for (const Verb& verb : verbs()) page += section_of(verb);
  page +=
      ".SH ENVIRONMENT\n.TP\n.B LATENT_THREADS\nThreads, where \\-\\-threads does not say.\n.TP\n"
      ".B COLUMNS\nWidth of help where standard output is no terminal.\n.SH EXIT STATUS\n"
      "0 done; 1 failed for another reason; 2 usage; 3 bad data; 4 bad model; 5 the system "
      "refused;\n6 diverged; 130 and 143 ended by a signal, with what was done saved.\n";
  fmt::print("{}", page);
  return 0;
}

}  // namespace

Action add_man(Flags&) { return run; }

}  // namespace latent::cli
