"""Campaign: is the search working, and when is it done?"""

from panels import BAD, GOOD, WARN, dashboard, gauge, lines, query, row, stat, steps, variable

C = '{campaign="$campaign"}'
DONE = f"sum(max by (outcome) (merganser_evaluations_total{C}))"
BUDGET = f"max(merganser_campaign_budget_evaluations{C})"
EVALUATED = f"max(merganser_datapoint_evaluations_total{C})"
POSSIBLE = f"max(merganser_datapoint_evaluations_possible_total{C})"

ACCEPTED, EARLY = ', outcome="accepted"', ', outcome="rejected_early"'


def rate(metric, labels="", window="$__rate_interval"):
    return f'rate({metric}{{campaign="$campaign"{labels}}}[{window}])'


def best(metric, split):
    return f'max({metric}{{campaign="$campaign", split="{split}"}})'


STANDS = row(
    "Where it stands",
    stat("State", "What the campaign does now.", "none",
         query(f"max by (state) (merganser_campaign_state{C}) == 1", "{{state}}", instant=True),
         text="name", graph=False),
    gauge("Progress", "Children applied, of those in the budget.", "percentunit",
          query(f"{DONE} / {BUDGET}"), width=3, thresholds=steps(GOOD)),
    stat("Time left", "What is left of the budget at the pace of the last 5 minutes. "
         "Empty if nothing was applied meanwhile.", "s",
         query(f"({BUDGET} - {DONE} == 0) or ({BUDGET} - {DONE}) / "
               f"(sum({rate('merganser_evaluations_total', window='5m')}) > 0)"),
         graph=False, empty="no progress"),
    stat("Best score", "Mean score of the archive's best member: on the datapoints of the search, "
         "and on the holdout, which the search never sees.", "percentunit",
         query(best("merganser_best_score_ratio", "search"), "search"),
         query(best("merganser_best_score_ratio", "holdout"), "holdout"),
         width=5, decimals=1, graph=False),
    stat("Evaluations", "Children applied so far.", "short", query(DONE)),
    stat("Work saved", "Datapoints of children that nobody had to evaluate, since the child could "
         "not have entered the archive any more.", "percentunit",
         query(f"1 - {EVALUATED} / {POSSIBLE}"), decimals=1),
    stat("Workers", "Workers that may be given its jobs. None once it has ended.", "none",
         query(f"max(merganser_campaign_ready_workers{C})"), width=2),
    stat("Held up by", "Reasons that keep it from getting on; `merganser get` names them.", "none",
         query(f"max(merganser_campaign_conditions{C})"), width=2, graph=False,
         thresholds=steps(GOOD, (1, BAD))),
)

SEARCH = row(
    "Is the search working",
    lines("Score", "Best member, the mean of the archive, and the seeds that it began with. The best "
          "should leave the seeds behind; a mean that has met it says that the archive is uniform.",
          "percentunit",
          query(best("merganser_best_score_ratio", "search"), "best"),
          query(best("merganser_best_score_ratio", "holdout"), "best on holdout"),
          query(f"max(merganser_mean_score_ratio{C})", "mean of the archive"),
          query('max by (seed) (merganser_seed_score_ratio{campaign="$campaign", split="search"})',
                "seed {{seed}}"),
          width=12, height=9, low=None, high=None),
    lines("Coverage", "Share of the search's datapoints that some member of the archive solves: what "
          "a merge of its members could still gain.", "percentunit",
          query(f"max(merganser_coverage_ratio{C})", "coverage"), width=6, height=9, low=None,
          high=1),
    lines("Entropy", "Mean entropy of correctness per datapoint, in bits: 0 if all members solve the "
          "same, 1 if half of them solve each. It sinks as the search narrows.", "none",
          query(f"max(merganser_entropy_ratio{C})", "entropy"), width=6, height=9, low=0),
    lines("Score by task", "The best member on each task. One that sinks while the others rise is being "
          "traded away: raise its weight.", "percentunit",
          query(f"max by (task, split) (merganser_best_task_score_ratio{C})", "{{task}}, {{split}}"),
          low=None),
    lines("Seeds in the best member", "How much of each seed is in its weights. A child of one seed "
          "alone is no merge. Empty in campaigns from random seeds.", "percentunit",
          query(f"max by (seed) (merganser_best_seed_share_ratio{C})", "{{seed}}"),
          stack=True, high=1),
    lines("Acceptance", "Share of the children that entered the archive. It falls as the archive gets "
          "better; near zero, further budget buys little.", "percentunit",
          query(f"sum({rate('merganser_evaluations_total', ACCEPTED)})"
                f" / (sum({rate('merganser_evaluations_total')}) > 0)", "accepted")),
)

PACE = row(
    "Is it getting on",
    lines("Evaluations per second", "Children applied, by what became of them.", "ops",
          query(f"sum by (outcome) ({rate('merganser_evaluations_total')})", "{{outcome}}"),
          stack=True),
    lines("Budget", "Children applied, and how many there shall be.", "short",
          query(DONE, "applied"), query(BUDGET, "budget")),
    lines("Jobs under way", "Jobs that wait for a worker, are being executed, or wait on a worker; and "
          "children with a result that wait for an earlier one. A queue that stays empty while "
          "workers are idle: raise schedule.window.", "none",
          query(f"max(merganser_queue_depth{C})", "queued"),
          query(f"sum by (state) (max by (kind, state) (merganser_leases{C}))", "{{state}}"),
          query(f"max(merganser_apply_lag_evaluations{C})", "wait for an earlier child")),
    lines("Datapoints per second", "Evaluated, and what it would have taken without early rejection.",
          "ops",
          query(f"sum({rate('merganser_datapoint_evaluations_total')})", "evaluated"),
          query(f"sum({rate('merganser_datapoint_evaluations_possible_total')})",
                "without early rejection")),
    lines("Children rejected early", "Of the children applied, those dropped by some of their scores.",
          "percentunit",
          query(f"sum({rate('merganser_evaluations_total', EARLY)})"
                f" / (sum({rate('merganser_evaluations_total')}) > 0)", "rejected early"), high=1),
    lines("Parked children per second", "Workers stop a child that the archive they know rejects. "
          "Confirmed: its own archive rejects it, too. Resumed: it had to be evaluated further.",
          "ops",
          query(f"sum({rate('merganser_parked_total')})", "parked"),
          query(f"sum({rate('merganser_parked_confirmed_total')})", "confirmed"),
          query(f"sum({rate('merganser_parked_resumed_total')})", "resumed")),
)


def fault(title, description, expr):
    return stat(title, description, "none", query(expr), width=4, graph=False,
                thresholds=steps(GOOD, (1, WARN)))


FAULTS = row(
    "What should stay at zero, and how long it took",
    fault("Given up", "Children given up after repeated failures and applied as dropped.",
          'max(merganser_evaluations_total{campaign="$campaign", outcome="quarantined"})'),
    fault("Conflicts", "Chunks that were reported twice with different scores: two workers of one "
          "device class do not compute the same.", f"max(merganser_conflicts_total{C})"),
    fault("Chunks with NaN", "Chunks in which a logit was no number; such datapoints score 0.",
          f"max(merganser_nan_chunks_total{C})"),
    stat("Active for", "From the first lease to the last applied result, pauses included.", "s",
         query(f"max(merganser_campaign_active_seconds_total{C})"), width=4, graph=False),
    stat("Created", "How long ago.", "s",
         query(f"time() - max(merganser_campaign_created_timestamp_seconds{C})"), width=4,
         graph=False),
    stat("Pace", "Children applied per second since it became active.", "ops",
         query(f"{DONE} / max(merganser_campaign_active_seconds_total{C})"), width=4, graph=False),
)

DASHBOARD = dashboard(
    "merganser-campaign", "Merganser: Campaign", "Is the search working, and when is it done?",
    [variable("campaign", "Campaign", "label_values(merganser_campaign_state, campaign)")],
    [STANDS, SEARCH, PACE, FAULTS],
)
