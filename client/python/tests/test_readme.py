"""The examples of README.md, against the live system."""

import os
import pathlib
import re
import subprocess
import sys

import conftest

README = pathlib.Path(__file__).resolve().parents[1] / "README.md"


def test_the_example_runs(system, program):
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    code = blocks[0].replace("localhost:50051", system.address)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run([sys.executable, "-c", code], cwd=conftest.ROOT, text=True,
                         capture_output=True, env={**os.environ, "PATH": path})
    assert run.returncode == 0, run.stderr
    *progress, last = run.stdout.splitlines()
    assert progress[-1].startswith("500 ")
    assert re.fullmatch(r"best: -?\d+ with \d+\.\d%; \d+ of 1437 datapoints unsolved", last), last
