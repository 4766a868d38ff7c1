"""Runs the pre-trained digits campaign for several random seeds and searches.

usage: quality.py BIN_DIRECTORY [--seeds N] [--evaluations N] [--search NAME ...]

Each search runs with a window of 1 without a service (bare_campaign: the
paper's sequential algorithm) and with the default window through the service
(merganser run). Prints a table in Markdown.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

CAMPAIGN = pathlib.Path(__file__).parent.parent / "examples" / "digits-pretrained.yaml"

# Name, settings, the paper's figure (arXiv 2508.16204), and what the authors'
# script gave over ten runs: mean and deviation of holdout accuracy, per cent.
SEARCHES = [
    ("M2N2", [], 68.3, (69.4, 2.2)),
    ("no attraction", ["search.attraction=false"], 66.2, (67.9, 2.6)),
    ("no split point", ["search.split_point=false"], 57.8, (57.78, 0.0)),
    ("GA", ["search.method=ga"], 52.0, (51.9, 6.0)),
]


def settings(overrides):
    return [argument for item in overrides for argument in ("--set", item)]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def bare(binaries, overrides):
    command = [binaries / "bare_campaign", CAMPAIGN]
    output = run(command + settings(overrides + ["schedule.window=1"]))
    return json.loads(output)


def service(binaries, overrides):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "run"
        run([binaries / "merganser", "run", CAMPAIGN, "--output", output] + settings(overrides))
        return json.loads((output / "summary.json").read_text())


def accuracy(results):
    values = [100 * result["best"]["holdout_accuracy"] for result in results]
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.1f} ± {deviation:.1f}"


def rate(results):
    return f"{statistics.median(r['evaluations_per_second'] for r in results):,.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--evaluations", type=int, default=10_000)
    parser.add_argument("--search", nargs="*", choices=[name for name, *_ in SEARCHES],
                        help="only these rows")
    arguments = parser.parse_args()
    binaries = arguments.binaries.resolve()
    print(f"Holdout accuracy of the best member, per cent: mean ± standard deviation over "
          f"{arguments.seeds} random seeds, {arguments.evaluations:,} evaluations each.\n")
    print("| search | W = 1, no service | default W, service | paper | authors' script "
          "| evaluations/s, no service, 1 thread | evaluations/s, service, 2 workers |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name, overrides, paper, (mean, deviation) in SEARCHES:
        if arguments.search and name not in arguments.search:
            continue
        alone, served = [], []
        for seed in range(arguments.seeds):
            both = overrides + [f"random_seed={seed}",
                                f"budget.evaluations={arguments.evaluations}"]
            alone.append(bare(binaries, both))
            served.append(service(binaries, both))
            print(f"{name}: {seed + 1} of {arguments.seeds}", end="\r", file=sys.stderr)
        print(f"| {name} | {accuracy(alone)} | {accuracy(served)} | {paper} "
              f"| {mean} ± {deviation} | {rate(alone)} | {rate(served)} |", flush=True)


if __name__ == "__main__":
    main()
