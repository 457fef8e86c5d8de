#!/bin/sh
# Puts OpenAI's Python client where the system tests look for it, and prints the interpreter that has it.
# A virtual environment of its own, made by the ordinary pip client. A second call does nothing.
set -eu

version=3.52.0
cache=${APPRENTICE_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set APPRENTICE_CACHE to a folder}/.cache}/apprentice}
target=$cache/openai-python-$version

fail() {
  printf 'clients/setup: %s\n' "$*" >&2
  exit 1
}

# Written last: its presence says that the environment is whole.
if [ -s "$target/ready" ]; then
  printf '%s\n' "$target/bin/python"
  exit 0
fi

mkdir -p "$cache" || fail "cannot create $cache: set APPRENTICE_CACHE to a folder you may write"
rm -rf "$target"
python3 -m venv "$target" || fail "python3 cannot make virtual environments (Debian: apt-get install python3-venv)"
"$target/bin/python" -m pip install --quiet --disable-pip-version-check "openai==$version" >&2 \
  || fail "pip could not install openai==$version (no network, or no package index; see the lines above)"
"$target/bin/python" -c "import openai; assert openai.__version__ == '$version', openai.__version__" \
  || fail "the environment in $target does not work; remove it and try again"
printf '%s\n' "$version" >"$target/ready"
printf '%s\n' "$target/bin/python"
