// Noise, masks and blocks as graph code; see corrupt.h.
#include "train/corrupt.h"

#include <cmath>
#include <cstdlib>

#include "base/near.h"
#include "latent/ops.h"

namespace latent {

namespace {

struct Word {
  std::string name;
  double amount = 0;
};

Word parse(const std::string& text, const Shape& row) {
  const size_t at = text.find('=');
  Word w{text.substr(0, at)};
  const bool gaussian = w.name == "gaussian";
  if (!gaussian && w.name != "salt" && w.name != "mask" && w.name != "block") {
    throw UsageError("rows are corrupted by gaussian=S, salt=F, mask=F and block=F, asked for \"" +
                     text + "\"" + did_you_mean(w.name, {"gaussian", "salt", "mask", "block"}));
  }
  char* end = nullptr;
  if (at != text.npos) w.amount = std::strtod(text.c_str() + at + 1, &end);
  if (end == nullptr || end == text.c_str() + at + 1 || *end != '\0' || !(w.amount >= 0) ||
      !(w.amount <= (gaussian ? 1e6 : 1))) {
    throw UsageError("\"" + text + "\": " + w.name + " takes a number " +
                     (gaussian ? "from 0 on, as gaussian=0.1" : "from 0 to 1, as mask=0.3"));
  }
  if (w.name == "block" && row.rank() < 2)
    throw UsageError("blocks are cut out of pictures, but a row is " + row.text());
  return w;
}

/// [n, pixels, 1]: 1 within a rectangle of part of both sides, at a place of its own in each row.
Expr block(const Scope& s, int64_t n, const Shape& row, double part) {
  const int64_t height = row[0], width = row[1];
  const Expr pixel = cast(iota(s.graph(), height * width), DType::f32);
  const Expr y = floor((pixel + 0.5) * (1.0 / static_cast<double>(width)));
  const Expr x = pixel - y * static_cast<double>(width);
  const Expr places = uniform(s, {n, 2});
  const auto inside = [&](Expr at, int64_t extent, int64_t axis) {
    const int64_t length = std::lround(part * static_cast<double>(extent));
    const Expr first =
        floor(slice(places, 1, axis, 1) * static_cast<double>(extent - length + 1));  // [n, 1]
    return greater_equal(at, first) * greater(first + static_cast<double>(length), at);
  };
  return reshape(inside(y, height, 0) * inside(x, width, 1), {n, height * width, 1});
}

}  // namespace

void check_corruption(const std::vector<std::string>& how, const Shape& row) {
  for (const std::string& text : how) parse(text, row);
}

Expr corrupted(const Scope& s, Arg given, const std::vector<std::string>& how, const RowKind& row) {
  At at(given.where());
  const Expr x = given.expr();
  const int64_t n = x.dim(0), inputs = x.dim(1);
  const int64_t channels = row.shape.rank() == 3 ? row.shape[2] : 1, pixels = inputs / channels;
  Expr out = reshape(x, {n, pixels, channels});
  for (size_t i = 0; i < how.size(); ++i) {
    const Word w = parse(how[i], row.shape);
    const Scope noise = s / std::to_string(i);
    if (w.name == "gaussian") {
      out = out + w.amount * normal(noise, out.shape());
      continue;
    }
    const Expr drawn =
        w.name == "block" ? block(noise, n, row.shape, w.amount) : uniform(noise, {n, pixels, 1});
    if (w.name == "block") {
      out = where(drawn, row.low, out);
    } else {
      const double dark = w.name == "salt" ? w.amount / 2 : w.amount;
      out = where(greater(dark, drawn), row.low, out);
      if (w.name == "salt") out = where(greater_equal(drawn, 1 - w.amount / 2), row.high, out);
    }
  }
  return reshape(out, {n, inputs});
}

}  // namespace latent
