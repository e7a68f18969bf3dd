// latent doctor: what this machine is to latent, and whether it computes rightly.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/memory.h"
#include "base/team.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "latent/plan.h"
#include "measure/self_check.h"
#include "plan/about.h"
#include "train/machine.h"

namespace latent::cli {

namespace {

using measure::Check;

struct DoctorFlags {
  std::string folder = ".";
  bool json = false;
};

/// Writes as runs do, and clears it away.
Check writable(const std::string& folder) {
  const std::string path = fmt::format("{}/.latent-doctor-{}", folder, ::getpid());
  Check check{"files can be written in " + folder, true};
  try {
    write_file_atomic(path, std::string_view("latent doctor\n"));
  } catch (const SystemError& e) {
    check = {check.what + ": " + e.what(), false};
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return check;
}

std::string precision() {
  const std::string note = bf16_note();
  return note.empty() ? "float32; --dtype bf16 is faster for products here" : "float32; " + note;
}

int run(const DoctorFlags& flags) {
  const EngineInfo about = engine_info();
  std::string libraries;
  for (const auto& [name, version] : about.libraries)
    libraries += fmt::format("{}{} {}", libraries.empty() ? "" : ", ", name, version);
  const std::vector<std::pair<std::string, std::string>> facts = {
      {"fingerprint", machine_line()},
      {"instructions", fmt::format("{} for loops, {} for products", about.loops, about.products)},
      {"precision", precision()},
      {"memory", fmt::format("{:.1f} GB", static_cast<double>(machine_bytes()) / 1e9)},
      {"threads", fmt::format("{} (LATENT_THREADS, or --threads of a verb)", default_threads())},
      {"libraries", libraries}};
  const int width = terminal_width();
  if (!flags.json) {
    for (const auto& [name, text] : facts) fmt::print("{}", entry(name, text, 16, width));
    flush_stdout();  // the checks take a while
  }
  std::vector<Check> checks = measure::self_check();
  checks.push_back(writable(flags.folder));
  const bool good = std::ranges::all_of(checks, &Check::good);
  if (flags.json) {
    nlohmann::json j = {{"good", good}, {"checks", nlohmann::json::array()}};
    for (const auto& [name, text] : facts) j[name] = text;
    for (const Check& c : checks) j["checks"].push_back({{"what", c.what}, {"good", c.good}});
    print_json(j);
  } else {
    for (const Check& c : checks) fmt::print("{}", entry(c.good ? "ok" : "BAD", c.what, 16, width));
    fmt::print("{}", paragraph("Bits of results are promised for one fingerprint: run folders "
                               "record it.",
                               width));
  }
  return good ? 0 : 1;
}

}  // namespace

Action add_doctor(Flags& flags) {
  auto asked = std::make_shared<DoctorFlags>();
  flags.add("--folder", "DIR", asked->folder, "where runs would be written");
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
