#!/bin/sh
# Looks at what packages are made of, by the tools of each kind: unit, Helm chart, Dockerfile, compose file, scripts. A tool that is missing is
# named, and its part left out; what a tool finds fails. Where each tool is to be had: README.md beside this file.
# shellcheck disable=SC2317 # functions are called by `part`
set -u
cd "$(dirname "$0")" || exit 1
program=${APPRENTICE:-../target/debug/apprentice}
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM

part() {
  name=$1
  shift
  if "$@"; then printf 'ok       %s\n' "$name"; else printf 'FAILED   %s\n' "$name"; failed=1; fi
}

has() {
  command -v "$1" > /dev/null 2>&1 && return 0
  printf 'SKIPPED  %s: %s is not installed\n' "$2" "$1"
  return 1
}

# The program need not be installed, nor its manual, for its unit to be looked at.
unit() {
  sed -e 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' -e '/^Documentation=/d' apprentice.service > "$work/apprentice.service"
  systemd-analyze verify "$work/apprentice.service" || return
  systemd-analyze security --offline=yes --threshold=15 "$work/apprentice.service" > "$work/score"
  scored=$?
  tail -n 1 "$work/score"
  return "$scored"
}

# Plain and with everything switched on; into files, for those who look at them next.
chart() {
  helm lint --strict --quiet helm/apprentice && helm lint --strict --quiet helm/apprentice --values helm/apprentice/ci/full-values.yaml \
    && helm template release helm/apprentice > "$work/plain.yaml" \
    && helm template release helm/apprentice --values helm/apprentice/ci/full-values.yaml > "$work/full.yaml"
}

# What the program says of the configuration that a chart renders; a base that is not here is no fault of the chart's.
rendered() {
  for values in plain full; do
    sed -n '/^  apprentice.toml: |/,/^---/p' "$work/$values.yaml" | sed -e '1d' -e '/^---/d' -e 's/^    //' \
      -e 's/^enabled = true/enabled = false/' > "$work/$values.toml"
    "$program" check --config "$work/$values.toml" > "$work/said" || { cat "$work/said"; return 1; }
  done
}

compose() {
  OPENAI_API_KEY=key APPRENTICE_ADMIN_TOKEN=token $1 --file docker/compose.yml config --quiet
}

# The image's root without an image: small enough, and the program runs in it (chroot is root's alone).
image_root() {
  docker/root.sh ../target/release ../target/package "$work/root" > "$work/size" || return
  cat "$work/size"
  [ "$(sed 's/ MB//' "$work/size")" -le 120 ] || { echo "the image's root should have 120 MB at most"; return 1; }
  [ "$(id -u)" = 0 ] || { echo "only put together: to run in it this has to be root"; return 0; }
  chroot "$work/root" /usr/local/bin/apprentice version --verbose > /dev/null
}

has systemd-analyze unit && part 'unit: systemd-analyze verify, security' unit
if has helm chart; then
  part 'chart: helm lint, helm template' chart
  has "$program" "the chart's configuration" && part "the chart's configuration: apprentice check" rendered
  has kubernetes-validate "the chart's objects" \
    && part "the chart's objects: kubernetes-validate" kubernetes-validate --quiet --strict --kubernetes-version 1.34 "$work/plain.yaml" "$work/full.yaml"
fi
has hadolint Dockerfile && part 'Dockerfile: hadolint' hadolint docker/Dockerfile
if [ -s ../target/release/apprentice ] && [ -s ../target/package/notices.txt ]; then
  part "the image's root: put together, started" image_root
else
  printf "SKIPPED  the image's root: run \`make package notices\` first\n"
fi
if docker compose version > /dev/null 2>&1; then
  part 'compose.yml: docker compose config' compose 'docker compose'
elif has docker-compose compose.yml; then
  part 'compose.yml: docker-compose config' compose docker-compose
fi
has shellcheck scripts && part 'scripts: shellcheck' shellcheck ./*.sh docker/*.sh
exit $failed
