#!/usr/bin/env bash
# Writes the chart's rules as Prometheus and promtool read them: rules.sh FILE [INTERVAL].
# With an INTERVAL all groups are evaluated as often. HELM is the command to use.
set -euo pipefail
read -ra helm <<<"${HELM:-helm}"
"${helm[@]}" template bot "$(dirname "$0")/parley" --namespace bots --kube-version "${KUBE_NEWEST:-1.37}" \
  --set metrics.prometheusRule.enabled=true --show-only templates/prometheusrule.yaml |
  sed -n "/^  groups:/,\$p" | sed "${2:+s/^      interval: .*/      interval: $2/}" >"$1"
