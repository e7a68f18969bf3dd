// Text as a kind of content: what `latent train book.txt` recognizes, reads and keeps in the model.
#pragma once

#include <span>
#include <string>

#include "data/content.h"
#include "data/text.h"

namespace latent {

ContentKind text_content();

/// Settings and tokenizer that a model of text keeps. DataError when they cannot be used.
FittedText fitted_text(const Content& content);
/// Texts of rows [n, window] of token numbers.
std::vector<std::string> texts_of(const FittedText& fitted, std::span<const float> rows);

}  // namespace latent
