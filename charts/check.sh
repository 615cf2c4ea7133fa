#!/usr/bin/env bash
# Lints and renders the chart: the default values, every ci/*.yaml, and values that must be refused. HELM is the command to use.
set -euo pipefail
cd "$(dirname "$0")/parley"
read -ra helm <<<"${HELM:-helm}"
render() { "${helm[@]}" template bot . --namespace bots --kube-version "${KUBE_VERSION:-1.30}" "$@"; }

for values in "" ci/*.yaml; do
  given=(); [ -z "$values" ] || given=(--values "$values")
  "${helm[@]}" lint --strict --quiet . "${given[@]}"
  [ "$(render "${given[@]}" | sha256sum)" = "$(render "${given[@]}" | sha256sum)" ] || { echo "two renderings differ: ${values:-default}"; exit 1; }
done

refused() { # what the message names, then the values
  local named=$1; shift
  if message=$(render "$@" 2>&1 >/dev/null); then echo "not refused: $*"; exit 1; fi
  grep -qF -- "$named" <<<"$message" || { printf 'refused without naming %s: %s\n%s\n' "$named" "$*" "$message"; exit 1; }
}
refused redis.url --set replicaCount=2
refused redis.url --set workers=2
refused redis.url --set autoscaling.enabled=true
refused config.existingConfigMap --set redis.url=r,config.existingConfigMap=c
refused config.endpoints --set config.existingConfigMap=c,config.endpoints.nlg.url=u
refused config.endpoints.tracker_store --set config.endpoints.tracker_store.type=redis
refused auth.token.existingSecret --set api.enabled=true
refused model.existingClaim --set model.source=pvc
refused api.enabled --set model.source=none
refused autoscaling.minReplicas --set redis.url=r,autoscaling.enabled=true,autoscaling.minReplicas=11
refused autoscaling.inFlight --set redis.url=r,autoscaling.enabled=true,autoscaling.cpu=0
refused resources.requests.cpu --set redis.url=r,autoscaling.enabled=true,resources.requests.cpu=null
refused ingress.hosts --set ingress.enabled=true
refused adminService.enabled --set metrics.serviceMonitor.enabled=true,adminService.enabled=false
refused replicacount --set replicacount=2
refused service --set service.port=70000
echo "the chart renders, and refuses what it must"
