#!/usr/bin/env bash
# The live line of `latent train`, seen through a pseudo-terminal; and that nothing moves off a terminal.
source "$(dirname "$0")/lib.sh"

cat > watch.py <<'PY'
"""watch.py COLUMNS OUT COMMAND...: runs the command with stderr on a terminal, keeps what it showed."""
import fcntl, os, pty, struct, subprocess, sys, termios
columns, out, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
master, terminal = pty.openpty()
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
child = subprocess.Popen(command, stderr=terminal)
os.close(terminal)
shown = b""
while True:
    try:
        piece = os.read(master, 65536)
    except OSError:  # the child closed it
        break
    if not piece:
        break
    shown += piece
open(out, "wb").write(shown)
sys.exit(child.wait())
PY
cat > check.py <<'PY'
"""check.py COLUMNS COLOUR FILE END: the live line was rewritten, in colour or not, and never wrapped; END took its place."""
import re, sys
columns, colour, shown = int(sys.argv[1]), sys.argv[2] == "colour", open(sys.argv[3], "rb").read().decode()
live = [line for line in re.findall(r"\r([^\r\n]*)(?=\r(?!\n))", shown) if line.strip()]
assert len(live) >= 3, f"{len(live)} live lines: {shown!r}"
for line in live:
    plain = re.sub(r"\x1b\[\d+m", "", line)
    assert "\x1b" not in plain and len(plain) < columns, (len(plain), plain)
    assert re.match(r"epoch +\d+/1000000 .*loss \d", plain), plain
assert ("\x1b" in shown) == colour, shown
assert re.search(r"\r +\r" + sys.argv[4], shown), f"the live line is not taken away: {shown!r}"
PY
# So many epochs that time ends the run, on any CPU: it is long enough for twenty lines.
moving() { watch "$1" "$2" "$latent" train digits --epochs 1000000 --max-time 2s --hidden 64 --out "$2"; }
train() { watch "$1" "$2" "$latent" train digits --epochs 20 --hidden 64 --out "$2"; }
watch() { # watch COLUMNS FILE COMMAND...
  local columns=$1 file=$2
  shift 2
  TERM=${terminal:-xterm} python3 watch.py "$columns" "$file.shown" "$@" || fail "$* on a terminal: $(cat "$file.shown")"
}
moving 120 lines && python check.py 120 colour lines.shown 'stopped at step'
NO_COLOR=1 moving 40 lines-narrow && python check.py 40 plain lines-narrow.shown 'stopped at step'
train 120 wide
[ "$(grep -c 'epoch  20/20 .* held out: ' wide.shown)" = 1 ] && grep -q 'written:' wide.shown || fail "the end: $(cat wide.shown)"
NO_COLOR=1 train 40 narrow
terminal=dumb train 80 dumb
! grep -q $'\x1b' dumb.shown || fail 'escape codes on a dumb terminal'
"$latent" train digits --epochs 2 --out piped 2> piped.log || fail 'train off a terminal'
! grep -q $'[\x1b\r]' piped.log || fail 'escape codes off a terminal'
for run in narrow dumb; do
  same wide/last.safetensors "$run/last.safetensors"
done
finish
