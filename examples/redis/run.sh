#!/usr/bin/env bash
# Starts a redis-server of its own and serves the starter bot over it with several worker processes, until Ctrl-C (make run-redis).
#
#   WORKERS=4 PORT=5005 ADMIN_PORT=9090 REDIS_PORT=6390 examples/redis/run.sh bin/parley
set -euo pipefail
parley=$(realpath "${1:-bin/parley}")
export WORKERS=${WORKERS:-4} REDIS_PORT=${REDIS_PORT:-6390}
here=$(cd "$(dirname "$0")" && pwd)

command -v redis-server >/dev/null || {
  echo "run-redis: redis-server is not installed: apt-get install redis-server (Debian, Ubuntu), dnf install redis (Fedora), brew install redis (macOS)" >&2
  exit 1
}
data=$(mktemp -d)
redis-server --port "$REDIS_PORT" --bind 127.0.0.1 --dir "$data" --save '' --appendonly yes --loglevel warning &
redis=$!
finish() {
  kill "$redis" 2>/dev/null || true
  wait "$redis" 2>/dev/null || true
  rm -rf "$data"
}
trap finish EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$REDIS_PORT") 2>/dev/null; do
  kill -0 "$redis" 2>/dev/null || { echo "run-redis: redis-server did not start; is port $REDIS_PORT in use? Choose another: REDIS_PORT=…" >&2; exit 1; }
  sleep 0.05
done
cd "$here/../starter"
"$parley" train
"$parley" run --enable-api -i 127.0.0.1 -p "${PORT:-5005}" --admin-port "${ADMIN_PORT:-9090}" --endpoints "$here/endpoints.yml" --log-format text
