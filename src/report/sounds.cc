// Sounds of a model for the page; see sounds.h.
#include "report/sounds.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/audio.h"
#include "data/audio_file.h"
#include "data/dataset.h"
#include "measure/sound.h"
#include "report/rows.h"
#include "train/preprocess.h"

namespace latent::report {

void add_sounds(RunReport& r, const Model& model, const Data& data, const GatherOptions& o) {
  const Content& content = model.preprocessing().content;
  if (content.kind != "audio") return;
  constexpr size_t kPlayed = 4, kMeasured = 256;
  const auto width = static_cast<size_t>(model.inputs());
  const auto shown = std::span(o.shown).first(std::min(o.shown.size(), kMeasured));
  const std::vector<float> rows = values_of(data, shown),
                           back = model.reconstruct(rows, labels_of(model, data, shown));
  const int rate = audio_settings(content).mel.rate;
  const auto wav = [&](std::span<const float> from, size_t i) {
    return encode_sound(sound_of_rows(content, from.subspan(i * width, width)), rate, ".wav");
  };
  const auto& names = data.dataset().names();
  for (size_t i = 0; i < std::min(kPlayed, shown.size()); ++i) {
    const auto row = static_cast<size_t>(shown[i]);
    r.heard.emplace_back(
        Clip{row < names.size() ? names[row] : fmt::format("row {}", row), wav(rows, i)},
        Clip{"", wav(back, i)});
  }
  r.measures.emplace_back("sound", measure::sound_error(content, rows, back).text());
  if (!o.samples) return;
  const std::vector<float> samples =
      model.sample(kPlayed, o.seed, classes_in_turn(model, kPlayed, kPlayed));
  for (size_t i = 0; i < kPlayed; ++i)
    r.drawn.push_back({fmt::format("sample {}", i + 1), wav(samples, i)});
}

}  // namespace latent::report
