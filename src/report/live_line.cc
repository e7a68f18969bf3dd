// Laying out the live line; see live_line.h.
#include "report/live_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "report/words.h"

namespace latent {

namespace {

constexpr int kLeastBar = 6, kMostBar = 30;  // characters between the brackets

/// [=====>    ], with the done part in green.
std::string bar_text(double done, int cells, bool colour) {
  const int full = static_cast<int>(std::clamp(done, 0.0, 1.0) * cells);
  std::string bar(static_cast<size_t>(full), '=');
  if (full < cells) bar += '>';
  const std::string rest(static_cast<size_t>(cells) - bar.size(), ' ');
  return colour ? "[\x1b[32m" + bar + "\x1b[0m" + rest + "]" : "[" + bar + rest + "]";
}

/// A piece of the line: where it stands is its place in the list, what it is worth its rank.
struct Piece {
  std::string text;
  int rank = 0;  // 0 always stays
};

/// Of widths that hardly change, so that the line does not jump.
std::vector<Piece> pieces_of(const Progress& p) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < p.parts.size(); ++i) {
    const auto& [name, value] = p.parts[i];
    pieces.push_back({fmt::format("{} {:#.5g}", name, value), i == 0 ? 1 : 4});
  }
  if (p.validated) pieces.push_back({fmt::format("held out {:#.5g}", p.held_out), 3});
  if (p.rows_per_second > 0) pieces.push_back({count_text(p.rows_per_second) + " rows/s", 5});
  if (p.seconds_left >= 0)
    pieces.push_back({fmt::format("ETA {:<5}", duration_text(std::ceil(p.seconds_left))), 2});
  return pieces;
}

}  // namespace

std::string live_line(const Progress& p, int asked, bool colour) {
  const auto width = static_cast<size_t>(std::max(asked, 20));
  const std::string count = std::to_string(p.epochs);
  const std::string head = fmt::format("epoch {:>{}}/{}", p.epoch, count.size(), count);
  std::string rest;
  const std::vector<Piece> pieces = pieces_of(p);
  const size_t room = width - std::min(width, head.size());
  for (int most = 5; most > 0; --most) {
    rest.clear();
    for (const Piece& piece : pieces) {
      if (piece.rank <= most) rest += "  " + piece.text;
    }
    // The bar is worth more than parts and rows a second.
    const size_t bar = most > 3 ? kLeastBar + 4 : 0;
    if (rest.size() + bar <= room) break;
    rest.clear();
  }
  const auto free = static_cast<int>(room - std::min(room, rest.size())) - 4;
  const double done = p.steps > 0 ? static_cast<double>(p.step) / static_cast<double>(p.steps) : 0;
  const std::string bar =
      free >= kLeastBar ? "  " + bar_text(done, std::min(free, kMostBar), colour) : "";
  return head.substr(0, width) + bar + rest;
}

}  // namespace latent
