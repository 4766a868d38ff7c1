#!/usr/bin/env python3
"""Renders deploy/kubernetes and checks what comes out, without a cluster: every kind by
the schemas of Kubernetes, or of its operator; unknown kinds fail; then what schemas do
not say (manifest_rules.py)."""

import argparse
import importlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

import manifest_rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
VERSIONS = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34")
KUBECTL = pathlib.Path(sys.executable).parent / "kubectl"
# Each overlay, and one with what it leaves out.
RENDERINGS = {
    "one-node": ("one-node", []),
    "gpu": ("gpu", []),
    "gpu-standby": ("gpu-standby", []),
    "gpu with external-redis": ("gpu", ["external-redis"]),
    "one-node with monitoring": ("one-node", ["monitoring"]),
}
# Kinds of the Prometheus operator: (apiVersion, kind) → class.
OPERATOR_MODELS = {
    ("monitoring.coreos.com/v1", kind): ("cloudcoil.models.prometheus_operator.v1", kind)
    for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule")
}


def kustomize(folder):
    run = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True)
    if run.returncode != 0 or run.stderr:
        raise SystemExit(f"kubectl kustomize {folder}:\n{run.stderr}")
    return [r for r in yaml.safe_load_all(run.stdout) if r]


def render(overlay, components):
    if not components:
        return kustomize(KUBERNETES / "overlays" / overlay)
    with tempfile.TemporaryDirectory() as folder:
        def relative(path):
            return os.path.relpath(KUBERNETES / path, os.path.realpath(folder))
        pathlib.Path(folder, "kustomization.yaml").write_text(yaml.safe_dump({
            "resources": [relative(f"overlays/{overlay}")],
            "components": [relative(f"components/{c}") for c in components]}))
        return kustomize(folder)


def lost(given, kept, path=""):
    """What a model has dropped of its input, since it does not know it."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key not in kept:
                yield f"{path}.{key}"
            else:
                yield from lost(value, kept[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for index, (a, b) in enumerate(zip(given, kept)):
            yield from lost(a, b, f"{path}[{index}]")
    elif given != kept:
        yield f"{path} (given {given!r}, understood {kept!r})"


def check_operator_kind(resource, model):
    module, name = model
    where = manifest_rules.title(resource)
    try:
        kept = getattr(importlib.import_module(module), name).model_validate(resource)
    except ValueError as error:
        yield f"{where}: {error}"
        return
    for field in lost(resource, kept.model_dump(by_alias=True, exclude_unset=True, mode="json")):
        yield f"{where}: {field.lstrip('.')} is no field of a {name}"


def check_schema(resource):
    model = OPERATOR_MODELS.get((resource.get("apiVersion"), resource.get("kind")))
    if model:
        yield from check_operator_kind(resource, model)
        return
    for version in VERSIONS:
        where = f"{manifest_rules.title(resource)}, Kubernetes {version}"
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{where}: unknown kind {resource['kind']} of {resource['apiVersion']}"
        except kubernetes_validate.ValidationError as error:
            field = ".".join(str(part) for part in error.path)
            yield f"{where}: {field}: {error.message}"


def check(resources, known_flags, seen):
    """seen: resources whose schema was checked in another rendering; grows."""
    for resource in resources:
        text = json.dumps(resource, sort_keys=True)
        if text not in seen:
            yield from check_schema(resource)
        seen.add(text)
    for rule in manifest_rules.CHECKS:
        yield from rule(resources)
    yield from manifest_rules.check_flags(resources, known_flags)


def flags_in_help(binaries):
    """Empty for programs that are not built."""
    flags = {}
    for program in ("merganser-coordinator", "merganser-worker"):
        if (binaries / program).exists():
            text = subprocess.run([binaries / program, "--help"], capture_output=True, text=True,
                                  check=True).stdout
            flags[program] = set(re.findall(r"--[a-z][a-z-]*", text))
    return flags


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "build/bin",
                        help="folder of the programs whose flags are compared, if built")
    known_flags = flags_in_help(parser.parse_args().binaries)
    failed = 0
    seen = set()
    for name, (overlay, components) in RENDERINGS.items():
        resources = render(overlay, components)
        messages = list(check(resources, known_flags, seen))
        for message in messages:
            print(f"{name}: {message}", file=sys.stderr)
        failed += len(messages)
        print(f"{name}: {len(resources)} resources, {len(messages)} faults")
    if not known_flags:
        print("flags were not compared: the programs are not built")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
