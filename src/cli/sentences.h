// Text on the command line: sentences as rows of a model of text, and how it writes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/flags.h"
#include "latent/model.h"
#include "measure/writing.h"

namespace latent::cli {

/// Whether the model's data are text.
bool reads_text(const Model& model);
/// Rows [sentences, inputs] as the model reads text; what it does not know or have room for is told
/// on standard error. UsageError for a model of other data, and for what is no UTF-8 or empty.
std::vector<float> sentence_rows(const Model& model, const std::vector<std::string>& sentences);

/// How rows are written from codes; nothing asked: the likeliest element each time.
struct WritingFlags {
  std::optional<double> temperature;  // not given: 1 where rows are drawn; 0: the likeliest
  double top_p = 1;
  int64_t top_k = 0, beam = 0;
  bool asked() const { return temperature || top_p < 1 || top_k > 0 || beam > 0; }
};
void add_writing_flags(Flags& flags, WritingFlags& w);
/// Rows from codes. UsageError where flags were given and the model does not write.
std::vector<float> decoded(const Model& model, const std::vector<float>& codes,
                           const WritingFlags& flags, int64_t seed, int64_t threads);

}  // namespace latent::cli
