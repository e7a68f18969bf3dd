#!/usr/bin/env bash
# From a folder of pictures to codes, neighbors, heat maps and filled-in holes, by the program alone: it also makes the pictures.
source "$(dirname "$0")/lib.sh"
export LATENT_CACHE=$folder/cache
small_models

# A model's pictures, a file each, are a folder to train on; each class in a folder of its own.
expect 0 'samples' "$latent" sample vae -n 40 --seed 1 -o photos/a/
expect 0 'samples' "$latent" sample vae -n 40 --seed 2 -o photos/b/
[ "$(ls photos/*/*.png | wc -l)" = 80 ] || fail "not 80 pictures"
train=("$latent" train photos --label folder --hidden 32 --latent 3 --epochs 3 --batch 16)
expect 0 '80 pictures of 8 x 8 (height x width), grey' "${train[@]}" --out p
expect 0 'finished: nothing is done' "${train[@]}" --out p
expect 0 'brought to 16 x 12 (height x width) by pad, in colour' \
  "${train[@]}" --size 16x12 --fit pad --colour rgb --augment flip,shift=1,crop=0.8 --corrupt gaussian=0.1,mask=0.2 --out q
grep -q 'augment = \["flip","shift=1","crop=0.8"\]' q/config.toml || fail "config.toml lacks augment"

# The same bits on two threads, and after a stop.
"${train[@]}" --augment flip,shift=2 --corrupt salt=0.1,block=0.3 --out one 2> /dev/null
"${train[@]}" --augment flip,shift=2 --corrupt salt=0.1,block=0.3 --threads 2 --out two 2> /dev/null
same one/last.safetensors two/last.safetensors
"${train[@]}" --augment flip,shift=2 --corrupt salt=0.1,block=0.3 --max-time 0.001s --save-every 0 --out stopped 2> /dev/null
"${train[@]}" --augment flip,shift=2 --corrupt salt=0.1,block=0.3 --out stopped 2> /dev/null
same one/best.safetensors stopped/best.safetensors

# Names of files, in CSV, in a file of their own, in JSON; codes with names decode.
expect 0 'codes of 3 units for 80 rows' "$latent" encode p photos -o codes.csv --names names.txt
[ "$(head -1 codes.csv)" = name,z1,z2,z3 ] || fail "head of codes.csv"
[ "$(sed -n 2p codes.csv | cut -d, -f1)" = a/00001.png ] || fail "first name in codes.csv"
[ "$(sed -n 41p names.txt)" = b/00001.png ] || fail "41st name"
expect 0 'decoded' "$latent" decode p codes.csv -o decoded/
[ "$(ls decoded | wc -l)" = 80 ] || fail "not 80 decoded pictures"
expect 0 '"name": "[ab]/000' "$latent" neighbors p photos --row 0 -k 3 --json
expect 0 'name,query,rank,row,distance' "$latent" neighbors p photos --query photos/b/00003.png -k 2
expect 0 '^b/00003.png,0,1,42,0' "$latent" neighbors p photos --query photos/b/00003.png -k 2
expect 0 '1 strip of 5 rows' "$latent" interpolate p photos/a/00001.png photos/b/00001.png --steps 5 -o strip.png
expect 2 'given twice' "$latent" interpolate p photos/a/00001.png photos/b/00001.png --to photos/a/00002.png -o strip.png
expect 0 'bits per dimension' "$latent" eval p photos --label folder
expect 0 'a linear probe' "$latent" probe p photos --label folder

# A file that lies in no class, and a class that training had not.
cp -r photos more
cp photos/a/00001.png more/alone.png
expect 3 'the file lies in none' "$latent" plan more --label folder --validation 0
mkdir more/c && mv more/alone.png more/c
expect 3 'without the class "c"' "$latent" encode p more --label folder -o codes.csv

# Heat maps: a picture of the strangest, numbers of all.
expect 0 'white from' "$latent" score p photos -o scores.csv --heatmap heat.png --shown 4
grep -q '^name,score,zscore,pca' scores.csv || fail "head of scores.csv"
expect 0 'squared errors of the pixels of 80 rows' "$latent" score p photos -o scores.csv --heatmap heat.npy
expect 2 '.png or .npy' "$latent" score p photos -o scores.csv --heatmap heat.gif
written heat.png

# What a mask's white hides is filled in; all else stays as it is.
printf 'P2 8 8 1\n%s\n' "$(for y in 1 2 3 4 5 6 7 8; do echo '0 0 0 0 1 1 1 1'; done)" > mask.pgm
expect 0 'reconstruction' "$latent" reconstruct p photos --mask mask.pgm -o filled.png
expect 0 'reconstructions of 80 rows' "$latent" reconstruct p photos --mask mask.pgm --steps 3 -o filled.csv
cat > check.py <<'P'
import csv, struct
rows = [[float(v) for v in r[1:]] for r in list(csv.reader(open('filled.csv')))[1:]]
assert len(rows) == 80 and len(rows[0]) == 64
left = [r[8 * y + x] for r in rows for y in range(8) for x in range(4)]
right = [r[8 * y + x] for r in rows for y in range(8) for x in range(4, 8)]
assert all(v == int(v) and 0 <= v <= 255 for v in left), 'known pixels are as they were'
assert any(v != int(v) for v in right), 'the hole is filled in by the model'
b = open('heat.npy', 'rb').read()
assert b"'shape': (80, 8, 8)" in b[:128], b[:128]
P
python check.py
printf 'P2 1 1 1\n1\n' > white.pgm
expect 2 'of one colour' "$latent" reconstruct p photos --mask white.pgm -o filled.png

# Bad files: the first stops before training, or all are left out and named.
printf 'GIF89a' > photos/a/z.gif
head -c 60 photos/a/00001.png > photos/b/short.png
expect 3 'photos/a/z.gif.*a GIF picture; PNG, JPEG and PNM pictures can be read' "${train[@]}" --out bad
expect 3 'skip-bad' "$latent" encode p photos -o codes.csv
expect 0 'left out 2 files' "$latent" encode p photos --skip-bad -o codes.csv
expect 0 'b/short.png: the PNG picture cannot be read' "${train[@]}" --skip-bad --out bad
mkdir empty text
echo 'Call me Ishmael.' > text/a.txt
expect 3 'the folder holds no files' "$latent" train empty
expect 3 'none of the first files' "$latent" train text
expect 2 'HEIGHTxWIDTH' "$latent" train photos --skip-bad --size 8y8
expect 2 'did you mean "flip"' "$latent" train photos --skip-bad --augment flop
expect 2 'did you mean "mask"' "$latent" train photos --skip-bad --corrupt mas=0.1
expect 2 'size was given, but' "$latent" train filled.csv --size 8
# One picture trains without a held-out part; pictures smaller than the strides are named.
expect 0 'written: single' "$latent" train photos/a/00001.png --validation 0 --epochs 1 --out single
expect 2 'dcgan' "$latent" train photos --skip-bad --size 2 --encoder dcgan --out tiny
expect 0 'images from an archive' sh -c "tar -cf p.tar -C photos --exclude=z.gif --exclude=short.png a b && '$latent' encode p p.tar -o codes.csv 2>&1 | sed 's/80 rows/images from an archive/'"
finish
