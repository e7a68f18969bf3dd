// The catalogue; see catalog.h. A new model is a struct in a file of its own and an entry here.
#include "models/catalog.h"

#include "base/hash.h"
#include "base/near.h"
#include "latent/ops.h"
#include "latent/text_models.h"
#include "models/coder.h"
#include "models/elbo.h"
#include "models/text_coder.h"

namespace latent {

namespace {

using nlohmann::json;

constexpr double kMost = 1 << 24;  // of any size: a file must not make us allocate without bound
constexpr FieldRange kSize{1, kMost}, kAny{-1e9, 1e9}, kWeight{0, 1e9};
const std::vector<std::string> kActivations = {"relu", "leaky_relu", "elu",      "gelu", "silu",
                                               "tanh", "sigmoid",    "softplus", "none"};

const std::vector<std::string> kLikelihoods = {
    "bernoulli",           "gaussian", "gaussian_fixed",       "gaussian_optimal",
    "squared_error",       "laplace",  "discretized_logistic", "discretized_logistic_mixture",
    "continuous_bernoulli"};

// Keys that several models have, with one help.

template <class C>
BoundField<C> likelihood_field() {
  return bind_field("likelihood", &C::likelihood,
                    "of the data given z; a discriminator judges its mean alone", {}, kLikelihoods);
}

template <class C>
BoundField<C> discriminator_field() {
  return bind_field("discriminator", &C::discriminator,
                    "widths of the discriminator's hidden layers", kSize);
}

template <class C>
BoundField<C> discriminator_rate_field() {
  return bind_field("discriminator_rate", &C::discriminator_rate,
                    "the discriminator's learning rate, times the generator's", {1e-6, 1e6});
}

template <class C>
BoundField<C> spectral_field() {
  return bind_field("spectral", &C::spectral,
                    "it times the multi-resolution STFT loss is added, of sounds as samples (of a "
                    "vq_vae in training)",
                    kWeight);
}

/// The keys of an encoder and a decoder, which all models of rows share, around its own ones.
template <class C>
std::vector<BoundField<C>> with_coder(std::vector<BoundField<C>> own,
                                      const char* latent = "units of the code") {
  std::vector<BoundField<C>> fields = {
      bind_field("inputs", &C::inputs, "values of a row; 0: those of the data", {0, kMost}),
      bind_field("hidden", &C::hidden, "widths of the encoder's hidden layers, as 400,200", kSize),
      bind_field("latent", &C::latent, latent, kSize),
      bind_field("activation", &C::activation, "of the hidden layers", {}, kActivations)};
  fields.insert(fields.end(), own.begin(), own.end());
  std::string names;
  for (const StackPreset& p : stack_presets()) names += (names.empty() ? "" : ", ") + p.name;
  fields.push_back(
      bind_field("encoder", &C::encoder,
                 "instead of dense layers: " + names +
                     "; or layers, as \"conv 32 3 s2; relu\" (docs/architectures.md)"));
  fields.push_back(bind_field("decoder", &C::decoder, "likewise; empty: the encoder's mirror"));
  fields.push_back(bind_field("width", &C::width,
                              "of a preset: channels of its first stage; 0: its own", {0, 4096}));
  fields.push_back(bind_field("depth", &C::depth,
                              "of a preset: stages, each halves the picture; 0: its own", {0, 16}));
  fields.push_back(bind_field("picture", &C::picture,
                              "height,width[,channels] of a row; empty: as the data say", kSize));
  return fields;
}

/// Followed by the keys that shape the objective of a VAE (models/elbo.h).
template <class C>
std::vector<BoundField<C>> with_elbo(std::vector<BoundField<C>> fields) {
  fields.push_back(bind_field("beta", &C::beta, "weight of the KL divergence", kWeight));
  fields.push_back(bind_field("warmup_steps", &C::warmup_steps,
                              "updates until the KL's weight has grown from 0 to beta", {0, 1e12}));
  fields.push_back(bind_field("warmup_shape", &C::warmup_shape, "once, or again and again", {},
                              models::kWarmupShapes));
  fields.push_back(bind_field("warmup_ramp", &C::warmup_ramp,
                              "fraction of a cycle in which the weight grows", {1e-6, 1}));
  fields.push_back(bind_field("free_bits", &C::free_bits,
                              "nats of KL a unit that are free: no gradient below them", kWeight));
  return fields;
}

const std::vector<BoundField<Autoencoder::Config>>& autoencoder_fields() {
  using C = Autoencoder::Config;
  static const std::vector<BoundField<C>> fields = with_coder<C>({
      bind_field("code_activation", &C::code_activation, "of the code", {},
                 {"none", "relu", "tanh", "sigmoid", "softmax"}),
      bind_field("loss", &C::loss,
                 "mse, the mean over all elements; or cross-entropy, summed over a row's values in "
                 "[0, 1]",
                 {}, {"mse", "cross-entropy"}),
      bind_field("tied", &C::tied, "the decoder's weights are the encoder's, transposed"),
      bind_field("weight_decay", &C::weight_decay,
                 "half of it times the sum of squared weights is added to the loss", kWeight),
      spectral_field<C>(),
      bind_field("entropy", &C::entropy,
                 "it times the code's entropy in nats is added to the loss; negative spreads the "
                 "code",
                 kAny),
  });
  return fields;
}

const std::vector<BoundField<Vae::Config>>& vae_fields() {
  using C = Vae::Config;
  static const std::vector<BoundField<C>> fields = with_elbo(with_coder<C>(
      {likelihood_field<C>(),
       bind_field("condition", &C::condition,
                  "label: encoder and decoder are given each row's label", {}, {"", "label"}),
       bind_field("classes", &C::classes, "that a label has; 0: as many as the data say",
                  {0, 65536})}));
  return fields;
}

const std::vector<BoundField<VaeGan::Config>>& vae_gan_fields() {
  using C = VaeGan::Config;
  static const std::vector<BoundField<C>> fields = with_coder<C>({
      discriminator_field<C>(),
      discriminator_rate_field<C>(),
      likelihood_field<C>(),
      bind_field("beta", &C::beta, "weight of the KL divergence", kWeight),
      bind_field("gamma", &C::gamma,
                 "weight of the likeness to the data, against passing for real, in the decoder",
                 kWeight),
  });
  return fields;
}

const std::vector<BoundField<AdversarialAutoencoder::Config>>& adversarial_fields() {
  using C = AdversarialAutoencoder::Config;
  static const std::vector<BoundField<C>> fields = with_coder<C>({
      discriminator_field<C>(),
      bind_field("loss", &C::loss,
                 "mse; or cross-entropy, for values in [0, 1]; both summed over a row", {},
                 {"mse", "cross-entropy"}),
      bind_field("gamma", &C::gamma, "weight of passing for the prior in the encoder", kWeight),
  });
  return fields;
}

template <class C>
std::vector<BoundField<C>> text_fields() {
  return {
      bind_field("inputs", &C::inputs, "tokens of a row; 0: those of the data", {0, kMost}),
      bind_field("vocabulary", &C::vocabulary, "numbers of tokens; 0: those of the data",
                 {0, kMost}),
      bind_field("embedding", &C::embedding, "values that stand for a token", kSize),
      bind_field("cell", &C::cell, "that reads, and writes", {}, {"gru", "lstm"}),
      bind_field("decoder", &C::decoder, "that writes: the cell, or dilated causal convolutions",
                 {}, {"cell", "conv"}),
      bind_field("units", &C::units, "of the cell; channels of the convolutions", kSize),
      bind_field("depth", &C::depth, "of conv: layers, dilated by 1, 2, 4, ..", {1, 16}),
      bind_field("latent", &C::latent, "units of the code", kSize),
      bind_field("word_dropout", &C::word_dropout,
                 "share of the tokens given to the decoder in training that are <unk>", {0, 1}),
  };
}

const std::vector<BoundField<TextVae::Config>>& text_vae_fields() {
  static const auto fields = with_elbo(text_fields<TextVae::Config>());
  return fields;
}
const std::vector<BoundField<TextAutoencoder::Config>>& text_autoencoder_fields() {
  static const auto fields = text_fields<TextAutoencoder::Config>();
  return fields;
}

const std::vector<BoundField<VqVae::Config>>& vq_vae_fields() {
  using C = VqVae::Config;
  static const std::vector<BoundField<C>> fields = with_coder<C>(
      {
          bind_field("codes", &C::codes, "vectors in the codebook", {2, 65536}),
          bind_field("quantizers", &C::quantizers,
                     "codebooks, each of what those before it left: residual quantization",
                     {1, 64}),
          bind_field("places", &C::places,
                     "codes of a row with dense layers; else the places of the encoder's picture",
                     {1, 4096}),
          likelihood_field<C>(),
          bind_field("commitment", &C::commitment,
                     "weight of the squared distance of vectors from their codes", kWeight),
          bind_field("decay", &C::decay, "what the codebook keeps of itself in a step", {0, 1}),
          bind_field("revive", &C::revive,
                     "of an even share of use, below which a code starts again; 0: never", {0, 1}),
          bind_field("prior_units", &C::prior_units,
                     "channels of the PixelCNN that learns the codes' prior", {1, 4096}),
          bind_field("prior_depth", &C::prior_depth,
                     "its layers; 0: the frequencies of codes at each place", {0, 64}),
          spectral_field<C>(),
      },
      "values of a vector of the codebook");
  return fields;
}

const std::vector<BoundField<Dcgan::Config>>& dcgan_fields() {
  using C = Dcgan::Config;
  static const std::vector<BoundField<C>> fields = with_coder<C>({
      discriminator_field<C>(),
      discriminator_rate_field<C>(),
      likelihood_field<C>(),
  });
  return fields;
}

template <class M>
Architecture erased(const CatalogEntry& entry,
                    const std::vector<BoundField<typename M::Config>>& fields, M m,
                    int64_t inputs) {
  if (inputs < 1 || static_cast<double>(inputs) > kMost)
    throw UsageError("a model takes rows of 1 to 2^24 values, found " + std::to_string(inputs));
  if (m.c.inputs != 0 && m.c.inputs != inputs) {
    throw UsageError("the model is for rows of " + std::to_string(m.c.inputs) +
                     " values, the data have " + std::to_string(inputs));
  }
  m.c.inputs = inputs;
  if constexpr (requires { m.writer(); })
    models::text_coder(m.c).check();
  else
    models::resolve_stacks(m.c);
  Architecture a{.name = entry.name,
                 .config = config_to_json(fields, m.c).dump(),
                 .inputs = inputs,
                 .latent = m.c.latent,
                 .prior = entry.prior == CatalogEntry::PriorKind::normal};
  a.loss = [m](const Scope& s, const Batch& b) { return m.loss(s, b); };
  if constexpr (requires { &M::encode; })
    a.encode = [m](const Scope& s, Expr x) { return Code(m.encode(s, x)); };
  a.decode = [m](const Scope& s, Expr z) { return m.decode(s, z); };
  a.decode_mean = [m](const Scope& s, Expr z) { return m.decode_mean(s, z); };
  a.likelihood = m.likelihood();
  if constexpr (requires { m.writer(); }) a.writer = m.writer();
  if constexpr (requires { m.c.condition; }) {
    if (!m.c.condition.empty()) a.classes = m.c.classes;
  }
  a.layers = m.layers();
  if constexpr (requires { m.code_units(); }) a.latent = m.code_units();
  if constexpr (requires { &M::prior_draw; }) {
    a.own_prior = {[m](const Scope& s, int64_t n, Expr t) { return m.prior_draw(s, n, t); },
                   [m](const Scope& s, Expr z) { return m.prior_nll(s, z); }};
  }
  if constexpr (requires { m.warmup(0); }) a.warmup = [m](int64_t step) { return m.warmup(step); };
  return a;
}

template <class M>
CatalogEntry entry_of(std::string name, std::string doc, CatalogEntry::PriorKind prior,
                      const std::vector<BoundField<typename M::Config>>& (*fields)()) {
  return {name, std::move(doc), fields_of(fields()), prior,
          [name, fields](const json& config, int64_t inputs) {
            return erased(catalog_entry(name), fields(),
                          M{config_from_json(fields(), config, "the model " + name)}, inputs);
          }};
}

const char* kind_name(ConfigField::Kind kind) {
  constexpr const char* kNames[] = {"integer", "number", "flag", "word", "integers", "words"};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace

const std::vector<CatalogEntry>& catalog() {
  using Kind = CatalogEntry::PriorKind;
  static const std::vector<CatalogEntry> entries = {
      entry_of<Vae>("vae",
                    "Variational autoencoder: a Gaussian posterior, the prior "
                    "N(0, I), any likelihood",
                    Kind::normal, vae_fields),
      entry_of<Autoencoder>("autoencoder",
                            "Autoencoder: a code from which the data are "
                            "reconstructed",
                            Kind::none, autoencoder_fields),
      entry_of<VaeGan>("vae_gan",
                       "VAE whose reconstructions and samples a discriminator judges "
                       "(Larsen et al. 2016)",
                       Kind::normal, vae_gan_fields),
      entry_of<AdversarialAutoencoder>("adversarial_autoencoder",
                                       "Autoencoder whose codes a discriminator holds to the "
                                       "prior N(0, I) (Makhzani et al. 2015)",
                                       Kind::normal, adversarial_fields),
      entry_of<TextVae>("text_vae",
                        "VAE of text: a recurrent reader, and a writer of one token after another "
                        "(Bowman et al. 2016)",
                        Kind::normal, text_vae_fields),
      entry_of<TextAutoencoder>("text_autoencoder",
                                "Autoencoder of text: a recurrent reader and writer", Kind::none,
                                text_autoencoder_fields),
      entry_of<VqVae>("vq_vae",
                      "Autoencoder whose code is a picture of classes from a codebook, with a "
                      "PixelCNN as its prior (van den Oord et al. 2017)",
                      Kind::own, vq_vae_fields),
      entry_of<Dcgan>("dcgan",
                      "Generator that learns from a discriminator alone, without an encoder "
                      "(Radford et al. 2016)",
                      Kind::normal, dcgan_fields),
  };
  return entries;
}

const CatalogEntry& catalog_entry(const std::string& name) {
  std::vector<std::string> names;
  for (const CatalogEntry& e : catalog()) {
    if (e.name == name) return e;
    names.push_back(e.name);
  }
  throw UsageError("no model is called \"" + name + "\"" + did_you_mean(name, names));
}

json catalog_json() {
  json models = json::array();
  for (const CatalogEntry& e : catalog()) {
    json config = json::array();
    for (const ConfigField& f : e.fields) {
      json j = {
          {"name", f.name}, {"help", f.help}, {"type", kind_name(f.kind)}, {"default", f.initial}};
      if (f.high > f.low) j["range"] = {f.low, f.high};
      if (!f.choices.empty()) j["choices"] = f.choices;
      config.push_back(j);
    }
    models.push_back({{"name", e.name},
                      {"doc", e.doc},
                      {"samples", e.prior != CatalogEntry::PriorKind::none},
                      {"config", config}});
  }
  return models;
}

Architecture architecture(const Autoencoder& m, int64_t inputs) {
  return erased(catalog_entry("autoencoder"), autoencoder_fields(), m, inputs);
}
Architecture architecture(const Vae& m, int64_t inputs) {
  return erased(catalog_entry("vae"), vae_fields(), m, inputs);
}
Architecture architecture(const VaeGan& m, int64_t inputs) {
  return erased(catalog_entry("vae_gan"), vae_gan_fields(), m, inputs);
}
Architecture architecture(const AdversarialAutoencoder& m, int64_t inputs) {
  return erased(catalog_entry("adversarial_autoencoder"), adversarial_fields(), m, inputs);
}
Architecture architecture(const TextVae& m, int64_t inputs) {
  return erased(catalog_entry("text_vae"), text_vae_fields(), m, inputs);
}
Architecture architecture(const TextAutoencoder& m, int64_t inputs) {
  return erased(catalog_entry("text_autoencoder"), text_autoencoder_fields(), m, inputs);
}
Architecture architecture(const VqVae& m, int64_t inputs) {
  return erased(catalog_entry("vq_vae"), vq_vae_fields(), m, inputs);
}
Architecture architecture(const Dcgan& m, int64_t inputs) {
  return erased(catalog_entry("dcgan"), dcgan_fields(), m, inputs);
}

namespace detail {

Architecture describe_custom(Architecture a) {
  if (a.inputs < 1)
    throw UsageError("a model takes rows of at least one value, found " + std::to_string(a.inputs));
  Graph g;
  const Scope s(g, true);
  const Expr x = g.feed("x", {1, a.inputs});
  const Batch batch{
      .x = x, .label = g.feed("label", {1}, DType::i32), .row = g.feed("row:1", {1}, DType::i32)};
  const Loss loss = a.loss(s, batch);
  g.fetch("loss", loss.total);
  for (const auto& [name, part] : loss.parts) g.fetch(name, part);
  const std::string text = g.text();
  a.config = json{{"graph", hex64(hash_bytes(std::as_bytes(std::span(text))))}}.dump();
  if (a.encode) {
    Graph code;
    const Code z = a.encode(Scope(code, false), code.feed("x", {1, a.inputs}));
    if (z.mean.shape().rank() != 2)
      throw UsageError("encode must give a code [n, latent], found " + z.mean.shape().text());
    a.latent = z.mean.dim(1);
    a.prior = z.logvar.valid();
  }
  return a;
}

}  // namespace detail

}  // namespace latent
