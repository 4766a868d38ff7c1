"""The client and a live coordinator."""

import numpy as np
import pytest

import merganser
from merganser.v1 import campaign_pb2

EVALUATIONS = 300
ENDLESS = 10_000_000


@pytest.fixture(scope="module")
def finished(system, program, campaign_file):
    """A campaign that has run to its end, and what watch() gave of it."""
    with merganser.Client(system.address) as client:
        client.submit(campaign_file, {"name": "finished", "budget.evaluations": EVALUATIONS},
                      program=program)
        return list(client.watch("finished", interval_s=0.05))


@pytest.fixture
def endless(client, program, campaign_file, request):
    """The name of a campaign that goes on until it is cancelled."""
    name = request.node.name.replace("[", "-").replace("]", "")
    client.submit(campaign_file, {"name": name, "budget.evaluations": ENDLESS}, program=program)
    yield name
    if name in [c.name for c in client.campaigns()]:
        client.cancel(name)
        client.delete(name)


def test_watch_ends_with_the_finished_campaign(finished):
    last = finished[-1]
    assert last.state == campaign_pb2.CAMPAIGN_STATE_COMPLETED
    assert merganser.has_ended(last)
    assert last.progress.evaluations == EVALUATIONS
    revisions = [c.revision for c in finished]
    assert revisions == sorted(set(revisions))
    assert not any(merganser.has_ended(c) for c in finished[:-1])


def test_watch_gives_nothing_that_is_known(client, finished):
    assert list(client.watch("finished", after_revision=finished[-1].revision)) == []
    again = list(client.watch("finished", after_revision=finished[-1].revision - 1))
    assert [c.revision for c in again] == [finished[-1].revision]


def test_scores_are_those_that_the_coordinator_counts(client, finished):
    archive = client.scores("finished")
    progress = finished[-1].progress
    assert archive.scores.shape == (20, 1437)
    assert archive.population == 20
    assert archive.tasks == {"digits": slice(0, 1437)}
    assert set(np.unique(archive.scores)) == {0.0, 1.0}
    means = archive.scores.mean(axis=1)
    assert means.max() == pytest.approx(progress.best.search_accuracy, abs=1e-12)
    assert archive.candidates[means.argmax()] == progress.best.candidate
    assert (archive.niche_load() > 0).mean() == pytest.approx(progress.coverage, abs=1e-12)
    seeds = [seed.search_accuracy for seed in progress.seeds]
    assert archive.seed_scores.mean(axis=1) == pytest.approx(seeds, abs=1e-12)


def test_candidates_are_the_members(client, finished):
    members = list(client.candidates("finished"))
    archive = client.scores("finished")
    assert sorted(c.candidate for c in members) == sorted(archive.candidates)
    accuracy = {c.candidate: c.search_accuracy for c in members}
    for candidate, scores in zip(archive.candidates, archive.scores):
        assert accuracy[candidate] == pytest.approx(scores.mean(), abs=1e-12)
    accepted = list(client.candidates("finished", all_accepted=True))
    # The seeds, too.
    assert len(accepted) == finished[-1].progress.accepted + 2


def test_lineage_ends_with_the_best_member_and_begins_with_seeds(client, finished):
    lineage = client.lineage("finished")
    assert lineage[-1].candidate == finished[-1].progress.best.candidate
    assert lineage[0].candidate < 0
    assert [c.candidate for c in client.lineage("finished", -1)] == [-1]


def test_export_has_the_whole_log(client, finished):
    export = client.export("finished")
    assert [e.proposal.candidate for e in export.log] == list(range(EVALUATIONS))
    assert len(export.gram) == export.header.gram_size_bytes > 0
    assert client.export("finished", without_log=True).log == []


def test_curve_ends_at_the_best_member(client, finished):
    assert client.curve("finished")[-1].search_accuracy == pytest.approx(
        finished[-1].progress.best.search_accuracy, abs=1e-12)


def test_a_larger_budget_goes_on(client, program, campaign_file):
    client.submit(campaign_file, {"name": "extended", "budget.evaluations": 50}, program=program)
    *_, first = client.watch("extended", interval_s=0.05)
    client.extend("extended", 80)
    *_, second = client.watch("extended", after_revision=first.revision, interval_s=0.05)
    assert (first.progress.evaluations, second.progress.evaluations) == (50, 80)


def test_watch_goes_on_after_the_coordinator_was_killed(system, client, endless):
    evaluations = []
    for campaign in client.watch(endless, interval_s=0.05):
        evaluations.append(campaign.progress.evaluations)
        if len(evaluations) == 5:
            system.kill("coordinator")
            system.start_coordinator()
            before = evaluations[-1]
        if len(evaluations) > 5 and campaign.progress.evaluations > before + 100:
            client.cancel(endless)
    assert evaluations == sorted(evaluations)
    assert evaluations[-1] > before + 100


def test_pause_resume_cancel_delete(client, endless):
    assert client.pause(endless).state == campaign_pb2.CAMPAIGN_STATE_PAUSED
    assert client.get(endless).state == campaign_pb2.CAMPAIGN_STATE_PAUSED
    assert client.resume(endless).state != campaign_pb2.CAMPAIGN_STATE_PAUSED
    with pytest.raises(merganser.FailedPrecondition):
        client.delete(endless)
    assert client.cancel(endless).state == campaign_pb2.CAMPAIGN_STATE_CANCELLED
    with pytest.raises(merganser.FailedPrecondition, match=endless):
        client.resume(endless)
    client.delete(endless)
    assert endless not in [c.name for c in client.campaigns()]


def test_a_repeated_request_gives_the_same_campaign(client, program, campaign_file):
    spec = merganser.load_campaign(campaign_file, {"name": "repeated", "budget.evaluations": 1},
                                   program=program)
    first = client.submit(spec, request_id="one")
    assert client.submit(spec, request_id="one").uid == first.uid
    with pytest.raises(merganser.AlreadyExists, match="repeated"):
        client.submit(spec, request_id="two")


@pytest.mark.parametrize("call", ["get", "pause", "resume", "cancel", "delete", "curve",
                                  "lineage", "scores"])
def test_an_unknown_campaign_is_named(client, call):
    with pytest.raises(merganser.NotFound, match="nobody"):
        getattr(client, call)("nobody")


def test_watching_an_unknown_campaign(client):
    with pytest.raises(merganser.NotFound, match="nobody"):
        next(client.watch("nobody"))


def test_a_refused_campaign_names_the_field(client, program, campaign_file):
    spec = merganser.load_campaign(campaign_file, program=program)
    spec.search.alpha = 9
    with pytest.raises(merganser.InvalidArgument, match="search.alpha"):
        client.submit(spec)


def test_a_refused_file_names_the_key(program, campaign_file):
    with pytest.raises(merganser.InvalidArgument, match="search.alpha: expected 0 to 4"):
        merganser.load_campaign(campaign_file, {"search.alpha": 9}, program=program)
    with pytest.raises(merganser.InvalidArgument, match="none.yaml"):
        merganser.load_campaign("none.yaml", program=program)


def test_a_missing_program():
    with pytest.raises(FileNotFoundError):
        merganser.load_campaign("any.yaml", program="/nonexistent/merganser")


def test_nobody_answers(tmp_path):
    address = f"unix:{tmp_path}/nobody"
    with merganser.Client(address) as client:
        with pytest.raises(merganser.Unavailable, match=address):
            client.get("any")
        with pytest.raises(merganser.Unavailable):
            next(client.watch("any"))


def test_workers_are_listed(client):
    workers = client.workers()
    assert len(workers) == 1
    assert workers[0].device_class
