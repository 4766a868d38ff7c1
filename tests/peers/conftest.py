"""Campaigns that are run once for all tests."""

import json

import pytest

from peers import EXAMPLES, merganser

CAMPAIGNS = ["llm-arithmetic-strings", "llm-arithmetic-strings-paper"]
SETTINGS = ["budget.evaluations=60", "tasks[0].search.rows=[0, 100]",
            "tasks[1].search.rows=[0, 100]"]


@pytest.fixture(scope="session", params=CAMPAIGNS)
def campaign(request, tmp_path_factory):
    """The folder of a finished campaign."""
    output = tmp_path_factory.mktemp("campaign") / request.param
    arguments = [item for setting in SETTINGS for item in ("--set", setting)]
    merganser("run", EXAMPLES / f"{request.param}.yaml", "--output", output, *arguments)
    assert json.loads((output / "summary.json").read_text())["state"] == "COMPLETED"
    return output


FINDINGS = pytest.StashKey()


@pytest.fixture
def report(request):
    """Takes a line that is printed at the end."""
    return request.config.stash.setdefault(FINDINGS, []).append


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(FINDINGS, []):
        terminalreporter.write_line(line)
