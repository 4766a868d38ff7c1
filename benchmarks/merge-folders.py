"""merganser merge beside mergekit: two bfloat16 folders into one.

The commands are timed from start to exit. A warm process has imported mergekit and has
merged once before; its run_merge is timed. All use the same number of threads and write to
the same disk, in turn. The files are in the page cache.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from bench import binaries, print_header, print_machine, print_row, say
from checkpoints import SHAPES, make_checkpoints

METHODS = {
    "linear": "models:\n  - {{model: {a}, parameters: {{weight: 0.6}}}}\n"
              "  - {{model: {b}, parameters: {{weight: 0.4}}}}\n",
    "slerp": "base_model: {a}\nmodels:\n  - model: {a}\n  - model: {b}\nparameters: {{t: 0.4}}\n",
}
# Started with a configuration, a folder and how often: prints seconds of the last times.
WARM = """
import shutil, sys, time, yaml
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions
config = MergeConfiguration.model_validate(yaml.safe_load(open(sys.argv[1])))
options = MergeOptions(quiet=True, num_threads=int(sys.argv[4]))
options.apply_global_options()
for turn in range(int(sys.argv[3]) + 1):
    shutil.rmtree(sys.argv[2], ignore_errors=True)
    start = time.monotonic()
    run_merge(config, sys.argv[2], options=options)
    if turn > 0:
        print(time.monotonic() - start, flush=True)
"""


def run(command, output, threads):
    """Seconds and peak resident MiB of a command that writes `output`."""
    shutil.rmtree(output, ignore_errors=True)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryFile() as log:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            sys.exit(f"{' '.join(map(str, command))}\n{log.read().decode(errors='replace')}")
    return seconds, usage.ru_maxrss / 1024


def warm_seconds(config, output, repeats, threads):
    command = [sys.executable, "-c", WARM, config, output, str(repeats), str(threads)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return min(float(line) for line in done.stdout.split())


def measure(folder, arguments, shape, scratch):
    a, b = scratch / "a", scratch / "b"
    say(f"making two checkpoints of the {shape} shape")
    make_checkpoints([a, b], shape)
    size = sum(path.stat().st_size for path in a.glob("*.safetensors"))
    mergekit = pathlib.Path(sys.executable).parent / "mergekit-yaml"
    for method, text in METHODS.items():
        config = scratch / f"{method}.yml"
        config.write_text(f"merge_method: {method}\n" + text.format(a=a, b=b) +
                          "dtype: bfloat16\n")
        output = scratch / "merged"
        ours = [folder / "merganser", "merge", config, "--output", output,
                "--threads", str(arguments.threads)]
        theirs = [mergekit, config, output, "--quiet", "-j", str(arguments.threads)]
        # The memory is that of all runs, the time that of the best.
        runs = [run(ours, output, arguments.threads) for _ in range(arguments.repeats)]
        seconds, memory = min(runs)[0], max(one[1] for one in runs)
        command = min(run(theirs, output, arguments.threads)
                      for _ in range(arguments.repeats))[0]
        warm = warm_seconds(config, output, arguments.repeats, arguments.threads)
        print_row([shape, method, f"{seconds:.3f}", f"{3 * size / seconds / 1e9:.2f}",
                   f"{memory:.0f}", f"{command:.2f}", f"{command / seconds:.1f}",
                   f"{warm:.2f}", f"{warm / seconds:.1f}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    folder = binaries(arguments.binaries, ["merganser"])
    print_machine()
    print_header(["shape", "method", "merganser s", "GB/s read and written",
                  "peak resident MiB", "mergekit-yaml s", "times", "warm run_merge s", "times"])
    for shape in arguments.shape or ["135M"]:
        with tempfile.TemporaryDirectory(prefix="merge-folders-") as scratch:
            measure(folder, arguments, shape, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
