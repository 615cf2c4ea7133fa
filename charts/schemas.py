#!/usr/bin/env python3
"""Writes the schemas of Kubernetes versions as kubeconform reads them: schemas.py FOLDER VERSION…

They come from the package kubernetes-validate, which has all kinds' definitions in one file: each kind's file gets those that it
refers to.
"""
import json
import os
import sys

import kubernetes_validate


def local(node):
    """Points references into the file itself."""
    if isinstance(node, dict):
        return {k: "#" + v.split("#", 1)[1] if k == "$ref" and isinstance(v, str) else local(v) for k, v in node.items()}
    return [local(v) for v in node] if isinstance(node, list) else node


def referred(node, definitions, seen):
    """Collects the names of the definitions that a node needs."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == "$ref" and isinstance(value, str):
            name = value.rsplit("/", 1)[1]
            if name not in seen:
                seen.add(name)
                referred(definitions[name], definitions, seen)
        else:
            referred(value, definitions, seen)


def write(version, folder):
    """Writes one version's kinds to folder/vVERSION."""
    source = os.path.join(os.path.dirname(kubernetes_validate.__file__), "kubernetes-json-schema", f"v{version}.0-local-strict")
    with open(os.path.join(source, "_definitions.json"), encoding="utf-8") as f:
        definitions = local(json.load(f)["$defs"])
    target = os.path.join(folder, f"v{version}")
    os.makedirs(target, exist_ok=True)
    kinds = 0
    for name in sorted(os.listdir(source)):
        with open(os.path.join(source, name), encoding="utf-8") as f:
            schema = local(json.load(f))
        if not isinstance(schema, dict) or "kind" not in schema.get("properties", {}):
            continue
        seen = set()
        referred(schema, definitions, seen)
        schema["$defs"] = {n: definitions[n] for n in sorted(seen)}
        with open(os.path.join(target, name), "w", encoding="utf-8") as f:
            json.dump(schema, f)
        kinds += 1
    print(f"{kinds} kinds of Kubernetes {version}")


for v in sys.argv[2:]:
    write(v, sys.argv[1])
