// Help as text: the overview, and a verb's examples, usage and flags, folded to a width.
#pragma once

#include <string>
#include <string_view>

#include "cli/verbs.h"

namespace latent::cli {

/// Columns of the terminal that stdout is; else of the variable COLUMNS; else 80.
int terminal_width();
/// `text` folded to `width`, ending a line.
std::string paragraph(const std::string& text, int width);
/// `head` with `text` from `column` on, folded; on lines of their own where that leaves no room.
std::string entry(const std::string& head, const std::string& text, int column, int width);
/// The lines of `text`, those wider than `width` folded between words, the rest indented.
std::string fitted(std::string_view text, int width);
/// Prints a result for people: fitted to the terminal that stdout is, or to COLUMNS; without either
/// as it stands, so that a line stays a line for grep.
void tell(const std::string& text);
/// What the program is for, and every verb with its line.
std::string overview(int width);
/// Of a verb whose flags are added.
std::string help_of(const Verb& verb, const Flags& flags, int width);

}  // namespace latent::cli
