"""Early rejection off and on, for numbers of workers and chunk sizes.

usage: rejection.py BIN_DIRECTORY [--evaluations N] [--chunk-sizes N ...] [--workers N ...]

Each row is `merganser run examples/digits-pretrained.yaml`. All rows of one
chunk size must end with the same archive_digest. Prints a table in Markdown.
"""

import argparse
import pathlib
import statistics

import bench


def run(binaries, options, chunk_size, workers, rejection):
    return bench.run_service(binaries, workers, [
        f"tasks[0].chunk_size={chunk_size}", f"budget.evaluations={options.evaluations}",
        f"search.early_rejection={'true' if rejection else 'false'}"])


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def percent(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "–"


def cells(chunk_size, workers, rejection, runs, baseline):
    # How many children are parked depends on timing: the sums of all runs.
    totals = {key: sum(run[key] for run in runs) for key in (
        "datapoint_evaluations", "datapoint_evaluations_possible", "evaluations",
        "rejected_early", "parked", "parked_confirmed")}
    seconds = median(runs, "command_seconds")
    return [chunk_size, workers, "on" if rejection else "off",
            percent(totals["datapoint_evaluations"], totals["datapoint_evaluations_possible"]),
            percent(totals["rejected_early"], totals["evaluations"]),
            percent(totals["parked"], totals["evaluations"]),
            percent(totals["parked_confirmed"], totals["parked"]),
            f"{median(runs, 'evaluations_per_second'):,.0f}", f"{seconds:.1f}",
            f"{median(baseline, 'command_seconds') / seconds:.2f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--evaluations", type=int, default=10_000)
    parser.add_argument("--chunk-sizes", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    binaries = bench.binaries(
        options.binaries, ["merganser", "merganser-coordinator", "merganser-worker"])
    bench.print_machine()
    print(f"{options.evaluations:,} evaluations, median of {options.repeats}.\n")
    bench.print_header([
        "chunk size", "workers", "rejection", "datapoint evaluations left", "rejected early",
        "parked", "parked and confirmed", "evaluations/s", "whole command, s",
        "times as fast as off"])
    for chunk_size in options.chunk_sizes:
        rows = [(workers, rejection) for workers in options.workers
                for rejection in (False, True)]
        runs = {row: [] for row in rows}
        for repeat in range(options.repeats):
            for row in rows:
                bench.say(f"chunks of {chunk_size}, run {repeat + 1} of {options.repeats}: "
                          f"{row[0]} workers, rejection {'on' if row[1] else 'off'}")
                runs[row].append(run(binaries, options, chunk_size, *row))
        bench.same_digest([run for row in runs.values() for run in row],
                          f"chunks of {chunk_size}")
        for workers, rejection in rows:
            bench.print_row(cells(chunk_size, workers, rejection, runs[workers, rejection],
                                  runs[workers, False]))


if __name__ == "__main__":
    main()
