#!/usr/bin/env python3
"""Chat through the HTTP API of Rasa 2 and 3 as in its forum: a message, then its intent; then the same in one call.

usage: rasa_3.py [BASE] < lines of the user
"""

import json
import sys
import urllib.error
import urllib.request

BASE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5005"


def call(method, path, body=None):
    """Returns the status and the JSON of an answer, None if it has none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as err:
        status, text = err.code, err.read()
    return status, json.loads(text) if text else None


def two_calls(conversation, text):
    """messages understands and records, trigger_intent acts."""
    _, state = call("POST", f"/conversations/{conversation}/messages", {"text": text, "sender": "user"})
    intent = state["latest_message"]["intent"]["name"]
    _, answer = call("POST", f"/conversations/{conversation}/trigger_intent", {"name": intent})
    return answer["messages"]


def one_call(conversation, text):
    """chat does both, and records one message. It answers with the state as well, and with as many events as asked for."""
    _, answer = call("POST", f"/conversations/{conversation}/chat?include_events=ALL&last=10&max_bytes=20000", {"message": text})
    return answer["messages"]


for line in sys.stdin:
    line = line.strip()
    print("you:", line)
    for message in two_calls("slow", line):
        print("bot, in two calls:", message.get("text"))
    for message in one_call("fast", line):
        print("bot, in one call:", message.get("text"))

print("conversations:", call("GET", "/conversations?limit=10")[1]["conversations"])
for conversation in ("slow", "fast"):
    print("deleted:", conversation, call("DELETE", f"/conversations/{conversation}")[0])
print("again:", call("DELETE", "/conversations/slow")[0])
