#!/usr/bin/env bash
# Measures turns over the rest channel: parley with the starter bot beside a floor, the least that a turn can cost with the same
# HTTP server and no dialogue. Both run on this machine in the same minutes, in turns; the ratios are what counts.
#
#   make bench                       DURATION=5 ROUNDS=3 CONNECTIONS="1 16 64" SENDERS=1000
#   REDIS=1 make bench               both over a redis-server of their own: the floor takes and gives back a key by two scripts
set -euo pipefail
cd "$(dirname "$0")/.."
duration=${DURATION:-5} rounds=${ROUNDS:-3} connections=${CONNECTIONS:-1 16 64}
export SENDERS=${SENDERS:-1000}
shared=${SHARED:?the folder that holds bench/floor; make bench knows it}/bench
parley_port=${PARLEY_PORT:-5915} floor_port=${FLOOR_PORT:-5999}

if ! command -v wrk >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "bench: wrk is missing; install it (apt-get install wrk)" >&2; exit 1; }
  apt-get install -qq -y wrk >/dev/null || { apt-get update -qq && apt-get install -qq -y wrk >/dev/null; }
fi
[ -d "$shared/floor" ] || { echo "bench: the floor is missing: there is no $shared/floor" >&2; exit 1; }

work=$(mktemp -d)
pids=() redis='' floor_args=() parley_args=()
finish() {
  for pid in "${pids[@]}" $redis; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

now() { date +%s%N; }
seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (b - a) / 1e9 }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# "1.23ms" as milliseconds
milliseconds() { awk -v v="$1" 'BEGIN { n = v + 0; if (v ~ /us$/) n /= 1000; else if (v !~ /ms$/ && v ~ /s$/) n *= 1000; printf "%.3f", n }'; }
answer() { curl -sf -o /dev/null -d '{"sender":"first","message":"hi"}' -H 'Content-Type: application/json' "http://127.0.0.1:$1/webhooks/rest/webhook"; }
await() { # port pid
  until answer "$1"; do
    kill -0 "$2" 2>/dev/null || { echo "bench: the server on port $1 died:" >&2; cat "$work"/*.log >&2; exit 1; }
  done
}

if [ -n "${REDIS:-}" ]; then
  command -v redis-server >/dev/null || { echo "bench: redis-server is missing; install it (apt-get install redis-server)" >&2; exit 1; }
  redis_port=${REDIS_PORT:-6391}
  redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$work" --save '' --loglevel warning >"$work/redis.log" 2>&1 &
  redis=$!
  for kind in tracker_store lock_store; do echo "$kind: {type: redis, url: 127.0.0.1, port: $redis_port}"; done >"$work/endpoints.yml"
  floor_args=(-redis "127.0.0.1:$redis_port")
  parley_args=(--endpoints "$work/endpoints.yml")
fi
make -s build
go build -C "$shared/floor" -o "$work/floor" .

start=$(now)
(cd examples/starter && ../../bin/parley train --out "$work/models" --quiet >"$work/train.log" 2>&1)
trained=$(seconds "$start" "$(now)")

serve() { # both, anew: conversations in memory grow with every turn
  [ -z "$redis" ] || redis-cli -p "$redis_port" flushall >"$work/redis.log"
  "$work/floor" -addr "127.0.0.1:$floor_port" "${floor_args[@]}" >"$work/floor.log" 2>&1 &
  floor=$!
  pids=("$floor")
  await "$floor_port" "$floor"
  local start
  start=$(now)
  ./bin/parley run -m "$work/models" -i 127.0.0.1 -p "$parley_port" --quiet "${parley_args[@]}" >"$work/parley.log" 2>&1 &
  parley=$!
  pids+=("$parley")
  await "$parley_port" "$parley"
  seconds "$start" "$(now)" >>"$work/started"
  echo >>"$work/started"
}
stop() {
  for pid in "$floor" "$parley"; do
    awk '/VmHWM/ { printf "%.1f MiB\n", $2 / 1024 }' "/proc/$pid/status"
  done | paste -sd' ' >"$work/memory"
  kill "$floor" "$parley"
  wait "$floor" "$parley" 2>/dev/null || true
  pids=()
}

measure() { # name port connections
  local out threads=$(($3 < 2 ? 1 : 2))
  out=$(wrk -t "$threads" -c "$3" -d "${duration}s" --latency -s "$shared/chat.lua" "http://127.0.0.1:$2") ||
    { echo "bench: $1 with $3 connections failed; its last lines:" >&2; tail -5 "$work/$1.log" >&2; exit 1; }
  if grep -q 'Non-2xx\|Socket errors' <<<"$out"; then
    echo "bench: $1 with $3 connections: $(grep 'Non-2xx\|Socket errors' <<<"$out")" >&2
  fi
  awk '/Requests\/sec/ { print $2 }' <<<"$out" >>"$work/$1.$3.rate"
  milliseconds "$(awk '$1 == "50%" { print $2 }' <<<"$out")" >>"$work/$1.$3.p50" && echo >>"$work/$1.$3.p50"
  milliseconds "$(awk '$1 == "99%" { print $2 }' <<<"$out")" >>"$work/$1.$3.p99" && echo >>"$work/$1.$3.p99"
}

printf 'turns of the starter bot, %s rounds of %s s, %s conversations a thread, %s processors\n\n' "$rounds" "$duration" "$SENDERS" "$(nproc)"
printf '%-12s %12s %12s %8s %12s %12s %12s %12s %12s\n' connections 'floor /s' 'parley /s' ratio 'floor p50' 'parley p50' 'floor p99' 'parley p99' 'peak memory'
for c in $connections; do
  serve
  for _ in $(seq "$rounds"); do
    measure floor "$floor_port" "$c"
    measure parley "$parley_port" "$c"
  done
  stop
  for name in floor parley; do
    for what in rate p50 p99; do
      declare "${name}_$what=$(median <"$work/$name.$c.$what")"
    done
  done
  # shellcheck disable=SC2154 # declared above
  printf '%-12s %12.0f %12.0f %8.2f %9.3f ms %9.3f ms %9.3f ms %9.3f ms %12s\n' "$c" "$floor_rate" "$parley_rate" \
    "$(awk -v p="$parley_rate" -v f="$floor_rate" 'BEGIN { print p / f }')" "$floor_p50" "$parley_p50" "$floor_p99" "$parley_p99" "$(cut -d" " -f3,4 "$work/memory")"
done
printf '\nstart to first answer %s s\n' "$(median <"$work/started")"
printf 'training              %s s\n' "$trained"
