#!/bin/sh
# Puts real clients where the system tests look for them: OpenAI's for Python, and OpenAI's and Vercel's AI SDK for Node.
# Plain folders in the cache, filled by the ordinary pip and npm clients; versions are pinned here and in the lock file beside
# this script. A second call does nothing. Where a client cannot be had (no registry, no Node) that is said loudly and written
# down, and its tests say that they are skipped.
set -eu

python_version=3.52.0
node_version=6.49.0
here=$(cd "$(dirname "$0")" && pwd)
cache=${APPRENTICE_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set APPRENTICE_CACHE to a folder}/.cache}/apprentice}

# Why the folder cannot be filled; the next call tries again.
away() {
  printf '\n*** clients/setup: %s\n*** The tests that need it will be SKIPPED.\n\n' "$2" >&2
  printf '%s\n' "$2" >"$1/away"
}

python_client() {
  target=$cache/openai-python-$python_version
  python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || python=none
  # Written last: its presence says that the folder is whole; compiled parts fit one version of Python.
  [ "$(cat "$target/ready" 2>/dev/null)" = "$python" ] && return
  rm -rf "$target" && mkdir -p "$target"
  python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --target "$target" "openai==$python_version" >&2 \
    || { away "$target" "pip could not install openai==$python_version (no python3 or pip, or no package index; see the lines above)"; return; }
  PYTHONPATH=$target python3 -c "import openai; assert openai.__version__ == '$python_version', openai.__version__" \
    || { away "$target" "the client in $target does not work"; return; }
  printf '%s\n' "$python" >"$target/ready"
}

node_clients() {
  lock=$(cksum <"$here/package-lock.json" | cut -d' ' -f1)
  target=$cache/openai-node-$node_version
  [ "$(cat "$target/ready" 2>/dev/null)" = "$lock" ] && return
  rm -rf "$target" && mkdir -p "$target"
  cp "$here/package.json" "$here/package-lock.json" "$target/"
  # Scripts of packages are not run; what is installed is what the lock file's digests say.
  (cd "$target" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=2000) >&2 \
    || { away "$target" "npm could not install the clients of tests/clients/package.json (no Node 20 with npm, or no registry; see the lines above)"; return; }
  printf '%s\n' "$lock" >"$target/ready"
}

mkdir -p "$cache" || { printf 'clients/setup: cannot create %s: set APPRENTICE_CACHE to a folder you may write\n' "$cache" >&2; exit 1; }
python_client
node_clients
