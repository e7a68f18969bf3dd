// The program: finds the verb, parses its flags, runs it, and turns exceptions into the exit codes
// of docs/exit-codes.md.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <new>
#include <system_error>

#include "cli/help.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "latent/error.h"
#include "latent/train.h"

namespace latent::cli {
namespace {

int exit_code(const std::exception& e) {
  if (dynamic_cast<const UsageError*>(&e)) return 2;
  if (dynamic_cast<const BadModel*>(&e)) return 4;
  if (dynamic_cast<const DataError*>(&e)) return 3;
  if (dynamic_cast<const SystemError*>(&e) || dynamic_cast<const std::bad_alloc*>(&e)) return 5;
  if (dynamic_cast<const Diverged*>(&e)) return 6;
  return 1;
}

/// A stream that the caller closed would give its number to the next file opened, and messages
/// would end in it: the number is taken by something that refuses to be written.
void hold_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void flush_output() {
  if (const int error = flush_stdout()) throw SystemError("cannot write", "standard output", error);
}

int run_verb(const Verb& verb, int argc, char** argv) {
  Flags flags;
  const Action action = verb.add(flags);
  bool asked = true;
  try {
    asked = flags.parse(argc, argv);
  } catch (const UsageError& e) {
    throw UsageError(fmt::format("{} (latent help {} shows what there is)", e.what(), verb.name));
  }
  if (asked) return action();
  fmt::print("{}", help_of(verb, flags, terminal_width()));
  return 0;
}

int run(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "help";
  if (first == "--version" || first == "-V") {
    fmt::print("latent {}\n", LATENT_VERSION);
    return 0;
  }
  if (first == "help" || first == "--help" || first == "-h") {
    if (argc < 3) {
      fmt::print("{}", overview(terminal_width()));
      return 0;
    }
    const Verb& verb = verb_named(argv[2]);
    Flags flags;
    verb.add(flags);
    fmt::print("{}", help_of(verb, flags, terminal_width()));
    return 0;
  }
  if (first.starts_with("-")) {
    throw UsageError("a verb comes first, found the flag " + first +
                     "; latent help lists the verbs");
  }
  return run_verb(verb_named(first), argc - 1, argv + 1);
}

/// run(), where text longer than the stream's buffer fails while it is printed.
int run_to_output(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::system_error& e) {
    if (!std::ferror(stdout)) throw;
    throw SystemError("cannot write", "standard output", e.code().value());
  }
}

}  // namespace
}  // namespace latent::cli

int main(int argc, char** argv) {
  using namespace latent::cli;
  hold_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file past the limit of its size is then an error of its write
  try {
    const int code = run_to_output(argc, argv);
    flush_output();
    return code;
  } catch (const std::exception& e) {
    const bool memory = dynamic_cast<const std::bad_alloc*>(&e);
    std::fprintf(stderr, "latent: %s\n", memory ? "the system gave no more memory" : e.what());
    return exit_code(e);
  }
}
