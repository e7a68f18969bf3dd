#!/usr/bin/env bash
# How the program behaves as a citizen of a shell: streams, pipes, help, near misses, refusals.
source "$(dirname "$0")/lib.sh"
small_models

# Streams: data on stdout and nothing else there, closed pipes end quietly, a full disk does not.
"$latent" encode vae digits -o codes.npy 2> /dev/null
"$latent" encode vae digits > piped.npy 2> messages || fail 'encode to stdout'
same piped.npy codes.npy
[ ! -s messages ] || fail "messages while writing to stdout: $(cat messages)"
"$latent" encode vae - < <("$latent" sample vae -n 5) | "$latent" decode vae - -o five.npy 2> /dev/null || fail 'three verbs in a pipe'
written five.npy
"$latent" encode vae digits -o - 2> messages | head -c 10 > ten
[ "$(head -c 6 ten | tail -c 5)" = NUMPY ] && [ ! -s messages ] || fail "a closed pipe: $(cat messages)"
"$latent" models 2> messages | head -n 1 > /dev/null
[ ! -s messages ] || fail "a closed pipe: $(cat messages)"
expect 5 'standard output' bash -c '"$0" models > /dev/full' "$latent"
expect 5 'standard output' bash -c '"$0" encode vae digits > /dev/full' "$latent"
expect 5 'standard output: cannot write: No space left' bash -c '"$0" train digits --epochs 1 --json --out full > /dev/full' "$latent"
expect 5 'best.safetensors: cannot write: File too large' bash -c 'ulimit -f 1; "$0" train digits --epochs 1 --out limited' "$latent"
[ -z "$(find limited -name '*.part')" ] || fail "a part of a file is left behind"
expect 5 'standard output' bash -c '"$0" score vae digits --json > /dev/full' "$latent"
expect 5 'standard output' bash -c '"$0" models >&-' "$latent"
expect 5 'standard output' bash -c '"$0" encode vae digits >&-' "$latent"
if command -v script > /dev/null; then
  script -qec "'$latent' encode vae digits" /dev/null < /dev/null > terminal 2>&1 && fail 'binary data went to a terminal'
  grep -q -- '--format csv' terminal || fail "a terminal: $(cat terminal)"
  for setting in NO_COLOR=1 TERM=dumb; do # colours: live.sh
    script -qec "env $setting '$latent' train digits --epochs 2 --out colour-$setting; env $setting '$latent' eval vae digits --k 5; '$latent' help" \
      /dev/null < /dev/null > terminal 2>&1
    grep -q $'\e' terminal && fail "escape codes with $setting"
  done
fi

# Help: from the table of verbs, within the width of the terminal, every flag with its default.
expect 0 'train .*Train' "$latent"
expect 0 'train .*Train' "$latent" --help
for verb in $all_verbs; do
  expect 0 "^  latent $verb " "$latent" help "$verb"
  "$latent" help "$verb" > one; "$latent" "$verb" -h > two; same one two
  flags=$(grep -c '^  -' one) defaults=$(tr '\n' ' ' < one | grep -o '(default: *[^ ]' | wc -l)
  [ "$flags" = "$((defaults + 1))" ] || fail "help $verb: $flags flags, $defaults defaults"
  COLUMNS=40 "$latent" help "$verb" | grep -v '^  latent' | awk 'length > 40 && NF > 1' | grep . && fail "help $verb is wider than 40 columns"
done
[ "$("$latent" help | grep -c '^  [a-z]* .*[A-Z]')" -ge 9 ] || fail 'verbs are missing from the overview'
expect 2 'did you mean "encode"' "$latent" encod vae digits
expect 2 'did you mean "--logvar"' "$latent" encode vae digits --logvr a.csv
expect 2 'no place for the argument "more"' "$latent" encode vae digits more
expect 2 'MODEL' "$latent" encode
expect 2 'verb comes first' "$latent" --encode
expect 2 'help encode' "$latent" encode vae digits --seed x

# Every verb on a full disk, into a closed pipe, to a closed stdout, with no escape codes where it writes text.
for verb in $all_verbs; do
  arguments "$verb" > command || { fail "$verb: no command to test its manners with"; continue; }
  mapfile -t words < command
  "$latent" "$verb" "${words[@]}" > output 2> /dev/null || fail "$verb: exit $?"
  [ -s output ] || fail "$verb writes nothing"
  "$latent" "$verb" "${words[@]}" 2> messages | head -c 1 > /dev/null
  grep -q $'\e\|latent:' messages && fail "$verb into a closed pipe: $(cat messages)"
  arguments "$verb" > command && mapfile -t words < command
  expect 5 'standard output' bash -c '"$@" > /dev/full' - "$latent" "$verb" "${words[@]}"
  arguments "$verb" > command && mapfile -t words < command
  expect 5 'standard output' bash -c '"$@" >&-' - "$latent" "$verb" "${words[@]}"
done
for shell in zsh fish; do "$latent" completion "$shell" > "completion.$shell" || fail "completion $shell"; done
"$latent" man > latent.1 || fail man
for verb in $all_verbs; do
  for shell in zsh fish; do grep -q -- "$verb" "completion.$shell" || fail "$verb is not completed in $shell"; done
  grep -q "^\.SS latent $verb" latent.1 || fail "$verb is not in the manual"
done
expect 2 'bash' "$latent" completion csh
"$latent" man --out pages && same pages/latent.1 latent.1
for page in latent.1 pages/latent-*.1; do
  command -v groff > /dev/null && groff -man -Tutf8 -ww "$page" 2> messages > /dev/null && [ -s messages ] && fail "groff: $(cat messages)"
done
for verb in $all_verbs; do "$latent" man "$verb" | cmp - "pages/latent-$verb.1" || fail "the page of $verb"; done
expect 2 'did you mean "train"' "$latent" man trian
expect 0 'CC BY 4.0' "$latent" licenses
expect 0 'the same bits on one thread and on two' "$latent" doctor
expect 1 'BAD' "$latent" doctor --folder no-such-folder
grep -qF "$(cat vae/machine.txt)" <<< "$("$latent" doctor --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["fingerprint"])')" \
  || fail 'the fingerprint of doctor is not that of run folders'

# What does not fit, with its exit code.
expect 5 'did you mean "vae"' "$latent" inspect vaee
expect 5 'No such file' "$latent" encode nowhere/model digits
expect 4 'holds no model' "$latent" inspect .
expect 3 'none.npy' bash -c 'echo nonsense > none.npy; "$0" encode vae none.npy' "$latent"
expect 4 'codes.npy' "$latent" inspect codes.npy
expect 2 'rows of codes are \[4\], 4 values; the model is for rows of \[8,8\]' "$latent" encode vae codes.npy
expect 2 'codes of this model have 4 units' "$latent" decode vae digits -o x.npy
expect 2 'none of .npy' "$latent" encode vae digits -o codes.xyz
expect 2 'no pictures' "$latent" encode vae digits -o codes.png
expect 2 'does not say which rows' "$latent" eval vae/best.safetensors digits --rows held-out
printf 'a,b\n1,2.5\n3,4\n5,7\n2,1\n9,3\n' > table.csv
expect 0 'written' "$latent" train table.csv --hidden 4 --latent 2 --epochs 2 --validation 0 --out table
expect 0 'reconstructions of 5 rows' "$latent" reconstruct table table.csv -o table-out.csv
[ "$(head -1 table-out.csv)" = a,b ] || fail 'the names of columns are lost'
for command in 'sample table -n 3' 'decode table two.csv' 'interpolate table table.csv --rows 0,1' 'traverse table'; do
  printf 'z1,z2\n0,1\n' > two.csv
  # shellcheck disable=SC2086
  [ "$("$latent" $command --format csv 2> messages | head -1)" = a,b ] || fail "$command: the names of columns are lost: $(cat messages)"
done
expect 2 'no pictures' "$latent" sample table -o grid.png
expect 5 'Is a directory' "$latent" encode vae digits --format npy -o vae
expect 3 'the model was trained on arrays' "$latent" encode vae vae
expect 5 'no-folder/codes.npy' "$latent" encode vae digits -o no-folder/codes.npy
if [ "$(id -u)" -ne 0 ]; then
  mkdir sealed && chmod a-w sealed
  expect 5 'sealed/codes.npy' "$latent" encode vae digits -o sealed/codes.npy
elif [ -d /sys ]; then  # where even root cannot make a file
  expect 5 '/sys/codes.npy' "$latent" encode vae digits -o /sys/codes.npy
fi
LATENT_FILE_FAULT=2:28 expect 5 'No space left' "$latent" encode vae digits -o full.npy
[ ! -e full.npy ] && [ -z "$(find . -name '*.part')" ] || fail 'a part of a file is left'
finish
