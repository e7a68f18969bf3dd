// Writing with the host in the loop: a plan of one element, whose state is carried; see writing.h.
#include "measure/writing.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>

#include "latent/ops.h"

namespace latent::measure {

namespace {

constexpr int64_t kPiece = 64;  // rows of a plan, or beams
constexpr uint64_t kStream = 0x777269746573u;

std::string numbered(size_t i) { return "state:" + std::to_string(i); }

/// log softmax of logits / temperature, in double.
std::vector<double> log_probabilities(std::span<const float> logits, double temperature) {
  std::vector<double> p(logits.size());
  for (size_t i = 0; i < p.size(); ++i) p[i] = static_cast<double>(logits[i]) / temperature;
  const double most = *std::ranges::max_element(p);
  double sum = 0;
  for (const double v : p) sum += std::exp(v - most);
  for (double& v : p) v -= most + std::log(sum);
  return p;
}

/// Numbers by falling value, the first of equals first; only the first `count` are in order.
std::vector<int32_t> falling(std::span<const double> values, size_t count) {
  std::vector<int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::partial_sort(
      order, order.begin() + static_cast<ptrdiff_t>(count), [&](int32_t a, int32_t b) {
        const double x = values[static_cast<size_t>(a)], y = values[static_cast<size_t>(b)];
        return x != y ? x > y : a < b;
      });
  return order;
}

/// A draw by the uniform number u in [0, 1).
int32_t drawn(std::span<const float> logits, const WritingOptions& o, double u) {
  if (o.temperature == 0)
    return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
  const std::vector<double> p = log_probabilities(logits, o.temperature);
  const size_t most = o.top_k > 0 ? std::min(p.size(), static_cast<size_t>(o.top_k)) : p.size();
  const std::vector<int32_t> order = falling(p, most);
  const auto probability = [&](size_t i) { return std::exp(p[static_cast<size_t>(order[i])]); };
  double all = 0;
  for (size_t i = 0; i < most; ++i) all += probability(i);
  size_t kept = 0;
  double mass = 0;
  while (kept < most && (kept == 0 || mass < o.top_p * all)) mass += probability(kept++);
  double at = u * mass;
  for (size_t i = 0; i + 1 < kept; ++i) {
    at -= probability(i);
    if (at < 0) return order[i];
  }
  return order[kept - 1];
}

/// Plans that start and go on with `rows` rows.
class Stepper {
 public:
  Stepper(const Architecture& model, const Slots& weights, int64_t rows, int threads)
      : writer_(*model.writer) {
    for (const auto& [name, t] : weights.tensors()) slots_.set(name, t.clone());
    Graph first;
    const Scope s(first, false);
    const std::vector<Expr> state = writer_.start(s, first.feed("z", {rows, model.latent}));
    for (size_t i = 0; i < state.size(); ++i) first.fetch(numbered(i), state[i]);
    states_ = state.size();
    start_ = std::make_unique<Plan>(first, slots_, CompileOptions{.threads = threads});
    Graph g;
    std::vector<Expr> moved;
    for (size_t i = 0; i < states_; ++i) moved.push_back(g.feed(numbered(i), state[i].shape()));
    g.fetch("logits", writer_.next(Scope(g, false), moved, g.feed("before", {rows}, DType::i32)));
    for (size_t i = 0; i < states_; ++i) g.fetch("next:" + numbered(i), moved[i]);
    next_ = std::make_unique<Plan>(g, slots_, CompileOptions{.threads = threads});
    for (size_t i = 0; i < states_; ++i) next_->carry("next:" + numbered(i), numbered(i));
  }

  void start(std::span<const float> codes) {
    std::ranges::copy(codes, start_->feed("z").begin());
    start_->run();
    for (size_t i = 0; i < states_; ++i)
      std::ranges::copy(start_->fetch(numbered(i)), next_->feed(numbered(i)).begin());
    std::ranges::fill(before(), 0);
  }
  std::span<int32_t> before() { return next_->feed<int32_t>("before"); }
  /// Logits of the next element, [rows, vocabulary].
  std::span<const float> step() {
    next_->run();
    return next_->fetch("logits");
  }
  /// Row i goes on from the state of row from[i].
  void reorder(std::span<const int64_t> from) {
    for (size_t i = 0; i < states_; ++i) {
      const auto state = next_->feed(numbered(i));
      const std::vector<float> old(state.begin(), state.end());
      const size_t width = state.size() / from.size();
      for (size_t r = 0; r < from.size(); ++r)
        std::memcpy(&state[r * width], &old[static_cast<size_t>(from[r]) * width], width * 4);
    }
  }

 private:
  Writer writer_;
  Slots slots_;
  size_t states_ = 0;
  std::unique_ptr<Plan> start_, next_;
};

/// Draws for the rows of one piece; `u` [kPiece, length].
void draw_piece(Stepper& stepper, const Writer& w, const WritingOptions& o,
                std::span<const float> u, std::span<float> out) {
  const auto vocabulary = static_cast<size_t>(w.vocabulary), length = static_cast<size_t>(w.length);
  const size_t rows = out.size() / length;
  std::vector<bool> open(rows, true);
  for (size_t t = 0; t < length && std::ranges::count(open, true) > 0; ++t) {
    const auto logits = stepper.step();
    for (size_t r = 0; r < rows; ++r) {
      if (!open[r]) continue;
      const int32_t one = drawn(logits.subspan(r * vocabulary, vocabulary), o,
                                static_cast<double>(u[r * length + t]));
      out[r * length + t] = static_cast<float>(one);
      stepper.before()[r] = one;
      open[r] = one > 1;
    }
  }
}

struct Beam {
  double score = 0;
  bool open = true;
  std::vector<float> row;  // written so far
};

/// The likeliest row of each of `rows` codes, which the stepper holds `beam` times one after
/// another.
void search_piece(Stepper& stepper, const Writer& w, size_t beam, std::span<float> out) {
  const auto vocabulary = static_cast<size_t>(w.vocabulary), length = static_cast<size_t>(w.length);
  const size_t rows = out.size() / length;
  std::vector<Beam> beams(rows * beam);
  for (size_t i = 0; i < beams.size(); ++i)  // all begin alike: one of each row counts
    beams[i].score = i % beam == 0 ? 0 : -INFINITY;
  for (size_t t = 0; t < length; ++t) {
    const auto logits = stepper.step();
    std::vector<Beam> after;
    std::vector<int64_t> from;
    for (size_t r = 0; r < rows; ++r) {
      std::vector<double> scores(beam * vocabulary, -INFINITY);
      for (size_t b = 0; b < beam; ++b) {
        const Beam& one = beams[r * beam + b];
        if (!one.open) {
          scores[b * vocabulary] = one.score;  // an ended row goes on with padding, for nothing
          continue;
        }
        const auto p =
            log_probabilities(logits.subspan((r * beam + b) * vocabulary, vocabulary), 1);
        for (size_t v = 1; v < vocabulary; ++v) scores[b * vocabulary + v] = one.score + p[v];
      }
      const std::vector<int32_t> order = falling(scores, beam);
      for (const int32_t at : std::span(order).first(beam)) {
        const size_t b = r * beam + static_cast<size_t>(at) / vocabulary,
                     v = static_cast<size_t>(at) % vocabulary;
        Beam next = beams[b];
        next.score = scores[static_cast<size_t>(at)];
        next.open = next.open && v > 1;
        next.row.push_back(static_cast<float>(v));
        after.push_back(std::move(next));
        from.push_back(static_cast<int64_t>(b));
      }
    }
    beams = std::move(after);
    from.resize(stepper.before().size(), 0);
    stepper.reorder(from);
    for (size_t i = 0; i < beams.size(); ++i)
      stepper.before()[i] = static_cast<int32_t>(beams[i].row.back());
  }
  for (size_t r = 0; r < rows; ++r)
    std::ranges::copy(beams[r * beam].row, out.begin() + static_cast<ptrdiff_t>(r * length));
}

void check(const Architecture& model, const WritingOptions& o) {
  if (!model.writer) {
    throw UsageError("the model " + model.name +
                     " gives all values of a row at once: it has no temperature, top-k, top-p or "
                     "beam");
  }
  if (!(o.temperature >= 0) || o.top_k < 0 || !(o.top_p > 0 && o.top_p <= 1) || o.beam < 0 ||
      o.beam > kPiece) {
    throw UsageError(
        "writing takes a temperature and a top-k of at least 0, a top-p in (0, 1] and "
        "a beam of at most " +
        std::to_string(kPiece));
  }
}

}  // namespace

std::vector<float> write_rows(const Architecture& model, const Slots& weights,
                              std::span<const float> codes, const WritingOptions& o) {
  check(model, o);
  const Writer& w = *model.writer;
  const auto width = static_cast<size_t>(model.latent), length = static_cast<size_t>(w.length),
             copies = static_cast<size_t>(std::max<int64_t>(1, o.beam)),
             piece = static_cast<size_t>(kPiece) / copies;
  Stepper stepper(model, weights, static_cast<int64_t>(piece * copies), o.threads);
  const size_t n = codes.size() / width;
  std::vector<float> rows(n * length);
  Tensor u({static_cast<int64_t>(n), w.length});
  uniform_init(0, 1).fill(u, o.seed, kStream);
  std::vector<float> z(piece * copies * width);
  for (size_t at = 0; at < n; at += piece) {
    const size_t count = std::min(piece, n - at);
    for (size_t i = 0; i < piece * copies; ++i) {
      const size_t row = at + std::min(i / copies, count - 1);
      std::ranges::copy(codes.subspan(row * width, width),
                        z.begin() + static_cast<ptrdiff_t>(i * width));
    }
    stepper.start(z);
    const auto out = std::span(rows).subspan(at * length, count * length);
    if (o.beam > 0)
      search_piece(stepper, w, copies, out);
    else
      draw_piece(stepper, w, o, std::span<const float>(u.span<float>()).subspan(at * length), out);
  }
  return rows;
}

}  // namespace latent::measure
