#!/bin/sh
# Writes OUT/sbom.cdx.json: the crates that are inside the programs, as CycloneDX. Usage: deploy/sbom.sh OUT; `make sbom`.
set -eu
out=${1:?usage: deploy/sbom.sh OUT}
mkdir -p "$out"
# The tool writes beside every member's manifest; what it wrote there goes again, whatever happens.
name=apprentice-sbom
trap 'rm -f src/*/"$name".json tests/harness/"$name".json' EXIT INT TERM
cargo cyclonedx --quiet --manifest-path src/apprentice/Cargo.toml --format json --spec-version 1.5 --target all \
  --no-build-deps --override-filename "$name"
mv "src/apprentice/$name.json" "$out/sbom.cdx.json"
printf '%s\n' "$out/sbom.cdx.json"
