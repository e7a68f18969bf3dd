#!/usr/bin/env bash
# Installs the built tree to a folder of its own and builds two consumers against it: one of this folder, and that of
# docs/howto-cmake.md, whose blocks are taken out of the page.
set -euo pipefail
source=$1 build=$2
prefix=$build/install-test
rm -rf "$prefix"
cmake --install "$build" --prefix "$prefix/root" >/dev/null
cmake -S "$source/tests/install" -B "$prefix/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix/root" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$prefix/build" >/dev/null
"$prefix/build/consumer"
block() { awk -v fence="\`\`\`$1" '/^```/ { on = !on && $0 == fence; next } on' "$source/docs/howto-cmake.md"; }
mkdir "$prefix/page"
block cmake > "$prefix/page/CMakeLists.txt"
block cpp > "$prefix/page/app.cc"
cmake -S "$prefix/page" -B "$prefix/page/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix/root" >/dev/null
cmake --build "$prefix/page/build" >/dev/null
"$prefix/page/build/app"
grep -q '^.SS latent train' "$prefix/root/share/man/man1/latent.1"
grep -q '^latent.-train .- Train a model' "$prefix/root/share/man/man1/latent-train.1"
