#!/usr/bin/env bash
# Installs the chart on a real control plane with simulated nodes and pods: install, test, upgrade, rollback, drain, autoscaling,
# what must be refused. The namespace enforces Pod Security restricted. No container runs: what the image does is not tested here.
#   cluster-test.sh CLUSTER_SH DIR   CLUSTER_SH up|down DIR starts and ends the control plane, built in DIR before
set -euo pipefail
[ -n "${BOUNDED:-}" ] || BOUNDED=1 exec timeout --kill-after=60 "${TOTAL:-30m}" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
cluster=$1 dir=$(cd "$2" && pwd)
read -ra helm <<<"${HELM:-helm}"
chart=$here/parley
work=$(mktemp -d) plane=$work/plane
stub=
cleanup() { # all that was started
  if [ -n "$stub" ]; then kill "$stub" 2>/dev/null || true; fi
  pids=$(cat "$plane"/*.pid 2>/dev/null || true)
  "$cluster" down "$plane" || true
  for _ in $(seq 20); do kill -0 $pids 2>/dev/null || break; sleep 0.5; done # the API server waits long for an etcd that has gone
  for pid in $pids; do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
begun=$SECONDS limit=${LIMIT:-300s} # of each change: on a quiet machine it takes 20 s
step() { printf '%4ss  %s\n' $((SECONDS - begun)) "$1"; }
fail() { echo "FAILED: $*" >&2; kubectl -n bots get pods,events 2>&1 | tail -30 >&2; exit 1; }
h() { "${helm[@]}" --namespace bots "$@" >"$work/helm.log" 2>&1 || { cat "$work/helm.log"; fail "helm $*"; }; }
ready() { kubectl -n bots get deployment bot-parley -o 'jsonpath={.status.readyReplicas}'; }
until_ready() { # the number of pods
  for _ in $(seq 300); do [ "$(ready)" != "$1" ] || return 0; sleep 1; done
  fail "$(ready) pods are ready after 300 s, not $1"
}

workers() { # of the pods, one a line
  kubectl -n bots get pods -l app.kubernetes.io/component=server -o 'jsonpath={range .items[?(@.status.phase=="Running")]}{.metadata.deletionTimestamp}{.spec.containers[0].env[?(@.name=="WORKERS")].value}{"\n"}{end}'
}
expect_workers() { # pods, processes in each
  for _ in $(seq 180); do [ "$(workers | sort | uniq -c | tr -s ' ')" != " $1 $2" ] || return 0; sleep 1; done # those that go take a moment
  fail "WORKERS reached the pods as: $(workers | tr '\n' ' '), not $1 times $2"
}

pods() { # the server's pods that run, those that are going with the time since when
  kubectl -n bots get pods -l app.kubernetes.io/component=server -o 'jsonpath={range .items[?(@.status.phase=="Running")]}{.metadata.deletionTimestamp}{.metadata.name}{"\n"}{end}' | sort
}
settled() { # so many pods are there, and none is going
  for _ in $(seq 180); do
    pods >"$work/pods"
    [ "$(wc -l <"$work/pods")" != "$1" ] || grep -qE '^[0-9]{4}-' "$work/pods" || return 0
    sleep 1
  done
  fail "pods are still going after 180 s: $(paste -sd' ' "$work/pods")"
}

step "start the control plane"
# The simulated nodes watch from version 0. The API server takes that for a stream of lists, which it refuses with an etcd older
# than 3.4.31: the watch ends at once, and the simulator looks again after 1, 2, 4 … 60 s only. So without that stream.
mkdir -p "$plane/bin"
ln -s "$dir"/bin/* "$plane/bin/"
rm "$plane/bin/kube-apiserver"
printf '#!/bin/sh\nexec "%s" "$@" --feature-gates=WatchList=false\n' "$dir/bin/kube-apiserver" >"$plane/bin/kube-apiserver"
chmod +x "$plane/bin/kube-apiserver"
"$cluster" up "$plane" >"$work/up.log" 2>&1 || { cat "$work/up.log"; fail "the control plane did not start"; }
export KUBECONFIG=$plane/kubeconfig
kubectl version 2>/dev/null | sed -n 's/^Server Version: /      Kubernetes /p'
kubectl create namespace bots >/dev/null
kubectl label namespace bots pod-security.kubernetes.io/enforce=restricted >/dev/null
for _ in $(seq 60); do kubectl -n bots get serviceaccount default >/dev/null 2>&1 && break; sleep 1; done
everything() { # in the namespace, of every kind that can be listed
  kubectl -n bots get "$(kubectl api-resources --namespaced --verbs=list -o name | grep -vE '^events|^endpointslices|^endpoints$|metrics.k8s.io' | paste -sd,)" -o name 2>/dev/null | sort
}
for _ in $(seq 60); do kubectl -n bots get configmap kube-root-ca.crt >/dev/null 2>&1 && break; sleep 1; done
everything >"$work/before"
grep -q configmap/kube-root-ca.crt "$work/before" || fail "what is in the namespace cannot be listed"

step "what must be refused"
refused() { # what the message says, then values
  if "${helm[@]}" -n bots install bot "$chart" --set "$2" >"$work/refused.log" 2>&1; then fail "not refused: $2"; fi
  grep -o -- "$1" "$work/refused.log" | sed 's/^/      /' || { cat "$work/refused.log"; fail "refused without saying $1: $2"; }
}
kubectl -n bots apply -f - >/dev/null <<K
apiVersion: v1
kind: Secret
metadata: {name: auth}
stringData: {token: one}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: in-memory}
data: {endpoints.yml: "", credentials.yml: "rest:"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: half}
data: {endpoints.yml: ""}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: one-node}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
K
refused 'auth.token.existingSecret: there is no Secret missing in the namespace bots' api.enabled=true,auth.token.existingSecret=missing
refused 'auth.token.existingSecret: the Secret auth in the namespace bots has no entry tokens' api.enabled=true,auth.token.existingSecret=auth,auth.token.key=tokens
refused 'extraEnvFrom: there is no Secret missing' 'extraEnvFrom[0].secretRef.name=missing'
refused 'extraEnv A: there is no ConfigMap missing' 'extraEnv[0].name=A,extraEnv[0].valueFrom.configMapKeyRef.name=missing,extraEnv[0].valueFrom.configMapKeyRef.key=a'
refused 'config.existingConfigMap: there is no ConfigMap missing' config.existingConfigMap=missing
refused 'config.existingConfigMap: the ConfigMap half in the namespace bots has no entry credentials.yml' config.existingConfigMap=half
refused 'the endpoints.yml of in-memory needs a tracker_store of type redis' config.existingConfigMap=in-memory,replicaCount=2
refused 'model.existingClaim: there is no PersistentVolumeClaim missing' model.source=pvc,model.existingClaim=missing
refused 'model.existingClaim: one-node is ReadWriteOnce' model.source=pvc,model.existingClaim=one-node
kubectl -n bots delete configmap half in-memory >/dev/null; kubectl -n bots delete pvc one-node --wait=false >/dev/null
if kubectl -n bots run bad --image=x --dry-run=server >"$work/bad.log" 2>&1; then fail "the namespace does not enforce restricted"; fi
grep -q 'violates PodSecurity' "$work/bad.log" || { cat "$work/bad.log"; fail "a pod was refused for another reason"; }

step "install with the default values, then helm test"
h install bot "$chart" --wait --timeout "$limit"
until_ready 1
h test bot --timeout "$limit"
step "upgrade to three pods with two workers, Redis for trials, policies, budgets"
h upgrade bot "$chart" --wait --timeout "$limit" --set replicaCount=3,workers=2,redis.mode=dev,redis.dev.force=true \
  --set networkPolicy.enabled=true,metrics.dashboard.enabled=true,metrics.serviceMonitor.enabled=auto,metrics.prometheusRule.enabled=auto
until_ready 3
expect_workers 3 2
nodes=$(kubectl -n bots get pods -l app.kubernetes.io/component=server -o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u | wc -l)
echo "      3 pods on $nodes nodes; $(kubectl -n bots get pdb,networkpolicy,configmap -o name | tr '\n' ' ')"
h test bot --timeout "$limit"

step "upgrade after a Secret has changed: new pods; after nothing has: none"
with_secret() { h upgrade bot "$chart" --wait --timeout "$limit" --reset-then-reuse-values --set api.enabled=true,auth.token.existingSecret=auth; until_ready 3; }
with_secret; settled 3; pods >"$work/pods-1"
with_secret; settled 3; pods >"$work/pods-2"
cmp -s "$work/pods-1" "$work/pods-2" || fail "pods were replaced though nothing has changed"
kubectl -n bots patch secret auth -p '{"stringData": {"token": "two"}}' >/dev/null
with_secret; settled 3; pods >"$work/pods-3"
[ -z "$(comm -12 "$work/pods-1" "$work/pods-3")" ] || fail "pods were not replaced after their Secret had changed: $(paste -sd' ' "$work/pods-3")"
h rollback bot 2 --wait --timeout "$limit"; settled 3

step "roll back, and forward again"
h rollback bot 1 --wait --timeout "$limit"
until_ready 1
expect_workers 1 1
h rollback bot 2 --wait --timeout "$limit"
until_ready 3
expect_workers 3 2

step "drain a node"
node=$(kubectl -n bots get pods -l app.kubernetes.io/component=server -o 'jsonpath={.items[0].spec.nodeName}')
(least=3; for _ in $(seq 1500); do n=$(ready); [ "${n:-0}" -ge "$least" ] || { least=${n:-0}; echo "$least" >"$work/least"; }; [ -e "$work/drained" ] && break; sleep 0.2; done) & watch=$!
kubectl drain "$node" --ignore-daemonsets --delete-emptydir-data --timeout="$limit" >"$work/drain.log" 2>&1 || { cat "$work/drain.log"; fail "the drain did not end"; }
until_ready 3
touch "$work/drained"; wait "$watch"
least=$(cat "$work/least" 2>/dev/null || echo 3)
[ "$least" -ge 2 ] || fail "only $least pods were ready during the drain"
echo "      at least $least of 3 pods were ready all the while"
kubectl uncordon "$node" >/dev/null

step "scale by turns in flight"
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
python3 "$here/metrics_stub.py" "$work" 60 >"$work/stub.log" 2>&1 & stub=$!
for _ in $(seq 50); do [ -s "$work/port" ] && break; sleep 0.1; done
kubectl apply -f - >/dev/null <<K
apiVersion: v1
kind: Service
metadata: {name: metrics-stub, namespace: bots}
spec: {type: ExternalName, externalName: localhost, ports: [{port: $(cat "$work/port")}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta2.custom.metrics.k8s.io}
spec: {group: custom.metrics.k8s.io, version: v1beta2, groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true,
  service: {name: metrics-stub, namespace: bots, port: $(cat "$work/port")}}
K
h upgrade bot "$chart" --wait --timeout "$limit" --set redis.mode=dev,redis.dev.force=true \
  --set autoscaling.enabled=true,autoscaling.cpu=0,autoscaling.inFlight=20,autoscaling.minReplicas=3,autoscaling.maxReplicas=12
last=; for _ in $(seq 300); do
  n=$(kubectl -n bots get deployment bot-parley -o 'jsonpath={.spec.replicas}')
  [ "$n" = "$last" ] || { step "   $n pods wanted"; last=$n; }
  [ "$n" != 12 ] || break
  sleep 1
done
[ "$last" = 12 ] || { kubectl -n bots describe hpa | tail -20; fail "the autoscaler stopped at $last pods of 12"; }

step "uninstall"
h uninstall bot --wait --timeout "$limit"
kubectl -n bots delete service/metrics-stub secret/auth >/dev/null
kubectl delete apiservice v1beta2.custom.metrics.k8s.io >/dev/null
for _ in $(seq 180); do # pods take a moment to go
  everything >"$work/after"
  left=$(comm -13 "$work/before" "$work/after")
  [ -n "$left" ] || break
  sleep 1
done
[ -z "$left" ] || fail "left behind: $left"
step "done"
