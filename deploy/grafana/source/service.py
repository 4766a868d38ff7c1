"""Service: are coordinator and Redis healthy?"""

from panels import (BAD, GOOD, WARN, bars, dashboard, gauge, heatmap, lines, query, row, stat,
                    steps, variable)

I = 'instance=~"$instance"'
# Calls that wait for something to say are no latency.
SHORT_CALLS = ('method!~"merganser.v1.WorkerService/Exchange|'
               'merganser.v1.CampaignService/WatchCampaign"')
COMMIT = "merganser_commit_duration_seconds"
ACTIVE = "and on (instance) (merganser_coordinator_active == 1)"
# What a client is told of its own mistakes is no fault of the service.
FAULTS = 'code=~"UNAVAILABLE|INTERNAL|UNKNOWN|DEADLINE_EXCEEDED|DATA_LOSS|RESOURCE_EXHAUSTED"'
FAILED = 'code!="OK"'


def rate(metric, labels=""):
    return f"rate({metric}{{{I}{', ' + labels if labels else ''}}}[$__rate_interval])"


def quantile(q, metric, labels="", by=""):
    return f"histogram_quantile({q}, sum by (le{by}) ({rate(metric + '_bucket', labels)}))"


STANDS = row(
    "Where it stands",
    stat("Active coordinators", "Exactly one owns Redis. None: nothing gets on.", "none",
         query("sum(merganser_coordinator_active) or vector(0)"), graph=False,
         thresholds=steps(BAD, (1, GOOD), (2, BAD))),
    stat("Standbys", "Coordinators that would take over.", "none",
         query("count(merganser_coordinator_active == 0) or vector(0)"), graph=False, width=2),
    stat("Redis is well", "Whether it answers, and whether it keeps what it acknowledged: appendonly yes, "
         "appendfsync always, maxmemory-policy noeviction.", "bool_yes_no",
         query("min(merganser_redis_up)", "answers"),
         query("min(merganser_redis_persistent)", "persistent"), width=5, graph=False,
         thresholds=steps(BAD, (1, GOOD))),
    stat("Commit, 99 %", "Time in which 99 of 100 commits to Redis are done.", "s",
         query(quantile(0.99, COMMIT)), thresholds=steps(GOOD, (0.1, WARN), (0.5, BAD))),
    stat("RPC faults", "Share of the calls to the active coordinator that ended with a fault of the "
         "service; a client's own mistakes do not count.", "percentunit",
         query(f"(sum({rate('merganser_rpcs_total', FAULTS)} {ACTIVE}) or vector(0)) / "
               f"sum({rate('merganser_rpcs_total')} {ACTIVE})"),
         decimals=2, graph=False, thresholds=steps(GOOD, (0.01, WARN), (0.1, BAD))),
    gauge("Data disk", "Taken of the file system of --data.", "percentunit",
          query(f"max(1 - merganser_data_free_bytes{{{I}}} / merganser_data_size_bytes{{{I}}})"),
          width=3, thresholds=steps(GOOD, (0.8, WARN), (0.9, BAD))),
    stat("Alerts", "Rules of Merganser that fire now.", "none",
         query('count(ALERTS{alertname=~"Merganser.+", alertstate="firing"}) or vector(0)'),
         width=2, graph=False, thresholds=steps(GOOD, (1, BAD))),
    stat("Campaigns under way", "That are prepared, run, or finish.", "none",
         query('sum(max by (campaign, state) (merganser_campaign_state{state=~"preparing|running|'
               'finishing"})) or vector(0)'), graph=False),
)

RPCS = row(
    "RPCs",
    lines("Calls per second", "By method. Exchange carries jobs, results and signs of life: about one "
          "per worker and answer.", "reqps",
          query(f"sum by (method) ({rate('merganser_rpcs_total')}) > 0", "{{method}}"), stack=True),
    lines("Errors per second", "Calls that did not end with OK, by method and code.", "reqps",
          query(f"sum by (method, code) ({rate('merganser_rpcs_total', FAILED)}) > 0"
                ' or on () label_replace(vector(0), "code", "no errors", "", "")',
                "{{method}} {{code}}")),
    lines("Latency, 99 %", "Of the calls that do not wait for something to say, by method.", "s",
          query(quantile(0.99, "merganser_rpc_duration_seconds", SHORT_CALLS, ", method"),
                "{{method}}")),
)

REDIS = row(
    "Redis",
    lines("Time of a commit", "One attempt, from the coordinator's side. Workers' results wait for it.",
          "s",
          query(quantile(0.5, COMMIT), "median"), query(quantile(0.95, COMMIT), "95 %"),
          query(quantile(0.99, COMMIT), "99 %"),
          thresholds=steps(GOOD, (0.5, BAD))),
    heatmap("Times of commits", "How many commits took how long.", "s",
            f"sum by (le) ({rate(COMMIT + '_bucket')})"),
    lines("Commits per second", "Done and failed. A failed one is repeated.", "ops",
          query(f"sum({rate(COMMIT + '_count')})", "attempts"),
          query(f"sum({rate('merganser_commit_failures_total')})", "failed")),
    lines("Writes per commit", "What arrived while the last commit ran is one batch: it grows with "
          "load, and with Redis' latency.", "short",
          query(f"sum({rate('merganser_commit_batch_size_sum')}) / "
                f"(sum({rate('merganser_commit_batch_size_count')}) > 0)", "mean"),
          query(quantile(0.95, "merganser_commit_batch_size"), "95 %")),
    lines("Ping", "Time of the last PING, sent every 5 seconds.", "s",
          query(f"merganser_redis_ping_seconds{{{I}}}", "{{instance}}")),
    lines("Redis answers", "1 if the last PING was answered, by coordinator.", "none",
          query(f"merganser_redis_up{{{I}}}", "{{instance}}"), high=1),
)

CAMPAIGNS = row(
    "Campaigns",
    bars("Children applied", "By campaign, since it was created.", "short",
         query("sum by (campaign) (max by (campaign, outcome) (merganser_evaluations_total))",
               "{{campaign}}", instant=True)),
    lines("Evaluations per second", "Children applied, by campaign.", "ops",
          query(f"sum by (campaign) ({rate('merganser_evaluations_total')})", "{{campaign}}"),
          stack=True),
    lines("Waiting", "Jobs that wait for a worker, and children that wait for an earlier one, by "
          "campaign.", "none",
          query("max by (campaign) (merganser_queue_depth)", "{{campaign}}: jobs"),
          query("max by (campaign) (merganser_apply_lag_evaluations)", "{{campaign}}: children")),
)

PROCESS = row(
    "Coordinator",
    lines("CPU", "Cores in use. One loop keeps all state: at one core and more, it is the limit.",
          "none",
          query(f"rate(process_cpu_seconds_total{{{I}}}[$__rate_interval]) and on (instance) "
                "merganser_coordinator_active", "{{instance}}"), width=6),
    lines("Memory", "Resident.", "bytes",
          query(f"process_resident_memory_bytes{{{I}}} and on (instance) "
                "merganser_coordinator_active", "{{instance}}"), width=6),
    lines("Stored weights", "Of campaigns from random seeds, and how much there may be (--blob-gib).",
          "bytes",
          query(f"max(merganser_blob_store_bytes{{{I}}})", "stored"),
          query(f"max(merganser_blob_store_limit_bytes{{{I}}})", "limit"), width=6),
    lines("Open files", "File descriptors in use, of what the process may have. Each worker takes one "
          "or two.", "percentunit",
          query(f"process_open_fds{{{I}}} / process_max_fds{{{I}}} and on (instance) "
                "merganser_coordinator_active", "{{instance}}"), width=6, high=1),
    lines("Jobs the workers can hold", "Together, and how many of them are leased.", "none",
          query("max(merganser_workers_job_capacity)", "capacity"),
          query("sum(max by (campaign, kind, state) (merganser_leases)) or vector(0)", "leased"),
          width=6),
    lines("Workers", "Connected, by what they may do.", "none",
          query("max by (state) (merganser_workers)", "{{state}}"), stack=True, width=6),
    lines("Scrapes that succeed", "1 if the values of campaigns and workers are in the answer; 0 on a "
          "standby, or if the coordinator's loop did not answer within 2 seconds.", "none",
          query(f"merganser_sample_success{{{I}}}", "{{instance}}"), high=1, width=6),
    bars("Uptime", "Since the process started.", "s",
         query(f"time() - process_start_time_seconds{{{I}}} and on (instance) "
               "merganser_coordinator_active", "{{instance}}", instant=True), width=6),
)

DASHBOARD = dashboard(
    "merganser-service", "Merganser: Service", "Are coordinator and Redis healthy?",
    [variable("instance", "Coordinator", "label_values(merganser_coordinator_active, instance)",
              several=True)],
    [STANDS, RPCS, REDIS, CAMPAIGNS, PROCESS],
)
