#!/bin/sh
# Runs cargo-deny. Advisories need their database from the network; where it cannot be had the rest still counts.
set -eu
command -v cargo-deny >/dev/null 2>&1 || {
  echo "audit: cargo-deny is missing; install it with: cargo install --locked cargo-deny" >&2
  exit 1
}
cargo deny --locked check --hide-inclusion-graph bans licenses sources
if cargo deny --locked fetch >/dev/null 2>&1; then
  cargo deny --locked check advisories
else
  echo "audit: the advisory database cannot be had here; bans, licences and sources were checked" >&2
fi
