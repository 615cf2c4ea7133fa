#!/usr/bin/env bash
# Rasa Core 0.6: the documentation says /conversation/<cid>/…, in the singular, and pastes /train of Rasa NLU. The bot's actions are
# run here, between parse and continue.
set -euo pipefail
base=${1:-http://127.0.0.1:5005}
post() { curl -sS --fail-with-body -X POST "$base$1" -d "$2"; } # curl says that this is a form; it is JSON all the same
# field KEY: a string of the answer; null is empty
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

echo "version $(curl -sS "$base/version" | field version)"
echo "a text means $(post /parse '{"query":"hello there"}' | sed -n 's/.*"intent":{"name":"\([^"]*\)".*/\1/p')"

next=$(post /conversation/c1/parse '{"query":"hello there"}' | field next_action)
while [ -n "$next" ] && [ "$next" != action_listen ]; do
  echo "run $next"
  next=$(post /conversation/c1/continue "{\"executed_action\":\"$next\",\"events\":[]}" | field next_action)
done
echo "wait for the user ($next)"

data='{"rasa_nlu_data": {"common_examples": [
  {"text": "hi", "intent": "greet", "entities": []}, {"text": "hello there", "intent": "greet", "entities": []},
  {"text": "bye", "intent": "goodbye", "entities": []}, {"text": "see you later", "intent": "goodbye", "entities": []}]}}'
echo "$(post '/train?name=my_model' "$data" | field info)" # the server keeps it in its folder models
