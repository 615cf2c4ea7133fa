#!/usr/bin/env bash
# Checks the chart without a cluster: lint, schema, guards, every ci/*.yaml rendered for the oldest and the newest Kubernetes and
# held to their schemas, its pods to Pod Security restricted, its rules to their tests, its README to the values. A tool that is
# not there is said to be missing, and its check is printed as skipped; CI=true makes that an error.
#   HELM, KUBECONFORM, HELM_DOCS, PROMTOOL  the commands to use; SCHEMAS  a folder of Kubernetes' schemas (see schemas.py)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/parley"
read -ra helm <<<"${HELM:-helm}"
oldest=${KUBE_OLDEST:-1.27} newest=${KUBE_NEWEST:-1.37}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
step() { printf '%4ss  %s\n' "$SECONDS" "$1"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
missing=0
has() { command -v "$1" >/dev/null && return; echo "skipped: $2 (there is no $1)"; missing=1; return 1; }
render() { "${helm[@]}" template bot . --namespace bots --kube-version "$newest" "$@"; }

step "lint and render"
for values in default ci/*.yaml; do
  given=(); [ "$values" = default ] || given=(--values "$values")
  "${helm[@]}" lint --strict --quiet --kube-version "$newest" . "${given[@]}"
  name=$(basename "$values" .yaml)
  render "${given[@]}" >"$work/$newest-$name.yaml"
  render "${given[@]}" | cmp - "$work/$newest-$name.yaml" || fail "two renderings differ: $values"
  render "${given[@]}" --kube-version "$oldest" --set termination.preStopSleep=0,service.trafficDistribution= >"$work/$oldest-$name.yaml"
done

# Examples in the README are values, too; and helm prints the NOTES only when it installs.
sed '/^```yaml$/,/^```$/!d' README.md.gotmpl | awk -v dir="$work" '/^```yaml/ {n++; next} /^```/ {next} {print >(dir "/example-" n ".values")}'
for values in $(grep -l '^# values' "$work"/example-*.values); do
  render --values "$values" >"$work/$newest-$(basename "$values" .values).yaml" || fail "README.md: $(head -1 "$values")"
done
cp -r . "$work/notes" && mv "$work/notes/templates/NOTES.txt" "$work/notes"
printf 'kind: Notes\ntext: |\n{{ tpl (.Files.Get "NOTES.txt") . | indent 2 }}\n' >"$work/notes/templates/notes.yaml"
for values in ci/*.yaml; do
  "${helm[@]}" template bot "$work/notes" --namespace bots --kube-version "$newest" --values "$values" --show-only templates/notes.yaml >"$work/notes.txt" ||
    fail "NOTES.txt with $values"
done
mkdir -p "$work/around/charts" && cp -r . "$work/around/charts/parley" # as a part of another chart
printf 'apiVersion: v2\nname: around\nversion: 1.0.0\n' >"$work/around/Chart.yaml"
printf 'global: {of: all}\nparley: {replicaCount: 2, redis: {url: redis}}\n' >"$work/around/values.yaml"
"${helm[@]}" template bot "$work/around" --namespace bots --kube-version "$newest" >"$work/$newest-around.yaml"

grep -q OTEL_ "$work/$newest-default.yaml" && fail "traces are on by default"
for line in 'OTEL_EXPORTER_OTLP_ENDPOINT http://collector:4318' 'OTEL_SERVICE_NAME bot-parley' 'OTEL_TRACES_SAMPLER_ARG 0.1'; do
  [ "$(grep -A1 -- "- name: ${line% *}\$" "$work/$newest-everything.yaml" | sed -n 's/^ *value: "\(.*\)"/\1/p')" = "${line#* }" ] ||
    fail "ci/everything.yaml: want $line"
done

step "guards"
refused() { # what the message names, then the values
  local named=$1; shift
  if message=$(render "$@" 2>&1 >/dev/null); then fail "not refused: $*"; fi
  grep -qF -- "$named" <<<"$message" || fail "refused without naming $named: $*"$'\n'"$message"
}
while read -r named values; do
  [ -z "$named" ] || refused "$named" --set "$values"
done <"$here/tests/refused.txt"
refused preStopSleep --kube-version 1.29 --set termination.preStopSleep=5
refused trafficDistribution --kube-version 1.29 --set service.trafficDistribution=PreferClose

step "objects of Kubernetes $oldest and $newest"
if has "${KUBECONFORM:-kubeconform}" "the schemas of Kubernetes" && has python3 "the schemas of Kubernetes"; then
  if [ -z "${SCHEMAS:-}" ]; then SCHEMAS=$work/schemas; python3 "$here/schemas.py" "$SCHEMAS" "$oldest" "$newest"; fi
  for version in "$oldest" "$newest"; do
    # Objects of the operators have no schema there: podsecurity and the operators' own types are for them.
    "${KUBECONFORM:-kubeconform}" -strict -summary -kubernetes-version "$version.0" \
      -skip ServiceMonitor,PodMonitor,PrometheusRule,ScaledObject,HTTPRoute \
      -schema-location "$SCHEMAS/v$version/{{.ResourceKind}}{{.KindSuffix}}.json" "$work/$version"-*.yaml
  done
fi

step "Pod Security restricted, operators' types"
(cd "$here/tests" && RENDERED=$work go test -count=1 ./...)

step "rules and dashboard"
if has "${PROMTOOL:-promtool}" "the rules' own tests"; then
  promtool=${PROMTOOL:-promtool}
  "$here/rules.sh" "$work/rules.yaml"
  "$promtool" check rules "$work/rules.yaml"
  for every in 1m 15m; do "$here/rules.sh" "$work/rules-$every.yaml" "$every"; done
  cp "$here"/tests/alerts*.yaml "$work"
  "$promtool" test rules "$work/alerts-long.yaml" >"$work/long.log" & long=$!
  "$promtool" test rules "$work/alerts.yaml" >"$work/short.log" || { cat "$work/short.log"; fail "promtool test rules alerts.yaml"; }
  wait "$long" || { cat "$work/long.log"; fail "promtool test rules alerts-long.yaml"; }
  for alert in $(sed -n 's/^ *alert: //p' "$work/rules.yaml"); do
    grep -q "alertname=\"$alert\"" "$here"/tests/alerts*.yaml || fail "no test in which $alert fires"
  done
  python3 "$here/dashboard_queries.py" files/dashboard.json >"$work/dashboard.yaml"
  "$promtool" check rules "$work/dashboard.yaml"
fi

step "README"
if has "${HELM_DOCS:-helm-docs}" "README.md against values.yaml"; then
  "${HELM_DOCS:-helm-docs}" --chart-search-root . --sort-values-order file --dry-run --log-level warning 2>"$work/docs.log" | cmp -s - README.md ||
    { cat "$work/docs.log"; fail "README.md is not what helm-docs makes of values.yaml: run make chart-docs"; }
fi
step "done"
[ "$missing" = 0 ] || { [ -z "${CI:-}" ] || fail "tools are missing"; echo "some checks were skipped"; exit 0; }
