// Reading and writing the text of a stack; see stack_text.h.
//
//   stack = layer { ";" layer }      layer = WORD { NUMBER | LETTER NUMBER | HxW | HxWxC }
#include "nn/stack_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/near.h"

namespace latent::nn {

namespace {

// A text may come from a file: sizes are bounded before anything is made of them.
constexpr int64_t kMostLayers = 512, kMostNumber = 1 << 16, kMostValues = 1 << 24;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  std::vector<Layer> stack() {
    std::vector<Layer> layers;
    for (;;) {
      layers.push_back(layer());
      if (std::ssize(layers) > kMostLayers)
        fail(layers.back().at, fmt::format("more than {} layers", kMostLayers));
      skip();
      if (at_ == text_.size()) return layers;
      ++at_;  // the semicolon
    }
  }

 private:
  [[noreturn]] void fail(size_t place, const std::string& what) const {
    throw UsageError(fmt::format("at {} of \"{}\": {}", place, text_, what));
  }
  void skip() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  /// The next run of letters, digits and signs; "" at a semicolon and at the end.
  std::string token() {
    skip();
    start_ = at_ + 1;
    const size_t from = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != ';') ++at_;
    return text_.substr(from, at_ - from);
  }

  Layer layer() {
    Layer l;
    l.word = token();
    l.at = start_;
    if (l.word.empty())
      fail(l.at, "a layer is missing; layers stand between semicolons, as conv 32 3 s2; relu");
    const Word& word = find(l);
    for (std::string t = token(); !t.empty(); t = token()) argument(word, l, t);
    if (l.numbers.size() < word.least || (word.size_needed && l.size.empty()))
      fail(l.at, fmt::format("{} lacks something: it is written {}", l.word, usage(word)));
    return l;
  }

  const Word& find(const Layer& l) const {
    std::vector<std::string> names;
    for (const Word& w : words()) {
      if (w.name == l.word) return w;
      names.push_back(w.name);
    }
    fail(l.at, fmt::format("no layer is called \"{}\"{}", l.word, did_you_mean(l.word, names)));
  }
  static std::string usage(const Word& w) {
    return w.form.empty() ? w.name : w.name + " " + w.form;
  }

  void argument(const Word& word, Layer& l, const std::string& t) {
    const auto refuse = [&](const std::string& what) {
      fail(start_, fmt::format("{}; {} is written {}", what, word.name, usage(word)));
    };
    if (const size_t x = t.find('x'); x != std::string::npos && x > 0) {
      if (word.size_axes == 0 || !l.size.empty()) refuse("\"" + t + "\" has no place here");
      l.size = size(t, word);
      if (std::ssize(l.size) != word.size_axes)
        refuse(fmt::format("\"{}\" has {} extents", t, l.size.size()));
    } else if (std::isalpha(static_cast<unsigned char>(t[0]))) {
      if (word.options.find(t[0]) == std::string::npos || l.options.contains(t[0]))
        refuse("\"" + t + "\" has no place here");
      l.options[t[0]] = whole(t.substr(1), t);
    } else {
      if (l.numbers.size() == word.most) refuse("\"" + t + "\" is one number too many");
      l.numbers.push_back(word.fractions ? fraction(t) : static_cast<double>(whole(t, t)));
    }
  }

  int64_t whole(const std::string& digits, const std::string& shown) const {
    int64_t v = 0;
    const char* end = digits.data() + digits.size();
    const auto r = std::from_chars(digits.data(), end, v);
    if (r.ec != std::errc() || r.ptr != end || v < 1 || v > kMostNumber) {
      fail(start_, fmt::format("\"{}\" must hold a whole number from 1 to {}", shown, kMostNumber));
    }
    return v;
  }
  double fraction(const std::string& t) const {
    double v = 0;
    const auto r = std::from_chars(t.data(), t.data() + t.size(), v);
    if (r.ec != std::errc() || r.ptr != t.data() + t.size() || !(v >= 0 && v < 1))
      fail(start_, fmt::format("\"{}\" must be a number from 0 to under 1", t));
    return v;
  }
  std::vector<int64_t> size(const std::string& t, const Word&) const {
    std::vector<int64_t> extents;
    int64_t values = 1;
    for (size_t from = 0; from <= t.size();) {
      const size_t to = std::min(t.find('x', from), t.size());
      extents.push_back(whole(t.substr(from, to - from), t));
      values *= extents.back();
      if (values > kMostValues || extents.size() > 3)
        fail(start_, fmt::format("\"{}\" has more than 3 extents or {} values", t, kMostValues));
      from = to + 1;
    }
    return extents;
  }

  const std::string& text_;
  size_t at_ = 0, start_ = 0;  // start_: of the last token, from 1
};

}  // namespace

std::string Layer::text() const {
  std::string t = word;
  for (const double v : numbers) t += fmt::format(" {}", v);
  for (const auto& [key, v] : options) t += fmt::format(" {}{}", key, v);
  if (!size.empty()) t += fmt::format(" {}", fmt::join(size, "x"));
  return t;
}

std::string text_of(const std::vector<Layer>& layers) {
  std::string text;
  for (const Layer& l : layers) text += (text.empty() ? "" : "; ") + l.text();
  return text;
}

std::vector<Layer> parse_stack(const std::string& text) { return Reader(text).stack(); }

const Word& word_named(const std::string& name) {
  return *std::ranges::find(words(), name, &Word::name);
}

}  // namespace latent::nn
