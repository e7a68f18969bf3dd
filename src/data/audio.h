// Sounds as a kind of content (content.h): files of any rate, channels and length become windows of
// one rate, as samples or as log-mel spectra, and rows sounds again.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/audio_mel.h"
#include "data/content.h"

namespace latent {

ContentKind audio_kind();

/// A content's settings as numbers.
struct AudioSettings {
  bool logmel = true;
  int window = 0, hop = 0;  // samples of a row, and from one row to the next of a sound
  MelSettings mel;          // of log-mel rows, and of pictures of others; mel.rate is the rate
  Shape row() const;        // [mels, frames], or [1, samples]
};
/// Of settings as a data set keeps them, where nothing is left to propose. UsageError for what does
/// not go together.
AudioSettings audio_settings(const Content& content);

/// The sound of rows [n, row] of the content, as Dataset::names() calls them: windows of one file
/// are joined, averaged where they overlap; a quarter of a second of silence stands between files.
/// Rows without names are a file each.
std::vector<float> sound_of_rows(const Content& content, std::span<const float> rows,
                                 std::span<const std::string> names = {});

/// The log-mel spectra of rows, [n, mels, frames], low frequencies last, as pictures show them;
/// from 0, the floor, to 1, the loudest of all.
Tensor spectra_of_rows(const Content& content, std::span<const float> rows);

}  // namespace latent
