"""Fleet: are the GPUs busy, and if not, what do they wait for?"""

from panels import (GOOD, WARN, bars, dashboard, gauge, heatmap, lines, query, row, stat, steps,
                    variable)

I = 'instance=~"$instance"'
PHASE = "merganser_worker_phase_duration_seconds"
COMPUTING = f'{PHASE}_sum{{{I}, phase=~"merge|evaluate"}}'

EVALUATE, MERGE, HIT = ', phase="evaluate"', ', phase="merge"', ', outcome="hit"'


def rate(metric, labels=""):
    return f"rate({metric}{{{I}{labels}}}[$__rate_interval])"


def quantile(q, by=""):
    return (f"histogram_quantile({q}, sum by (le{by}) "
            f"({rate(PHASE + '_bucket', EVALUATE)}))")


BUSY = f"sum by (instance) (rate({COMPUTING}[$__rate_interval]))"

STANDS = row(
    "Where it stands",
    stat("Connected workers", "Workers that have a session with the coordinator, by what they may "
         "do. Refused: some campaign refuses them and no other takes them; `merganser workers` says "
         "why.", "none",
         query("max by (state) (merganser_workers)", "{{state}}"), width=7, graph=False),
    gauge("Busy", "Share of the workers' time in which they make or evaluate a candidate. The rest "
          "is waiting: for jobs, for weights, for the coordinator.", "percentunit",
          query(f"avg({BUSY})"), width=4,
          thresholds=steps(WARN, (0.7, GOOD))),
    stat("Jobs per second", "Jobs that ended on the workers.", "ops",
         query(f"sum({rate('merganser_worker_jobs_total')})")),
    stat("Tokens per second", "Of language models, read and written. 0 where there are none.",
         "ops", query(f"sum({rate('merganser_worker_tokens_total')}) or vector(0)")),
    stat("Datapoints evaluated", "Search datapoints since the workers started.", "short",
         query(f'sum(merganser_worker_datapoints_total{{{I}, kind="search"}})'), width=4),
    stat("Workers lost", "In the last hour: they went silent without having said that they leave.",
         "none", query("sum(increase(merganser_workers_lost_total[1h])) or vector(0)"),
         graph=False, decimals=0, thresholds=steps(GOOD, (0.5, WARN))),
)

BUSINESS = row(
    "Are they busy",
    lines("Busy, by worker", "Share of each worker's time in which it makes or evaluates a candidate. "
          "One that lies low beside the others waits for something that they do not.",
          "percentunit", query(BUSY, "{{instance}}"), width=12, high=1),
    lines("Time of a job, by phase", "Mean seconds per job. wait: on the worker, behind others; fetch: "
          "weights of its parents; merge: making the candidate; evaluate: forward passes; report: "
          "until the coordinator has it stored.", "s",
          query(f"sum by (phase) ({rate(PHASE + '_sum')}) / "
                f"(sum by (phase) ({rate(PHASE + '_count')}) > 0)", "{{phase}}"),
          width=12, table=True),
    lines("Jobs per second, by outcome", "done; parked: could not win any more; failed; handed_back: the "
          "worker leaves; stopped: nobody wants the result any more.", "ops",
          query(f"sum by (outcome) ({rate('merganser_worker_jobs_total')})", "{{outcome}}"),
          stack=True),
    lines("Jobs on the workers", "Held, by state, and how many they could hold. Nothing queued: the "
          "coordinator has no more to give, or hands it out too slowly.", "none",
          query(f"sum by (state) (merganser_worker_jobs_held{{{I}}})", "{{state}}"),
          query(f"sum(merganser_worker_job_capacity{{{I}}})", "capacity")),
    lines("Datapoints per second", "Forward passes, by what they were for.", "ops",
          query(f"sum by (kind) ({rate('merganser_worker_datapoints_total')})", "{{kind}}"),
          stack=True),
)

STRAGGLERS = row(
    "Stragglers",
    bars("Slowest workers", "95th percentile of the time to evaluate a job, the ten slowest workers.",
         "s", query(f"topk(10, {quantile(0.95, ', instance')})", "{{instance}}", instant=True)),
    lines("Time to evaluate a job", "Over all workers. A 99th percentile far above the median: some "
          "children or some workers are slow, and in ordered campaigns all others wait for them.", "s",
          query(quantile(0.5), "median"), query(quantile(0.95), "95 %"),
          query(quantile(0.99), "99 %")),
    heatmap("Times to evaluate", "How many jobs took how long.", "s",
            f"sum by (le) ({rate(PHASE + '_bucket', EVALUATE)})"),
)

WEIGHTS = row(
    "Weights and memory",
    lines("Device memory", "Taken by all processes, of what the device has.", "percentunit",
          query(f"max by (instance) (merganser_worker_device_memory_used_bytes{{{I}}} / "
                f"merganser_worker_device_memory_bytes{{{I}}})", "{{instance}}"),
          high=1, thresholds=steps(GOOD, (0.95, WARN))),
    lines("Merge bandwidth", "Bytes of candidates made, per second of making them.", "binBps",
          query(f"sum({rate('merganser_worker_merged_bytes_total')}) / "
                f"(sum({rate(PHASE + '_sum', MERGE)}) > 0)",
                "per worker")),
    lines("Tokens per second, by direction", "Of language models. read: prompts and continuations; "
          "written: generated.", "ops",
          query(f"sum by (direction) ({rate('merganser_worker_tokens_total')})",
                "{{direction}}")),
    lines("Cache hits", "Look-ups of candidates' weights in memory that found them. Only campaigns "
          "from random seeds have such; a low ratio: raise --blob-cache-mib.", "percentunit",
          query(f"sum({rate('merganser_worker_cache_requests_total', HIT)})"
                f" / (sum({rate('merganser_worker_cache_requests_total')}) > 0)", "hits"), high=1),
    lines("Cache", "Weights kept in memory, of what the cache may hold.", "percentunit",
          query(f"max by (instance) (merganser_worker_cache_bytes{{{I}}} / "
                f"merganser_worker_cache_limit_bytes{{{I}}})", "{{instance}}"), high=1),
    lines("Weights moved", "From (received) and to (sent) the coordinator, in campaigns from random "
          "seeds.", "binBps",
          query(f"sum by (direction) ({rate('merganser_worker_streamed_bytes_total')})",
                "{{direction}}")),
    lines("CPU of a worker", "Cores in use.", "none",
          query(f"rate(process_cpu_seconds_total{{{I}}}[$__rate_interval]) and on (instance) "
                "merganser_worker_registered", "{{instance}}"), width=12),
    lines("Memory of a worker", "Resident. Seeds that are mapped from files count as they are touched.",
          "bytes",
          query(f"process_resident_memory_bytes{{{I}}} and on (instance) "
                "merganser_worker_registered", "{{instance}}"), width=12),
)

DEVICES = row(
    "What they are",
    bars("Workers by device class", "Only workers of one class give equal bits: a campaign is served "
         "by one class.", "none",
         query(f"count by (device_class) (merganser_worker_info{{{I}}})", "{{device_class}}",
               instant=True), width=12, height=6),
    bars("Workers by version", "More than one while an upgrade is under way.", "none",
         query(f'count by (version) (merganser_build_info{{{I}, program="merganser-worker"}})',
               "{{version}}", instant=True), width=12, height=6),
)

DASHBOARD = dashboard(
    "merganser-fleet", "Merganser: Fleet", "Are the GPUs busy, and if not, what do they wait for?",
    [variable("instance", "Worker", "label_values(merganser_worker_registered, instance)",
              several=True)],
    [STANDS, BUSINESS, STRAGGLERS, WEIGHTS, DEVICES],
)
