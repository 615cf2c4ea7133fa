#!/usr/bin/env bash
# Lets schemathesis (PyPI, pinned) write requests from /openapi.json: no answer may be a 5xx, nor have a status, a media type or a body
# that the description lacks. usage: tools/schemathesis.sh BINARY [EXAMPLES of each operation]
#
# Everything runs in a network namespace of its own, so that no callback_url that is made up reaches anybody. What takes the model away
# is tried at the end, by itself; /finetune is left out, for it says 501.
set -euo pipefail
bin=$(realpath "${1:?usage: tools/schemathesis.sh BINARY [EXAMPLES]}") examples=${2:-240}
if [ -z "${IN_NAMESPACE:-}" ]; then
  venv=${SCHEMATHESIS:-${XDG_CACHE_HOME:-$HOME/.cache}/parley/schemathesis}
  [ -x "$venv/bin/st" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install -q 'schemathesis==4.32.5'; }
  IN_NAMESPACE=1 SCHEMATHESIS=$venv exec unshare -rn "$0" "$bin" "$examples"
fi
ip link set lo up
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$dir"' EXIT
cd "$dir"
"$bin" init --no-prompt >init.log 2>&1 && "$bin" train >train.log 2>&1
"$bin" run --enable-api --strict-status -i 127.0.0.1 -p 15005 --log-format json >run.log 2>&1 &
pid=$!
api() {
  "$SCHEMATHESIS/bin/st" run http://127.0.0.1:15005/openapi.json --wait-for-schema 30 --warnings off --continue-on-failure \
    -c not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance \
    --phases examples,coverage,fuzzing "$@"
}
result=0
api --exclude-path /finetune --exclude-path-regex '^/(models?|load)$' -n "$examples" || result=1
api --include-path-regex '^/(models?|load)$' -n 30 || result=1
if grep -c '"panic"' run.log; then echo "the server panicked"; result=1; fi
kill -0 "$pid"
exit "$result"
