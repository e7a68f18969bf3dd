// Connects the run, its evaluation and the page; see run_report.h.
#include "cli/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/hash.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "report/curves.h"
#include "report/gather.h"
#include "report/model_pictures.h"
#include "report/png.h"
#include "report/words.h"
#include "train/machine.h"
#include "train/options.h"
#include "train/run_folder.h"

namespace latent::cli {

namespace {

using nlohmann::json;
using report::Fact;
using report::RunReport;

constexpr int64_t kMostMeasured = 5000, kMostOfStopped = 500;  // rows

Metrics metrics_of(const std::string& folder) {
  const std::string path = folder + "/metrics.jsonl";
  if (!std::filesystem::exists(path)) return {};
  const std::string text = read_file(path);
  return Metrics::parse(text, std::ranges::count(text, '\n'), path);
}

double seconds_of(const Metrics& metrics) {
  double seconds = 0;
  for (const auto& line : metrics.lines()) seconds += line.value("seconds", 0.0);
  return seconds;
}

int64_t parameters_of(const Model& model) {
  int64_t n = 0;
  for (const auto& [name, t] : model.weights().tensors()) n += t.elements();
  return n;
}

double explained(const Evaluation& e) {
  return e.deviation > 0 ? 1 - e.rmse * e.rmse / (e.deviation * e.deviation) : 0;
}

/// Values of a vector of the codebook.
int64_t vector_size(const Architecture& a) {
  return json::parse(a.config).at("latent").get<int64_t>();
}

std::string verdict(const Evaluation& e, const Architecture& a, bool held_out) {
  const std::string rows = held_out ? "rows that it has not been trained on" : "its rows";
  const std::string code =
      e.codebook
          ? fmt::format(
                "{}, each of {}{}",
                counted(a.latent / (e.codebook->levels * vector_size(a)), "place"),
                e.codebook->levels == 1 ? "" : fmt::format("{} levels of ", e.codebook->levels),
                counted(e.codebook->codes, "code"))
          : counted(std::ssize(e.units), "number");
  const std::string back =
      e.text ? fmt::format("{:.0f} % of the tokens of {}", 100 * e.text->given_back, rows)
             : fmt::format("{:.0f} % of the variance of {} (error {:.3g}, data deviate by {:.3g})",
                           100 * std::max(0.0, explained(e)), rows, e.rmse, e.deviation);
  const std::string use =
      e.codebook ? fmt::format("The codes are used as if there were {:.1f}", e.codebook->perplexity)
                 : fmt::format("{} of {} units of the code are in use",
                               measure::active_units(e.units), e.units.size());
  return fmt::format("Through a code of {}, the model gives back {}. {}.", code, back, use);
}

/// Of a generator, which has no code and no likelihood to judge it by.
std::string contest_text(const Evaluation& e) {
  return fmt::format(
      "The model makes rows of noise; it has no encoder and no likelihood, so look at its samples. "
      "Its discriminator tells {:.1f} % of real and made rows right (50 % would be a guess).",
      100 * e.discriminator_accuracy.value_or(0.5));
}

std::vector<Fact> measures(const Evaluation& e) {
  std::vector<Fact> facts;
  facts.emplace_back("measured on", counted(e.rows, "row"));
  if (e.posterior) {
    facts.emplace_back("negative ELBO",
                       with_bar(e.loss) + " nats a row (95 % of the rows' chance)");
    facts.emplace_back("reconstruction", with_bar(e.posterior->nll) + " nats a row");
    facts.emplace_back("KL divergence",
                       with_bar(e.posterior->kl) + " nats a row: what the code says");
  } else if (e.coded) {
    facts.emplace_back("negative ELBO",
                       with_bar(e.loss) + " nats a row (95 % of the rows' chance)");
    facts.emplace_back("reconstruction", with_bar(e.coded->nll) + " nats a row");
    facts.emplace_back("codes", with_bar(e.coded->kl) + " nats a row, by their prior");
  } else {
    facts.emplace_back("reconstruction", with_bar(e.loss) + " a row, by " + e.likelihood);
  }
  if (e.text) {
    facts.emplace_back("perplexity", fmt::format("{:.3f} by {} tokens, ends among them",
                                                 e.text->perplexity, e.text->tokens));
  }
  const std::string no_density =
      e.normalized ? "" : "; no density of these data: compare only with " + e.likelihood;
  facts.emplace_back(e.text ? "bits per token" : "bits per dimension",
                     e.bits_per_dimension ? with_bar(*e.bits_per_dimension, 4) + no_density
                                          : "none: " + no_bits(e));
  if (e.codebook)
    facts.emplace_back("perplexity of the codes", use_of(*e.codebook));
  else
    facts.emplace_back("active units",
                       fmt::format("{} of {}", measure::active_units(e.units), e.units.size()));
  return facts;
}

/// Best epoch of the held-out loss and the number of epochs.
std::pair<int64_t, int64_t> best_epoch(const Metrics& metrics) {
  double best = INFINITY;
  int64_t at = 0, epochs = 0;
  for (const auto& line : metrics.lines()) {
    if (!line.contains("epoch") || line.contains("event")) continue;
    epochs = line["epoch"].get<int64_t>();
    const double value = line.value("validation_loss", INFINITY);
    if (value < best) {
      best = value;
      at = epochs;
    }
  }
  return {at, epochs};
}

/// The command that made, or makes, the run.
std::string own_command(const EndedRun& run) {
  return command_of(run.request) + " --out " + shell_word(run.plan.options.out);
}

std::string notice(const EndedRun& run, const Metrics& metrics) {
  if (run.stopped.empty()) return "";
  return fmt::format(
      "the run was stopped {} after {} of {} epochs. Nothing is lost: {} goes on from there, and "
      "writes this page anew. What follows is the model as it was then, measured on fewer rows.",
      run.stopped, best_epoch(metrics).second, run.plan.options.epochs, own_command(run));
}

/// For a signal that ends the process before the report is made.
std::string last_words(const EndedRun& run) {
  return fmt::format(
      "latent: ended before the report was written; the model is saved in {}, and {} {}\n",
      run.plan.options.out, own_command(run),
      run.stopped.empty() ? "writes the report" : "goes on and writes the report at its end");
}

/// Whether more epochs may help.
std::string advice_on_epochs(const EndedRun& run, const Evaluation& e, const Metrics& metrics) {
  if (e.discriminator_accuracy) {
    return "The weights are those of the last epoch: with a discriminator no loss tells a better "
           "epoch from a worse. Judge by the samples, and train longer while they get better.";
  }
  const auto [best, epochs] = best_epoch(metrics);
  if (best > 0 && 10 * best >= 9 * epochs) {
    return fmt::format(
        "The held-out loss was still falling: its best was epoch {} of {}. Train longer: the same "
        "command with --epochs {}{}.",
        best, epochs, 2 * epochs,
        depends_on_total(run.plan.options) ? " and another --out" : " goes on from here");
  }
  if (best == 0) return "";
  return fmt::format(
      "The held-out loss was best at epoch {} of {}, and those weights are kept: more epochs would "
      "not help. More data, or a smaller model, may.",
      best, epochs);
}

/// Whether the code has the right size.
std::string advice_on_code(const EndedRun& run, const Evaluation& e) {
  const json config = json::parse(run.plan.architecture.config);
  if (e.codebook) {
    const int64_t codes = e.codebook->codes;
    const double perplexity = e.codebook->perplexity;
    const std::string places =
        config.at("encoder") == ""
            ? fmt::format("--places {}", 2 * config.at("places").get<int64_t>())
            : "an --encoder with one halving less";
    const bool full = 2 * perplexity >= static_cast<double>(codes);
    return fmt::format(
        "The {} codes are used as if there were {:.1f}: --codes {} {}. More places ({}) or levels "
        "(--quantizers {}) tell more of a row.",
        codes, perplexity, full ? 2 * codes : std::max<int64_t>(2, std::llround(2 * perplexity)),
        full ? "may explain more" : "would do as well", places, 2 * e.codebook->levels);
  }
  const auto active = measure::active_units(e.units), units = std::ssize(e.units);
  if (active == 0) return "";
  if (active == units)
    return fmt::format("All {} units are in use: --latent {} may explain more.", units, 2 * units);
  return fmt::format("{} of {} units are in use: --latent {} would do as well{}.", active, units,
                     active, config.contains("beta") ? "; --beta below 1 would use more" : "");
}

std::vector<std::string> advice(const EndedRun& run, const Evaluation& e, const Metrics& metrics) {
  if (!run.stopped.empty())
    return {"Let it finish: " + own_command(run) + " goes on where it was."};
  std::vector<std::string> list = {advice_on_epochs(run, e, metrics), advice_on_code(run, e)};
  std::erase(list, "");
  list.push_back(
      "Differences smaller than the error bars above are chance: compare with another --seed.");
  return list;
}

std::vector<Fact> trained(const EndedRun& run, const Metrics& metrics) {
  const Data& data = run.plan.data;
  const TrainOptions& o = run.plan.options;
  const auto rows = std::ssize(trained_rows(data, o));
  std::vector<Fact> facts = {
      {"data", fmt::format("{}: {} rows of {}, {} of them trained on", data.name(), data.size(),
                           data.row_shape().text(), rows)},
      {"model",
       fmt::format("{}, {} parameters", run.plan.architecture.name, parameters_of(run.model))},
      {"time", fmt::format("{} for {} epochs", duration_text(seconds_of(metrics)),
                           best_epoch(metrics).second)},
  };
  if (run.forecast.peak_bytes > 0) {
    facts.emplace_back(
        "memory, forecast",
        fmt::format("{:.1f} MB at the peak", static_cast<double>(run.forecast.peak_bytes) / 1e6));
  }
  std::string config;
  const json keys = json::parse(run.plan.architecture.config);
  for (const auto& [key, value] : keys.items()) {
    if (value == "" || value == json::array()) continue;  // not set
    config += fmt::format("{}{} {}", config.empty() ? "" : ", ", key,
                          value.is_string() ? value.get<std::string>() : value.dump());
  }
  facts.emplace_back("config", config);
  facts.emplace_back("training",
                     fmt::format("batches of {}, rate {:g}, seed {}", o.batch, o.rate, o.seed));
  facts.emplace_back("scaling", run.plan.scaling);
  return facts;
}

std::vector<Fact> commands(const EndedRun& run, bool samples) {
  const std::string model = shell_word(run.plan.options.out);
  std::string data = run.request.data.empty() ? "DATA" : shell_word(run.request.data);
  if (!run.plan.label.empty()) data += " --label " + shell_word(run.plan.label);
  const char* of_class = run.plan.architecture.classes > 0 ? " --label 0" : "";
  std::vector<Fact> list = {
      {"Codes of rows, for a search, a scatter plot, a classifier:",
       fmt::format("latent encode {} {} -o codes.npy", model, data)},
      {"Rows as the model gives them back:",
       fmt::format("latent reconstruct {} {} -o reconstructed.npy", model, data)},
      {"All measures, with bounds of the likelihood:",
       fmt::format("latent eval {} {}", model, data)}};
  if (!run.plan.architecture.encode) list.clear();
  if (samples)
    list.insert(list.begin(),
                {"New rows:", fmt::format("latent sample {} -n 100{} -o samples.{}", model,
                                          of_class, draws_pictures(run.model) ? "png" : "csv")});
  return list;
}

std::vector<Fact> reproduction(const EndedRun& run) {
  return {{"The same command gives the same bits, on any number of threads:", own_command(run)},
          {"data", "fingerprint " + hex64(run.plan.data.dataset().fingerprint())},
          {"program", machine_line()},
          {"config", "config.toml beside this page holds every key"}};
}

json summary(const EndedRun& run, const Evaluation& e, const Metrics& metrics) {
  const json identity = run_identity(run.plan.architecture, run.plan.data, run.plan.options);
  return {{"data",
           {{"name", run.plan.data.name()},
            {"rows", run.plan.data.size()},
            {"fingerprint", identity.at("data")}}},
          {"model", identity.at("model")},
          {"config", identity.at("config")},
          {"train", identity.at("train")},
          {"parameters", parameters_of(run.model)},
          {"epochs", best_epoch(metrics).second},
          {"seconds", seconds_of(metrics)},
          {"evaluation", to_json(e, 0)}};
}

/// The pictures that also lie beside the page; gives their paths.
std::string write_pictures(const RunReport& r, const std::string& folder) {
  std::string written;
  for (const auto& [name, picture] :
       {std::pair{"reconstructions", &r.reconstructions}, std::pair{"samples", &r.samples}}) {
    if (!*picture) continue;
    const std::string path = fmt::format("{}/{}.png", folder, name);
    write_png(path, (*picture)->pixels, (*picture)->height, (*picture)->width,
              (*picture)->channels);
    written += ", " + path;
  }
  return written;
}

/// Of a run, before any of it is a file.
struct Made {
  RunReport report;
  std::string page;
  json summary;
};

Made make(const EndedRun& run) {
  const TrainOptions& o = run.plan.options;
  const Data& rows = o.validation_data ? *o.validation_data : run.plan.data;
  const Split split =
      latent::split(run.plan.data.size(), o.validation_data ? 0.0 : o.validation, o.seed);
  const bool held_out = o.validation_data || !split.validation.empty();
  const int64_t most = run.stopped.empty() ? kMostMeasured : kMostOfStopped;
  EvaluationOptions measured{
      .trained = measure::evenly(split.train, most), .k = 0, .threads = o.threads};
  if (o.validation_data) measured.training_data = run.plan.data;
  measured.rows =
      measure::evenly(o.validation_data ? latent::split(rows.size(), 0.0, uint64_t{0}).train
                      : held_out        ? split.validation
                                        : split.train,
                      most);
  if (held_out) measured.held_out = measured.rows;
  const bool encodes = static_cast<bool>(run.plan.architecture.encode);
  const Evaluation e =
      encodes ? evaluate(run.model, rows, measured) : evaluate_generator(run.model, rows, measured);
  const Metrics metrics = metrics_of(o.out);
  const bool has_prior = run.plan.architecture.prior,
             samples = has_prior || run.plan.architecture.own_prior;
  Made made;
  made.report = {.title = run.plan.architecture.name + " on " + run.plan.data.name(),
                 .notice = notice(run, metrics),
                 .verdict = encodes ? verdict(e, run.plan.architecture, held_out) : contest_text(e),
                 .findings = e.findings,
                 .checks = e.checks,
                 .held_out = held_out,
                 .advice = encodes ? advice(run, e, metrics) : std::vector<std::string>{},
                 .trained = trained(run, metrics),
                 .measures = encodes ? measures(e) : std::vector<Fact>{},
                 .curves = report::curves_of(metrics),
                 .commands = commands(run, samples),
                 .reproduction = reproduction(run)};
  report::add_model(made.report, run.model, rows,
                    {.shown = measured.rows,
                     .has_prior = has_prior,
                     .samples = samples,
                     .has_posterior = e.posterior.has_value(),
                     .seed = o.seed,
                     .encoded = most,
                     .units = e.units});
  made.page = report::report_html(made.report);
  made.summary = summary(run, e, metrics);
  return made;
}

}  // namespace

std::string write_run_report(const EndedRun& run, std::vector<Finding>& findings) {
  const std::string& folder = run.plan.options.out;
  const std::string page = folder + "/report.html", numbers = folder + "/summary.json";
  std::filesystem::remove(numbers);  // of fewer epochs
  std::optional<SignalsLeave> leave(std::in_place, last_words(run), run.signal);
  const Made made = make(run);
  leave.reset();
  findings = made.report.findings;
  const std::string pictures = write_pictures(made.report, folder);
  write_file_atomic(page, made.page);
  // Last: where it is, the page of these epochs is there too.
  if (run.stopped.empty()) write_file_atomic(numbers, json_text(made.summary, 2) + "\n");
  return page + pictures;
}

bool has_report(const std::string& folder) {
  const std::string numbers = folder + "/summary.json";
  if (!std::filesystem::exists(folder + "/report.html") || !std::filesystem::exists(numbers))
    return false;
  const json summary = json::parse(read_file(numbers), nullptr, /*allow_exceptions=*/false);
  return summary.is_object() &&
         summary.value("epochs", json()) == best_epoch(metrics_of(folder)).second;
}

}  // namespace latent::cli
