// Sentences to rows; see sentences.h.
#include "cli/sentences.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/lists.h"
#include "data/plain_text.h"
#include "data/text_content.h"
#include "train/preprocess.h"

namespace latent::cli {

bool reads_text(const Model& model) { return model.preprocessing().content.kind == "text"; }

std::vector<float> sentence_rows(const Model& model, const std::vector<std::string>& sentences) {
  if (!reads_text(model))
    throw UsageError("\"" + sentences[0] + "\" is a sentence, but this is no model of text");
  const FittedText fitted = fitted_text(model.preprocessing().content);
  TextCounts counts;
  std::vector<float> rows;
  for (const std::string& sentence : sentences) {
    if (sentence.empty() || invalid_utf8(sentence) != std::string::npos) {
      throw UsageError(sentence.empty() ? "a sentence is empty"
                                        : "byte " + std::to_string(invalid_utf8(sentence)) +
                                              " of a sentence is no UTF-8");
    }
    const std::vector<int32_t> row = text_row(sentence, fitted, counts);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  if (counts.unknown || counts.cut) fmt::print(stderr, "{}\n", words_of(counts, fitted.settings));
  return rows;
}

void add_writing_flags(Flags& flags, WritingFlags& w) {
  flags.add(
      "--token-temperature", "T",
      "text: draw each token, its logits divided by T; 0: the likeliest",
      "0; 1 with --top-k or --top-p", [&w](const std::string& text) {
        w.temperature = number(text, "--token-temperature");
        if (*w.temperature < 0)
          throw UsageError("--token-temperature takes numbers from 0 on, found \"" + text + "\"");
      });
  flags.add("--top-k", "K", w.top_k, "text: draw among the K likeliest tokens; 0: all", {0, 1e9});
  flags.add("--top-p", "P", w.top_p, "text: draw among the likeliest that make up P", {1e-9, 1});
  flags.add("--beam", "N", w.beam,
            "text: the likeliest row that a search of N beams finds; 0: none", {0, 64});
}

std::vector<float> decoded(const Model& model, const std::vector<float>& codes,
                           const WritingFlags& flags, int64_t seed, int64_t threads) {
  if (!flags.asked()) return model.decode(codes);
  return measure::write_rows(model.architecture(), model.weights(), codes,
                             {.temperature = flags.temperature.value_or(1),
                              .top_k = flags.top_k,
                              .top_p = flags.top_p,
                              .beam = flags.beam,
                              .seed = static_cast<uint64_t>(seed),
                              .threads = static_cast<int>(threads)});
}

}  // namespace latent::cli
