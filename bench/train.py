#!/usr/bin/env python3
"""Measures how much training over HTTP slows turns: rounds of turns on one connection, with and without POST /model/train going on,
one after the other on the same server. Prints the medians and their ratio, which is to stay below 1.5.

usage: bench/train.py BINARY [ROUNDS]
"""

import http.client
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

binary, rounds = str(pathlib.Path(sys.argv[1]).resolve()), int(sys.argv[2]) if len(sys.argv) > 2 else 5
SECONDS = 4  # of a round


def turns(port):
    """Seconds of each turn of a round."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took, end, i = [], time.perf_counter() + SECONDS, 0
    while time.perf_counter() < end:
        i += 1
        body = json.dumps({"sender": f"s{i % 50}", "message": "hello"})
        begun = time.perf_counter()
        connection.request("POST", "/webhooks/rest/webhook", body)
        answer = connection.getresponse().read()
        took.append(time.perf_counter() - begun)
        assert b"welcome" in answer, answer
    return took


def train(port, payload, stop, count):
    """Trains again and again until told to stop."""
    while not stop.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/model/train?save_to_default_model_directory=false", payload)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        count.append(1)


with tempfile.TemporaryDirectory() as folder:
    bot = pathlib.Path(folder, "bot")
    subprocess.run([binary, "init", str(bot), "--no-prompt"], check=True, capture_output=True)
    subprocess.run([binary, "train"], cwd=bot, check=True, capture_output=True)
    texts = [p.read_text() for p in [bot / "config.yml", bot / "domain.yml", *sorted((bot / "data").glob("*.yml"))]]
    payload = "\n".join(line for text in texts for line in text.splitlines() if not line.startswith("version:")).encode()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen([binary, "run", "--enable-api", "-i", "127.0.0.1", "-p", str(port)], cwd=bot, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        turns(port)
        alone, beside, trained = [], [], []
        for _ in range(rounds):
            alone += turns(port)
            stop = threading.Event()
            trainer = threading.Thread(target=train, args=(port, payload, stop, trained))
            trainer.start()
            time.sleep(0.3)
            beside += turns(port)
            stop.set()
            trainer.join()
        for name, took in (("alone", alone), ("while training", beside)):
            took.sort()
            print(f"{name}: median {1e3 * statistics.median(took):.3f} ms, p99 {1e3 * took[int(len(took) * 0.99)]:.3f} ms")
        print(f"ratio of the medians {statistics.median(beside) / statistics.median(alone):.2f}, of p99 "
              f"{beside[int(len(beside) * 0.99)] / alone[int(len(alone) * 0.99)]:.2f}; {len(trained)} trainings")
    finally:
        server.terminate()
        server.wait()
