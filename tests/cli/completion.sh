#!/usr/bin/env bash
# The completions, asked in the shells themselves: bash, and zsh and fish where these are installed.
source "$(dirname "$0")/lib.sh"
mkdir bin && ln -s "$latent" bin/latent && export PATH="$folder/bin:$PATH"

latent completion bash > completion.bash && bash -n completion.bash || fail 'the completion of bash'
# shellcheck disable=SC1091
in_bash() (source completion.bash; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _latent; echo "${COMPREPLY[*]}")
completes() { [ "$1" = "$2" ] || fail "bash completes to \"$1\", not \"$2\""; }
completes "$(in_bash latent interp)" interpolate
completes "$(in_bash latent help interp)" interpolate
completes "$(in_bash latent encode --logv)" --logvar
completes "$(in_bash latent eval --rows tr)" trained
completes "$(in_bash latent completion '')" 'bash zsh fish'
completes "$(in_bash latent encode dig)" '' # files are the shell's

if command -v fish > /dev/null; then
  latent completion fish > completion.fish
  # shellcheck disable=SC2016
  in_fish() { HOME=$folder fish --no-config -c 'source completion.fish; complete -C "$argv"' -- "$1" 2>&1 | cut -f 1 | tr '\n' ' '; }
  for pair in 'latent interp:interpolate ' 'latent help interp:interpolate ' 'latent encode --logv:--logvar ' 'latent eval --rows tr:trained ' \
    'latent completion :bash fish zsh ' 'latent sample -:-h'; do
    [[ "$(in_fish "${pair%%:*}")" == *"${pair#*:}"* ]] || fail "fish completes \"${pair%%:*}\" to: $(in_fish "${pair%%:*}")"
  done
else
  echo 'SKIP: fish is not installed'
fi

if command -v zsh > /dev/null; then
  cat > ask.py <<'PY'
"""ask.py SETUP: in an interactive zsh after SETUP, each line of input with a tab behind it; what the shell makes of it must hold the wanted text."""
import os, pty, select, sys, time
ASKED = [("latent interp", "interpolate"), ("latent help interp", "interpolate"), ("latent encode --logv", "--logvar"),
         ("latent eval --rows tra", "trained"), ("latent completion zs", "zsh"), ("latent encode --for", "--format")]
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", HOME=os.getcwd(), COLUMNS="200")
    os.execvp("zsh", ["zsh", "-f", "-i"])
seen = ""
def wait_for(text, seconds):
    global seen
    end = time.time() + seconds
    while text not in seen and time.time() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")
    return text in seen
def say(text):
    global seen
    seen = ""
    os.write(terminal, text.encode())
say(f"unsetopt zle_bracketed_paste; autoload -Uz compinit; {sys.argv[1]}; print rea''dy\n")
assert wait_for("ready", 20), seen
bad = 0
for line, wanted in ASKED:
    say(line + "\t")
    if not wait_for(wanted, 10):
        print(f"zsh completes {line!r} to {seen!r}, not {wanted}")
        bad = 1
    say("\x15")
    time.sleep(0.1)
say("exit\n")
sys.exit(bad)
PY
  mkdir functions && latent completion zsh > functions/_latent
  python ask.py 'compinit -u -D; source <(latent completion zsh)'
  # shellcheck disable=SC2016
  python ask.py 'fpath=($PWD/functions $fpath); compinit -u -D'
else
  echo 'SKIP: zsh is not installed'
fi
finish
