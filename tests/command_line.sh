#!/usr/bin/env bash
# The program as a user meets it: version, help, errors with their exit codes, a short training and a picture.
set -uo pipefail
latent=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0
expect() { # expect CODE PATTERN COMMAND...
  local code=$1 pattern=$2 output
  shift 2
  output=$("$@" 2>&1)
  local found=$?
  if [ "$found" != "$code" ] || ! grep -q -- "$pattern" <<< "$output"; then
    echo "FAILED: $* -> exit $found (expected $code), pattern: $pattern"
    echo "$output"
    failures=$((failures + 1))
  fi
}
expect 0 '^latent ' "$latent" --version
expect 0 'latent train digits' "$latent" --help
expect 2 'did you mean' "$latent" train digit --out "$folder/a"
expect 2 'did you mean' "$latent" train digits --model vea --out "$folder/a"
expect 5 'no-such-file.npy' "$latent" train "$folder/no-such-file.npy" --out "$folder/a"
echo 'not an array' > "$folder/broken.npy"
expect 3 'broken.npy' "$latent" train "$folder/broken.npy" --out "$folder/a"
expect 0 'epoch' "$latent" train digits --model vae --epochs 2 --out "$folder/vae"
expect 0 'epoch' "$latent" train digits --model autoencoder --epochs 2 --out "$folder/ae"
for file in vae/last.safetensors vae/reconstructions.png vae/samples.png ae/last.safetensors ae/reconstructions.png; do
  [ -s "$folder/$file" ] || { echo "FAILED: $file was not written"; failures=$((failures + 1)); }
done
expect 0 'grid.png' "$latent" sample "$folder/vae" -o "$folder/grid.png"
[ -s "$folder/grid.png" ] || { echo "FAILED: no grid.png"; failures=$((failures + 1)); }
"$latent" train digits --model vae --epochs 2 --threads 1 --out "$folder/again" > /dev/null 2>&1
cmp "$folder/vae/last.safetensors" "$folder/again/last.safetensors" || { echo "FAILED: other bytes on one thread"; failures=$((failures + 1)); }
expect 0 'nothing is done' "$latent" train digits --model vae --epochs 2 --out "$folder/vae"
expect 2 'epochs is 2 there, 1 here' "$latent" train digits --model vae --epochs 1 --out "$folder/vae"
expect 2 'did you mean "latent"' "$latent" train digits --set latnt=3 --out "$folder/b"
expect 2 'latent takes a whole number from 1' "$latent" train digits --latent 0 --out "$folder/b"
expect 2 'batch of 5000' "$latent" train digits --batch 5000 --out "$folder/b"
expect 2 'likelihood' "$latent" train digits --model autoencoder --likelihood bernoulli --out "$folder/b"
printf 'data = "digits"\nmodel = "vae"\nlatent = 3\nepochs = 1\nvalidation = 0.2\n' > "$folder/c.toml"
expect 0 'latent 3' "$latent" train --config "$folder/c.toml" --out "$folder/c"
expect 0 'latent 4' "$latent" train --config "$folder/c.toml" --latent 4 --out "$folder/d"
expect 0 'hidden 400, latent 20' "$latent" plan digits --config "$(dirname "$0")/../examples/mnist_vae.toml" --validation 0.1
printf 'latent = [\n' > "$folder/e.toml"
expect 3 'e.toml: line 1' "$latent" train digits --config "$folder/e.toml" --out "$folder/e"
printf 'epoch = 3\n' > "$folder/e.toml"
expect 2 'did you mean "epochs"' "$latent" train digits --config "$folder/e.toml" --out "$folder/e"
expect 0 '"event":"finished"' "$latent" train digits --epochs 1 --json --out "$folder/f"
LATENT_FILE_FAULT=20:28 expect 5 'No space left' "$latent" train digits --epochs 1 --out "$folder/g"
expect 0 'epoch' "$latent" train digits --epochs 1 --out "$folder/g"
[ -z "$(find "$folder" -name '*.part')" ] || { echo "FAILED: temporary files are left"; failures=$((failures + 1)); }
head -c 300 "$folder/vae/best.safetensors" > "$folder/vae/cut" && mv "$folder/vae/cut" "$folder/vae/best.safetensors"
expect 4 'best.safetensors' "$latent" sample "$folder/vae" -o "$folder/grid.png"
exit "$((failures > 0))"
