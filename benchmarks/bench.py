"""What the benchmarks in Python share."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
CAMPAIGN = EXAMPLES / "digits-pretrained.yaml"
SCRATCH = EXAMPLES / "digits-scratch.yaml"


def binaries(folder, names):
    """The folder, absolute; ends the program if a binary is missing."""
    folder = folder.resolve()
    missing = [name for name in names if not os.access(folder / name, os.X_OK)]
    if missing:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: not in {folder}: {', '.join(missing)}; "
                 f"./dev build {' '.join(missing)}")
    return folder


def say(text):
    """To people, beside the table."""
    print(text, file=sys.stderr, flush=True)


def print_machine():
    """One line on what else keeps the machine busy."""
    one, five, _ = os.getloadavg()
    print(f"{os.cpu_count()} cores; load average before the run {one:.1f} (1 min), "
          f"{five:.1f} (5 min).\n", flush=True)


def print_row(cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def print_header(names):
    print_row(names)
    print_row(["---"] * len(names))


class CpuTimes:
    """CPU seconds of a process and its children by name, looked at until they end.

    What a process uses after the last look before its end is missed, so the
    looks are close together.
    """

    TICKS = os.sysconf("SC_CLK_TCK")

    def __init__(self):
        self.seconds = {}  # of (pid, name)

    def look(self, pid):
        for one in [pid, *self.children(pid)]:
            try:
                with open(f"/proc/{one}/stat", encoding="utf-8") as stat:
                    name, fields = stat.read().split("(", 1)[1].rsplit(")", 1)
            except OSError:
                continue
            if one != pid or name == "merganser":
                user, system = fields.split()[11:13]
                self.seconds[one, name] = (int(user) + int(system)) / self.TICKS

    @staticmethod
    def children(pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as children:
                return [int(child) for child in children.read().split()]
        except OSError:
            return []

    def of(self, prefix):
        return sum(seconds for (_, name), seconds in self.seconds.items()
                   if name.startswith(prefix))


def settings(overrides):
    return [argument for item in overrides for argument in ("--set", item)]


def run_service(folder, workers, overrides, campaign=CAMPAIGN):
    """summary.json of `merganser run` with its CPU times and wall seconds."""
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch) / "run"
        command = [folder / "merganser", "run", campaign, f"--workers={workers}",
                   "--output", output, *settings(overrides)]
        cpu = CpuTimes()
        log = pathlib.Path(scratch) / "log"
        start = time.monotonic()
        with log.open("w") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream)
            while process.poll() is None:
                cpu.look(process.pid)
                time.sleep(0.02)
        seconds = time.monotonic() - start
        if process.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\n{log.read_text()}")
        summary = json.loads((output / "summary.json").read_text())
        return summary | {"command_seconds": seconds, "cpu": cpu}


def same_digest(runs, what):
    """The archive digest of all runs; ends the program if they differ."""
    digests = {run["archive_digest"] for run in runs}
    if len(digests) != 1:
        sys.exit(f"{what}: expected one archive_digest; got {', '.join(sorted(digests))}")
    return digests.pop()
