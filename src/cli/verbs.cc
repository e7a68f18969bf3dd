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
    {"tune", "Find the best of several settings by successive halving on held-out rows; resumes",
     "latent tune digits --latent 2,8,32 --beta 1,4 --seeds 3\n"
     "latent tune images.idx.gz --hidden 200/400,200 --lr 1e-3,3e-4 --out runs/tuning\n",
     add_tune},
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
    {"interpolate", "Write what lies between two rows, by way of their codes",
     "latent interpolate runs/digits digits --rows 0,1,5,9 -o strips.png\n"
     "latent interpolate runs/table a.csv --to b.csv --steps 5 -o between.csv\n",
     add_interpolate},
    {"traverse", "Write what each unit of the code does when it alone moves",
     "latent traverse runs/digits -o units.png\n"
     "latent traverse runs/digits digits --units active --from 7 -o units.png\n",
     add_traverse},
    {"score", "Say how strange each row is to a model, and whether simple detectors do as well",
     "latent score runs/table table.csv -o scores.csv\n"
     "latent score runs/digits digits --anomaly 8 -o scores.npy\n"
     "latent score runs/cardio cardio.npz:X --label cardio.npz:y --json\n",
     add_score},
    {"neighbors", "Find the rows whose codes lie nearest to a row's",
     "latent neighbors runs/digits digits --row 7\n"
     "latent neighbors runs/digits digits --row 0,7,9 -k 8 -o near.png\n",
     add_neighbors},
    {"probe", "Say how well codes tell labels, beside PCA of their size and the raw values",
     "latent probe runs/digits digits\n"
     "latent probe runs/table table.csv --label group --json\n",
     add_probe},
    {"compare", "Show finished runs side by side: what differs, and how they fared",
     "latent compare runs/digits runs/wide\n"
     "latent compare runs/digits runs/wide -o comparison.html\n",
     add_compare},
    {"inspect", "Show what is in a model file: functions, weights, scaling",
     "latent inspect runs/digits\n"
     "latent inspect runs/digits/last.safetensors --json\n",
     add_inspect},
    {"models", "List the models that can be trained, and their keys",
     "latent models\n"
     "latent models vae --json\n",
     add_models},
    {"doctor", "Say what this machine is to latent, and whether it computes rightly",
     "latent doctor\n"
     "latent doctor --json\n",
     add_doctor},
    {"bench", "Say how fast this machine trains the reference nets",
     "latent bench\n"
     "latent bench --threads 1 --json\n",
     add_bench},
    {"licenses", "Show what is in the program and under which terms",
     "latent licenses\nlatent licenses --json\n", add_licenses},
    {"completion", "Print the script by which a shell completes verbs and flags",
     "source <(latent completion bash)\n"
     "latent completion zsh > ~/.zfunc/_latent\n"
     "latent completion fish > ~/.config/fish/completions/latent.fish\n",
     add_completion},
    {"man", "Print the manual page of the program or of a verb",
     "latent man > latent.1\n"
     "latent man train | man -l -\n"
     "latent man --out man1\n",
     add_man},
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
