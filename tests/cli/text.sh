#!/usr/bin/env bash
# Text from file to verbs: what is recognized, told and kept, and what bad files are told.
source "$(dirname "$0")/lib.sh"

for i in $(seq 1 120); do echo "the cat number $i sat on a mat"; done > lines.txt
gzip -k lines.txt
sizes="--units 16 --embedding 8 --latent 4 --batch 16"
small="$sizes --epochs 2"
expect 0 'text_vae' "$latent" train lines.txt.gz $small --out runs/a
expect 0 'perplexity' "$latent" eval runs/a/best.safetensors lines.txt --k 5
# The model file alone, in another place, reads and writes text.
mkdir -p elsewhere && cp runs/a/best.safetensors elsewhere/model && rm -r runs/a
cd elsewhere
"$latent" sample model -n 3 > samples 2> /dev/null
[ "$(wc -l < samples)" -ge 3 ] || fail 'samples are no lines'
"$latent" sample model -n 3 --threads 2 2> /dev/null | cmp - samples || fail 'other bits on two threads'
expect 0 'nearest of 120' "$latent" neighbors model ../lines.txt --sentence 'the cat' --k 2 -o near.txt
head -n 1 near.txt | grep -qx 'the cat' || fail 'the query is not repeated'
"$latent" interpolate model 'the cat' 'a mat' --steps 4 2> /dev/null > strip
[ "$(wc -l < strip)" -ge 4 ] || fail 'no strip of four'
expect 0 'reconstructions of 120' "$latent" reconstruct model ../lines.txt --beam 2 -o again.txt
expect 0 'codes of 4 units for 120' "$latent" encode model ../lines.txt -o codes.npy
cd ..
# Characters that the vocabulary has not got are counted.
expect 0 '' "$latent" train lines.txt $small --unit chars --out runs/chars
printf 'the cat \xc3\xa9\xc3\xa9\n' > strange.txt
expect 0 '2 unknown to the vocabulary' "$latent" encode runs/chars strange.txt -o codes.npy
expect 0 '1 unknown' "$latent" interpolate runs/chars 'the cat' 'the cat!' -o strip.txt
# Bad files say where they are bad.
printf 'one\ntw\xe9\n' > latin.txt
expect 3 'byte 6' "$latent" train lines.txt $small --validation latin.txt --out runs/b
expect 3 'byte 6' "$latent" train latin.txt $small --out runs/b
printf 'one\ntwo\0three\n' > nul.txt
expect 3 '7' "$latent" train nul.txt --content text $small --out runs/b
printf '\n\n\n' > empty.txt
expect 3 'no line holds' "$latent" train empty.txt --content text $small --out runs/b
: > nothing.txt
expect 3 'empty' "$latent" train nothing.txt --out runs/b
# Crossed kinds.
expect 2 'text_vae or text_autoencoder' "$latent" train lines.txt --model vae --out runs/b
expect 2 'is for text' "$latent" train digits --model text_vae --out runs/b
expect 2 'not scaled' "$latent" train lines.txt --scaling minmax --out runs/b
"$latent" train digits --hidden 8 --latent 2 --epochs 1 --out digits > /dev/null 2>&1
expect 2 'no data set or file named "a"' "$latent" interpolate digits a b -o strip.npy
expect 2 'no temperature' "$latent" sample digits --top-k 3 -o samples.npy
# Stopped and gone on with is the same as in one go, on any number of threads.
for cell in gru lstm; do
  "$latent" train lines.txt $small --cell $cell --word-dropout 0.2 --out whole > /dev/null 2>&1
  "$latent" train lines.txt $sizes --cell $cell --word-dropout 0.2 --epochs 1 --threads 2 --out parts > /dev/null 2>&1
  "$latent" train lines.txt $small --cell $cell --word-dropout 0.2 --threads 2 --out parts > /dev/null 2>&1
  same whole/last.safetensors parts/last.safetensors
  for threads in 4 8; do
    "$latent" train lines.txt $small --cell $cell --word-dropout 0.2 --threads $threads --out many > /dev/null 2>&1
    same whole/last.safetensors many/last.safetensors
    rm -r many
  done
  rm -r whole parts
done
finish
