#!/bin/sh
# Puts ONNX Runtime's shared library where the program looks for it, its licence and notices beside it, and prints the path.
# The library comes out of the official Python wheel, fetched by the ordinary pip client and checked
# against the digest below; Python itself is not needed afterwards. A second call does nothing.
set -eu

version=1.31.1
cache=${APPRENTICE_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set APPRENTICE_CACHE to a folder}/.cache}/apprentice}
target=$cache/onnxruntime/$version/libonnxruntime.so

fail() {
  printf 'setup-onnxruntime: %s\n' "$*" >&2
  exit 1
}

if [ -s "$target" ]; then
  printf '%s\n' "$target"
  exit 0
fi

[ "$(uname -s)" = Linux ] || fail "only Linux is prepared here: install ONNX Runtime >= 1.31 and set ORT_DYLIB_PATH to its shared library"
machine=$(uname -m)
case $machine in
  x86_64) digest=1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536 ;;
  aarch64) digest=0b9a492176886992e0e875f06bc0367e333f5fff11711a2d642e18b02f3009cc ;;
  *) fail "no wheel is known for $machine: build ONNX Runtime >= 1.31 and set ORT_DYLIB_PATH to its shared library" ;;
esac

if python3 -m pip --version >/dev/null 2>&1; then
  pip="python3 -m pip"
elif command -v pip3 >/dev/null 2>&1; then
  pip=pip3
elif command -v pip >/dev/null 2>&1; then
  pip=pip
else
  fail "Python's pip is not installed (Debian: apt-get install python3-pip); or set ORT_DYLIB_PATH to a library you have"
fi

mkdir -p "$(dirname "$target")" || fail "cannot create $(dirname "$target"): set APPRENTICE_CACHE to a folder you may write"
# Beside the target, so that the last step is a rename within one file system.
work=$(mktemp -d "$(dirname "$target")/.fetch.XXXXXX") || fail "cannot write in $(dirname "$target")"
trap 'rm -rf "$work"' EXIT INT TERM

# A fixed Python version and platform give one wheel, hence one digest, whatever runs here.
# shellcheck disable=SC2086 # $pip may be several words
$pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
  --platform "manylinux_2_28_$machine" --dest "$work" "onnxruntime==$version" >&2 \
  || fail "pip could not fetch onnxruntime==$version (no network, or no package index; see the lines above)"

wheel=
for file in "$work"/*.whl; do
  [ -f "$file" ] && wheel=$file
done
[ -n "$wheel" ] || fail "pip reported success and left no wheel in $work"
found=$(sha256sum "$wheel" | cut -d' ' -f1)
[ "$found" = "$digest" ] || fail "the wheel's sha256 is $found and should be $digest; nothing was installed"

if command -v unzip >/dev/null 2>&1; then
  unzip -q -o "$wheel" "onnxruntime/capi/libonnxruntime.so.$version" onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt -d "$work" \
    || fail "cannot unpack $wheel"
elif command -v python3 >/dev/null 2>&1; then
  python3 -m zipfile -e "$wheel" "$work" || fail "cannot unpack $wheel"
else
  fail "neither unzip nor python3 is installed, and the wheel must be unpacked"
fi
for notice in LICENSE ThirdPartyNotices.txt; do
  mv -f "$work/onnxruntime/$notice" "$(dirname "$target")/$notice" || fail "cannot write in $(dirname "$target")"
done
mv -f "$work/onnxruntime/capi/libonnxruntime.so.$version" "$target" || fail "cannot write $target"
printf '%s\n' "$target"
