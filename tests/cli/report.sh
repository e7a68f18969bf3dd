#!/usr/bin/env bash
# report.html of pictures and of tables: whole, self-contained, well-formed, hostile names escaped, the same again.
source "$(dirname "$0")/lib.sh"
cat > check.py <<'PY'
"""check.py PAGE TEXT...: the page is well-formed, takes nothing from elsewhere, and says each text (not: !text)."""
import html.parser, sys
page = open(sys.argv[1], "rb").read().decode("utf-8")
VOID = {"meta", "img", "br", "link"}
class Checker(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text, self.images = [], "", 0
    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        assert tag not in ("script", "link", "iframe", "b"), tag
        for name, value in attributes:
            assert not name.startswith("on"), name
            if name in ("src", "href"):
                assert value.startswith("data:image/png;base64,"), value[:60]
                self.images += 1
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"{tag} at {self.getpos()}"
    def handle_data(self, data):
        self.text += data
checker = Checker()
checker.feed(page)
checker.close()
assert not checker.open, checker.open
for wanted in sys.argv[2:]:
    found = wanted.lstrip("!") in checker.text
    assert found != wanted.startswith("!"), wanted
print(checker.images)
PY
"$latent" train digits --hidden 32 --latent 4 --epochs 8 --out vae 2> log || fail "train: $(cat log)"
for file in report.html summary.json reconstructions.png samples.png; do written "vae/$file"; done
[ "$(python check.py vae/report.html 'vae on digits' 'Did it work?' 'Traversal' 'Map of the codes' 'latent sample vae' \
  'latent train digits --epochs 8 --hidden 32 --latent 4 --out vae')" = 4 ] || fail 'four pictures in the report'
bits=$(python -c 'import json
b = json.load(open("vae/summary.json"))["evaluation"]["bits_per_dimension"]
print("%.4f +- %.4f" % (b["value"], 1.96 * b["error"]))') || fail 'bits per dimension in the summary'
python check.py vae/report.html "$bits" > /dev/null
"$latent" train digits --hidden 32 --latent 4 --epochs 8 --out vae 2> log || fail "again: $(cat log)"
grep -q 'nothing is done' log || fail 'a finished run with its report is left alone'
cp vae/report.html first.html && rm vae/report.html
"$latent" train digits --hidden 32 --latent 4 --epochs 8 --out vae 2> log || fail "the report again: $(cat log)"
diff <(grep -v 'memory, forecast' first.html) vae/report.html > /dev/null || fail 'the report of a finished run is another'

# The page's commands name the labels that the model needs.
awk 'BEGIN { print "a,b,kind"; for (i = 0; i < 40; ++i) print i % 7 "," i % 5 "," (i % 2 ? "x" : "y") }' > lab.csv
"$latent" train lab.csv --label kind --condition label --hidden 8 --latent 2 --epochs 1 --out lab 2> log || fail "labels: $(cat log)"
python check.py lab/report.html 'latent encode lab lab.csv --label kind -o codes.npy' 'latent sample lab -n 100 --label 0 -o samples.csv' > /dev/null
"$latent" encode lab lab.csv --label kind -o codes.npy 2> log || fail "encode as the page says: $(cat log)"
"$latent" sample lab -n 100 --label 0 -o samples.csv 2> log || fail "sample as the page says: $(cat log)"

# A run that is stopped leaves a page that says so, and no summary; finished, the page is that of a run that never stopped.
"$latent" train digits --hidden 32 --latent 4 --epochs 1000000 --max-time 0.3s --out stopped 2> log || fail "--max-time: $(cat log)"
grep -q 'written: .*stopped/report.html' log || fail "a stopped run: $(cat log)"
python check.py stopped/report.html Unfinished 'stopped by --max-time after' \
  'latent train digits --epochs 1000000 --hidden 32 --latent 4 --out stopped goes on' '!found no fault' > /dev/null
expect 2 'no summary.json' "$latent" compare vae stopped
on=("$latent" train digits --hidden 32 --latent 4 --save-every 0.05 --out on)
"${on[@]}" --epochs 4 2> log || fail "four epochs: $(cat log)"
"${on[@]}" --epochs 1000000 2> log &
until [ "$(wc -l < on/metrics.jsonl)" -gt 4 ] || ! kill -0 $! 2> /dev/null; do sleep 0.02; done # it has gone on
kill -TERM $!
wait $!
code=$?
[ "$code" = 143 ] || fail "stopped by a signal: exit $code, $(cat log)"
python check.py on/report.html Unfinished 'stopped by a signal after' > /dev/null
[ ! -e on/summary.json ] || fail 'the summary of fewer epochs is left'
"$latent" train digits --hidden 32 --latent 4 --epochs 8 --max-time 0.001s --out early 2> log || fail "--max-time: $(cat log)"
"$latent" train digits --hidden 32 --latent 4 --epochs 8 --out early 2> log || fail "on: $(cat log)"
strip() { sed 's/--out [a-z]*//; s/latent [a-z]* [a-z]*//' "$1" | grep -v 'memory, forecast\|<td>time<'; }
diff <(strip first.html) <(strip early/report.html) > /dev/null || fail 'the report of a run that was stopped and went on is another'

# A signal while the report is made ends the process, which says the command that makes it; the model is whole.
long=("$latent" train digits --hidden 8 --latent 400 --validation 0.9 --epochs 1 --json --out long) # 1,617 rows, 400 units: a second
halted() { # halted SIGNAL CODE: sends it to a process that is held still while it makes the report
  local pid tries
  for ((tries = 0; tries < 20; ++tries)); do
    rm -f long/report.html
    "${long[@]}" > events 2> log &
    pid=$!
    until grep -q '"finished"' events || ! kill -0 "$pid" 2> /dev/null; do sleep 0.01; done
    kill -STOP "$pid" 2> /dev/null
    until grep -q '^State:.[TZ]' "/proc/$pid/status" || ! kill -0 "$pid" 2> /dev/null; do sleep 0.01; done
    if kill -0 "$pid" 2> /dev/null && [ ! -e long/report.html ] && [ ! -e long/reconstructions.png ]; then
      kill -s "$1" "$pid"
      kill -CONT "$pid"
      wait "$pid"
      [ $? = "$2" ] && return 0
      fail "$1 while the report is made: $(cat log)"
      return 1
    fi
    kill -CONT "$pid" 2> /dev/null
    wait "$pid"
  done
  fail "no $1 came before the report was made"
}
for signal in TERM:143 INT:130; do
  halted "${signal%:*}" "${signal#*:}"
  for file in report.html reconstructions.png summary.json; do [ ! -e "long/$file" ] || fail "$signal: long/$file is there"; done
  [ -z "$(find long -name '*.part')" ] || fail 'a temporary file is left'
  grep -q 'saved in long, and latent train digits .*--latent 400 --validation 0.9 --out long writes the report' log ||
    fail "what to do is not said: $(cat log)"
done
cp long/last.safetensors before.safetensors
"${long[@]}" > events 2> log || fail "the missing report: $(cat log)"
grep -q '"finished"' events && ! grep -q '"planned"' events || fail "it was trained again: $(cat events)"
written long/report.html
written long/summary.json
written long/best.safetensors
same long/last.safetensors before.safetensors

printf 'height,<b>&weight,group\n' > 'a <b> & '"'"'c.csv'
python - >> 'a <b> & '"'"'c.csv' <<'PY'
import random
r = random.Random(1)
for n in range(100):
    h = r.gauss(170, 10)
    print(f"{h:.1f},{h * 0.9 - 85 + r.gauss(0, 5):.1f},{'<i>'[n % 3]}")
PY
"$latent" train 'a <b> & '"'"'c.csv' --label group --latent 2 --hidden 16 --epochs 5 --out 't <b>' 2> log || fail "table: $(cat log)"
[ "$(python check.py 't <b>/report.html' 'vae on a <b>' 'column by column' '<b>&weight' 'What each unit does' '!Samples')" = 0 ] ||
  fail 'a table has no pictures'
"$latent" train digits --model autoencoder --hidden 16 --latent 1 --epochs 2 --validation 0 --out ae 2> log || fail "ae: $(cat log)"
python check.py ae/report.html 'autoencoder on digits' 'its rows' '!Samples' > /dev/null

# Runs side by side.
expect 0 'autoencoder' "$latent" compare vae ae
expect 0 'different kinds' "$latent" compare vae ae -o page.html
python check.py page.html '2 runs compared' 'vae' 'reconstruction, squared_error' > /dev/null
"$latent" compare vae 't <b>' --json | python -c 'import json, sys; assert [r["run"] for r in json.load(sys.stdin)["runs"]] == ["vae", "t <b>"]'
expect 2 'no summary.json' "$latent" compare vae nowhere
mkdir broken && echo '{}' > broken/summary.json
expect 4 'broken/summary.json' "$latent" compare vae broken
finish
