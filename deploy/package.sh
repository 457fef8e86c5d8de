#!/bin/sh
# Puts together what `make install` and `make deb` pack beside the programs: manual pages, completions, ONNX Runtime with its notices.
# Usage: deploy/package.sh PROGRAM OUT. PROGRAM is the built `apprentice`; OUT is written anew. The crates' notices are `make notices`'s.
set -eu
program=${1:?usage: deploy/package.sh PROGRAM OUT}
out=${2:?usage: deploy/package.sh PROGRAM OUT}
here=$(dirname "$0")

fail() {
  printf 'package: %s\n' "$*" >&2
  exit 1
}

[ -x "$program" ] || fail "$program is missing: build it with \`cargo build --locked --release\`"
rm -rf "$out/man" "$out/completions" "$out/onnxruntime"
mkdir -p "$out/completions" "$out/onnxruntime" || fail "cannot create $out"
"$program" man --out "$out/man"
"$program" completions bash > "$out/completions/apprentice.bash"
"$program" completions zsh > "$out/completions/_apprentice"
"$program" completions fish > "$out/completions/apprentice.fish"

# A cache of its own: one that was filled earlier may lack the notices.
library=$(APPRENTICE_CACHE=$out/cache sh "$here/setup-onnxruntime.sh")
for file in libonnxruntime.so LICENSE ThirdPartyNotices.txt; do
  [ -s "$(dirname "$library")/$file" ] || fail "$(dirname "$library")/$file is missing: remove $out/cache and try again"
  cp "$(dirname "$library")/$file" "$out/onnxruntime/"
done
