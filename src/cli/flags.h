// Flags and arguments of a verb, declared once with kind, default, range and help. CLI11, which
// parses them, is known to flags.cc alone.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace latent::cli {

/// As help shows it.
struct FlagText {
  std::string names;    // "-o, --out"; "" of an argument
  std::string kind;     // of its value, as FILE; "" of a switch
  std::string help;     // one sentence
  std::string initial;  // the default; "" of an argument
  bool required = false;
  std::vector<std::string> choices = {};  // that its value must be one of; any when empty
};

/// Limits of a number, inclusive.
struct Limits {
  double low = 0, high = std::numeric_limits<double>::max();
};

class Flags {
 public:
  Flags();
  ~Flags();
  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

  // Values must outlive parse(); what they hold before it is the default. Names are as
  // "-o,--out".
  void argument(const char* kind, std::string& value, const std::string& help, bool required);
  /// One or more, to the end.
  void arguments(const char* kind, std::vector<std::string>& values, const std::string& help);
  void add(const char* names, bool& value, const std::string& help);
  void add(const char* names, const char* kind, std::string& value, const std::string& help,
           const std::vector<std::string>& choices = {});
  void add(const char* names, const char* kind, int64_t& value, const std::string& help,
           Limits limits);
  void add(const char* names, const char* kind, double& value, const std::string& help,
           Limits limits);
  /// May be given again and again.
  void add(const char* names, const char* kind, std::vector<std::string>& values,
           const std::string& help);
  /// Its text is handed on; `initial` says the default in words.
  void add(const std::string& names, const std::string& kind, const std::string& help,
           const std::string& initial, const std::function<void(const std::string&)>& set);
  /// A switch that hands on "true", or "false" where it is given as --switch=false.
  void add_switch(const std::string& names, const std::string& help,
                  std::function<void(const std::string&)> set);
  /// An argument that is required and one of `choices`.
  void argument_of(const std::vector<std::string>& choices, const char* kind, std::string& value,
                   const std::string& help);
  /// Runs when all flags have their values.
  void after_parsing(std::function<void()> f);
  /// Two switches that cannot be given together.
  void exclude(const char* name, const char* other);

  const std::vector<FlagText>& texts() const;
  /// True unless -h or --help is among the arguments. UsageError, with the near miss, for what
  /// cannot be.
  bool parse(int argc, char** argv);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The number of threads: --threads.
void add_threads(Flags& flags, int64_t& threads);

}  // namespace latent::cli
