#!/usr/bin/env python3
"""Writes the queries of a dashboard as recording rules, so that promtool parses them: dashboard_queries.py FILE"""
import json
import sys

VARIABLES = {"$__rate_interval": "5m", "$namespace": "bots", "$job": "bot-parley", "$pod": ".*"}


def queries(board):
    """Every query, its variables replaced."""
    for source in board["panels"] + board["annotations"]["list"]:
        for target in source.get("targets", [source] if "expr" in source else []):
            expr = target["expr"]
            for name, value in VARIABLES.items():
                expr = expr.replace(name, value)
            yield expr


with open(sys.argv[1], encoding="utf-8") as f:
    found = list(queries(json.load(f)))
rules = [{"record": f"dashboard:query:{i}", "expr": expr} for i, expr in enumerate(found)]
json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
