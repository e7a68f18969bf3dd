// latent eval: likelihood, use of the code and faults of a model, over rows of data. Of a run
// folder's own data the rows held out are taken, unless others are asked for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "cli/evaluation.h"
#include "cli/help.h"
#include "cli/model_input.h"
#include "cli/output.h"
#include "cli/run_info.h"
#include "cli/verbs.h"
#include "report/words.h"

namespace latent::cli {

namespace {

struct EvalFlags {
  ModelFlags model;
  DataFlags data;
  std::string rows = "auto";
  int64_t k = 100;
  int64_t seed = 1;
  bool json = false;
};

/// Fills in which rows are measured; gives it in words.
std::string choose_rows(const EvalFlags& flags, const Data& data, EvaluationOptions& o) {
  const std::optional<Split> of_run = split_of_run(flags.model.path, data);
  const bool own = of_run.has_value();
  const Split split = of_run.value_or(Split());
  o.trained = split.train;
  o.held_out = split.validation;
  const std::string asked = flags.rows != "auto"       ? flags.rows
                            : split.validation.empty() ? "all"
                                                       : "held-out";
  if (asked == "all") {
    o.rows.resize(static_cast<size_t>(data.size()));
    std::iota(o.rows.begin(), o.rows.end(), 0);
    return own ? "all rows, those trained on too" : "all rows";
  }
  o.rows = asked == "trained" ? split.train : split.validation;
  if (o.rows.empty()) {
    throw UsageError(flags.model.path + " does not say which rows of " + data.name() + " were " +
                     asked + ": it is no run of these data" + (own ? " that held any out" : "") +
                     "; use --rows all");
  }
  return asked == "trained" ? "the rows trained on" : "the rows that the run held out";
}

void print_posterior(const Evaluation& e, int64_t k) {
  const PosteriorNumbers& p = *e.posterior;
  tell(fmt::format("negative ELBO      {} nats a row\n", with_bar(e.loss)));
  tell(fmt::format("  reconstruction   {:.3f}\n  KL               {:.3f}\n", p.nll.value,
                   p.kl.value));
  if (p.iwae) {
    tell(fmt::format("log p(x), K = {:<4} {} over rows, a lower bound\n", k, with_bar(*p.iwae)));
    tell(fmt::format("log p(x), no bias  {:.3f} +- {:.3f} over draws{}\n", p.log_likelihood,
                     p.draws_bar,
                     p.weak_rows ? fmt::format("; of {} fewer than ten of the {} draws count: the "
                                               "bar is too short there, take a larger --k",
                                               counted(p.weak_rows, "row"), k)
                                 : ""));
  }
  if (e.effective_beta)
    tell(fmt::format("effective beta     {:.4g}\n", *e.effective_beta));
  else
    tell(fmt::format("beta               {:g}\n", e.beta));
  tell(fmt::format("mutual information {:.3f} nats, by {}: at most their logarithm, {:.3f}\n",
                   p.mutual_information, counted(p.information_rows, "row"),
                   std::log(static_cast<double>(p.information_rows))));
}

void print_values(const Evaluation& e) {
  if (e.bits_per_dimension)
    tell(fmt::format(
        "bits per dimension {}{}{}\n", with_bar(*e.bits_per_dimension, 4),
        e.quantized ? ", of stored whole numbers" : "",
        e.normalized
            ? ""
            : fmt::format(", of no density of these data: compare with {} only", e.likelihood)));
  else
    tell("bits per dimension: none, " + no_bits(e) + "\n");
  if (e.sigma) tell(fmt::format("sigma              {:.4g}, in scaled units\n", *e.sigma));
  tell(fmt::format("rmse               {:.4g} in units of the data, which deviate by {:.4g}\n",
                   e.rmse, e.deviation));
}

/// What each unit is used for; of many those used most and least.
std::string units_text(const Evaluation& e) {
  constexpr size_t kAll = 32, kEnd = 10;
  const size_t count = e.units.size();
  const auto use = [&](size_t i) {
    return e.posterior ? std::max(e.units[i].kl, 0.0) : e.units[i].mean_variance;
  };
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::string text = e.posterior ? "KL by unit" : "variance by unit";
  const auto list = [&](size_t first, size_t end) {
    for (size_t i = first; i < end; ++i)
      text += fmt::format(" z{}={:.3f}", order[i] + 1, use(order[i]));
  };
  if (count <= kAll) {
    text += ":";
    list(0, count);
    return text;
  }
  std::ranges::stable_sort(order, std::ranges::greater(), use);
  text += fmt::format(", the {} of {} used most and those used least:", kEnd, count);
  list(0, kEnd);
  text += fmt::format(", {} between (--json has all),", count - 2 * kEnd);
  list(count - kEnd, count);
  return text;
}

void print(const Evaluation& e, int64_t k) {
  if (e.posterior)
    print_posterior(e, k);
  else if (e.coded)
    fmt::print(
        "negative ELBO      {} nats a row\n  reconstruction   {:.3f}\n"
        "  codes            {:.3f}, by their prior\n",
        with_bar(e.loss), e.coded->nll.value, e.coded->kl.value);
  else
    tell(fmt::format("reconstruction     {} a row, by {}\n", with_bar(e.loss, 4), e.likelihood));
  if (e.text) {
    const TextNumbers& t = *e.text;
    tell(fmt::format("perplexity         {:.3f} by {} tokens, ends of rows among them{}\n",
                     t.perplexity, t.tokens, e.posterior ? ": at most" : ", given the code"));
    if (t.perplexity_iwae)
      tell(fmt::format("perplexity, K = {:<3} {:.3f}, nearer\n", k, *t.perplexity_iwae));
    tell(fmt::format("bits per token     {}\n", with_bar(*e.bits_per_dimension, 4)));
    tell(fmt::format("given back         {:.1f} % of the tokens, each at its place\n",
                     100 * t.given_back));
  } else {
    print_values(e);
  }
  if (e.codebook) tell(fmt::format("perplexity         {}\n", use_of(*e.codebook)));
  tell(
      fmt::format("active units       {} of {}\n", measure::active_units(e.units), e.units.size()));
  const int width = terminal_width();
  fmt::print("{}", paragraph(units_text(e), width));
  for (const measure::Finding& f : e.findings) {
    fmt::print("\n{}", paragraph(fmt::format("{}: {}", f.code, f.sentence), width));
    if (!f.advice.empty()) fmt::print("{}", paragraph("try: " + f.advice, width));
  }
}

int run(const EvalFlags& flags) {
  const Model model = open_model(flags.model);
  tell_model(flags.model, model);
  const Data data = open_rows(flags.data, model);
  EvaluationOptions o{.k = flags.k,
                      .seed = static_cast<uint64_t>(flags.seed),
                      .threads = static_cast<int>(flags.model.threads)};
  const std::string which = choose_rows(flags, data, o);
  fmt::print(stderr, "{} of {}: {}\n", counted(std::ssize(o.rows), "row"), data.name(), which);
  const Evaluation e = evaluate(model, data, o);
  if (!flags.json) {
    print(e, flags.k);
    return 0;
  }
  nlohmann::json j = to_json(e, flags.k);
  j.update({{"model", model.architecture().name}, {"data", data.name()}, {"which", which}});
  print_json(j);
  return 0;
}

}  // namespace

Action add_eval(Flags& flags) {
  auto asked = std::make_shared<EvalFlags>();
  add_model_flags(flags, asked->model);
  add_data_flags(flags, asked->data);
  flags.add("--rows", "WHICH", asked->rows,
            "all, trained, held-out, or auto: those held out where the model is a run of these "
            "data, else all",
            {"auto", "all", "trained", "held-out"});
  flags.add("--k", "K", asked->k, "importance weights a row for log p(x); 0: none", {0, 1e6});
  flags.add("--seed", "N", asked->seed, "of the draws", {0, 1e15});
  flags.add("--json", asked->json, "as JSON");
  return [asked] { return run(*asked); };
}

}  // namespace latent::cli
