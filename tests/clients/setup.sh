#!/bin/sh
# Puts OpenAI's Python client where the system tests look for it, and prints that folder.
# A plain folder for PYTHONPATH, filled by the ordinary pip client; virtual environments would need
# one Debian package more. A second call does nothing.
set -eu

version=3.52.0
cache=${APPRENTICE_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set APPRENTICE_CACHE to a folder}/.cache}/apprentice}
target=$cache/openai-python-$version

fail() {
  printf 'clients/setup: %s\n' "$*" >&2
  exit 1
}

python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "python3 is missing (Debian: apt-get install python3 python3-pip)"

# Written last: its presence says that the folder is whole; compiled parts fit one version of Python.
if [ "$(cat "$target/ready" 2>/dev/null)" = "$python" ]; then
  printf '%s\n' "$target"
  exit 0
fi

mkdir -p "$cache" || fail "cannot create $cache: set APPRENTICE_CACHE to a folder you may write"
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --target "$target" "openai==$version" >&2 \
  || fail "pip could not install openai==$version (no pip, no network, or no package index; see the lines above)"
PYTHONPATH=$target python3 -c "import openai; assert openai.__version__ == '$version', openai.__version__" \
  || fail "the client in $target does not work; remove it and try again"
printf '%s\n' "$python" >"$target/ready"
printf '%s\n' "$target"
