#!/usr/bin/env bash
# Kills a training again and again and runs the same command anew: the end must be the bytes of the run that nobody
# disturbed. Then the same with TERM, which must save and exit 143.
#   kill_and_resume.sh LATENT [KILLS] [EPOCHS]
# KILLS 40 and EPOCHS for a run of at least 20 s is the full proof: then at least 30 kills must land between the first
# save and the end, and at least 25 resumes go on from a step above 0.
set -uo pipefail
latent=$1 kills=${2:-8} epochs=${3:-400}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
RANDOM=7
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

# Everything that a resume could lose: a warm-up, a moving average, patience, a schedule.
train() { # train FOLDER
  exec "$latent" train digits --model vae --hidden 64 --latent 4 --epochs "$epochs" --warmup 20 --average 0.99 \
    --patience 100000 --schedule cosine --clip-norm 50 --threads 1 --save-every 0.05 --out "$folder/$1"
}
now() { date +%s%N; }
finished() { grep -q 'written:\|nothing is done' "$folder/$1.log"; }

began=$(now)
(train whole) 2> "$folder/whole.log" || fail "the undisturbed run"
duration=$((($(now) - began) / 1000000)) # ms
echo "the undisturbed run took $duration ms"

compare() { # compare FOLDER
  for file in last.safetensors best.safetensors; do
    cmp "$folder/whole/$file" "$folder/$1/$file" || fail "$1/$file differs"
  done
  [ "$(wc -l < "$folder/whole/metrics.jsonl")" = "$(wc -l < "$folder/$1/metrics.jsonl")" ] || fail "$1: other lines of metrics"
  [ -z "$(find "$folder/$1" -name '*.part')" ] || fail "$1: temporary files are left"
}

disturb() { # disturb SIGNAL FOLDER: KILLS times within about one duration of the run
  local signal=$1 run=$2 landed=0 resumed=0 i pid code
  for ((i = 0; i < kills; ++i)); do
    # 0.02 s to start; a resume costs the steps since the last save, so the pieces are longer than duration / kills.
    local wait_ms=$((20 + RANDOM % (2 * duration / kills + 40)))
    (train "$run") 2> "$folder/$run.log" &
    pid=$!
    if [ "$i" -eq 0 ]; then # whatever the machine's speed, the first lands after a save and the second resumes
      until [ -e "$folder/$run/last.safetensors" ] || ! kill -0 "$pid" 2> /dev/null; do sleep 0.01; done
    else
      sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    fi
    local saved=0
    [ -e "$folder/$run/last.safetensors" ] && saved=1
    kill -s "$signal" "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
    code=$?
    grep -q 'resumed .* at step [1-9]' "$folder/$run.log" && resumed=$((resumed + 1))
    if [ "$code" = 0 ] && finished "$run"; then break; fi
    landed=$((landed + saved))
    [ "$signal" = KILL ] || [ "$code" = 143 ] || fail "TERM number $i: exit $code"
    # The line about the folder comes after the signals are caught.
    [ "$signal" = KILL ] || [ -e "$folder/$run/last.safetensors" ] || ! grep -q 'run folder' "$folder/$run.log" ||
      fail "TERM number $i saved nothing"
  done
  (train "$run") 2> "$folder/$run.log" || fail "the last run after $signal"
  echo "$signal: $landed landed after the first save, $resumed went on from a step above 0"
  compare "$run"
  if [ "$signal" = KILL ] && [ "$kills" -ge 40 ]; then
    [ "$landed" -ge 30 ] || fail "only $landed kills landed after the first save"
    [ "$resumed" -ge 25 ] || fail "only $resumed resumes went on from a step above 0"
  fi
  [ "$resumed" -ge 1 ] || fail "no resume went on from a step above 0"
}

disturb KILL killed
disturb TERM ended
exit "$((failures > 0))"
