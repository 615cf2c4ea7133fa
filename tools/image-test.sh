#!/usr/bin/env bash
# Builds the image twice with stand-ins for its bases, without a container engine and without a registry, and holds it to what is
# said of it: the same layers, size, user, no shell, a read-only root, SIGTERM as process 1, the health check.
#   image-test.sh     needs buildah and root; VERSION is that of the build, FRESH=1 compiles twice from nothing
set -euo pipefail
cd "$(dirname "$0")/.."
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
root=$(mktemp -d)
export STORAGE_OPTS= CONTAINERS_STORAGE_CONF=$root/storage.conf
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$root" "$root" >"$root/storage.conf"
trap 'buildah rm -a >/dev/null 2>&1 || true; rm -rf "$root"' EXIT
step() { printf '%4ss  %s\n' "$SECONDS" "$1"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

step "stand-ins for the bases"
# The builder has this machine's Go, its shell and its modules; the final base an empty root with certificates, users and /tmp.
mkdir -p "$root/builder"/{bin,tmp,root,usr/local/go,etc/ssl/certs,go} "$root/final"/{tmp,etc/ssl/certs}
cp -L /bin/sh "$root/builder/bin/sh"
cp "$(go env GOROOT)/bin/go" "$root/builder/bin/go" # programs are looked for before volumes are mounted
for lib in $(ldd /bin/sh | grep -o '/[^ ]*'); do mkdir -p "$root/builder$(dirname "$lib")"; cp -L "$lib" "$root/builder$lib"; done
cp -L /etc/ssl/certs/ca-certificates.crt "$root/builder/etc/ssl/certs/"; cp -L /etc/ssl/certs/ca-certificates.crt "$root/final/etc/ssl/certs/"
cp /etc/passwd "$root/builder/etc/"
echo 'nonroot:x:65532:65532::/home/nonroot:/sbin/nologin' >"$root/final/etc/passwd"
base() { # name, folder, settings
  local c; c=$(buildah from scratch)
  buildah add -q "$c" "$root/$2" / >/dev/null
  buildah config "${@:3}" "$c"
  buildah commit -q "$c" "$1" >/dev/null; buildah rm "$c" >/dev/null
}
base builder-stand-in builder --env PATH=/bin --env GOROOT=/usr/local/go --env GOTOOLCHAIN=local --env GOPATH=/go --env HOME=/root --env GOPROXY=file:///modules --env GONOSUMDB='*' --env GOFLAGS=
base final-stand-in final --env PATH=/

step "build twice"
modules=$(go env GOMODCACHE)/cache/download
for n in 1 2; do
  # FRESH=1: each build compiles everything, instead of using what this machine has compiled.
  cache=$(go env GOCACHE); [ -z "${FRESH:-}" ] || { cache=$root/cache-$n; mkdir "$cache"; }
  buildah build --pull-never --no-cache --format docker --timestamp 0 --quiet -v "$modules:/modules:ro" -v "$(go env GOROOT):/usr/local/go:ro" -v "$cache:/root/.cache/go-build" \
    --build-arg BUILD_IMAGE=localhost/builder-stand-in --build-arg FINAL_IMAGE=localhost/final-stand-in --build-arg VERSION="${VERSION:-test}" \
    -t "parley-test:$n" . >"$root/build-$n.log" 2>&1 || { tail -20 "$root/build-$n.log"; fail "build $n"; }
  buildah inspect --type image --format '{{.OCIv1.RootFS.DiffIDs}}' "parley-test:$n" >"$root/layers-$n"
done
cmp "$root/layers-1" "$root/layers-2" || fail "two builds have different layers"
echo "      layers of both builds: $(tr -d '[]' <"$root/layers-1" | tr ' ' '\n' | tail -2 | cut -c1-19 | tr '\n' ' ')"

step "what it says of itself"
config() { buildah inspect --type image --format "{{$1}}" parley-test:1; }
[ "$(config .OCIv1.Config.User)" = 65532:65532 ] || fail "the user is $(config .OCIv1.Config.User)"
[ "$(config .OCIv1.Config.StopSignal)" = SIGTERM ] || fail "the stop signal is $(config .OCIv1.Config.StopSignal)"
[ "$(config .Docker.Config.Healthcheck.Test)" = '[CMD /parley health]' ] || fail "the health check is $(config .Docker.Config.Healthcheck.Test)"
c=$(buildah from --pull-never parley-test:1)
mount=$(buildah mount "$c")
[ -z "$(find "$mount" -name sh -o -name bash -o -name busybox -o -perm /6000 | head -1)" ] || fail "it has a shell, or programs that change the user"
size=$(tar -C "$mount" -c . | gzip -9 | wc -c)
[ "$size" -le $((30 << 20)) ] || fail "it has $size bytes compressed"
echo "      $(stat -c %s "$mount/parley") bytes of program, $size bytes compressed in all"

dir=$root/bot; mkdir "$dir"; cp -r examples/starter/. "$dir/"
(cd "$dir" && "$mount/parley" train --quiet >/dev/null)
chmod -R a+rX "$root" "$dir"; chmod 711 "$root"
cat >"$root/inside" <<'IN'
set -e
mount --bind "$1" "$1"; mount --bind -o ro "$2" "$1/app"; mount -o remount,bind,ro "$1"
mount -t tmpfs none "$1/tmp"; mount --rbind /dev "$1/dev"; mount -t proc none "$1/proc" 2>/dev/null || true
if touch "$1/x" 2>/dev/null; then echo "the root can be written to"; exit 9; fi
exec chroot --userspec=65532:65532 "$1" /parley run -i 127.0.0.1 -p "$3" --model /app/models --endpoints "/app/$5" --admin-port "$4"
IN
mkdir -p "$mount/app" "$mount/proc" "$mount/dev"
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
outer= redis=
healthy() { ADMIN_PORT=$admin "$mount/parley" health >/dev/null 2>&1; }
begin() { # endpoints; the server is process $server outside
  port=$(free_port) admin=$(free_port)
  unshare --mount --pid --fork --kill-child bash "$root/inside" "$mount" "$dir" "$port" "$admin" "$1" >"$root/run.log" 2>&1 & outer=$!
  for _ in $(seq 600); do healthy && break; kill -0 "$outer" 2>/dev/null || break; sleep 0.1; done
  healthy || { cat "$root/run.log"; fail "it is not healthy after a minute"; }
  server=$(pgrep -P "$outer" | head -1)
}
talk() { "$mount/parley" health --timeout 20s --url "http://127.0.0.1:$port/webhooks/rest/webhook" --say hi; }
end() { # what it has to end with
  local begun code=0; begun=$(date +%s%N)
  kill -TERM "$server"
  [ "$1" = 0 ] || { sleep 1; kill -TERM "$server"; }
  wait "$outer" || code=$?
  took=$((($(date +%s%N) - begun) / 1000000)) outer=
  [ "$code" = "$1" ] || { cat "$root/run.log"; fail "it ended with $code after SIGTERM, not $1"; }
  echo "      ended with $code, $took ms after SIGTERM"
  if healthy; then fail "the health check succeeds without a server"; fi
}
trap '{ for p in $outer $redis; do kill -9 "$p"; wait "$p"; done; } 2>/dev/null || true; buildah rm -a >/dev/null 2>&1 || true; rm -rf "$root"' EXIT

step "run as process 1, not root, on a read-only root"
begin endpoints.yml
[ "$(awk '/^Uid:/ {print $2}' "/proc/$server/status")" = 65532 ] || fail "it runs as $(awk '/^Uid:/ {print $2}' "/proc/$server/status")"
[ "$(awk '/^NSpid:/ {print $NF}' "/proc/$server/status")" = 1 ] || fail "it is not process 1"
talk | sed 's/^/      /'
end 0
[ "$took" -lt 45000 ] || fail "it took $took ms to end"

step "a second SIGTERM ends it at once"
export DRAIN_DELAY=60s
begin endpoints.yml
end 2 # process 1 cannot be ended by a signal, so that Go does it
[ "$took" -lt 20000 ] || fail "it took $took ms to end"
unset DRAIN_DELAY

if command -v redis-server >/dev/null; then
  step "the same with two worker processes, of which one is killed"
  redis_port=$(free_port)
  redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --dir "$root" >"$root/redis.log" 2>&1 & redis=$!
  printf 'tracker_store: &redis {type: redis, url: 127.0.0.1, port: %s}\nlock_store: *redis\n' "$redis_port" >"$dir/redis.yml"
  chmod a+r "$dir/redis.yml"
  export WORKERS=2 DRAIN_DELAY=1s
  begin redis.yml
  ready() { ADMIN_PORT=$admin "$mount/parley" health --url "http://127.0.0.1:$admin/readyz" >/dev/null 2>&1; }
  whole() { ready && [ "$(pgrep -P "$server" | wc -l)" = 2 ] && ! ps -o stat= --ppid "$server" | grep -q Z; }
  for _ in $(seq 600); do whole && break; sleep 0.1; done
  whole || { cat "$root/run.log"; fail "two workers are not there"; }
  killed=$(pgrep -P "$server" | head -1)
  kill -9 "$killed"
  for _ in $(seq 600); do [ ! -e "/proc/$killed" ] && whole && break; sleep 0.1; done
  [ ! -e "/proc/$killed" ] && whole || { ps -o pid,stat,args --ppid "$server"; fail "the killed worker was not replaced, or left a zombie"; }
  talk | sed 's/^/      /'
  end 0
  unset WORKERS DRAIN_DELAY
else
  echo "skipped: WORKERS=2 as process 1 (there is no redis-server)"
fi
step "done"
