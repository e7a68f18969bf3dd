#!/usr/bin/env bash
# Models of every kind through the verbs: conditional ones, those with a codebook, with a discriminator, generators alone; and
# what is said of numbers that a model has not got.
source "$(dirname "$0")/lib.sh"
train() { # train OUT FLAGS..: on the digits
  local out=$1
  shift
  "$latent" train digits --epochs 3 --out "$out" "$@" > log 2>&1 || { fail "train $out: $(cat log)"; cat log; }
}
small='--hidden 16 --latent 4'
# shellcheck disable=SC2086
{
  train conditional --condition label $small
  train vae --hidden 16 --latent 4
  train flat --hidden 16 --latent 4 --validation 0
  train vq --model vq_vae --likelihood gaussian_optimal --codes 16 --places 4 --prior-units 8 $small
  train rvq --model vq_vae --quantizers 3 --likelihood gaussian_optimal --codes 16 --places 4 --prior-units 8 $small
  train aae --model adversarial_autoencoder --discriminator 16 $small
  train vae_gan --model vae_gan --discriminator 16 $small
  train gan --model dcgan --discriminator 16 $small
}

# A conditional model: every verb that reads rows hands on their labels, or says which class is shown.
expect 0 '1 strip of 5 rows' "$latent" interpolate conditional digits --rows 0,1 --steps 5 -o strip.csv
"$latent" interpolate conditional digits --rows 0,1 --steps 5 --class 0 -o zeros.csv 2> /dev/null
same strip.csv zeros.csv # row 0 is a 0
"$latent" interpolate conditional digits --rows 0,1 --steps 5 --class 7 -o sevens.csv 2> /dev/null
cmp -s strip.csv sevens.csv && fail 'interpolate --class changes nothing'
expect 0 '1797 strips of 2 rows' "$latent" interpolate conditional digits --to digits --steps 2 -o strips.npy
expect 2 'say with --class' "$latent" traverse conditional -o units.npy
expect 0 'the prior' "$latent" traverse conditional --class 3 -o units.npy
expect 0 'the code of row 7' "$latent" traverse conditional digits --from 7 -o units.npy
expect 2 'not conditioned' "$latent" traverse vae --class 3 -o units.npy
expect 2 'not conditioned' "$latent" interpolate vae digits --rows 0,1 --class 3 -o strip.npy
expect 0 '3 nearest of 1797' "$latent" neighbors conditional digits --row 0,5 -k 3 -o near.csv
expect 0 'nearest of 1797' "$latent" neighbors conditional digits --query digits -k 1 -o self.csv
expect 0 'white from' "$latent" score conditional digits -o scores.csv --heatmap heat.png
expect 0 'squared errors' "$latent" score conditional digits -o scores.csv --heatmap heat.npy
expect 2 'is given the label of each row' "$latent" probe conditional digits
grep -q 'held-out rows fare as those trained on' conditional/report.html || fail 'the checks of a conditional model'

# Labels of a second file come from the same column; a file of labels is of the first alone.
awk 'BEGIN { OFS = ","; print "a,b,kind"; for (i = 0; i < 60; ++i) print i % 7, i % 5, i % 3 }' > all.csv
{ head -n 1 all.csv; tail -n 20 all.csv; } > some.csv
cut -d, -f1,2 some.csv > bare.csv
tail -n +2 all.csv | cut -d, -f3 > kinds.csv
table=("$latent" train all.csv --condition label --label kind --hidden 4 --latent 1 --epochs 2)
expect 0 'written' "${table[@]}" --validation some.csv --out validated
expect 2 'conditioned on labels' "${table[@]}" --validation bare.csv --out unvalidated
expect 0 'written' "$latent" train all.csv --label kind --hidden 4 --latent 1 --epochs 2 --validation bare.csv --out plain
cut -d, -f1,2 all.csv > values.csv
expect 0 'written' "$latent" train values.csv --label kinds.csv --hidden 4 --latent 1 --epochs 2 --validation bare.csv --out beside
expect 0 'nearest of 60' "$latent" neighbors validated all.csv --label kind --query some.csv -k 1 -o near.csv
expect 0 'the 20 rows of some' "$latent" score validated all.csv --label kind --anomaly 1 --reference some.csv -o scores.csv
expect 0 'the 20 rows of bare' "$latent" score plain all.csv --label kind --anomaly 1 --reference bare.csv -o scores.csv

# A codebook: advice and measures of its own, sigma of the rows trained on, temperatures that divide logits.
grep -q 'Through a code of 4 places, each of 16 codes' vq/report.html || fail 'the verdict of a VQ-VAE'
grep -q -- '--codes .* More places (--places 8)' vq/report.html || fail 'the advice of a VQ-VAE'
! grep -q -- '--latent [0-9]* \(may\|would\)' vq/report.html || fail 'a VQ-VAE is advised by units of its code'
expect 0 'the prior at temperature 0.5' "$latent" sample vq --temperature 0.5 -o vq.npy
expect 0 'the prior times 0.5' "$latent" sample vae --temperature 0.5 -o vae.npy
expect 0 'perplexity .* of 16 codes' "$latent" eval vq digits
# Of many units those used most and least, all as JSON; of few all, in their order.
"$latent" eval rvq digits --json > eval.json 2> messages || fail "eval --json: $(cat messages)"
"$latent" eval rvq digits 2> messages | tr '\n' ' ' | grep -o 'variance by unit.*' > listed || fail "eval: $(cat messages)"
cat > check.py <<'P'
import json, re
units = [u['mean_variance'] for u in json.load(open('eval.json'))['units']]
text = open('listed').read()
listed = [int(z) - 1 for z in re.findall(r'z(\d+)=', text)]
assert len(units) == 48 and len(listed) == 20 and '28 between' in text, text
assert max(units) == units[listed[0]] and min(units) == units[listed[-1]], text
assert all(units[a] >= units[b] for a, b in zip(listed, listed[1:])), text
P
python check.py || fail 'the units that eval lists'
expect 0 'variance by unit: z1=.* z2=.* z3=' "$latent" eval vq digits
for rows in all trained held-out; do "$latent" eval vq digits --rows $rows --json > "vq-$rows.json" 2> /dev/null || fail "eval --rows $rows"; done
train corrupted --model vq_vae --likelihood gaussian_optimal --codes 16 --places 4 --prior-units 8 --hidden 16 --latent 4 --corrupt mask=0.5
cmp -s vq/last.safetensors corrupted/last.safetensors && fail '--corrupt changes nothing in a VQ-VAE'
# Levels of codes: each place has one a level; a code is their vectors, and decodes to the reconstruction.
grep -q 'Through a code of 4 places, each of 3 levels of 16 codes' rvq/report.html || fail 'the verdict of levels of codes'
expect 0 'of 16 codes, mean of 3 levels, the least' "$latent" eval rvq digits
"$latent" encode rvq digits 2> /dev/null | "$latent" decode rvq - -o decoded.npy 2> /dev/null || fail 'codes of levels do not decode'
"$latent" reconstruct rvq digits -o reconstructed.npy 2> /dev/null
same decoded.npy reconstructed.npy
expect 0 "the prior" "$latent" sample rvq -n 9 -o rvq.npy
expect 2 'dcgan has no encoder' "$latent" train digits --model dcgan --corrupt mask=0.5 --out corrupted-gan

# With a discriminator the last weights count; a generator has no loss, which is said wherever losses are compared.
for run in aae vae_gan gan; do
  [ ! -e $run/best.safetensors ] || fail "$run kept weights by a loss that it does not follow"
  grep -q 'more epochs would not help' $run/report.html && fail "$run: advice by that loss"
done
grep -q 'no loss tells a better epoch' vae_gan/report.html || fail 'the advice of a VAE-GAN'
grep -q 'units of the code are in use,\|held-out rows fare' gan/report.html && fail 'claims of a generator that nothing looked at'
expect 0 'different kinds' "$latent" compare gan vae
expect 0 'no likelihood' "$latent" compare gan gan
expect 2 'has no likelihood' "$latent" tune digits --model dcgan --hidden 8 --latent 2,3 --epochs 2 --seeds 1 --out tuned-gan
[ ! -e tuned-gan ] || fail 'a tuning that cannot be compared was begun'

# Losses by their names; content is one for all settings.
expect 0 'reconstruction, squared_error, of rows held out; ' "$latent" tune digits --model autoencoder --hidden 8 --latent 2,3 --epochs 2 --seeds 1 --out tuned
expect 0 'negative ELBO, bernoulli, of rows held out, nats a row, at beta = 1' \
  "$latent" tune digits --hidden 8 --latent 2,3 --epochs 2 --seeds 1 --out tuned-vae
expect 2 '--size takes one value here' "$latent" tune photos --size 16,32 --out tuned-size

# Rows trained on are not called held out.
python3 - <<'PY' || fail 'numbers of the kinds'
import json, re
page = open('flat/report.html').read()
assert 'eld-out' not in re.sub(r'<svg.*?</svg>', '', page, flags=re.S), re.findall(r'.{60}eld-out.{40}', page)
gan = json.load(open('gan/summary.json'))['evaluation']
assert set(gan) == {'likelihood', 'rows', 'inputs', 'findings', 'discriminator_accuracy'}, gan
vq = {rows: json.load(open(f'vq-{rows}.json')) for rows in ('all', 'trained', 'held-out')}
assert len({e['sigma'] for e in vq.values()}) == 1, 'sigma is of the rows trained on, whatever is measured'
assert 1 <= vq['all']['codebook']['perplexity'] <= 16
total = vq['all']['rows'] * vq['all']['loss']['value']
parts = sum(vq[r]['rows'] * vq[r]['loss']['value'] for r in ('trained', 'held-out'))
assert abs(total - parts) < 1e-6 * abs(total), 'rows have numbers of their own'
PY

# Levels of bytes: no probabilities where values lie closer than their bins.
awk 'BEGIN { srand(2); for (i = 0; i < 60; ++i) print rand() "," rand() }' > real.csv
awk 'BEGIN { for (i = 0; i < 60; ++i) print int(i * 4.3) "," i % 256 }' > bytes.csv
logistic=(--likelihood discretized_logistic --scaling minmax --hidden 4 --latent 1 --epochs 2)
"$latent" train real.csv "${logistic[@]}" --out real > log 2>&1 || fail "train real: $(cat log)"
"$latent" train bytes.csv "${logistic[@]}" --out bytes > log 2>&1 || fail "train bytes: $(cat log)"
expect 0 'bits per dimension: none, .* closer than the bins' "$latent" eval real real.csv
expect 0 'bits per dimension [0-9.]* .- [0-9.]*$' "$latent" eval bytes bytes.csv
"$latent" eval real real.csv --json --k 0 2> /dev/null | python3 -c '
import json, sys
e = json.load(sys.stdin)
assert e["bits_per_dimension"] is None and not e["normalized"], e' || fail 'eval --json of real values'

# Sounds of a conditional model and of one with a codebook: reconstructed, drawn and played.
python3 - <<'PY' || fail 'no sounds'
import math, os, struct, wave
for folder, hertz in (('low', 300), ('high', 1500)):
    os.makedirs(f'sounds/{folder}')
    for i in range(6):
        with wave.open(f'sounds/{folder}/{i}.wav', 'wb') as w:
            w.setnchannels(1), w.setsampwidth(2), w.setframerate(8000)
            w.writeframes(b''.join(struct.pack('<h', int(9000 * math.sin(2 * math.pi * hertz * (1 + i / 20) * t / 8000))) for t in range(2000)))
PY
sounds=("$latent" train sounds --label folder --hidden 16 --latent 4 --epochs 2)
expect 0 'written' "${sounds[@]}" --condition label --out heard
expect 0 'written' "${sounds[@]}" --model vq_vae --codes 8 --places 4 --prior-units 8 --out heard-vq
for run in heard heard-vq; do
  grep -q 'sample 4 <audio' $run/report.html || fail "$run plays no samples"
  grep -q 'log-mel error .* dB, root mean square over' $run/report.html || fail "$run: the measure of sounds"
done
expect 0 'log-mel error .* root mean square over 12 windows' "$latent" reconstruct heard sounds --label folder -o back.wav

# A temperature of 0 is one, whatever else is drawn.
for i in $(seq 1 60); do echo "the cat number $i sat on a mat"; done > lines.txt
"$latent" train lines.txt --units 16 --embedding 8 --latent 4 --batch 16 --epochs 2 --out text > log 2>&1 || fail "train text: $(cat log)"
"$latent" sample text -n 3 > likeliest 2> /dev/null
"$latent" sample text -n 3 --token-temperature 0 --top-k 5 2> /dev/null | cmp - likeliest || fail '--token-temperature 0 draws'
"$latent" sample text -n 3 --top-k 5 2> /dev/null | cmp -s - likeliest && fail '--top-k draws nothing'
expect 2 'from 0 on' "$latent" sample text --token-temperature -1
expect 2 '--word-dropout' "$latent" train lines.txt --corrupt mask=0.5 --out corrupted-text
finish
