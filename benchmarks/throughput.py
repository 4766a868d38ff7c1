"""Evaluations per second through the whole service, beside no service at all.

usage: throughput.py BIN_DIRECTORY [--campaign NAME ...] [--workers N ...] [--chunk-size N]

`merganser run` with workers of one thread each, in turn with as many
bare_campaign processes of one thread at once, their rates added. Prints a table
in Markdown. Runs of one chunk size must end with the same archive_digest.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys

import bench

AUTHORS_SCRIPT = 150  # evaluations/s on such a machine
# Name: file, evaluations, those with rejection off, whose rate does not change.
CAMPAIGNS = {"pre-trained": (bench.CAMPAIGN, 10_000, 10_000),
             "scratch": (bench.SCRATCH, 50_000, 10_000)}
COMPONENTS = [("coordinator", "merganser-coord"), ("Redis", "redis-server"),
              ("workers", "merganser-worke"), ("client", "merganser")]


class Case:
    """A campaign, with rejection or without."""

    def __init__(self, options, name, rejection):
        self.name = name
        self.rejection = rejection
        self.file, *evaluations = CAMPAIGNS[name]
        self.evaluations = options.evaluations or evaluations[0 if rejection else 1]
        # Without rejection nothing is gained by cutting a child into chunks.
        chunk_size = [f"tasks[0].chunk_size={options.chunk_size}"] if rejection else []
        self.overrides = chunk_size + [
            f"budget.evaluations={self.evaluations}",
            f"search.early_rejection={'true' if rejection else 'false'}"]

    def __str__(self):
        return f"{self.name}, rejection {'on' if self.rejection else 'off'}"


def run_bare(binaries, case, processes):
    """Rates added, and CPU seconds per process."""
    command = [binaries / "bare_campaign", case.file, "--threads=1",
               *bench.settings(case.overrides), *(["--reject"] if case.rejection else [])]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
               for _ in range(processes)]
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode != 0 for process in running):
        sys.exit(f"{' '.join(map(str, command))} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [json.loads(output) for output in outputs]
    bench.same_digest(lines, "bare_campaign")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return lines[0] | {"evaluations_per_second": sum(l["evaluations_per_second"] for l in lines),
                       "cpu_seconds": cpu / processes}


def run_served(binaries, case, workers):
    run = bench.run_service(binaries, workers, case.overrides, case.file)
    seconds = {name: run["cpu"].of(prefix) for name, prefix in COMPONENTS}
    # The client's name begins like those of the others.
    seconds["client"] -= seconds["coordinator"] + seconds["workers"]
    return run | {"cpu_seconds": seconds}


def median(runs, value):
    return statistics.median(value(run) for run in runs)


def print_rows(case, workers, bare, served):
    def per_evaluation(seconds):
        return f"{1000 * seconds / case.evaluations:.3f}"

    on = "on" if case.rejection else "off"
    bare_rate = median(bare, lambda run: run["evaluations_per_second"])
    bench.print_row([
        case.name, on, f"no service, loops of 1 thread: {workers}", f"{bare_rate:,.0f}", "1.00",
        f"{bare_rate / AUTHORS_SCRIPT:.1f}", "–", "–",
        per_evaluation(median(bare, lambda run: run["cpu_seconds"])), "–"])
    rate = median(served, lambda run: run["evaluations_per_second"])
    bench.print_row([
        case.name, on, f"service, workers of 1 thread: {workers}", f"{rate:,.0f}",
        f"{rate / bare_rate:.2f}", f"{rate / AUTHORS_SCRIPT:.1f}",
        *(per_evaluation(median(served, lambda run, name=name: run["cpu_seconds"][name]))
          for name, _ in COMPONENTS)])


def measure(binaries, options, case):
    runs = {workers: ([], []) for workers in options.workers}
    for repeat in range(options.repeats):
        for workers, (bare, served) in runs.items():
            bench.say(f"{case}, run {repeat + 1} of {options.repeats}: {workers} workers")
            bare.append(run_bare(binaries, case, workers))
            served.append(run_served(binaries, case, workers))
    bench.same_digest([run for pair in runs.values() for side in pair for run in side], case)
    for workers, (bare, served) in runs.items():
        print_rows(case, workers, bare, served)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--campaign", nargs="+", choices=list(CAMPAIGNS), default=list(CAMPAIGNS))
    parser.add_argument("--evaluations", type=int, help="default: as in the examples; from "
                        "scratch with rejection off, 10,000")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--chunk-size", type=int, default=64, help="with rejection on")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    binaries = bench.binaries(options.binaries, [
        "bare_campaign", "merganser", "merganser-coordinator", "merganser-worker"])
    bench.print_machine()
    print(f"Median of {options.repeats}; with rejection, chunks of {options.chunk_size}.\n")
    bench.print_header([
        "campaign", "rejection", "what", "evaluations/s", "beside no service",
        "beside the authors' script",
        *(f"{name}, CPU ms per evaluation" for name, _ in COMPONENTS)])
    for name in options.campaign:
        for rejection in (False, True):
            measure(binaries, options, Case(options, name, rejection))


if __name__ == "__main__":
    main()
