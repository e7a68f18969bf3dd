#!/usr/bin/env bash
# Every verb on the embedded digits: what it writes, in which units, and that its numbers agree.
source "$(dirname "$0")/lib.sh"
small_models

# NPY and CSV hold the same codes; a file of codes decodes to rows in the data's units.
expect 0 'codes of 4 units for 1797 rows' "$latent" encode vae digits -o codes.npy --logvar logvar.csv
expect 0 'codes.csv' "$latent" encode vae digits -o codes.csv
expect 0 'draws' "$latent" encode vae digits --sample --seed 3 -o drawn.npy
"$latent" encode vae digits --sample --seed 3 --threads 2 -o again.npy 2> /dev/null
same drawn.npy again.npy
expect 0 'decoded' "$latent" decode vae codes.csv -o decoded.npy
expect 0 'reconstructions of 1797 rows' "$latent" reconstruct vae digits -o reconstructed.npy
cat > check.py <<'P'
import ast, csv, math, struct
def npy(path):
    b = open(path, 'rb').read()
    n = struct.unpack('<H', b[8:10])[0]
    head = ast.literal_eval(b[10:10 + n].decode())
    assert head['descr'] == '<f4' and not head['fortran_order'] and (10 + n) % 64 == 0, head
    count = math.prod(head['shape'])
    assert len(b) == 10 + n + 4 * count, 'size'
    return head['shape'], struct.unpack(f'<{count}f', b[10 + n:])
def table(path):
    rows = list(csv.reader(open(path)))
    return rows[0], [float(v) for r in rows[1:] for v in r]
shape, codes = npy('codes.npy')
assert shape == (1797, 4), shape
names, texts = table('codes.csv')
assert names == ['z1', 'z2', 'z3', 'z4'], names
assert all(struct.pack('<f', a) == struct.pack('<f', b) for a, b in zip(codes, texts)), 'CSV holds other numbers'
names, logvar = table('logvar.csv')
assert names[0] == 'logvar1' and len(logvar) == len(codes)
# (draw - mean) / sigma is standard normal: 7188 of them, within five standard errors.
_, drawn = npy('drawn.npy')
eps = [(d - m) / math.exp(v / 2) for d, m, v in zip(drawn, codes, logvar)]
mean = sum(eps) / len(eps)
variance = sum(e * e for e in eps) / len(eps) - mean * mean
assert abs(mean) < 5 / len(eps) ** .5 and abs(variance - 1) < 5 * (2 / len(eps)) ** .5, (mean, variance)
shape, decoded = npy('decoded.npy')
assert shape == (1797, 8, 8), shape
assert 0 <= min(decoded) and 4 < max(decoded) <= 16, 'not in the units of the digits'
_, reconstructed = npy('reconstructed.npy')
assert max(abs(a - b) for a, b in zip(decoded, reconstructed)) < 1e-3, 'decode(encode(x)) is not reconstruct(x)'
P
python check.py

# Pictures, and draws: the prior's mean at temperature 0, bits from a Bernoulli.
for file in pairs.png ; do expect 0 'first 10 of 1797' "$latent" reconstruct vae digits -o "$file"; written "$file"; done
expect 0 'means of the likelihood given draws from the prior' "$latent" sample vae -o grid.png
written grid.png
expect 0 'prior times 0' "$latent" sample vae -n 3 --temperature 0 -o still.csv
[ "$(tail -n +2 still.csv | sort -u | wc -l)" = 1 ] || fail 'samples at temperature 0 differ'
expect 0 'draws from the likelihood bernoulli' "$latent" sample vae -n 50 --sample-likelihood -o drawn.csv
[ "$(tail -n +2 drawn.csv | tr ',' '\n' | sort -u | tr '\n' ' ')" = '0 16 ' ] || fail 'draws of a Bernoulli in [0, 16] are 0 and 16'
"$latent" sample vae -n 9 --seed 5 --format csv > nine.csv && "$latent" sample vae -n 5 --seed 5 --format csv > five.csv
head -6 nine.csv | cmp - five.csv || fail 'sample i of a seed depends on how many there are'
expect 2 'no distribution to sample from' "$latent" sample ae -o grid.png
expect 2 'no posterior' "$latent" encode ae digits --sample -o codes.npy
expect 0 'codes of 4 units' "$latent" encode ae digits -o codes.npy

# --json is the same for all verbs that give rows: these, as numbers that CSV has too, or the file that they went to.
"$latent" encode vae digits -o codes-4.csv 2> /dev/null
cat > check.py <<'P'
import csv, json, math
j, file = json.load(open('rows.json')), json.load(open('file.json'))
table = list(csv.reader(open('rows.csv')))
assert j['columns'] == table[0] and j['rows'] == [[float(v) for v in row] for row in table[1:]]
assert j['shape'][0] == len(j['rows']) and math.prod(j['shape'][1:]) == len(j['columns']), j['shape']
assert file['file'] == 'rows.npy' and set(file) == {'file', 'what'}, file
P
for command in 'encode vae digits' 'decode vae codes-4.csv' 'reconstruct vae digits' 'sample vae -n 3' \
  'interpolate vae digits --rows 0,1' 'traverse vae'; do
  read -ra words <<< "$command"
  "$latent" "${words[@]}" --json > rows.json 2> messages || fail "$command --json: $(cat messages)"
  "$latent" "${words[@]}" -o rows.csv 2> messages || fail "$command: $(cat messages)"
  "$latent" "${words[@]}" --json -o rows.npy > file.json 2> messages || fail "$command --json -o: $(cat messages)"
  python check.py
done
expect 2 'give -o FILE for --format csv' "$latent" sample vae --json --format csv

# eval: parts that add up, bounds in their order, the rows that were held out.
expect 0 'active units' "$latent" eval vae digits --k 10
expect 0 'held out' "$latent" eval vae digits --k 0
expect 0 'the rows trained on' "$latent" eval vae digits --rows trained --k 0
expect 0 'reconstruction' "$latent" eval ae digits
"$latent" eval vae digits --k 20 --json > eval.json 2> /dev/null || fail 'eval --json'
"$latent" eval vae digits --k 20 --json --threads 2 2> /dev/null | cmp - eval.json || fail 'eval depends on the threads'
cat > check.py <<'P'
import json, math
e = json.load(open('eval.json'))
assert e['rows'] == 180 and e['which'] == 'the rows that the run held out', e
total = e['reconstruction']['value'] + e['kl']['value']
assert abs(e['negative_elbo']['value'] - total) < 1e-9 and e['loss'] == e['negative_elbo']
assert e['negative_elbo']['error'] > 0 and e['iwae']['error'] > 0 and e['iwae']['bar95'] > 0
assert e['iwae']['value'] > -e['negative_elbo']['value'], 'IWAE-20 under the ELBO'
assert e['iwae']['log_likelihood'] >= e['iwae']['value']
bits, nats = e['bits_per_dimension'], e['negative_elbo']
assert all(abs(bits[key] - nats[key] / 64 / math.log(2)) < 1e-9 for key in ('value', 'error')), bits
assert len(e['units']) == 4 and abs(sum(u['kl'] for u in e['units']) - e['kl']['value']) < 1e-4
assert e['active_units'] == sum(u['active'] for u in e['units'])
assert not e['normalized'] and e['beta'] == 1 and e['effective_beta'] is None
assert e['mutual_information']['value'] <= math.log(180) + 1e-6
P
python check.py

# score: three columns, worst first; the areas agree with counting pairs; no dependence on threads.
expect 0 'strangest rows' "$latent" score vae digits -o scores.csv
expect 0 'AUROC' "$latent" score vae digits --anomaly 8,1 -o scores.npy
expect 0 'by reconstruction' "$latent" score ae digits --anomaly 0 -o ae-scores.csv
expect 2 'did you mean "8"\|there are: 0, 1' "$latent" score vae digits --anomaly eight -o scores.npy
expect 2 'are not 0 and 1' "$latent" score vae digits --label label -o scores.npy
expect 2 'likelihood' "$latent" score vae digits --by like -o scores.npy
"$latent" score vae digits --anomaly 8 --json > score.json 2> /dev/null || fail 'score --json'
"$latent" score vae digits --anomaly 8 --json --threads 2 2> /dev/null | cmp - score.json || fail 'score depends on the threads'
"$latent" score vae digits 2> /dev/null | cmp - scores.csv || fail 'score to a pipe is not the CSV file'
printf 'a,b\n1,2.5\n' > one.csv
expect 0 'written' "$latent" train <(sed 2p one.csv) --hidden 4 --latent 1 --epochs 1 --validation 0 --out one
expect 0 '^1 row of one: all rows' "$latent" eval one one.csv --k 0
# neighbors, interpolate, traverse: tables and pictures.
expect 0 '3 nearest of 1797 rows, for 2 rows' "$latent" neighbors vae digits --row 0,7 -k 3 -o near.csv
expect 0 'near.png' "$latent" neighbors vae digits --row 0,7 --metric cosine -o near.png
"$latent" reconstruct vae digits -o - 2> /dev/null > made.npy
expect 0 'nearest' "$latent" neighbors vae digits --query digits -k 1 -o self.csv
"$latent" neighbors vae digits --row 7 -k 2 --json > near.json 2> /dev/null || fail 'neighbors --json'
expect 2 'one of --row R, --query FILE' "$latent" neighbors vae digits
expect 2 'from 0 to 1796, found "1797"' "$latent" neighbors vae digits --row 1797
expect 0 '2 strips of 5 rows, along arcs' "$latent" interpolate vae digits --rows 0,1,5,9 --steps 5 --slerp -o strips.png
expect 0 '1 strip of 5 rows, along lines' "$latent" interpolate vae digits --rows 0,1 --steps 5 -o strip.csv
expect 2 'takes pairs' "$latent" interpolate vae digits --rows 0,1,2 -o strips.png
expect 2 'either --rows A,B or --to' "$latent" interpolate vae digits -o strips.png
expect 0 '9 rows for each of z1 z2 z3 z4, from -3 to 3' "$latent" traverse vae -o units.png
expect 0 '3 rows for each of z2 z4, from -1 to 1' "$latent" traverse vae --units 2,z4 --range -1,1 --steps 3 -o units.csv
expect 0 'around the code of row 7' "$latent" traverse vae digits --units active --from 7 -o units.npy
expect 0 'around the mean code' "$latent" traverse ae digits -o units.npy
expect 2 'give DATA' "$latent" traverse ae -o units.npy
expect 2 'from 1 to 4' "$latent" traverse vae --units 5 -o units.npy
expect 2 'LOW,HIGH' "$latent" traverse vae --range 3,-3 -o units.npy
# probe: on the rows that the run held out.
expect 0 'codes, 4 units' "$latent" probe vae digits
expect 0 'that the run held out' "$latent" probe vae digits
"$latent" probe vae digits --json > probe.json 2> /dev/null || fail 'probe --json'
"$latent" encode vae digits -o near-codes.csv 2> /dev/null
expect 2 'has no labels' "$latent" probe vae made.npy
cat > check.py <<'P'
import csv, json, math
s, names = json.load(open('score.json')), ['score', 'zscore', 'pca']
rows = list(csv.DictReader(open('scores.csv')))
assert list(rows[0]) == names and len(rows) == s['rows'] == 1797 and s['anomalies'] == 174, s['anomalies']
for name in names:
    d = s['detectors'][name]
    assert d['scores'] == [float(r[name]) for r in rows], name
    assert 0.1 < d['auroc']['value'] < 1 and 0 < d['auroc']['error'] < 0.05, d['auroc']
codes = [[float(v) for v in r] for r in list(csv.reader(open('near-codes.csv')))[1:]]
by_hand = sorted((math.dist(codes[7], c), i) for i, c in enumerate(codes) if i != 7)[:2]
found = json.load(open('near.json'))['queries'][0]
assert found['query'] == 7 and [n['row'] for n in found['neighbors']] == [i for _, i in by_hand], (found, by_hand)
assert all(float(r['distance']) == 0 for r in csv.DictReader(open('self.csv')))
strip = [[float(v) for v in r] for r in list(csv.reader(open('strip.csv')))[1:]]
assert len(strip) == 5 and len(strip[0]) == 64 and strip[0] != strip[4]
p = json.load(open('probe.json'))
assert p['trained'] == 1617 and p['tested'] == 180
f = p['features']
assert f['inputs']['linear']['value'] > 0.85 and f['inputs']['neighbors']['value'] > 0.95, f
assert f['codes']['width'] == f['pca']['width'] == 4 and f['codes']['neighbors']['value'] > 2 * p['commonest'], f
P
python check.py

# tune: resumable after kill -9, with the same result; what does not compare is refused.
tune=("$latent" tune digits --latent 2,6 --beta 1,4 --hidden 16 --epochs 9 --seeds 2 --json)
"${tune[@]}" --out tuning > tuning.json 2> messages || fail "tune: $(cat messages)"
kills=0
for file in killed/001-1/last.safetensors killed/tune.json killed/003-2/last.safetensors; do # killed once it has written the file
  "${tune[@]}" --out killed > /dev/null 2>&1 &
  until [ -e "$file" ] || ! kill -0 $! 2> /dev/null; do sleep 0.005; done
  kill -KILL $! 2> /dev/null
  wait $! 2> /dev/null || kills=$((kills + 1))
done
[ "$kills" -gt 0 ] && [ -e killed/tune.json ] || fail 'no kill landed within the tuning'
"${tune[@]}" --out killed 2> /dev/null | cmp - tuning.json || fail 'tune after kill -9'
"${tune[@]}" --out killed --threads 2 2> /dev/null | cmp - tuning.json || fail 'tune again'
expect 0 'best: latent train digits' "$latent" tune digits --hidden 8/16,8 --latent 2 --epochs 3 --seeds 1 --out lists
expect 2 'another tuning' "$latent" tune digits --latent 2,7 --out tuning
expect 2 'do not compare' "$latent" tune digits --likelihood bernoulli,squared_error --out other
expect 2 'schedule' "$latent" tune digits --latent 2,3 --schedule cosine --out other
expect 2 'validation is 0' "$latent" tune digits --latent 2,3 --validation 0 --out other
cat > check.py <<'P'
import json
t = json.load(open('tuning.json'))
assert [s['epochs'] for s in t['settings']] == [9, 3, 1, 1], t
assert all(s['loss']['error'] > 0 for s in t['settings']) and len({json.dumps(s['setting']) for s in t['settings']}) == 4
assert t['settings'][2]['loss']['value'] <= t['settings'][3]['loss']['value']
best = t['settings'][0]['setting']
assert f"--beta {best['beta']}" in t['command'] and f"--latent {best['latent']}" in t['command'] and '--hidden 16' in t['command'], t
P
python check.py

# The reference VAE on uniform noise collapses, rightly, and that is what is said; the digits' model does not.
awk 'BEGIN { srand(1); for (i = 0; i < 1000; i++) { r = rand(); for (j = 1; j < 100; j++) r = r "," rand(); print r } }' > noise.csv
expect 0 'written' "$latent" train noise.csv --hidden 32 --latent 20 --likelihood squared_error --scaling none \
  --epochs 100 --batch 32 --validation 0 --out noise
expect 0 'collapse-is-right' "$latent" eval noise noise.csv --k 0
"$latent" eval noise noise.csv --k 0 --json > noise.json 2> /dev/null || fail 'eval of noise'
cat > check.py <<'P'
import json
noise, digits = json.load(open('noise.json')), json.load(open('eval.json'))
assert abs(noise['loss']['value'] - 100 / 12) < 0.15 and noise['kl']['value'] < 0.05, noise['loss']
assert noise['active_units'] == 0 and noise['effective_beta'] == 0.5
assert [f['kind'] for f in noise['findings']] == ['remark'] and not digits['findings'], digits['findings']
P
python check.py

# plan, inspect, models.
expect 0 'parameters  4616' "$latent" plan digits --hidden 32 --latent 4
expect 0 'arena' "$latent" plan digits --explain
expect 0 'Gflop/s' "$latent" plan digits --profile
expect 2 'excludes' "$latent" plan digits --explain --json
expect 2 'batch of 5000' "$latent" plan digits --batch 5000
[ ! -e runs ] || fail 'plan made a run folder'
expect 0 'encoder/mean/weight' "$latent" inspect vae
expect 0 '8 of 8 epochs' "$latent" inspect vae
expect 0 'encoder/0/bias' "$latent" inspect vae/last.safetensors
"$latent" plan digits --hidden 32 --latent 4 --json > plan.json 2> /dev/null || fail 'plan --json'
"$latent" inspect vae --json > inspect.json || fail 'inspect --json'
"$latent" models --json > models.json || fail 'models --json'
expect 0 'beta' "$latent" models vae
expect 0 'Simonyan' "$latent" models vae
expect 0 'encoder/0 .*conv 8 3 s2 .*4,4,8' "$latent" plan digits --encoder 'conv 8 3 s2; relu'
expect 2 'did you mean "resnet"' "$latent" plan digits --encoder resnt
expect 2 'at most 2 fits' "$latent" plan digits --encoder vgg --depth 3
expect 2 'at 11 of' "$latent" plan digits --encoder 'conv 8 3; rleu'
expect 2 'hidden is of dense layers' "$latent" plan digits --encoder vgg --hidden 9
expect 2 'go with an encoder' "$latent" plan digits --width 9
expect 2 'did you mean "vae"' "$latent" models vea
# Help says each model's own defaults.
COLUMNS=100000 "$latent" help train > help.txt
cat > defaults.py <<'P'
import json, re
told = {}
for flag, default in re.findall(r'^  --([a-z-]+) .*\(default: ([^()]*)\)$', open('help.txt').read(), re.M):
    first, *others = default.split('; ')
    told[flag.replace('-', '_')] = first, {m: o.split(': ')[1] for o in others if ': ' in o for m in o.split(': ')[0].split(', ')}
def text(v):
    if v in ('', []): return 'none'
    if isinstance(v, list): return ','.join(map(str, v))
    return v if isinstance(v, str) else str(v).lower() if isinstance(v, bool) else f'{v:g}'
seen = 0
for m in json.load(open('models.json')):
    for key in m['config']:
        if key['fitted'] or key['name'] in ('inputs', 'vocabulary'): continue  # the data decide
        if m['name'].startswith('text_') and key['name'] == 'latent': continue  # told in words
        first, others = told[key['name']]
        assert others.get(m['name'], first) == text(key['default']), (m['name'], key['name'])
        seen += m['name'] in others
assert seen >= 6, seen
assert told['gamma'] == ('0.1', {'adversarial_autoencoder': '1'}), told['gamma']
P
python defaults.py
cat > check.py <<'P'
import json
inspect, plan, models = (json.load(open(f + '.json')) for f in ('inspect', 'plan', 'models'))
assert inspect['parameter_count'] == plan['parameters'] == sum(p['elements'] for p in inspect['parameters']) == 4616
assert plan['peak_bytes'] > 4 * 3 * 4616 and plan['seconds_per_epoch'] > 0 and plan['steps_per_epoch'] == 51
assert inspect['config']['latent'] == 4 and inspect['preprocessing']['row_shape'] == [8, 8]
assert len(inspect['data_hash']) == 16 and inspect['run']['epochs'] == 8
assert {m['name'] for m in models} >= {'vae', 'autoencoder'}
for j in (inspect, plan):
    assert sum(l['parameters'] for l in j['layers']) == 4616 and j['layers'][0]['output'] == [32], j['layers']
    assert sum(l['multiply_adds'] for l in j['layers']) == 2 * 32 * 64 + 32 * 8 + 4 * 32, j['layers']
presets = {p['name']: p for p in models[0]['presets']}
assert presets['vgg']['layers'][0]['layer'] == 'conv 16 3' and presets['dcgan']['decoder'].endswith('out 5 s2'), presets
P
python check.py
finish
