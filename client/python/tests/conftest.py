"""A live system for the tests: Redis, a coordinator and a worker, over sockets in a
temporary folder."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

import merganser

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARIES = pathlib.Path(os.environ.get("MERGANSER_BIN", ROOT / "build/bin")).resolve()
START_TIMEOUT_S = 60


class System:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.address = f"unix:{folder}/coordinator"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: object) -> None:
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command], cwd=self.folder, stdout=log, stderr=log
            )

    def start_redis(self) -> None:
        socket = self.folder / "redis"
        self.start("redis-server", "redis-server", "--port", 0, "--unixsocket", socket,
                   "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                   "--maxmemory-policy", "noeviction", "--dir", self.folder)
        self.wait(socket.exists, "redis-server")

    def start_coordinator(self) -> None:
        self.start("coordinator", BINARIES / "merganser-coordinator",
                   f"--listen={self.address}", f"--redis=unix://{self.folder}/redis",
                   f"--data={self.folder}/data", "--owner-timeout=0.5")
        with merganser.Client(self.address) as client:
            def answers() -> bool:
                try:
                    client.workers()
                except merganser.Unavailable:
                    return False
                return True
            self.wait(answers, "coordinator")

    def start_worker(self) -> None:
        self.start("worker", BINARIES / "merganser-worker", f"--coordinator={self.address}",
                   "--device=cpu")

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def wait(self, condition, name: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{name}: {(self.folder / f'{name}.log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        for name in ("worker", "coordinator", "redis-server"):
            if name in self.processes:
                self.kill(name)


@pytest.fixture(scope="session")
def program() -> pathlib.Path:
    program = BINARIES / "merganser"
    if not program.exists():
        pytest.fail(f"expected {program}; build it, or name another folder in MERGANSER_BIN")
    return program


@pytest.fixture(scope="session")
def system(program: pathlib.Path) -> Iterator[System]:
    # Paths of sockets must be short.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="merganser-python-"))
    system = System(folder)
    try:
        system.start_redis()
        system.start_coordinator()
        system.start_worker()
        yield system
    finally:
        system.stop()
        shutil.rmtree(folder)


@pytest.fixture
def client(system: System) -> Iterator[merganser.Client]:
    with merganser.Client(system.address) as client:
        yield client


@pytest.fixture(scope="session")
def campaign_file() -> pathlib.Path:
    return ROOT / "examples/digits-pretrained.yaml"
