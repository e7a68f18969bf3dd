#!/usr/bin/env bash
# check_layers must notice a breach planted in a copy of the tree.
set -euo pipefail
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r "$1/src" "$1/include" "$copy/"
printf '#include "plan/build.h"\nnamespace latent {\nstruct Dataset {\n};\n}  // namespace latent\n' > "$copy/src/base/breach.h"
if "$1/tools/check_layers" "$copy" > "$copy/out"; then
  echo "a breach of the layers went unnoticed"
  exit 1
fi
grep -q 'src/base/breach.h: base may not include' "$copy/out"
grep -q 'latent::Dataset is another type in src/base/breach.h' "$copy/out"
