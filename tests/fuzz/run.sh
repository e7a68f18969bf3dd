#!/usr/bin/env bash
# Fuzzes every reader for SECONDS each, starting from tests/fuzz/corpus: run.sh BUILD_DIR SECONDS. What was found in earlier runs
# is kept in the build folder and gone on from.
set -euo pipefail
build=$(realpath "$1")/tests/fuzz
seconds=$2
seeds=$(dirname "$(realpath "$0")")/corpus
for reader in idx npy npz csv safetensors sound tar png jpeg pnm text vocabulary; do
  mkdir -p "$build/corpus/$reader"
  # libvorbis 1.3.7 leaks 6 KB for an Ogg file whose headers are broken; our own readers leak nothing.
  leaks=$([ "$reader" = sound ] && echo 0 || echo 1)
  # 16 KiB of input unpack to at most 16 MiB: a single allocation beyond 64 MiB believes a lie. 4 KiB of PNG can hold 34 million
  # pixels of one bit, 100 MiB in three channels.
  bounds=(-max_len=16384 -malloc_limit_mb=64)
  [[ "$reader" != png && "$reader" != jpeg ]] || bounds=(-max_len=4096 -malloc_limit_mb=128)
  if ! ASAN_OPTIONS=detect_leaks=$leaks "$build/fuzz_$reader" -detect_leaks="$leaks" -max_total_time="$seconds" "${bounds[@]}" -timeout=10 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$build/$reader-" "$build/corpus/$reader" "$seeds/$reader" > "$build/$reader.log" 2>&1; then
    cat "$build/$reader.log"
    echo "fuzz: the reader of $reader failed; the input is $build/$reader-*"
    exit 1
  fi
  echo "fuzz: $reader $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$reader.log") inputs in $seconds s"
done
