#!/usr/bin/env bash
# Rasa Core 0.7 to 0.10: /conversations/<sender_id>/…. Start the server with --api-compat 0.8, so that answers have the old shape
# where newer generations changed it.
set -euo pipefail
base=${1:-http://127.0.0.1:5005}
get() { curl -sS --fail-with-body "$base$1"; }
send() { curl -sS --fail-with-body -X "$1" "$base$2" -d "$3"; }
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

echo "version $(get /version)"

# the bot's actions are run here
next=$(send POST /conversations/default/parse '{"query":"hello there"}' | field next_action)
while [ -n "$next" ] && [ "$next" != action_listen ]; do
  echo "run $next"
  next=$(send POST /conversations/default/continue "{\"executed_action\":\"$next\",\"events\":[]}" | field next_action)
done
echo "wait for the user ($next)"

# the bot runs them itself
echo "respond $(send POST /conversations/second/respond '{"query":"bye"}')"
echo "respond $(get '/conversations/second/respond?q=thanks')"

echo "conversations $(get /conversations)"
echo "latest message $(get /conversations/default/tracker | sed -n 's/.*"latest_message":{"intent":{"name":"\([^"]*\)".*/\1/p')"

two='[{"event": "slot", "name": "weeks", "value": "2"}, {"event": "action", "name": "action_listen"}]'
echo "replaced: $(send PUT /conversations/default/tracker "$two" | grep -o '"event":"[a-z]*"' | tr '\n' ' ')"
echo "appended: $(send POST /conversations/default/tracker/events "$two" | grep -o '"events":null')"
