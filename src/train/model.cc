// Inference with a trained model, and model files to and from disk; see latent/model.h.
#include "latent/model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

#include "base/near.h"
#include "latent/ops.h"
#include "train/model_impl.h"

namespace latent {

namespace {

/// Rows computed at a time, a power of two: as many as keep the values of the widest layer within a
/// few MiB, for a piece that leaves the caches costs more a row; but enough for several threads.
int64_t piece_of(const Architecture& a) {
  constexpr int64_t kMost = 256, kLeast = 16, kValues = int64_t{1} << 21;
  int64_t widest = 1;
  for (const LayerInfo& layer : a.layers) widest = std::max(widest, layer.output.elements());
  const auto fitting = static_cast<uint64_t>(std::max<int64_t>(kValues / widest, 1));
  return std::clamp(static_cast<int64_t>(std::bit_floor(fitting)), kLeast, kMost);
}

// Draws of a prior of classes at a time, always so many: in another size's last bits another class
// might win.
constexpr int64_t kDraws = 64;

std::map<std::string, const Tensor*> pointers(const Slots& slots) {
  std::map<std::string, const Tensor*> tensors;
  for (const auto& [name, t] : slots.tensors()) tensors[name] = &t;
  return tensors;
}

/// Names and shapes of the slots that the model's functions declare.
std::map<std::string, Shape> declared_slots(const Architecture& a) {
  Graph g;
  const Scope s(g, false);
  const Batch batch{.x = g.feed("x", {1, a.inputs}),
                    .label = g.feed("label", {1}, DType::i32),
                    .row = g.feed("row:1", {1}, DType::i32)};
  a.loss(s, batch);
  std::map<std::string, Shape> declared;
  for (const Expr& slot : g.slots("")) declared.emplace(g.name_of(slot), slot.shape());
  return declared;
}

[[noreturn]] void no_function(const Architecture& a, const char* what, const char* instead) {
  throw UsageError("the model " + a.name + " has no " + what + "; " + instead);
}

}  // namespace

Executor::Executor(const Architecture& architecture, const Slots& weights, int threads,
                   uint64_t seed)
    : architecture_(architecture), slots_(seed), threads_(threads) {
  for (const auto& [name, t] : weights.tensors()) slots_.set(name, t.clone());
}

PlanFamily& Executor::family(Function f) {
  const auto found = families_.find(f);
  if (found != families_.end()) return found->second;
  const auto trace = [this, f](Graph& g, int64_t n) {
    const Scope s(g, false);
    const Architecture& a = architecture_;
    if (f == Function::decode || f == Function::draw) {
      const Expr z = g.feed("in", {n, a.latent});
      g.fetch("out", f == Function::decode ? a.decode_mean(s, z)
                                           : a.likelihood->sample(s / "draw", a.decode(s, z)));
      return;
    }
    if (f == Function::prior) {
      g.fetch("out", a.own_prior->draw(s, n, g.feed("in", {n, 1})));
      return;
    }
    const Code code = a.encode(s, g.feed("in", {n, a.inputs}));
    if (f == Function::encode) g.fetch("out", code.mean);
    if (f == Function::logvar) g.fetch("out", code.logvar);
    if (f == Function::reconstruct) g.fetch("out", a.decode_mean(s, code.mean));
  };
  return families_.emplace(f, PlanFamily(slots_, trace, {.threads = threads_, .fixed_slots = true}))
      .first->second;
}

std::vector<float> Executor::run(Function f, std::span<const float> in, int64_t rows,
                                 std::span<const int32_t> labels, const Scaling* scaling) {
  std::vector<float> out;
  const auto width = static_cast<size_t>(rows ? std::ssize(in) / rows : 0);
  const int64_t most = f == Function::prior ? kDraws : piece_of(architecture_);
  for (int64_t at = 0; at < rows; at += most) {
    const int64_t n = std::min(most, rows - at);
    // The next power of two, so that a model ends with few plans whatever it is asked for.
    const auto planned = f == Function::prior
                             ? kDraws
                             : static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(n)));
    Plan& plan = family(f).at(planned);
    const auto piece = in.subspan(static_cast<size_t>(at) * width, static_cast<size_t>(n) * width);
    const auto feed = plan.feed("in");
    std::ranges::fill(std::ranges::copy(piece, feed.begin()).out, feed.end(), 0.0f);
    if (scaling) scaling->apply(feed.first(piece.size()));
    // Noise belongs to a row, wherever its piece begins.
    if (const std::string ids = "row:" + std::to_string(planned); plan.has_feed(ids))
      std::iota(plan.feed<int32_t>(ids).begin(), plan.feed<int32_t>(ids).end(), at);
    if (plan.has_feed("label")) {
      const auto some = labels.subspan(static_cast<size_t>(at), static_cast<size_t>(n));
      const auto given = plan.feed<int32_t>("label");
      std::ranges::fill(std::ranges::copy(some, given.begin()).out, given.end(), 0);
    }
    plan.run();
    const auto result = plan.fetch("out");
    const size_t wide = result.size() / (feed.size() / width);
    out.insert(out.end(), result.begin(),
               result.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(n) * wide));
  }
  return out;
}

int64_t Model::Impl::rows_in(std::span<const float> in, int64_t width) const {
  const auto found = std::ssize(in);
  if (found % width != 0) {
    throw UsageError(std::to_string(found) + " values are no whole number of rows of " +
                     std::to_string(width));
  }
  return found / width;
}

std::vector<int32_t> Model::Impl::labels_of(std::span<const int32_t> labels, int64_t rows) const {
  const int64_t classes = architecture.classes;
  if (classes == 0) {
    if (labels.empty()) return {};
    throw UsageError(
        "labels were given to a model that is not conditioned on them; train one with "
        "--condition label");
  }
  if (labels.empty())
    throw UsageError("the model is conditioned on labels, of " + std::to_string(classes) +
                     " classes: give one for each row, or one for all");
  if (std::ssize(labels) != 1 && std::ssize(labels) != rows)
    throw UsageError(std::to_string(labels.size()) + " labels were given for " +
                     std::to_string(rows) + " rows");
  for (const int32_t label : labels) {
    if (label < 0 || label >= classes)
      throw UsageError("the label " + std::to_string(label) + " is none of the model's, 0 to " +
                       std::to_string(classes - 1));
  }
  if (std::ssize(labels) == rows) return {labels.begin(), labels.end()};
  return std::vector<int32_t>(static_cast<size_t>(rows), labels[0]);
}

std::vector<float> Model::Impl::run(Executor::Function f, std::span<const float> in, int64_t width,
                                    std::span<const int32_t> labels) const {
  const int64_t rows = rows_in(in, width);
  const std::vector<int32_t> given = labels_of(labels, rows);
  std::unique_ptr<Executor> executor;
  {
    const std::lock_guard lock(mutex);
    if (!idle.empty()) {
      executor = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (!executor)
    executor = std::make_unique<Executor>(architecture, weights, threads, weights.seed());
  const Scaling* scaling = f == Executor::Function::decode ? nullptr : &preprocessing.scaling;
  std::vector<float> out = executor->run(f, in, rows, given, scaling);
  const std::lock_guard lock(mutex);
  idle.push_back(std::move(executor));
  return out;
}

const Architecture& Model::architecture() const { return impl_->architecture; }
const Slots& Model::weights() const { return impl_->weights; }
const Preprocessing& Model::preprocessing() const { return impl_->preprocessing; }
void Model::scale(std::span<float> rows) const { impl_->preprocessing.scaling.apply(rows); }
Data Model::open(const std::string& spec, const std::string& label, bool skip_bad,
                 bool beside) const {
  OpenOptions options{.label = label, .beside = beside, .as = &preprocessing().content};
  if (skip_bad) options.settings["skip_bad"] = true;
  Data data(Dataset::open(spec, options));
  if (data.row_elements() == inputs()) return data;
  throw UsageError("rows of " + data.name() + " are " + data.row_shape().text() + ", " +
                   std::to_string(data.row_elements()) + " values; the model is for rows of " +
                   row_shape().text() + ", " + std::to_string(inputs()) + " values");
}

Shape Model::row_shape() const { return Shape(impl_->preprocessing.row_shape); }

std::vector<float> Model::encode(std::span<const float> rows,
                                 std::span<const int32_t> labels) const {
  if (!architecture().encode) no_function(architecture(), "encode", "give it that function");
  return impl_->run(Executor::Function::encode, rows, inputs(), labels);
}

std::vector<float> Model::encode_logvar(std::span<const float> rows,
                                        std::span<const int32_t> labels) const {
  if (!impl_->has_posterior()) no_function(architecture(), "posterior", "encode gives its code");
  return impl_->run(Executor::Function::logvar, rows, inputs(), labels);
}

std::vector<float> Model::decode(std::span<const float> codes,
                                 std::span<const int32_t> labels) const {
  if (!architecture().decode_mean) no_function(architecture(), "decode", "give it that function");
  std::vector<float> x = impl_->run(Executor::Function::decode, codes, latent(), labels);
  impl_->preprocessing.scaling.undo(x);
  return x;
}

std::vector<float> Model::reconstruct(std::span<const float> rows,
                                      std::span<const int32_t> labels) const {
  if (!architecture().encode || !architecture().decode_mean)
    no_function(architecture(), "encode and decode", "give it these functions");
  std::vector<float> x = impl_->run(Executor::Function::reconstruct, rows, inputs(), labels);
  impl_->preprocessing.scaling.undo(x);
  return x;
}

std::vector<float> Model::prior(int64_t n, uint64_t seed, double temperature) const {
  if (n < 0) throw UsageError("a negative number of samples was asked for");
  if (!(temperature >= 0) || std::isinf(temperature))
    throw UsageError("a temperature is a number from 0 on, found " + std::to_string(temperature));
  if (architecture().own_prior) {
    const std::vector<float> temperatures(static_cast<size_t>(n), static_cast<float>(temperature));
    Executor executor(architecture(), impl_->weights, impl_->threads, seed);
    return executor.run(Executor::Function::prior, temperatures, n);
  }
  if (!architecture().prior)
    no_function(architecture(), "distribution to sample from", "train a vae, or reconstruct");
  Tensor z({n, latent()});
  constexpr uint64_t kSampleStream = 0x73616d706c65;  // of the prior's draws
  normal_init(0, 1).fill(z, seed, kSampleStream);
  const auto values = z.span<float>();
  std::vector<float> codes(values.begin(), values.end());
  for (float& v : codes) v *= static_cast<float>(temperature);
  return codes;
}

std::vector<float> Model::sample(int64_t n, uint64_t seed, std::span<const int32_t> labels) const {
  return decode(prior(n, seed), labels);
}

std::vector<float> Model::draw(std::span<const float> codes, uint64_t seed,
                               std::span<const int32_t> labels) const {
  if (!architecture().likelihood || !architecture().decode)
    no_function(architecture(), "likelihood to draw from", "decode gives the means");
  if (architecture().likelihood->name == "gaussian_optimal") {
    throw UsageError(
        "the likelihood gaussian_optimal has its sigma from the rows of a batch, so that there is "
        "none to draw with; decode gives the means");
  }
  Executor executor(architecture(), impl_->weights, impl_->threads, seed);
  const int64_t rows = impl_->rows_in(codes, latent());
  std::vector<float> x =
      executor.run(Executor::Function::draw, codes, rows, impl_->labels_of(labels, rows));
  impl_->preprocessing.scaling.undo(x);
  return x;
}

void Model::save(const std::string& path) const {
  const ModelDescription d{architecture().name, architecture().config, impl_->preprocessing};
  save_model(path, pointers(impl_->weights), d);
}

bool Model::Impl::has_posterior() const {
  if (!architecture.encode) return false;
  Graph g;
  return architecture.encode(Scope(g, false), g.feed("x", {1, architecture.inputs})).logvar.valid();
}

Model make_model(const Architecture& architecture, const Preprocessing& preprocessing,
                 std::map<std::string, Tensor> weights, int threads, const std::string& path) {
  auto impl = std::make_shared<Model::Impl>();
  impl->architecture = architecture;
  impl->preprocessing = preprocessing;
  impl->threads = threads;
  for (const auto& [name, shape] : declared_slots(architecture)) {
    const auto found = weights.find(name);
    if (found == weights.end()) throw DataError("the weight \"" + name + "\" is missing", path);
    if (!(found->second.shape() == shape)) {
      throw DataError("the weight \"" + name + "\" is " + found->second.shape().text() +
                          ", the model needs " + shape.text(),
                      path);
    }
    impl->weights.set(name, std::move(found->second));
  }
  return Model(std::move(impl));
}

namespace {

SafetensorsFile open_model(const std::string& file, ModelDescription& d) {
  SafetensorsFile f = load_safetensors(file);
  d = take_description(f, file);
  return f;
}

}  // namespace

Model load(const std::string& path, int threads) {
  const std::string file = model_path(path);
  ModelDescription d;
  SafetensorsFile f = open_model(file, d);
  return make_model(architecture_of(d, file), d.preprocessing, take_weights(f), threads, file);
}

Model load(const std::string& path, const Architecture& architecture, int threads) {
  const std::string file = model_path(path);
  ModelDescription d;
  SafetensorsFile f = open_model(file, d);
  if (d.name != architecture.name || d.config != architecture.config) {
    throw UsageError(file + " holds a model " + d.name + " " + d.config + ", asked for " +
                     architecture.name + " " + architecture.config);
  }
  return make_model(architecture, d.preprocessing, take_weights(f), threads, file);
}

}  // namespace latent
