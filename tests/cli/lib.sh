# Shared by the tests of the program: a scratch folder, expectations, and a small model of the digits.
set -uo pipefail
latent=$1
export LATENT_THREADS=1  # many threads on a busy machine wait for each other
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
unset COLUMNS NO_COLOR LATENT_FILE_FAULT
failures=0

fail() { # fail WHAT: counts, and goes on
  echo "FAILED: $*"
  failures=$((failures + 1))
}
expect() { # expect CODE PATTERN COMMAND...: exit code, and a pattern in stdout or stderr
  local code=$1 pattern=$2 output found
  shift 2
  output=$("$@" 2>&1)
  found=$?
  if [ "$found" != "$code" ] || ! grep -q -- "$pattern" <<< "$output"; then
    fail "$* -> exit $found (expected $code), pattern: $pattern"
    echo "$output" | head -30
  fi
}
same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }
written() { [ -s "$1" ] || fail "$1 was not written"; }
python() { python3 "$@" || fail "python3 $*"; }
small_models() { # vae and ae, trained for a few epochs on the digits
  "$latent" train digits --hidden 32 --latent 4 --epochs 8 --out vae > log 2>&1 || { cat log; exit 1; }
  "$latent" train digits --model autoencoder --hidden 32 --latent 4 --epochs 4 --out ae > log 2>&1 || { cat log; exit 1; }
}
all_verbs=$("$latent" help | sed -n '/^verbs:/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p')
arguments() { # arguments VERB: of a command whose result goes to standard output, one a line
  case $1 in
    train) printf '%s\n' digits --epochs 1 --json --out "trained $RANDOM" ;;
    plan) printf '%s\n' digits --json ;;
    tune) printf '%s\n' digits --hidden 8 --latent 2,3 --epochs 2 --seeds 1 --out tuned ;;
    eval) printf '%s\n' vae digits --k 0 ;;
    decode) printf '%s\n' vae codes.npy ;;
    sample) printf '%s\n' vae ;;
    traverse) printf '%s\n' vae ;;
    interpolate) printf '%s\n' vae digits --rows 0,1 ;;
    neighbors) printf '%s\n' vae digits --row 0 ;;
    encode | reconstruct | score | probe) printf '%s\n' vae digits ;;
    inspect) printf '%s\n' vae ;;
    compare) printf '%s\n' vae ae ;;
    bench) printf '%s\n' --seconds 0.01 ;;
    completion) printf '%s\n' bash ;;
    models | doctor | licenses | man) ;;
    *) return 1 ;;
  esac
}
finish() { exit "$((failures > 0))"; }
