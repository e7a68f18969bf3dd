// ModelSpec to and from JSON, and the graphs it stands for; see model_spec.h.
#include "train/model_spec.h"

#include <nlohmann/json.hpp>

#include "latent/ops.h"

namespace latent {

int64_t ModelSpec::inputs() const {
  int64_t n = 1;
  for (int64_t d : row_shape) n *= d;
  return n;
}

Vae ModelSpec::vae() const {
  return Vae{{.inputs = inputs(),
              .hidden = hidden,
              .latent = latent,
              .likelihood = likelihood,
              .beta = beta}};
}
Autoencoder ModelSpec::autoencoder() const {
  return Autoencoder{{.inputs = inputs(), .hidden = hidden, .latent = latent, .loss = loss}};
}

Loss ModelSpec::build_loss(const Scope& s, Expr x) const {
  return model == "vae" ? vae().loss(s, {.x = x}) : autoencoder().loss(s, {.x = x});
}
Expr ModelSpec::build_reconstruction(const Scope& s, Expr x) const {
  if (model == "vae") return vae().decode_mean(s, vae().encode(s, x).mean);
  return autoencoder().decode(s, autoencoder().encode(s, x));
}
Expr ModelSpec::build_samples(const Scope& s, int64_t n) const {
  if (model != "vae") {
    throw UsageError(
        "an autoencoder has no distribution to sample from; train a vae, or look at its "
        "reconstructions");
  }
  return vae().decode_mean(s, normal(s / "sample", {n, latent}));
}

std::string ModelSpec::json() const {
  return nlohmann::json{{"format", 1},      {"model", model},           {"hidden", hidden},
                        {"latent", latent}, {"likelihood", likelihood}, {"loss", loss},
                        {"beta", beta},     {"row_shape", row_shape},   {"scale", scale},
                        {"shift", shift}}
      .dump();
}

ModelSpec ModelSpec::from_json(const std::string& text, const std::string& path) {
  try {
    const auto j = nlohmann::json::parse(text);
    if (j.at("format").get<int>() != 1)
      throw DataError(
          "a model of format " + j.at("format").dump() + "; this program reads format 1", path);
    ModelSpec s;
    s.model = j.at("model").get<std::string>();
    s.hidden = j.at("hidden").get<std::vector<int64_t>>();
    s.latent = j.at("latent").get<int64_t>();
    s.likelihood = j.at("likelihood").get<std::string>();
    s.loss = j.at("loss").get<std::string>();
    s.beta = j.at("beta").get<double>();
    s.row_shape = j.at("row_shape").get<std::vector<int64_t>>();
    s.scale = j.at("scale").get<double>();
    s.shift = j.at("shift").get<double>();
    constexpr int64_t kMost =
        int64_t{1} << 24;  // of any one size: a file must not make us allocate without bound
    bool good = (s.model == "vae" || s.model == "autoencoder") && s.latent >= 1 &&
                s.latent <= kMost && s.hidden.size() <= 64 && s.row_shape.size() <= 5 &&
                s.scale != 0;
    int64_t inputs = 1;
    for (int64_t d : s.row_shape) {
      good = good && d >= 1 && d <= kMost / inputs;
      if (good) inputs *= d;
    }
    for (int64_t h : s.hidden) good = good && h >= 1 && h <= kMost;
    if (!good) throw DataError("the model's description holds a value out of range", path);
    return s;
  } catch (const nlohmann::json::exception& e) {
    throw DataError(std::string("the model's description cannot be read: ") + e.what(), path);
  }
}

}  // namespace latent
