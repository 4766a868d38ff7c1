"""Runs a digits campaign for several random seeds and searches.

usage: quality.py BIN_DIRECTORY [--scratch] [--seeds N] [--evaluations N] [--search NAME ...]

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

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"

# Name, settings, the paper's figure (arXiv 2508.16204), and what the authors'
# script gave: mean (and deviation) of holdout accuracy, per cent, over ten runs.
PRETRAINED = [
    ("M2N2", [], 68.3, "69.4 ± 2.2"),
    ("no attraction", ["search.attraction=false"], 66.2, "67.9 ± 2.6"),
    ("no split point", ["search.split_point=false"], 57.8, "57.78 ± 0"),
    ("GA", ["search.method=ga"], 52.0, "51.9 ± 6.0"),
]
# From scratch: five runs of the first, two of the others.
SCRATCH = [
    ("M2N2", [], 87, "87.0 ± 1.5"),
    ("no crossover", ["search.crossover=false"], 77, "80"),
    ("GA", ["search.method=ga"], 68, "72"),
]


def settings(overrides):
    return [argument for item in overrides for argument in ("--set", item)]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def bare(binaries, campaign, overrides):
    command = [binaries / "bare_campaign", campaign, "--reject"]
    output = run(command + settings(overrides + ["schedule.window=1"]))
    return json.loads(output)


def service(binaries, campaign, overrides):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "run"
        run([binaries / "merganser", "run", campaign, "--output", output] + settings(overrides))
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
    parser.add_argument("--scratch", action="store_true",
                        help="digits-scratch.yaml in the place of digits-pretrained.yaml")
    parser.add_argument("--seeds", type=int, help="default 10; from scratch 5")
    parser.add_argument("--evaluations", type=int, help="default 10,000; from scratch 50,000")
    parser.add_argument("--search", nargs="*", metavar="NAME", help="only these rows")
    arguments = parser.parse_args()
    binaries = arguments.binaries.resolve()
    searches = SCRATCH if arguments.scratch else PRETRAINED
    campaign = EXAMPLES / f"digits-{'scratch' if arguments.scratch else 'pretrained'}.yaml"
    seeds = arguments.seeds or (5 if arguments.scratch else 10)
    evaluations = arguments.evaluations or (50_000 if arguments.scratch else 10_000)
    print(f"Holdout accuracy of the best member, per cent: mean ± standard deviation over "
          f"{seeds} random seeds, {evaluations:,} evaluations each.\n")
    print("| search | W = 1, no service | default W, service | paper | authors' script "
          "| evaluations/s, no service, 1 thread | evaluations/s, service, 2 workers |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name, overrides, paper, authors in searches:
        if arguments.search and name not in arguments.search:
            continue
        alone, served = [], []
        for seed in range(seeds):
            both = overrides + [f"random_seed={seed}", f"budget.evaluations={evaluations}"]
            alone.append(bare(binaries, campaign, both))
            served.append(service(binaries, campaign, both))
            print(f"{name}: {seed + 1} of {seeds}", end="\r", file=sys.stderr)
        print(f"| {name} | {accuracy(alone)} | {accuracy(served)} | {paper} "
              f"| {authors} | {rate(alone)} | {rate(served)} |", flush=True)


if __name__ == "__main__":
    main()
