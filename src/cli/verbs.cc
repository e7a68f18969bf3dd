// The table of verbs; see verbs.h.
#include "cli/verbs.h"

#include <string>
#include <vector>

#include "base/near.h"
#include "latent/error.h"

namespace latent::cli {

namespace {

constexpr Verb kVerbs[] = {
    {"train", "Train a model on a data set; the same command again resumes",
     "latent train digits --model vae --out runs/digits\n"
     "latent train images.idx.gz --latent 20 --epochs 20 --out runs/images\n"
     "latent train table.csv --label group --out runs/table\n",
     add_train},
    {"plan", "Say what training would take, without training",
     "latent plan digits --hidden 400,200 --latent 20\n"
     "latent plan images.idx.gz --explain\n",
     add_plan},
    {"eval", "Measure a model on rows of data: likelihood, use of the code, faults",
     "latent eval runs/digits digits\n"
     "latent eval runs/digits digits --k 1000 --json\n",
     add_eval},
    {"encode", "Write the codes of rows",
     "latent encode runs/digits digits -o codes.npy\n"
     "latent encode runs/table table.csv --label group -o codes.csv --logvar logvar.csv\n",
     add_encode},
    {"decode", "Write the data that codes stand for",
     "latent decode runs/digits codes.npy -o digits.png\n"
     "latent encode runs/digits digits -o - | latent decode runs/digits - -o decoded.npy\n",
     add_decode},
    {"reconstruct", "Write rows as the model gives them back",
     "latent reconstruct runs/digits digits -o pairs.png\n"
     "latent reconstruct runs/table table.csv --label group -o reconstructed.csv\n",
     add_reconstruct},
    {"sample", "Draw new rows from a model with a prior",
     "latent sample runs/digits -o grid.png\n"
     "latent sample runs/digits -n 1000 --temperature 0.8 -o samples.npy\n",
     add_sample},
    {"inspect", "Show what is in a model file: functions, weights, scaling",
     "latent inspect runs/digits\n"
     "latent inspect runs/digits/last.safetensors --json\n",
     add_inspect},
    {"models", "List the models that can be trained, and their keys",
     "latent models\n"
     "latent models vae --json\n",
     add_models},
};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

const Verb& verb_named(const std::string& name) {
  std::vector<std::string> names;
  for (const Verb& v : kVerbs) {
    if (v.name == name) return v;
    names.push_back(v.name);
  }
  throw UsageError("no verb is called \"" + name + "\"" + did_you_mean(name, names));
}

}  // namespace latent::cli
