// latent completion: scripts by which shells complete verbs, flags and the words that a flag takes;
// made from the table of verbs. Where nothing is known the shell completes names of files.
#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "cli/verbs.h"

namespace latent::cli {

namespace {

/// In single quotes for a shell, with a backslash before each of `special`.
std::string quoted(std::string_view text, std::string_view special = "") {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (special.find(c) != special.npos) out += '\\';
    out += c;
  }
  return out + "'";
}

/// "--out" and "o" of "-o, --out".
struct Names {
  std::string longer, shorter;
};
Names names_of(const FlagText& f) {
  Names n;
  const size_t at = f.names.find("--");
  if (at != f.names.npos) n.longer = f.names.substr(at);
  if (at != 0) n.shorter = f.names.substr(1, 1);
  return n;
}

std::string all_flags(const Flags& flags) {
  std::string words;
  for (const FlagText& f : flags.texts()) {
    if (!f.names.empty()) words += (words.empty() ? "" : " ") + names_of(f).longer;
  }
  return words;
}

/// Words of an argument that must be one of them, with spaces between; "" where there is none.
std::string argument_words(const Flags& flags) {
  for (const FlagText& f : flags.texts()) {
    if (f.names.empty() && !f.choices.empty()) return fmt::format("{}", fmt::join(f.choices, " "));
  }
  return "";
}

std::string all_verbs() {
  std::string words = "help";
  for (const Verb& v : verbs()) words += std::string(" ") + v.name;
  return words;
}

std::string bash() {
  std::string flags, choices, arguments;
  for (const Verb& v : verbs()) {
    Flags of_verb;
    v.add(of_verb);
    flags += fmt::format("    {}) words={} ;;\n", v.name, quoted(all_flags(of_verb)));
    if (const std::string words = argument_words(of_verb); !words.empty())
      arguments += fmt::format("    {}) words={} ;;\n", v.name, quoted(words));
    for (const FlagText& f : of_verb.texts()) {
      if (!f.names.empty() && !f.choices.empty())
        choices += fmt::format("    '{} {}') words={} ;;\n", v.name, names_of(f).longer,
                               quoted(fmt::format("{}", fmt::join(f.choices, " "))));
    }
  }
  return fmt::format(
      R"(# bash completion of latent: source <(latent completion bash)
_latent() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ] || {{ [ "$COMP_CWORD" -eq 2 ] && [ "${{COMP_WORDS[1]}}" = help ]; }}; then
    mapfile -t COMPREPLY < <(compgen -W {} -- "$word")
    return
  fi
  case "${{COMP_WORDS[1]}} ${{COMP_WORDS[COMP_CWORD-1]}}" in
{}  esac
  if [ -z "$words" ] && [[ $word == -* ]]; then
    case "${{COMP_WORDS[1]}}" in
{}    esac
  elif [ -z "$words" ]; then
    case "${{COMP_WORDS[1]}}" in
{}    esac
  fi
  [ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}
complete -o default -F _latent latent
)",
      quoted(all_verbs()), choices, flags, arguments);
}

std::string zsh_value(const FlagText& f) {
  if (f.kind.empty()) return "";
  if (!f.choices.empty()) return fmt::format(":{}:({})", f.kind, fmt::join(f.choices, " "));
  std::string kind;
  for (const char c : f.kind) kind += c == ':' ? ' ' : c;
  return ":" + kind + ":_files";
}

std::string zsh() {
  constexpr std::string_view kSpecial = "[]:\\";
  std::string verb_lines, cases;
  for (const Verb& v : verbs()) {
    verb_lines += fmt::format("    {}\n", quoted(std::string(v.name) + ":" + v.doc));
    cases += fmt::format("    {}) _arguments", v.name);
    Flags of_verb;
    v.add(of_verb);
    for (const FlagText& f : of_verb.texts()) {
      if (f.names.empty()) continue;
      std::string escaped;
      for (const char c : f.help) {
        if (kSpecial.find(c) != kSpecial.npos) escaped += '\\';
        escaped += c;
      }
      const Names n = names_of(f);
      cases += " \\\n      " + quoted(n.longer + "[" + escaped + "]" + zsh_value(f));
      if (!n.shorter.empty())
        cases += " \\\n      " + quoted("-" + n.shorter + "[" + escaped + "]" + zsh_value(f));
    }
    const std::string words = argument_words(of_verb);
    cases += " \\\n      " +
             (words.empty() ? "'*:file:_files'" : quoted("1:word:(" + words + ")")) + " ;;\n";
  }
  return fmt::format(R"(#compdef latent
# zsh completion of latent: source <(latent completion zsh)
_latent() {{
  local -a verbs
  verbs=(
{}  )
  if (( CURRENT == 2 )) || [[ CURRENT -eq 3 && $words[2] == help ]]; then
    _describe verb verbs
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
{}  esac
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _latent "$@"; else compdef _latent latent; fi
)",
                     verb_lines, cases);
}

std::string fish() {
  std::string out = "# fish completion of latent: latent completion fish | source\n";
  for (const Verb& v : verbs()) {
    for (const char* where : {"__fish_use_subcommand", "'__fish_seen_subcommand_from help'"})
      out += fmt::format("complete -c latent -n {} -f -a {} -d {}\n", where, v.name,
                         quoted(v.doc, "\\"));
    Flags of_verb;
    v.add(of_verb);
    if (const std::string words = argument_words(of_verb); !words.empty())
      out += fmt::format("complete -c latent -n '__fish_seen_subcommand_from {}' -f -a {}\n",
                         v.name, quoted(words));
    for (const FlagText& f : of_verb.texts()) {
      if (f.names.empty()) continue;
      const Names n = names_of(f);
      out += fmt::format("complete -c latent -n '__fish_seen_subcommand_from {}' -l {}", v.name,
                         n.longer.substr(2));
      if (!n.shorter.empty()) out += " -s " + n.shorter;
      if (!f.kind.empty()) out += " -r";
      if (!f.choices.empty())
        out += fmt::format(" -f -a {}", quoted(fmt::format("{}", fmt::join(f.choices, " "))));
      out += " -d " + quoted(f.help, "\\") + "\n";
    }
  }
  return out;
}

}  // namespace

Action add_completion(Flags& flags) {
  auto shell = std::make_shared<std::string>();
  flags.argument_of({"bash", "zsh", "fish"}, "SHELL", *shell, "bash, zsh or fish");
  return [shell] {
    fmt::print("{}", *shell == "bash" ? bash() : *shell == "zsh" ? zsh() : fish());
    return 0;
  };
}

}  // namespace latent::cli
