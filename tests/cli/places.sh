#!/usr/bin/env bash
# Every verb in odd places: locales with a decimal comma and with other scripts, files of odd names, narrow terminals.
source "$(dirname "$0")/lib.sh"
small_models
"$latent" encode vae digits -o codes.npy 2> /dev/null
"$latent" reconstruct vae digits -o rows.npy 2> /dev/null

# The same output in every locale; of what is timed, with all numbers made N: a decimal comma would leave N,N.
numbers() { # of words that differ by run: seconds, memory, folders
  sed -E 's/trained [0-9]+/trained N/g; s/[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/N/g; s/ +/ /g; s/[-+]?N//g' "$1"
}
says() { # says VERB FILE COMMAND..: runs it with the verb's arguments, standard output into FILE
  local verb=$1 file=$2 words
  shift 2
  arguments "$verb" > command || { fail "$verb: no command to test it with"; return; }
  mapfile -t words < command
  rm -rf tuned
  "$@" "$latent" "$verb" "${words[@]}" > "$file" 2> messages || fail "$* $verb: $(cat messages)"
}
for verb in $all_verbs; do says "$verb" "plain-$verb" env LC_ALL=C; done
mkdir locales
for locale in de_DE zh_CN; do
  if command -v localedef > /dev/null && [ -e "/usr/share/i18n/locales/$locale" ]; then
    localedef -i "$locale" -f UTF-8 "locales/$locale.UTF-8" > /dev/null 2>&1
    there=(env "LOCPATH=$folder/locales" "LC_ALL=$locale.UTF-8")
  elif locale -a 2> /dev/null | grep -qi "^$locale\.utf-\?8"; then
    there=(env "LC_ALL=$locale.UTF-8")
  else
    echo "SKIP: the locale $locale is not installed, and localedef cannot make it"
    continue
  fi
  [ "$locale" != de_DE ] || [ "$("${there[@]}" locale decimal_point)" = , ] || fail "the locale $locale does not work here"
  for verb in $all_verbs; do
    says "$verb" there "${there[@]}"
    case $verb in
      train | plan | bench | doctor | compare | inspect) numbers "plain-$verb" > expected; numbers there > found ;;
      *) cp "plain-$verb" expected; cp there found ;;
    esac
    cmp expected found || fail "$verb in $locale"
    expect 0 "usage: latent $verb" "${there[@]}" "$latent" help "$verb"
  done
  expect 0 'decoded' "${there[@]}" "$latent" decode vae <("${there[@]}" "$latent" encode vae digits --format csv) -o decoded.npy
  expect 0 'beta 0.5' "${there[@]}" "$latent" plan digits --lr 0.5 --config <(echo 'beta = 0.5')
  expect 0 'from -1.5 to 1.5' "${there[@]}" "$latent" traverse vae --range -1.5,1.5 -o units.npy
done

# Spaces, quotes, a line's end, bytes that are no UTF-8, a dash: of runs, of data, of what is written.
python - <<'PY'
open("labels.csv", "w").write("label\n" + "".join(f"{i % 3}\n" for i in range(1797)))
PY
for odd in 'with space' "it's \"quoted\"" $'two\nlines' $'caf\xe9' 'Übergröße-数字' '-dash'; do
  mkdir odd
  cp -r vae "odd/$odd" && cp -r ae "odd/$odd 2" && cp rows.npy "odd/$odd.npy" && cp codes.npy "odd/$odd codes.npy" && cp labels.csv "odd/$odd.csv"
  cd odd || exit 1
  run=./$odd more=()
  for verb in $all_verbs; do
    arguments "$verb" > ../command || continue
    mapfile -t words < ../command
    for i in "${!words[@]}"; do
      case ${words[i]} in
        vae) words[i]=$run ;;
        ae) words[i]="$run 2" ;;
        digits) words[i]=$run.npy ;;
        codes.npy) words[i]="$run codes.npy" ;;
        tuned | trained*) words[i]="$run ${words[i]}" ;;
      esac
    done
    more=()
    case $verb in
      encode | decode | reconstruct | sample | traverse | interpolate | score | neighbors) more=(-o "$run $verb.npy") ;;
      compare) more=(-o "$run.html") ;;
      doctor) more=(--folder .) ;;
    esac
    [ "$verb" != probe ] || more=(--label "$run.csv")
    "$latent" "$verb" "${words[@]}" "${more[@]}" > ../said 2> ../messages || fail "$verb $odd: $(cat ../messages)"
    [ "${more[0]:-}" != -o ] || written "${more[1]}"
    if "$latent" help "$verb" | grep -q -- ' --json' && [ "$verb" != train ]; then
      "$latent" "$verb" "${words[@]}" "${more[@]}" --json 2> ../messages > ../said.json || fail "$verb --json $odd: $(cat ../messages)"
      python3 -m json.tool ../said.json > /dev/null || fail "$verb --json $odd is no JSON: $(head -c 300 ../said.json)"
    fi
  done
  for page in "$run trained"*/report.html; do written "$page"; done
  cd ..
  rm -r odd
done
cp codes.npy ./-dash.npy
expect 0 'decoded' "$latent" decode vae -o out.npy -- -dash.npy

# 40 columns: no line of help is wider, but commands, which are to be copied.
export COLUMNS=40
"$latent" help | grep -v '^  latent' | awk 'length > 40' | grep . && fail 'the overview is wider than 40 columns'
for verb in $all_verbs; do
  "$latent" help "$verb" | grep -v '^  latent' | awk 'length > 40 && NF > 1' | grep . && fail "help $verb is wider than 40 columns"
done
# Nor of what verbs print for people; nothing of it is lost.
narrow() { # narrow COMMAND..
  "$latent" "$@" 2> /dev/null > narrow || fail "$* at 40 columns"
  grep -v '^best: \|latent' narrow | awk 'length > 40 && NF > 1' | grep . && fail "$* is wider than 40 columns"
  env -u COLUMNS "$latent" "$@" 2> /dev/null > wide
  cmp <(numbers wide | tr -d ' \n') <(numbers narrow | tr -d ' \n') || fail "$* at 40 columns says something else"
}
narrow eval vae digits --k 5
narrow plan digits
narrow plan digits --encoder vgg --depth 1 --width 4
narrow inspect vae
narrow compare vae ae
narrow probe vae digits
narrow bench --seconds 0.01
narrow tune digits --hidden 8 --latent 2,3 --epochs 2 --seeds 1 --out tuned
narrow doctor
narrow models vae
narrow licenses
finish
