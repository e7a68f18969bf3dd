#!/usr/bin/env bash
# Installs the built tree to a folder of its own and builds the consumer against it.
set -euo pipefail
source=$1 build=$2
prefix=$build/install-test
rm -rf "$prefix"
cmake --install "$build" --prefix "$prefix/root" >/dev/null
cmake -S "$source/tests/install" -B "$prefix/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix/root" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$prefix/build" >/dev/null
"$prefix/build/consumer"
grep -q '^.SS latent train' "$prefix/root/share/man/man1/latent.1"
