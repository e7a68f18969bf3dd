// Several runs side by side: what differs between them, and how they fared; as rows of text and as
// a page.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace latent::report {

/// Of a run's summary.json.
struct RunSummary {
  std::string name;                             // as the user named it
  std::map<std::string, std::string> settings;  // data, model, config, training
  std::string loss_name = "no loss";            // or "negative ELBO, bernoulli": what loss is
  /// Of held-out rows, nats a row; none of a generator, which has no likelihood.
  std::optional<double> loss = {};
  double bar = 0;                 // half of a 95 % interval over rows
  int64_t active = 0, units = 0;  // 0 of a model without a code
  int64_t parameters = 0;
  double seconds = 0;
};

struct Comparison {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;  // a run each, in the order given
  std::vector<std::string> notes;  // what the table cannot say: losses of different kinds, ties
};
/// Columns: run, loss, active units, parameters, seconds, then the settings that differ.
Comparison compare_runs(const std::vector<RunSummary>& runs);

/// For a terminal or a file: columns padded, two spaces between them.
std::string comparison_text(const Comparison& c);
/// A self-contained page: table, notes, the losses with their bars.
std::string comparison_html(const Comparison& c, const std::vector<RunSummary>& runs);

}  // namespace latent::report
