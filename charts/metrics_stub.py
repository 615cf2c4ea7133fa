#!/usr/bin/env python3
"""Answers for an adapter of metrics: every pod has VALUE turns in flight. metrics_stub.py FOLDER VALUE

FOLDER has key.pem and cert.pem; the port that it listens on, on localhost, is written to FOLDER/port. It ends when it is killed.
"""
import http.server
import json
import os
import ssl
import sys
from datetime import datetime, timezone

FOLDER, VALUE = sys.argv[1:3]
API = "custom.metrics.k8s.io/v1beta2"
METRIC = "parley_turns_in_flight"


class Handler(http.server.BaseHTTPRequestHandler):
    """Knows one metric."""

    def do_GET(self):  # the name is the library's
        path = self.path.split("?")[0]
        if path.rstrip("/") == f"/apis/{API}":
            resource = {"name": f"pods/{METRIC}", "namespaced": True, "kind": "MetricValueList", "verbs": ["get"], "singularName": ""}
            body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API, "resources": [resource]}
        elif path.endswith(METRIC):
            namespace = path.split("/namespaces/")[1].split("/")[0]
            body = {"kind": "MetricValueList", "apiVersion": API, "metadata": {}, "items": [self.value(namespace, n) for n in self.pods(namespace)]}
        else:
            self.send_error(404)
            return
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    @staticmethod
    def pods(namespace):
        """The names of the server's pods."""
        command = f"kubectl -n {namespace} get pods -l app.kubernetes.io/component=server -o 'jsonpath={{.items[*].metadata.name}}'"
        with os.popen(command) as out:
            return out.read().split()

    @staticmethod
    def value(namespace, name):
        """One pod's value."""
        return {
            "describedObject": {"kind": "Pod", "namespace": namespace, "name": name, "apiVersion": "/v1"},
            "metric": {"name": METRIC}, "value": VALUE,
            "timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(FOLDER, "cert.pem"), os.path.join(FOLDER, "key.pem"))
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(os.path.join(FOLDER, "port"), "w", encoding="utf-8") as f:
    f.write(str(server.server_address[1]))
server.serve_forever()
