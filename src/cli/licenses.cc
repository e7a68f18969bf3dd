// latent licenses: what is in the program and under which terms. The notice is the file NOTICE,
// compiled in.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/help.h"
#include "cli/notice.h"
#include "cli/output.h"
#include "cli/verbs.h"

namespace latent::cli {

namespace {

/// Every library that the program is linked with or holds code of; licences by their SPDX names.
constexpr struct {
  const char *name, *license, *use;
} kLibraries[] = {
    {"oneDNN", "Apache-2.0", "products and convolutions"},
    {"LIBXSMM", "BSD-3-Clause", "small products"},
    {"Highway", "Apache-2.0 OR BSD-3-Clause", "loops"},
    {"fmt", "MIT", "texts"},
    {"libpng", "libpng-2.0", "pictures"},
    {"libjpeg-turbo", "IJG AND BSD-3-Clause AND Zlib", "photos"},
    {"zlib", "Zlib", "packed files"},
    {"libsndfile", "LGPL-2.1-or-later", "files of sounds"},
    {"libsamplerate", "BSD-2-Clause", "rates of sounds"},
    {"kissfft", "BSD-3-Clause", "spectra"},
    {"CLI11", "BSD-3-Clause", "the command line; headers"},
    {"nlohmann/json", "MIT", "JSON; headers"},
    {"toml++", "MIT", "TOML; headers"},
    {"libstdc++, libgomp", "GPL-3.0-or-later WITH GCC-exception-3.1", "the compiler's own"},
};

int run(bool as_json) {
  if (as_json) {
    nlohmann::json j = {{"notice", kNotice}, {"libraries", nlohmann::json::array()}};
    for (const auto& l : kLibraries)
      j["libraries"].push_back({{"name", l.name}, {"license", l.license}, {"use", l.use}});
    print_json(j);
    return 0;
  }
  tell(fmt::format("{}\nlibraries:\n", kNotice));
  for (const auto& l : kLibraries)
    fmt::print("{}", entry(l.name, fmt::format("{} ({})", l.license, l.use), 22, terminal_width()));
  return 0;
}

}  // namespace

Action add_licenses(Flags& flags) {
  auto asked = std::make_shared<bool>(false);
  flags.add("--json", *asked, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
