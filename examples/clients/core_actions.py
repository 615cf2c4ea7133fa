#!/usr/bin/env python3
"""A client of Rasa Core 0.7 to 0.10 that has the bot's actions itself: it is told which to run and says what came of it.

usage: core_actions.py [BASE] < lines of the user
"""

import json
import sys
import urllib.request

BASE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5005"

# What this client can do: a name, and a function of the slots that returns what to say and events to record.
ACTIONS = {
    "utter_greet": lambda slots: ("Hello!", []),
    "utter_goodbye": lambda slots: ("Bye!", [{"event": "slot", "name": "weeks", "value": "1"}]),
}


def post(path, body):
    request = urllib.request.Request(BASE + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


for line in sys.stdin:
    line = line.strip()
    print("you:", line)
    answer = post("/conversations/actions/parse", {"query": line})
    while answer["next_action"] not in (None, "action_listen"):
        name = answer["next_action"]
        say, events = ACTIONS.get(name, lambda slots: (f"({name})", []))(answer["tracker"]["slots"])
        print("bot:", say)
        answer = post("/conversations/actions/continue", {"executed_action": name, "events": events})
    print("slots:", {k: v for k, v in answer["tracker"]["slots"].items() if v is not None})
