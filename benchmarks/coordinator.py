"""Simulated workers against a real coordinator with a real Redis, AOF always.

usage: coordinator.py BIN_DIRECTORY [--workers N ...] [--campaigns N ...] [--seconds S]

Workers speak the whole protocol by gRPC and evaluate nothing; scores are made
so that 5 % of the children enter the archive. Each row has a coordinator and a
Redis of its own. Prints tables in Markdown.
"""

import argparse
import contextlib
import json
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import bench

PATIENCE_SECONDS = 30


class Service:
    """Redis and a coordinator in a folder of their own; a context manager."""

    def __init__(self, binaries):
        self.binaries = binaries
        self.stack = contextlib.ExitStack()
        self.redis = self.coordinator = None

    def __enter__(self):
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.stack.callback(self.stop)
        self.redis = self.start("redis-server", [
            "--port", "0", "--unixsocket", self.folder / "redis.sock", "--dir", self.folder,
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            "--maxmemory-policy", "noeviction"])
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (self.folder / "redis.sock").exists():
            if time.monotonic() > deadline or self.redis.poll() is not None:
                sys.exit((self.folder / "redis-server.log").read_text())
            time.sleep(0.01)
        self.start_coordinator()
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def start(self, name, arguments):
        binary = self.binaries / name if (self.binaries / name).exists() else name
        with (self.folder / f"{name}.log").open("a") as log:
            return subprocess.Popen([binary, *arguments], stdout=log, stderr=log)

    def start_coordinator(self):
        self.coordinator = self.start("merganser-coordinator", [
            f"--listen={self.address}", f"--redis=unix://{self.folder}/redis.sock",
            f"--data={self.folder}/data", "--owner-timeout=0", "--log-level=warn"])

    def stop(self):
        for process in (self.coordinator, self.redis):
            if process is not None:
                process.kill()
                process.wait()

    @property
    def address(self):
        return f"unix:{self.folder}/coordinator.sock"

    def load(self, arguments):
        return subprocess.Popen(
            [self.binaries / "coordinator_load", bench.CAMPAIGN,
             f"--coordinator={self.address}", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def await_answer(self):
        """Results applied, by the first answer to GetCampaign."""
        return next_line(self.load(["--await-answer"]))["applied"]


def next_line(load):
    line = load.stdout.readline()
    if not line:
        sys.exit(load.stderr.read() or f"coordinator_load ended with {load.wait()}")
    return json.loads(line)


def measure(binaries, options, workers, campaigns, rate):
    with Service(binaries) as service:
        load = service.load([
            f"--workers={workers}", f"--campaigns={campaigns}", f"--rate={rate}",
            f"--batch={options.batch}", f"--seconds={options.seconds}",
            f"--warm-up={options.warm_up}", f"--coordinator-pid={service.coordinator.pid}",
            f"--redis-pid={service.redis.pid}",
            *bench.settings(options.set)])
        result = next_line(load)
        load.wait()
        if result["not_committed"]:
            sys.exit(f"{result['not_committed']} results were acknowledged as redundant, "
                     "conflicting or refused; expected none")
        bench.say(json.dumps(result))
        return result


def restart(binaries, options):
    """Applied results, bytes of the log, and seconds until the coordinator answers."""
    with Service(binaries) as service:
        load = service.load(["--workers=100", "--warm-up=1", "--seconds=0.1",
                             f"--until={options.restart_after}",
                             *bench.settings(options.set)])
        window = next_line(load)["window"]
        applied = next_line(load)["applied"]
        service.coordinator.send_signal(signal.SIGKILL)
        service.coordinator.wait()
        load.kill()
        load.communicate()
        start = time.monotonic()
        service.start_coordinator()
        found = service.await_answer()
        seconds = time.monotonic() - start
        # Those of the commit under way are not acknowledged: workers have them.
        if found < applied - window:
            sys.exit(f"{applied} results were applied, and {found} after the restart")
        stored = sum(path.stat().st_size for path in service.folder.glob("appendonlydir/*"))
        return found, stored, seconds


def milliseconds(result, what):
    values = [result[f"{what}_{share}_ms"] for share in ("p50", "p99")]
    return " / ".join("–" if value is None else f"{value:.1f}" for value in values)


def cores(result, what):
    return f"{result[f'{what}_cpu_seconds'] / result['seconds']:.2f}"


def cells(results):
    """Of the runs of one row, the one of the median throughput."""
    result = sorted(results, key=lambda r: r["completions_per_second"])[len(results) // 2]
    begin, end = (result[f"coordinator_bytes_{at}"] / 2**20 for at in ("begin", "end"))
    return [result["workers"], result["campaigns"], result["window"],
            f"{result['rate']:,.0f}/s" if result["rate"] else "no limit",
            f"{result['completions_per_second']:,.0f}", f"{100 * result['accepted_share']:.1f} %",
            f"{result['applied_begin']:,} … {result['applied_end']:,}",
            f"{result['segments_per_recipe']:.0f}",
            f"{result['results_per_call']:.1f}", milliseconds(result, "exchange"),
            milliseconds(result, "acknowledge"), cores(result, "coordinator"),
            cores(result, "redis"), cores(result, "load"), f"{begin:.0f} → {end:.0f}"]


def print_load_table(binaries, options):
    rows = [(workers, campaigns, rate) for campaigns in options.campaigns
            for workers in options.workers for rate in (options.rate, 0)]
    results = {row: [] for row in rows}
    for repeat in range(options.repeats):
        for row in rows:
            bench.say(f"run {repeat + 1} of {options.repeats}: {row[0]} workers, "
                      f"{row[1]} campaigns, {row[2] or 'no'} limit")
            results[row].append(measure(binaries, options, *row))
    bench.print_header([
        "workers", "campaigns", "window", "offered", "completions/s", "accepted",
        "results applied", "segments per recipe", "results per call", "Exchange, ms, p50 / p99", "acknowledged, ms, p50 / p99",
        "coordinator, cores", "Redis, cores", "load generator, cores", "coordinator, MiB"])
    for row in rows:
        bench.print_row(cells(results[row]))


def print_bare(binaries, options):
    rates = []
    for _ in range(options.repeats):
        output = subprocess.run(
            [binaries / "coordinator_load", bench.CAMPAIGN, f"--bare={2 * options.warm_up}",
             *bench.settings(options.set)],
            check=True, capture_output=True, text=True).stdout
        rates.append(json.loads(output)["completions_per_second"])
    print(f"Baseline: the schedule alone, the same campaign and scores folded in one loop on one "
          f"core: {statistics.median(rates):,.0f} completions/s.\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--campaigns", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--batch", type=int, default=8, help="jobs that a worker holds")
    parser.add_argument("--rate", type=float, default=5000,
                        help="completions/s offered in the rows that are not unlimited")
    parser.add_argument("--warm-up", type=int, default=10_000, help="results before measuring")
    parser.add_argument("--seconds", type=float, default=10, help="of measuring")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="campaign setting, such as search.split_point=false")
    parser.add_argument("--restart-after", type=int, default=100_000,
                        help="results before the restart; 0 = no restart")
    options = parser.parse_args()
    binaries = bench.binaries(options.binaries, ["coordinator_load", "merganser-coordinator"])
    if shutil.which("redis-server") is None:
        sys.exit("coordinator.py: redis-server is not in PATH; ./dev setup installs it")
    bench.print_machine()
    print_bare(binaries, options)
    print_load_table(binaries, options)
    if options.restart_after == 0:
        return
    runs = [restart(binaries, options) for _ in range(options.repeats)]
    found, stored, _ = runs[0]
    seconds = statistics.median(run[2] for run in runs)
    print(f"\nRestart under load with {found:,} results applied (Redis' log: "
          f"{stored / 2**20:.0f} MiB): GetCampaign answers {seconds:.2f} s after the new "
          f"coordinator was started.")


if __name__ == "__main__":
    main()
