#!/usr/bin/env python3
"""Redis, a coordinator, two workers and a real Prometheus: campaigns run, and what the
dashboards show of them is checked. With --draw also as pictures.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import yaml

import check_dashboards
import queries
from prometheus import Prometheus, QueryError

START_PATIENCE_S = 60
RUN_PATIENCE_S = 500
SCRAPED_S = 3  # two scrapes and an evaluation of the rules
# The campaign whose summary.json is compared, and others that run behind it so that
# every panel has something to show: weights that travel, tokens.
MAIN = ("digits-pretrained", ["budget.evaluations=40000"])
OTHERS = [
    ("digits-scratch", ["budget.evaluations=4000"]),
    ("llm-arithmetic-strings", ["budget.evaluations=20"]),
]


class Failure(Exception):
    """What went wrong, for a person."""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, probe, patience_s=START_PATIENCE_S):
    """Polls until `probe` gives something true."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.2)
    raise Failure(f"waited {patience_s} s for {what}")


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.read().decode() or " "
    except OSError:
        return ""


class System:
    """The processes of one test and their logs, below one folder."""

    def __init__(self, folder, binaries, prometheus):
        self.folder, self.binaries, self.prometheus_binary = folder, binaries, prometheus
        self.processes = []
        self.coordinator = f"127.0.0.1:{free_port()}"
        self.scraped = {}  # job -> addresses
        self.prometheus = None

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "wb")
        self.processes.append((name, subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=subprocess.STDOUT,
            cwd=self.folder)))

    def check_alive(self):
        for name, process in self.processes:
            if process.poll() is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace")
                raise Failure(f"{name} ended with {process.returncode}:\n{log[-2000:]}")

    def stop(self):
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

    def metrics_address(self, job):
        address = f"127.0.0.1:{free_port()}"
        self.scraped.setdefault(job, []).append(address)
        return address

    def start_all(self, workers):
        redis = free_port()
        self.start("redis", "redis-server", "--port", redis, "--bind", "127.0.0.1", "--appendonly",
                   "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", "--dir",
                   self.folder, "--save", "")
        wait_for("Redis", lambda: subprocess.run(
            ["redis-cli", "-p", str(redis), "ping"], capture_output=True, check=False
        ).stdout.strip() == b"PONG")
        self.start("coordinator", self.binaries / "merganser-coordinator",
                   f"--listen={self.coordinator}", f"--redis=redis://127.0.0.1:{redis}",
                   f"--data={self.folder / 'data'}", "--owner-timeout=0",
                   f"--metrics={self.metrics_address('merganser-coordinator')}")
        for i in range(workers):
            self.start(f"worker-{i}", self.binaries / "merganser-worker",
                       f"--coordinator={self.coordinator}", f"--name=worker-{i}",
                       f"--metrics={self.metrics_address('merganser-worker')}")
        self.start_prometheus()

    def start_prometheus(self):
        """With the rules and job names of deploy/prometheus, and addresses of here."""
        config = yaml.safe_load((queries.ROOT / "deploy/prometheus/prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(queries.RULES / "*.yml")]
        config["scrape_configs"] = [
            {"job_name": job["job_name"],
             "static_configs": [{"targets": self.scraped[job["job_name"]]}]}
            for job in config["scrape_configs"] if job["job_name"] in self.scraped]
        path = self.folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        address = f"127.0.0.1:{free_port()}"
        self.start("prometheus", self.prometheus_binary, f"--config.file={path}",
                   f"--storage.tsdb.path={self.folder / 'tsdb'}",
                   f"--web.listen-address={address}")
        wait_for("Prometheus", lambda: answers(f"http://{address}/-/ready"))
        self.prometheus = Prometheus(f"http://{address}")

    def wait_until_scraped(self):
        wanted = sum(len(addresses) for addresses in self.scraped.values())

        def all_up():
            self.check_alive()
            up = [t for t in self.prometheus.targets() if t["health"] == "up"]
            return len(up) == wanted

        wait_for("all processes to be scraped", all_up)

    def client(self, *arguments):
        done = subprocess.run(
            [self.binaries / "merganser", "--coordinator", self.coordinator, *arguments],
            capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode != 0:
            raise Failure(f"merganser {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def run_campaigns(self, *campaigns):
        for name, settings in campaigns:
            flags = [flag for setting in settings for flag in ("--set", setting)]
            self.client("submit", str(queries.ROOT / f"examples/{name}.yaml"), *flags)

        def all_ended():
            self.check_alive()
            states = [json.loads(line)["state"]
                      for line in self.client("list", "--json").splitlines()]
            if any(state.endswith(("FAILED", "CANCELLED")) for state in states):
                raise Failure(f"a campaign did not complete: {states}")
            return all(state.endswith("COMPLETED") for state in states)

        wait_for("the campaigns to complete", all_ended, RUN_PATIENCE_S)
        time.sleep(SCRAPED_S)

    def summary_of(self, name):
        folder = self.folder / f"export-{name}"
        self.client("export", name, "--output", str(folder))
        return json.loads((folder / "summary.json").read_text())


def lint_scrapes(system, promtool):
    """`promtool check metrics` of what each kind of process shows."""
    for job, addresses in system.scraped.items():
        text = answers(f"http://{addresses[0]}/metrics")
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True,
                              text=True, check=False)
        if done.returncode != 0 or done.stderr.strip():
            yield f"promtool check metrics, {job}: {done.stderr.strip() or done.stdout.strip()}"


def rules_in_trouble(prometheus):
    """Rules that cannot be evaluated, and alerts, of which a healthy system has none."""
    for group in prometheus.rule_groups():
        for rule in group["rules"]:
            if rule["health"] != "ok":
                yield f"rule {rule['name']}: {rule['health']} {rule.get('lastError', '')}"
            if rule.get("state") == "firing":
                yield f"alert {rule['name']} fires in a healthy system"


def report(found):
    for line in found:
        print(f"monitoring_test: {line}", file=sys.stderr)


def check(system, promtool, draw):
    system.wait_until_scraped()
    since = time.time() - SCRAPED_S
    system.run_campaigns(MAIN)
    alone = time.time()
    system.run_campaigns(*OTHERS)
    until = time.time()
    name = MAIN[0]
    values = check_dashboards.values_for(name, since, until, "5s")
    found = [
        *lint_scrapes(system, promtool),
        *rules_in_trouble(system.prometheus),
        *check_dashboards.missing(system.prometheus, values, since, until),
        *check_dashboards.differences(system.prometheus, values, alone, system.summary_of(name)),
    ]
    report(found)
    if draw:
        # Not needed by the check alone.
        import draw_dashboards
        draw_dashboards.draw_all(system.prometheus, values, since, until, draw)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", type=pathlib.Path, required=True, help="as in build/bin")
    parser.add_argument("--prometheus", type=pathlib.Path, required=True,
                        help="folder with prometheus and promtool")
    parser.add_argument("--draw", type=pathlib.Path, help="folder for a picture per dashboard")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=f"merganser-monitoring-{os.getpid()}-") as folder:
        system = System(pathlib.Path(folder), args.binaries.resolve(),
                        args.prometheus.resolve() / "prometheus")
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(system.stop)
                system.start_all(workers=2)
                found = check(system, args.prometheus.resolve() / "promtool", args.draw)
        except (Failure, QueryError) as error:
            found = [str(error)]
            report(found)
    print("monitoring_test:", f"{len(found)} complaints" if found else "passed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
