#!/bin/sh
# Puts a prebuilt llama.cpp and the reader and writer of its model files into the cache, for `make bench-student`, and prints their folder:
#   lib/           libllama and the CPU backends of ggml, a file for each kind of processor (MIT)
#   python/        the Python package gguf and what it imports, a folder for PYTHONPATH
# Both come by the ordinary npm and pip clients, pinned, and are checked against the digests below; nothing that a package
# would run when it is installed is run. A second call does nothing.
# Exit code 75: this machine cannot have them (the message says why); 1: something is wrong.
set -eu

release=1
llama=3.22.1
gguf=0.19.0
wheel=70bcd10edfe697fb2dad6e40af2234b9d8ece9a41a99761405121ebda1c3c1cd
cache=${APPRENTICE_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set APPRENTICE_CACHE to a folder}/.cache}/apprentice}
target=$cache/llama/$release

say() { printf 'setup-llama: %s\n' "$*" >&2; }
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
npm --version >/dev/null 2>&1 || cannot "npm is missing: it comes with Node, or as a package of its own (Debian: apt-get install npm)"

mkdir -p "$(dirname "$target")" || fail "cannot create $(dirname "$target"): set APPRENTICE_CACHE to a folder you may write"
free=$(df -Pk "$(dirname "$target")" | awk 'NR == 2 { print $4 }')
[ "$free" -ge 300000 ] || cannot "$(dirname "$target") has $((free / 1024)) MB left; fetching and unpacking need 300"
# Beside the target, so that the last step is a rename within one file system.
work=$(mktemp -d "$(dirname "$target")/.fetch.XXXXXX") || fail "cannot write in $(dirname "$target")"
trap 'rm -rf "$work"' EXIT INT TERM

check() {
  found=$(sha256sum "$1" | cut -d' ' -f1)
  [ "$found" = "$2" ] || fail "the sha256 of $(basename "$1") is $found and should be $2; nothing was installed"
}

say "fetching about 50 MB"
package=@node-llama-cpp/$platform@$llama
(cd "$work" && npm pack --silent "$package" >&2) || cannot "npm could not fetch $package (no network, or no registry that has it; see the lines above)"
check "$work/node-llama-cpp-$platform-$llama.tgz" "$binary"
mkdir "$work/out"
tar -xzf "$work/node-llama-cpp-$platform-$llama.tgz" -C "$work" "package/bins/$platform" package/LICENSE || fail "cannot unpack $package"
mv "$work/package/bins/$platform" "$work/out/lib"
mv "$work/package/LICENSE" "$work/out/lib/LICENSE"

python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$work/wheels" "gguf==$gguf" >&2 \
  || cannot "pip could not fetch gguf==$gguf (no network, or no package index that has it; see the lines above)"
check "$work/wheels/gguf-$gguf-py3-none-any.whl" "$wheel"
# A plain folder for PYTHONPATH, not a virtual environment: on Debian that would need one package more.
python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --only-binary=:all: --target "$work/out/python" \
  "$work/wheels/gguf-$gguf-py3-none-any.whl" >&2 || cannot "pip could not install gguf==$gguf (see the lines above)"

printf '%s\n' "$release" >"$work/out/ready"
rm -rf "$target"
mv "$work/out" "$target" || fail "cannot write $target"
printf '%s\n' "$target"
