// latent man: manual pages in roff, made from the table of verbs: latent.1 with all of them, and
// latent-VERB.1 of each.
#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "base/file.h"
#include "cli/verbs.h"
#include "latent/error.h"

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

/// What a verb's page and its section of the whole page are made of, in roff.
struct Parts {
  std::string usage, examples, flags;
};
Parts parts_of(const Verb& verb) {
  Flags flags;
  verb.add(flags);
  std::string usage = fmt::format("latent {}", verb.name), texts;
  for (const FlagText& f : flags.texts()) {
    if (f.names.empty()) usage += f.required ? " " + f.kind : " [" + f.kind + "]";
    const std::string head = f.names + (f.names.empty() || f.kind.empty() ? "" : " ") + f.kind;
    texts += ".TP\n.B " + roff(head) + "\n" + roff(f.help);
    texts += f.initial.empty() ? "\n" : roff(fmt::format(" (default: {})\n", f.initial));
  }
  return {roff(usage), ".nf\n" + roff(verb.examples) + ".fi\n", texts};
}

std::string head(const std::string& title, const std::string& name, const std::string& what) {
  return fmt::format(
      ".TH {} 1 \"\" \"latent {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n", title,
      LATENT_VERSION, name, what);
}

constexpr const char* kStatus =
    ".SH EXIT STATUS\n"
    "0 done; 1 failed for another reason; 2 usage; 3 bad data; 4 bad model; 5 the system refused;\n"
    "6 diverged; 130 and 143 ended by a signal, with what was done saved.\n";

std::string whole_page() {
  std::string page =
      head("LATENT", "latent", "autoencoders and variational autoencoders") +
      ".B latent\nVERB [arguments] [flags]\n.br\n.B latent help\n[VERB]\n"
      ".SH DESCRIPTION\n"
      "Trains autoencoders and variational autoencoders on pictures, sounds, text and "
      "tables, and uses them to\nreduce dimensions, generate, represent and find anomalies.\n"
      ".SH VERBS\n";
  for (const Verb& verb : verbs()) {
    const Parts p = parts_of(verb);
    page += ".SS " + p.usage + "\n" + roff(verb.doc) + ".\n.PP\n" + p.examples + p.flags;
  }
  return page +
         ".SH ENVIRONMENT\n.TP\n.B LATENT_THREADS\nThreads, where \\-\\-threads does not say.\n"
         ".TP\n.B COLUMNS\nWidth of help where standard output is no terminal.\n" +
         kStatus;
}

std::string page_of(const Verb& verb) {
  const Parts p = parts_of(verb);
  const std::string name = roff(fmt::format("latent-{}", verb.name));
  return head(name, name, roff(verb.doc)) + ".B " + p.usage + "\n[flags]\n.SH EXAMPLES\n" +
         p.examples + ".SH ARGUMENTS AND FLAGS\n" + p.flags + kStatus +
         ".SH SEE ALSO\n.BR latent (1)\n";
}

struct ManFlags {
  std::string verb, folder;
};

int run(const ManFlags& flags) {
  if (flags.folder.empty()) {
    fmt::print("{}", flags.verb.empty() ? whole_page() : page_of(verb_named(flags.verb)));
    return 0;
  }
  if (!flags.verb.empty()) throw UsageError("--out takes all pages; give no verb");
  make_folder(flags.folder);
  write_file_atomic(flags.folder + "/latent.1", whole_page());
  for (const Verb& verb : verbs())
    write_file_atomic(fmt::format("{}/latent-{}.1", flags.folder, verb.name), page_of(verb));
  return 0;
}

}  // namespace

Action add_man(Flags& flags) {
  auto asked = std::make_shared<ManFlags>();
  flags.argument("VERB", asked->verb, "the page of this verb; none: of the program", false);
  flags.add("-o,--out", "DIR", asked->folder,
            "write all pages here: latent.1, and latent-VERB.1 of each verb");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
