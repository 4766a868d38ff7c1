#!/usr/bin/env python3
"""Writes deploy/grafana/dashboards/*.json from the tables beside this file.

With --check it writes nothing and fails if one of them would change.
"""

import argparse
import json
import pathlib
import sys

import campaign
import fleet
import service

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "dashboards"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for module in (campaign, fleet, service):
        path = FOLDER / f"{module.__name__}.json"
        text = json.dumps(module.DASHBOARD, indent=2, ensure_ascii=False) + "\n"
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            stale.append(path.name)
        elif not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{', '.join(stale)}: not what deploy/grafana/source says; run "
              "deploy/grafana/source/make_dashboards.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
