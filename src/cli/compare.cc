// latent compare: finished runs side by side, from the summaries in their folders.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/evaluation.h"
#include "cli/help.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "report/comparison.h"

namespace latent::cli {

namespace {

using nlohmann::json;
using report::RunSummary;

struct CompareFlags {
  std::vector<std::string> runs;
  std::string page;
  bool json = false;
};

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

json read_summary(const std::string& run) {
  const std::string path = run + "/summary.json";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw UsageError(run + " holds no summary.json: it is no run that latent train has finished; " +
                     "the same train command finishes it");
  }
  json j = json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!j.is_object()) throw BadModel(path + ": this is no JSON object");
  return j;
}

RunSummary summary_of(const std::string& name, const json& j) {
  try {
    const json& e = j.at("evaluation");
    RunSummary s{.name = name,
                 .parameters = j.at("parameters").get<int64_t>(),
                 .seconds = j.at("seconds").get<double>()};
    if (e.contains("loss")) {  // not of a generator
      s.loss_name = loss_name(e.contains("negative_elbo"), e.at("likelihood").get<std::string>());
      s.loss = e.at("loss").at("value").get<double>();
      s.bar = 1.96 * e.at("loss").at("error").get<double>();
      s.active = e.at("active_units").get<int64_t>();
      s.units = std::ssize(e.at("units"));
    }
    const json& data = j.at("data");
    s.settings = {{"data", text_of(data.at("name")) + " " + text_of(data.at("fingerprint"))},
                  {"model", text_of(j.at("model"))}};
    for (const char* part : {"config", "train"}) {
      for (const auto& [key, value] : j.at(part).items()) s.settings[key] = text_of(value);
    }
    return s;
  } catch (const json::exception& e) {
    throw BadModel(name + "/summary.json cannot be used: " + e.what());
  }
}

int run(const CompareFlags& flags) {
  std::vector<RunSummary> runs;
  json all = json::array();
  for (const std::string& name : flags.runs) {
    json j = read_summary(name);
    runs.push_back(summary_of(name, j));
    j["run"] = name;
    all.push_back(std::move(j));
  }
  const report::Comparison c = report::compare_runs(runs);
  if (flags.json)
    print_json({{"runs", all}, {"notes", c.notes}});
  else
    tell(report::comparison_text(c));
  if (!flags.page.empty()) write_file_atomic(flags.page, report::comparison_html(c, runs));
  return 0;
}

}  // namespace

Action add_compare(Flags& flags) {
  auto asked = std::make_shared<CompareFlags>();
  flags.arguments("RUN", asked->runs, "folders of finished runs");
  flags.add("-o,--out", "FILE", asked->page, "also write a page, .html");
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
