#include "client/results/summary.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr char kFormat[] = "merganser-summary/1";

std::string HexOf(const std::string& bytes) {
  const auto digest = Digest::FromBytes(bytes);
  return digest.ok() ? digest->ToHex() : "";
}

template <typename Message>
std::optional<double> HoldoutOf(const Message& message) {
  if (!message.has_holdout_accuracy()) return std::nullopt;
  return message.holdout_accuracy();
}

ordered_json OrNull(const std::optional<double>& value) {
  return value.has_value() ? ordered_json(*value) : ordered_json(nullptr);
}

// Of campaigns with several tasks; of a single one, it would be a repetition.
void AddTasks(const std::vector<Summary::Task>& tasks, ordered_json& page) {
  if (tasks.size() < 2) return;
  for (const Summary::Task& task : tasks) {
    page["tasks"].push_back(
        {{"name", task.name},
         {"search_accuracy", task.search_accuracy},
         {"holdout_accuracy", OrNull(task.holdout_accuracy)}});
  }
}

template <typename Scored>
std::vector<Summary::Task> TasksOf(const Scored& scored) {
  std::vector<Summary::Task> tasks;
  for (const v1::TaskScore& task : scored.tasks()) {
    tasks.push_back({task.name(), task.search_accuracy(), HoldoutOf(task)});
  }
  return tasks;
}

ordered_json BestJson(const std::optional<Summary::Best>& best) {
  if (!best.has_value()) return nullptr;
  ordered_json page = {{"candidate", best->candidate},
                       {"search_accuracy", best->search_accuracy},
                       {"holdout_accuracy", OrNull(best->holdout_accuracy)},
                       {"genome_digest", best->genome_digest}};
  AddTasks(best->tasks, page);
  return page;
}

ordered_json SeedsJson(const Summary& summary) {
  ordered_json seeds = ordered_json::array();
  for (const Summary::Seed& seed : summary.seeds) {
    seeds.push_back({{"name", seed.name},
                     {"search_accuracy", seed.search_accuracy},
                     {"holdout_accuracy", OrNull(seed.holdout_accuracy)}});
    AddTasks(seed.tasks, seeds.back());
  }
  return seeds;
}

ordered_json CurveJson(const Summary& summary) {
  ordered_json curve = ordered_json::array();
  for (const Summary::Point& point : summary.curve) {
    curve.push_back({{"evaluations", point.evaluations},
                     {"candidate", point.candidate},
                     {"search_accuracy", point.search_accuracy},
                     {"holdout_accuracy", OrNull(point.holdout_accuracy)},
                     {"coverage", point.coverage},
                     {"entropy", point.entropy}});
  }
  return curve;
}

ordered_json PageOf(const Summary& summary) {
  return {{"format", kFormat},
          {"name", summary.name},
          {"uid", summary.uid},
          {"method", summary.method},
          {"state", summary.state},
          {"evaluations", summary.evaluations},
          {"budget_evaluations", summary.budget_evaluations},
          {"accepted", summary.accepted},
          {"quarantined", summary.quarantined},
          {"conflicts", summary.conflicts},
          {"nan_chunks", summary.nan_chunks},
          {"rejected_early", summary.rejected_early},
          {"parked", summary.parked},
          {"parked_confirmed", summary.parked_confirmed},
          {"datapoint_evaluations", summary.datapoint_evaluations},
          {"datapoint_evaluations_possible",
           summary.datapoint_evaluations_possible},
          {"archive_digest", summary.archive_digest},
          {"best", BestJson(summary.best)},
          {"coverage", summary.coverage},
          {"entropy", summary.entropy},
          {"wall_seconds", summary.wall_seconds},
          {"evaluations_per_second", summary.evaluations_per_second},
          {"seeds", SeedsJson(summary)},
          {"curve", CurveJson(summary)}};
}

// Reads the fields of one object; remembers the first one that does not fit.
class FieldReader {
 public:
  FieldReader(const json& object, std::string path)
      : object_(object), path_(std::move(path)) {
    if (!object_.is_object()) Fail("", "an object");
  }

  void Read(const char* name, std::string& out) {
    const json* value = Find(name);
    if (value != nullptr && value->is_string()) {
      out = value->get<std::string>();
    } else {
      Fail(name, "a string");
    }
  }
  void Read(const char* name, int64_t& out) {
    const json* value = Find(name);
    if (value != nullptr && value->is_number_integer()) {
      out = value->get<int64_t>();
    } else {
      Fail(name, "an integer");
    }
  }
  void Read(const char* name, double& out) {
    const json* value = Find(name);
    if (value != nullptr && value->is_number()) {
      out = value->get<double>();
    } else {
      Fail(name, "a number");
    }
  }
  void Read(const char* name, std::optional<double>& out) {
    const json* value = Find(name);
    if (value == nullptr || value->is_null()) return;
    Read(name, out.emplace());
  }

  // For fields that the format got later.
  void ReadIfThere(const char* name, int64_t& out) {
    if (Find(name) != nullptr) Read(name, out);
  }

  const absl::Status& status() const { return status_; }

 private:
  const json* Find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  void Fail(const char* name, const char* expected) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, name, ": expected ", expected));
  }

  const json& object_;
  const std::string path_;
  absl::Status status_;
};

absl::Status ReadPoint(const json& value, const std::string& path,
                       Summary::Point& point) {
  FieldReader reader(value, path);
  reader.Read("evaluations", point.evaluations);
  reader.Read("candidate", point.candidate);
  reader.Read("search_accuracy", point.search_accuracy);
  reader.Read("holdout_accuracy", point.holdout_accuracy);
  reader.Read("coverage", point.coverage);
  reader.Read("entropy", point.entropy);
  return reader.status();
}

absl::Status ReadTasks(const json& scored, const std::string& path,
                       std::vector<Summary::Task>& tasks) {
  const auto found = scored.find("tasks");
  if (found == scored.end()) return absl::OkStatus();
  if (!found->is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, "tasks: expected a list"));
  }
  for (size_t i = 0; i < found->size(); ++i) {
    FieldReader reader((*found)[i], absl::StrCat(path, "tasks[", i, "]."));
    Summary::Task& task = tasks.emplace_back();
    reader.Read("name", task.name);
    reader.Read("search_accuracy", task.search_accuracy);
    reader.Read("holdout_accuracy", task.holdout_accuracy);
    RETURN_IF_ERROR(reader.status());
  }
  return absl::OkStatus();
}

absl::Status ReadSeed(const json& value, const std::string& path,
                      Summary::Seed& seed) {
  FieldReader reader(value, path);
  reader.Read("name", seed.name);
  reader.Read("search_accuracy", seed.search_accuracy);
  reader.Read("holdout_accuracy", seed.holdout_accuracy);
  RETURN_IF_ERROR(reader.status());
  return ReadTasks(value, path, seed.tasks);
}

absl::Status ReadBest(const json& value, Summary::Best& best) {
  FieldReader reader(value, "best.");
  reader.Read("candidate", best.candidate);
  reader.Read("search_accuracy", best.search_accuracy);
  reader.Read("holdout_accuracy", best.holdout_accuracy);
  reader.Read("genome_digest", best.genome_digest);
  RETURN_IF_ERROR(reader.status());
  return ReadTasks(value, "best.", best.tasks);
}

absl::Status ReadPlainFields(const json& page, Summary& summary) {
  FieldReader reader(page, "");
  reader.Read("name", summary.name);
  reader.Read("uid", summary.uid);
  reader.Read("method", summary.method);
  reader.Read("state", summary.state);
  reader.Read("evaluations", summary.evaluations);
  reader.Read("budget_evaluations", summary.budget_evaluations);
  reader.Read("accepted", summary.accepted);
  reader.Read("quarantined", summary.quarantined);
  reader.Read("conflicts", summary.conflicts);
  reader.ReadIfThere("nan_chunks", summary.nan_chunks);
  reader.ReadIfThere("rejected_early", summary.rejected_early);
  reader.ReadIfThere("parked", summary.parked);
  reader.ReadIfThere("parked_confirmed", summary.parked_confirmed);
  reader.Read("datapoint_evaluations", summary.datapoint_evaluations);
  reader.ReadIfThere("datapoint_evaluations_possible",
                     summary.datapoint_evaluations_possible);
  reader.Read("archive_digest", summary.archive_digest);
  reader.Read("coverage", summary.coverage);
  reader.Read("entropy", summary.entropy);
  reader.Read("wall_seconds", summary.wall_seconds);
  reader.Read("evaluations_per_second", summary.evaluations_per_second);
  return reader.status();
}

}  // namespace

std::string ShortStateName(v1::CampaignState state) {
  return std::string(
      absl::StripPrefix(v1::CampaignState_Name(state), "CAMPAIGN_STATE_"));
}

Summary MakeSummary(const v1::ExportHeader& header,
                    std::optional<double> wall_seconds) {
  const v1::Campaign& campaign = header.campaign();
  const v1::Progress& progress = campaign.progress();
  Summary summary{
      .name = campaign.name(),
      .uid = campaign.uid(),
      .method = campaign.spec().search().method(),
      .state = ShortStateName(campaign.state()),
      .evaluations = progress.evaluations(),
      .budget_evaluations = campaign.spec().budget().evaluations(),
      .accepted = progress.accepted(),
      .quarantined = progress.quarantined(),
      .conflicts = progress.conflicts(),
      .nan_chunks = progress.nan_chunks(),
      .rejected_early = progress.rejected_early(),
      .parked = progress.parked(),
      .parked_confirmed = progress.parked_confirmed(),
      .datapoint_evaluations = progress.datapoint_evaluations(),
      .archive_digest = HexOf(progress.archive_digest()),
      .coverage = progress.coverage(),
      .entropy = progress.entropy(),
      .wall_seconds = wall_seconds.value_or(progress.active_seconds())};
  for (const v1::TaskSpec& task : campaign.spec().tasks()) {
    summary.datapoint_evaluations_possible +=
        progress.evaluations() * task.search().rows();
  }
  if (progress.active_seconds() > 0) {
    summary.evaluations_per_second =
        static_cast<double>(progress.evaluations()) / progress.active_seconds();
  }
  if (progress.has_best()) {
    const v1::BestCandidate& best = progress.best();
    summary.best = {best.candidate(), best.search_accuracy(), HoldoutOf(best),
                    HexOf(best.genome_digest()), TasksOf(best)};
  }
  for (const v1::SeedScore& seed : progress.seeds()) {
    summary.seeds.push_back(
        {seed.name(), seed.search_accuracy(), HoldoutOf(seed), TasksOf(seed)});
  }
  for (const v1::CurvePoint& point : header.curve()) {
    summary.curve.push_back({point.evaluations(), point.candidate(),
                             point.search_accuracy(), HoldoutOf(point),
                             point.coverage(), point.entropy()});
  }
  return summary;
}

std::string SummaryToJson(const Summary& summary) {
  return PageOf(summary).dump(2) + "\n";
}

std::string SummaryToJsonLine(const Summary& summary) {
  return PageOf(summary).dump() + "\n";
}

absl::StatusOr<Summary> SummaryFromJson(const std::string& text) {
  const json page = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!page.is_object()) {
    return absl::InvalidArgumentError("expected a JSON object");
  }
  Summary summary;
  RETURN_IF_ERROR(ReadPlainFields(page, summary));
  if (page.contains("best") && !page["best"].is_null()) {
    Summary::Best best;
    RETURN_IF_ERROR(ReadBest(page["best"], best));
    summary.best = std::move(best);
  }
  for (const char* list : {"seeds", "curve"}) {
    if (!page.contains(list) || !page[list].is_array()) {
      return absl::InvalidArgumentError(
          absl::StrCat(list, ": expected a list"));
    }
  }
  for (const json& seed : page["seeds"]) {
    const std::string path = absl::StrCat("seeds[", summary.seeds.size(), "].");
    RETURN_IF_ERROR(ReadSeed(seed, path, summary.seeds.emplace_back()));
  }
  for (const json& point : page["curve"]) {
    const std::string path = absl::StrCat("curve[", summary.curve.size(), "].");
    RETURN_IF_ERROR(ReadPoint(point, path, summary.curve.emplace_back()));
  }
  return summary;
}

}  // namespace merganser
