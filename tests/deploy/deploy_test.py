#!/usr/bin/env python3
"""Builds the images, runs docker-compose.yml, disturbs a campaign on it and compares its
outcome with an undisturbed one of this machine. Needs Docker; root where the base image
has to be made. Says what it does; what it started is gone when it ends.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAMPAIGN = "digits-pretrained"
CAMPAIGN_FILE = f"examples/{CAMPAIGN}.yaml"
DASHBOARD_CHECK = ROOT / "tests/deploy/check_dashboards.py"
STAND_INS = ROOT / "tests/deploy/stand-ins.Dockerfile"
BUILD_PATIENCE_S = 3600
PATIENCE_S = 120
RUN_PATIENCE_S = 900
PULL_PATIENCE_S = 120
CUT_OFF_S = 20
METRICS_PORT = 9464
SCRAPE_INTERVAL_S = 10  # of deploy/prometheus/prometheus.yml
STARTED = time.monotonic()


class Failure(Exception):
    """What is wrong, for a person."""


def say(text):
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def run(*command, patience_s=PATIENCE_S, check=True, shown=False, **options):
    """The finished process, its output as text. `shown`: output goes to ours instead."""
    command = [str(part) for part in command]
    output = {} if shown else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        done = subprocess.run(command, timeout=patience_s, text=True, check=False,
                              cwd=ROOT, **output, **options)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{shlex.join(command)}: not done after {patience_s} s") from error
    if check and done.returncode != 0:
        raise Failure(f"{shlex.join(command)}: exit code {done.returncode}\n{done.stdout or ''}")
    return done


def wait_for(what, probe, patience_s=PATIENCE_S):
    """Polls until `probe` gives something true, and returns that."""
    deadline = time.monotonic() + patience_s
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure(f"waited {patience_s} s for {what}")
        time.sleep(0.25)


def has_image(image):
    return run("docker", "image", "inspect", image, check=False).returncode == 0


def is_there(image):
    """Whether the image is here or can be pulled."""
    if has_image(image):
        return True
    with contextlib.suppress(Failure):
        run("docker", "pull", image, patience_s=PULL_PATIENCE_S)
        return True
    return False


def base_image():
    """The image of this machine's own Debian: scores are the same bits with the same
    libraries."""
    release = dict(line.rstrip().replace('"', "").split("=", 1)
                   for line in open("/etc/os-release", encoding="utf-8") if "=" in line)
    suite = release.get("VERSION_CODENAME", "")
    if suite not in ("bookworm", "trixie"):
        raise Failure("compares with programs of this machine, which must be a Debian 12 or 13")
    image = f"debian:{suite}-slim"
    if not is_there(image):
        say(f"{image} cannot be pulled: making it")
        run("deploy/docker/make-base-image.sh", suite, image, patience_s=BUILD_PATIENCE_S)
    return image


def stand_in(target, image, base):
    """`image`, or one built of Debian's package where no registry is reached."""
    if is_there(image):
        return image
    say(f"{image} cannot be pulled: building a stand-in")
    name = f"merganser-stand-in-{target}"
    run("docker", "build", "--file", STAND_INS, "--target", target, "--tag", name,
        "--build-arg", f"BASE={base}", STAND_INS.parent, patience_s=BUILD_PATIENCE_S)
    return name


def compose_command():
    """Compose as a plugin, or the program of its own; $MERGANSER_COMPOSE overrides."""
    if "MERGANSER_COMPOSE" in os.environ:
        return shlex.split(os.environ["MERGANSER_COMPOSE"])
    if run("docker", "compose", "version", check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise Failure("needs Docker Compose: apt-get install docker-compose")


class Client:
    """The command `merganser` of this machine."""

    def __init__(self, binaries):
        self.binary = pathlib.Path(binaries).resolve() / "merganser"
        self.address = None

    def __call__(self, *arguments, **options):
        return run(self.binary, f"--coordinator={self.address}", *arguments, **options)

    def answer(self, *arguments):
        """The JSON objects of a command; none if it failed."""
        done = self(*arguments, "--json", check=False)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []

    def evaluations(self):
        """Children applied so far; -1 if nobody answers."""
        campaigns = self.answer("get", CAMPAIGN)
        if not campaigns:
            return -1
        state = campaigns[0]["state"].removeprefix("CAMPAIGN_STATE_")
        if state not in ("PREPARING", "RUNNING"):
            raise Failure(f"the campaign is {state} before all faults were tried; give "
                          "--evaluations more")
        return int(campaigns[0]["progress"]["evaluations"])

    def workers(self):
        """Names, which begin with the container's id. None if nobody answers."""
        return {worker["name"] for worker in self.answer("workers")}


class Deployment:
    """The services of docker-compose.yml under a project name of this test's own."""

    def __init__(self, tag, redis, prometheus):
        self.compose = compose_command()
        self.project = f"mergansertest{os.getpid()}"
        anywhere = "127.0.0.1:"  # a free port
        self.environment = dict(
            os.environ, PWD=str(ROOT), COMPOSE_PROJECT_NAME=self.project, MERGANSER_TAG=tag,
            MERGANSER_REDIS_IMAGE=redis, MERGANSER_PROMETHEUS_IMAGE=prometheus,
            MERGANSER_PUBLISH=anywhere, MERGANSER_PUBLISH_STANDBY=anywhere,
            MERGANSER_PUBLISH_PROMETHEUS=anywhere, COMPOSE_PROFILES="standby,monitoring")
        self.environment.pop("MERGANSER_MODELS", None)

    def __call__(self, *arguments, **options):
        return run(*self.compose, *arguments, env=self.environment, **options)

    def up(self, *services, workers):
        self("up", "--detach", "--no-build", "--no-recreate", f"--scale=worker={workers}",
             *services)

    def down(self):
        self("down", "--volumes", "--remove-orphans", "--timeout=60", check=False)

    def containers(self, service):
        """Ids of those that run."""
        return set(run("docker", "ps", "--quiet", "--no-trunc",
                       f"--filter=label=com.docker.compose.project={self.project}",
                       f"--filter=label=com.docker.compose.service={service}").stdout.split())

    def container(self, service):
        (found,) = self.containers(service)
        return found

    def published(self, service, port):
        return run("docker", "port", self.container(service), f"{port}/tcp").stdout.split()[0]

    def address(self, container):
        """Its own, which this machine reaches."""
        return run("docker", "inspect", "--format",
                   "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}",
                   container).stdout.split()[0]

    def network(self):
        """The one of coordinators and workers."""
        return run("docker", "network", "ls", "--quiet",
                   f"--filter=label=com.docker.compose.project={self.project}",
                   "--filter=label=com.docker.compose.network=work").stdout.strip()


class Test:
    def __init__(self, deployment, client, folder, evaluations):
        self.deployment, self.client, self.folder = deployment, client, folder
        self.budget = f"budget.evaluations={evaluations}"
        self.since = time.time()
        self.url = ""  # of Prometheus

    def undisturbed(self):
        say(f"merganser run {CAMPAIGN_FILE} --set {self.budget}, undisturbed, on this machine")
        output = self.folder / "undisturbed"
        run(self.client.binary, "run", CAMPAIGN_FILE, "--set", self.budget, "--workers", "2",
            "--output", output, patience_s=RUN_PATIENCE_S)
        return json.loads((output / "summary.json").read_text())

    def start(self):
        version = self.deployment("version").stdout.splitlines()[0]
        say(f"{version}: up with a standby, 2 workers and Prometheus")
        # The standby comes second: of two that start at once, either may be active.
        self.deployment.up("redis", "coordinator", "worker", workers=2)
        self.client.address = self.deployment.published("coordinator", 50051)
        wait_for("2 workers", lambda: len(self.client.workers()) == 2)
        self.deployment.up("standby", "prometheus", workers=2)
        say("2 workers are connected")

    def submit(self):
        say(f"merganser submit {CAMPAIGN_FILE} --set {self.budget}, from this machine")
        self.since = time.time()
        self.client("submit", CAMPAIGN_FILE, "--set", self.budget)
        self.expect_progress("begins", 100)

    def expect_progress(self, what, children):
        before = max(0, self.client.evaluations())
        now = wait_for(f"{children} more children", lambda: (
            count := self.client.evaluations()) >= before + children and count)
        say(f"the campaign {what}: {now:,} children")

    def kill_a_worker_and_add_one(self):
        before = self.deployment.containers("worker")
        victim = sorted(before)[0]
        say(f"docker kill of the worker {victim[:12]}")
        run("docker", "kill", victim)
        self.expect_progress("goes on with the other one", 500)
        say("up --scale worker=3")
        self.deployment.up("worker", workers=3)
        wait_for("3 workers", lambda: len(self.deployment.containers("worker")) == 3)
        if not self.deployment.containers("worker") - before:
            raise Failure("no container was added")
        self.expect_progress("goes on with three", 500)

    def cut_a_worker_off(self):
        victim = sorted(self.deployment.containers("worker"))[-1]
        name = wait_for("its worker", lambda: [
            n for n in self.client.workers() if n.startswith(victim[:12])])[0]
        network = self.deployment.network()
        say(f"docker network disconnect of the worker {victim[:12]}, for {CUT_OFF_S} s")
        run("docker", "network", "disconnect", network, victim)
        cut = time.monotonic()
        wait_for("the coordinator to give it up", lambda: name not in self.client.workers(),
                 patience_s=CUT_OFF_S)
        say(f"the coordinator has given it up after {time.monotonic() - cut:.1f} s")
        self.expect_progress("goes on without it", 500)
        time.sleep(max(0.0, CUT_OFF_S - (time.monotonic() - cut)))
        run("docker", "network", "connect", "--alias=worker", network, victim)
        back = time.monotonic()
        wait_for("it to come back", lambda: name in self.client.workers())
        say(f"connected again: it is back after {time.monotonic() - back:.1f} s")
        self.expect_progress("goes on", 500)

    def kill_the_coordinator(self):
        victim = self.deployment.container("coordinator")
        say("docker kill of the coordinator")
        run("docker", "kill", victim)
        killed = time.monotonic()
        self.client.address = self.deployment.published("standby", 50051)
        wait_for("the standby", lambda: self.client.evaluations() >= 0)
        say(f"the standby serves after {time.monotonic() - killed:.1f} s")
        self.expect_progress("goes on there", 500)
        run("docker", "start", victim)
        say("the killed one is started again, as a standby")

    def finish(self, undisturbed):
        self.client("watch", CAMPAIGN, patience_s=RUN_PATIENCE_S)
        output = self.folder / "exported"
        self.client("export", CAMPAIGN, "--output", output)
        summary = json.loads((output / "summary.json").read_text())
        say(f"{summary['state']}: {summary['evaluations']:,} children, "
            f"{summary['wall_seconds']:.0f} s; best: "
            f"{summary['best']['search_accuracy']:.4f} search, "
            f"{summary['best']['holdout_accuracy']:.4f} holdout")
        say(f"archive_digest here:        {undisturbed['archive_digest']}")
        say(f"archive_digest of compose:  {summary['archive_digest']}")
        for key in ("archive_digest", "state", "evaluations", "accepted", "best"):
            if summary[key] != undisturbed[key]:
                raise Failure(f"{key} differs: {summary[key]} and {undisturbed[key]}")
        if summary["conflicts"]:
            raise Failure(f"{summary['conflicts']} conflicts")
        say("the same, to the bit")


    def scrape(self):
        """By hand and by promtool, then what Prometheus has."""
        prometheus = self.deployment.container("prometheus")
        scraped = 0
        for service in ("coordinator", "standby", "worker"):
            for container in self.deployment.containers(service):
                text = page(f"{self.deployment.address(container)}:{METRICS_PORT}/metrics")
                if f"merganser_{service}_".replace("standby", "coordinator") not in text:
                    raise Failure(f"{service}: no metrics of it in /metrics:\n{text[:2000]}")
                run("docker", "exec", "--interactive", prometheus, "promtool", "check",
                    "metrics", input=text)
                scraped += 1
        say(f"/metrics of {scraped} containers: promtool check metrics finds nothing")
        self.url = f"http://{self.deployment.published('prometheus', 9090)}"
        wait_for("Prometheus to scrape all", lambda: self.targets_up() == scraped)
        say(f"Prometheus scrapes {scraped} targets")

    def targets_up(self):
        targets = json.loads(page(f"{self.url}/api/v1/targets"))["data"]["activeTargets"]
        return sum(target["health"] == "up" and target["labels"]["job"].startswith("merganser")
                   for target in targets)

    def check_dashboards(self):
        if not DASHBOARD_CHECK.exists():
            return
        # What is asked for lies between two scrapes.
        time.sleep(2 * SCRAPE_INTERVAL_S)
        say("every query of the dashboards")
        run(sys.executable, DASHBOARD_CHECK, self.url, "--campaign", CAMPAIGN, "--summary",
            self.folder / "exported/summary.json", "--since", self.since, "--until", time.time(),
            "--rate-interval", f"{4 * SCRAPE_INTERVAL_S}s", shown=True)


def page(url):
    """Its text."""
    try:
        with urllib.request.urlopen(url if "://" in url else f"http://{url}", timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.URLError as error:
        raise Failure(f"{url}: {error}") from error


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--binaries", required=True, help="folder of this machine's programs")
    parser.add_argument("--tag", help="take the images of this tag instead of building")
    parser.add_argument("--evaluations", type=int, default=150000,
                        help="children of the campaign (150000); more on a fast machine")
    return parser.parse_args()


def test(options, folder):
    base = base_image()
    tag = options.tag
    if tag is None:
        tag = "deploy-test"
        say(f"building the images on {base}")
        run("deploy/docker/build.sh", tag, "--build-arg", f"BASE={base}", "--quiet",
            patience_s=BUILD_PATIENCE_S, shown=True)
    deployment = Deployment(tag, redis=stand_in("redis", "redis:7.2-bookworm", base),
                            prometheus=stand_in("prometheus", "prom/prometheus:v2.53.4", base))
    one = Test(deployment, Client(options.binaries), folder, options.evaluations)
    undisturbed = one.undisturbed()
    try:
        one.start()
        one.submit()
        one.kill_a_worker_and_add_one()
        one.cut_a_worker_off()
        one.kill_the_coordinator()
        one.scrape()
        one.finish(undisturbed)
        one.check_dashboards()
    except BaseException:
        print(deployment("logs", "--tail=40", check=False).stdout, file=sys.stderr)
        raise
    finally:
        deployment.down()
    say("containers, networks and volumes are removed")


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="merganser-deploy-") as folder:
        try:
            test(options, pathlib.Path(folder))
        except Failure as failure:
            print(f"deploy test: {failure}", file=sys.stderr)
            return 1
    say("the deployment test passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
