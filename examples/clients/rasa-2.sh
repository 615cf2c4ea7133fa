#!/usr/bin/env bash
# Rasa Open Source 2 and 3: webhooks, the tracker, and a token (AUTH_TOKEN) or a JWT (JWT) where the server asks for one.
set -euo pipefail
base=${1:-http://127.0.0.1:5005}
status() { curl -sS -o /dev/null -w '%{http_code}' "$@"; }

echo "webhook: $(curl -sS "$base/webhooks/rest/webhook" -d '{"sender":"me","message":"hello"}')" # never asks who calls
echo "without anything: $(status "$base/conversations/me/tracker")"
if [ -n "${AUTH_TOKEN:-}" ]; then
  echo "tracker with the token: $(status "$base/conversations/me/tracker?token=$AUTH_TOKEN")"
  echo "status with the token: $(status "$base/status?token=$AUTH_TOKEN")"
fi
if [ -n "${JWT:-}" ]; then
  for path in conversations/me/tracker conversations/you/tracker status; do
    echo "$path with the JWT: $(status -H "Authorization: Bearer $JWT" "$base/$path")"
  done
fi
