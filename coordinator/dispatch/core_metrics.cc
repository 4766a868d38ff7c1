#include "coordinator/dispatch/core_metrics.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "common/campaign_spec/campaign_plan.h"
#include "coordinator/scheduler/job_key.h"

namespace merganser {
namespace {

constexpr double kBatchSizes[] = {1,   2,   5,    10,   20,   50,     100,
                                  200, 500, 1000, 2000, 5000, 10'000, 50'000};

constexpr std::pair<v1::CampaignState, const char*> kStates[] = {
    {v1::CAMPAIGN_STATE_PREPARING, "preparing"},
    {v1::CAMPAIGN_STATE_RUNNING, "running"},
    {v1::CAMPAIGN_STATE_PAUSED, "paused"},
    {v1::CAMPAIGN_STATE_FINISHING, "finishing"},
    {v1::CAMPAIGN_STATE_COMPLETED, "completed"},
    {v1::CAMPAIGN_STATE_CANCELLED, "cancelled"},
    {v1::CAMPAIGN_STATE_FAILED, "failed"},
};

// Adds values that carry one campaign's name.
class CampaignSamples {
 public:
  CampaignSamples(const std::string& campaign, MetricSamples& samples)
      : campaign_(campaign), samples_(samples) {}

  void Gauge(const char* name, const char* help, double value,
             MetricLabels more = {}) {
    samples_.AddGauge({name, help}, value, Labels(std::move(more)));
  }
  void Count(const char* name, const char* help, int64_t value,
             MetricLabels more = {}) {
    samples_.AddCounter({name, help}, static_cast<double>(value),
                        Labels(std::move(more)));
  }
  // A score on the search datapoints and, once measured, on the holdout ones.
  template <typename Scored>
  void Score(const char* name, const char* help, const Scored& scored,
             const MetricLabels& more = {}) {
    MetricLabels labels = more;
    labels.emplace_back("split", "search");
    Gauge(name, help, scored.search_accuracy(), labels);
    if (!scored.has_holdout_accuracy()) return;
    labels.back().second = "holdout";
    Gauge(name, help, scored.holdout_accuracy(), labels);
  }

 private:
  MetricLabels Labels(MetricLabels more) const {
    more.emplace(more.begin(), "campaign", campaign_);
    return more;
  }

  const std::string& campaign_;
  MetricSamples& samples_;
};

void SampleState(const v1::Campaign& campaign, CampaignSamples& samples) {
  for (const auto& [state, name] : kStates) {
    samples.Gauge("merganser_campaign_state",
                  "1 for the campaign's present state, 0 for the others.",
                  campaign.state() == state ? 1 : 0, {{"state", name}});
  }
  samples.Gauge("merganser_campaign_budget_evaluations",
                "Children to be evaluated in all.",
                static_cast<double>(campaign.spec().budget().evaluations()));
  samples.Gauge("merganser_campaign_created_timestamp_seconds",
                "When the campaign was created, Unix time.",
                static_cast<double>(campaign.create_time().seconds()) +
                    campaign.create_time().nanos() * 1e-9);
}

void SampleCounts(const v1::Progress& progress, int64_t datapoints,
                  CampaignSamples& samples) {
  const int64_t rejected = progress.evaluations() - progress.accepted() -
                           progress.rejected_early() - progress.quarantined();
  const std::pair<const char*, int64_t> outcomes[] = {
      {"accepted", progress.accepted()},
      {"rejected", rejected},
      {"rejected_early", progress.rejected_early()},
      {"quarantined", progress.quarantined()}};
  for (const auto& [outcome, value] : outcomes) {
    samples.Count("merganser_evaluations_total",
                  "Children applied, by what became of them.", value,
                  {{"outcome", outcome}});
  }
  samples.Count("merganser_datapoint_evaluations_total",
                "Search datapoints evaluated for children, repeats included.",
                progress.datapoint_evaluations());
  samples.Count("merganser_datapoint_evaluations_possible_total",
                "Children applied times search datapoints.",
                progress.evaluations() * datapoints);
  samples.Count("merganser_parked_total",
                "Children whose evaluation a worker stopped.",
                progress.parked());
  samples.Count("merganser_parked_confirmed_total",
                "Parked children that could not enter their own archive.",
                progress.parked_confirmed());
  samples.Count("merganser_parked_resumed_total",
                "Parked children that had to be evaluated further.",
                progress.parked_resumed());
  samples.Count("merganser_conflicts_total",
                "Chunks reported twice with different scores.",
                progress.conflicts());
  samples.Count("merganser_nan_chunks_total",
                "Chunks of children in which a logit was NaN.",
                progress.nan_chunks());
}

void SampleScores(const v1::Progress& progress, CampaignSamples& samples) {
  if (progress.archive_digest().empty()) return;  // before the seeds' scores
  samples.Gauge("merganser_coverage_ratio",
                "Share of the search datapoints that some member solves.",
                progress.coverage());
  samples.Gauge("merganser_entropy_ratio",
                "Mean binary entropy of correctness per datapoint.",
                progress.entropy());
  samples.Gauge("merganser_mean_score_ratio",
                "Mean search score of the archive's members.",
                progress.mean_search_accuracy());
  if (progress.has_best()) {
    samples.Score("merganser_best_score_ratio", "Score of the best member.",
                  progress.best());
    for (const v1::TaskScore& task : progress.best().tasks()) {
      samples.Score("merganser_best_task_score_ratio",
                    "Mean score of the best member on one task.", task,
                    {{"task", task.name()}});
    }
  }
  for (const v1::SeedScore& seed : progress.seeds()) {
    samples.Score("merganser_seed_score_ratio", "Score of a seed.", seed,
                  {{"seed", seed.name()}});
  }
}

void SampleWorkers(const WorkerDesk& desk, MetricSamples& samples) {
  const WorkerDesk::WorkerCounts counts = desk.CountWorkers();
  const std::pair<const char*, int64_t> states[] = {
      {"ready", counts.ready},
      {"idle", counts.idle},
      {"refused", counts.refused},
      {"draining", counts.draining}};
  for (const auto& [state, value] : states) {
    samples.AddGauge({"merganser_workers", "Connected workers."},
                     static_cast<double>(value), {{"state", state}});
  }
  samples.AddGauge({"merganser_workers_job_capacity",
                    "Jobs that the connected workers can hold."},
                   static_cast<double>(counts.job_capacity));
  samples.AddCounter(
      {"merganser_workers_lost_total", "Workers that went silent."},
      static_cast<double>(desk.lost_workers()));
}

// Of the campaigns that the scheduler knows: those that have not ended.
void SampleScheduler(Core& core, MetricSamples& samples) {
  std::map<std::string, CampaignSnapshot> campaigns;
  for (CampaignSnapshot& campaign : core.scheduler().Campaigns()) {
    std::string uid = campaign.campaign_uid;
    campaigns.emplace(std::move(uid), std::move(campaign));
  }
  // Leases by campaign, kind and whether they are executing.
  std::map<std::tuple<std::string, JobKind, bool>, int64_t> leases;
  for (const WorkerSnapshot& worker : core.scheduler().Workers()) {
    for (const JobKey& key : worker.leased) {
      ++leases[{key.campaign_uid, key.kind, false}];
    }
    for (const JobKey& key : worker.executing) {
      --leases[{key.campaign_uid, key.kind, false}];
      ++leases[{key.campaign_uid, key.kind, true}];
    }
  }
  for (const auto& [name, entry] : core.registry().entries()) {
    const std::string& uid = entry.runner->uid();
    CampaignSamples campaign(name, samples);
    const auto found = campaigns.find(uid);
    const CampaignSnapshot known =
        found == campaigns.end() ? CampaignSnapshot{} : found->second;
    campaign.Gauge("merganser_queue_depth", "Jobs that wait for a worker.",
                   known.paused ? 0 : static_cast<double>(known.queued));
    campaign.Gauge("merganser_campaign_ready_workers",
                   "Workers that may be given the campaign's jobs.",
                   static_cast<double>(known.ready_workers));
    if (found == campaigns.end()) continue;
    for (const JobKind kind :
         {JobKind::kGram, JobKind::kSeed, JobKind::kMakeBlob, JobKind::kHoldout,
          JobKind::kSearch}) {
      for (const bool executing : {false, true}) {
        const auto count = leases.find({uid, kind, executing});
        campaign.Gauge(
            "merganser_leases", "Jobs leased to workers.",
            count == leases.end() ? 0 : static_cast<double>(count->second),
            {{"kind", std::string(JobKindName(kind))},
             {"state", executing ? "executing" : "waiting"}});
      }
    }
  }
}

}  // namespace

CommitMetrics MakeCommitMetrics(MetricRegistry& registry) {
  return {
      .duration =
          registry.AddHistogram({"merganser_commit_duration_seconds",
                                 "Time of one commit to Redis, one attempt."},
                                DurationBuckets()),
      .batch_size = registry.AddHistogram(
          {"merganser_commit_batch_size", "Writes and appends of one commit."},
          kBatchSizes),
      .failures =
          registry.AddCounter({"merganser_commit_failures_total",
                               "Attempts to commit to Redis that failed."}),
  };
}

MetricSamples CoreSampler::Sample(Core& core) {
  MetricSamples samples;
  for (const auto& [name, entry] : core.registry().entries()) {
    SampleCampaign(core, entry, samples);
  }
  std::erase_if(shares_, [&core](const auto& entry) {
    return core.registry().FindUid(entry.first) == nullptr;
  });
  SampleScheduler(core, samples);
  SampleWorkers(core.desk(), samples);
  return samples;
}

void CoreSampler::SampleCampaign(Core& core, const CampaignEntry& entry,
                                 MetricSamples& samples) {
  const CampaignRunner& runner = *entry.runner;
  const v1::Campaign campaign = runner.Snapshot();
  CampaignSamples own(campaign.name(), samples);
  SampleState(campaign, own);
  own.Gauge("merganser_campaign_conditions",
            "Reasons that keep the campaign from advancing.",
            static_cast<double>(core.desk().Conditions(entry).size()));
  own.Gauge("merganser_apply_lag_evaluations",
            "Children with a result that wait for an earlier one.",
            static_cast<double>(runner.waiting_results()));
  samples.AddCounter({"merganser_campaign_active_seconds_total",
                      "From the first lease to the last applied result."},
                     campaign.progress().active_seconds(),
                     {{"campaign", campaign.name()}});
  SampleCounts(campaign.progress(), runner.search_datapoints(), own);
  SampleScores(campaign.progress(), own);
  SampleShares(runner, samples);
}

void CoreSampler::SampleShares(const CampaignRunner& runner,
                               MetricSamples& samples) {
  const std::optional<int64_t> best = runner.best();
  if (!best.has_value() || runner.keeps_weights()) return;
  Shares& known = shares_[runner.uid()];
  if (known.shares.empty() || known.best != *best) {
    const absl::StatusOr<v1::Candidate> candidate = runner.MakeCandidate(*best);
    if (!candidate.ok()) return;
    known = {
        *best,
        {candidate->seed_shares().begin(), candidate->seed_shares().end()}};
  }
  const std::vector<std::string> names = RecipeSeedNames(runner.spec());
  CampaignSamples own(runner.name(), samples);
  for (size_t k = 0; k < std::min(names.size(), known.shares.size()); ++k) {
    own.Gauge("merganser_best_seed_share_ratio",
              "Share of each seed in the best member.", known.shares[k],
              {{"seed", names[k]}});
  }
}

}  // namespace merganser
