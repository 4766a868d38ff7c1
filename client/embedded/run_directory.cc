#include "client/embedded/run_directory.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/embedded/spec_difference.h"
#include "client/results/summary.h"
#include "client/results/write_results.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kIdentityFile[] = "campaign.json";
constexpr char kIdentityFormat[] = "merganser-run/1";
constexpr char kLockFile[] = "lock";
// What a run makes before it submits its campaign.
constexpr std::array<absl::string_view, 4> kOwnEntries = {
    kLockFile, "logs", "redis", "coordinator"};

// A folder that cannot be used is a bad --output, except when the disk is full.
absl::Status Unusable(int error, const std::string& path, const char* what) {
  const absl::Status status =
      absl::ErrnoToStatus(error, absl::StrCat(path, ": cannot ", what));
  return absl::IsResourceExhausted(status)
             ? status
             : absl::InvalidArgumentError(status.message());
}

// 64 hexadecimal digits: the same for the same campaign in the same folder.
std::string RequestId(const std::string& folder, v1::CampaignSpec spec) {
  spec.clear_budget();
  return DigestBuilder()
      .String("merganser-run-1")
      .String(folder)
      .String(spec.SerializeAsString())
      .Finish()
      .ToHex();
}

absl::Status Refuse(const std::string& folder, const std::string& field,
                    const std::string& before, const std::string& after) {
  return absl::FailedPreconditionError(
      absl::StrCat(field, ": ", folder, " was started with ", before, "; now ",
                   after, "; choose another --output, or go on with ", before));
}

absl::Status CheckSame(const std::string& folder, const RunIdentity& stored,
                       const v1::CampaignSpec& wanted, int threads) {
  const auto difference = FirstDifference(stored.spec, wanted);
  if (difference.has_value() && difference->file_changed) {
    return absl::FailedPreconditionError(
        absl::StrCat(difference->field, ": the file has changed since ", folder,
                     " was started; restore it, or choose another --output"));
  }
  if (difference.has_value()) {
    return Refuse(folder, difference->field, difference->before,
                  difference->after);
  }
  // Scores depend on it; see DESIGN.md section 5, device classes.
  if (stored.threads_per_worker != threads) {
    return Refuse(folder, "--threads-per-worker",
                  absl::StrCat(stored.threads_per_worker),
                  absl::StrCat(threads));
  }
  const int64_t before = stored.spec.budget().evaluations();
  const int64_t now = wanted.budget().evaluations();
  if (now < before) {
    return Refuse(folder, "budget.evaluations", absl::StrCat(before),
                  absl::StrCat(now, ", which is fewer"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunDecision> DecideRun(
    const std::string& folder, const std::optional<RunIdentity>& stored,
    std::optional<int64_t> completed_evaluations,
    const v1::CampaignSpec& wanted, int threads_per_worker) {
  if (!stored.has_value()) {
    return RunDecision{RunPlan::kStart,
                       {wanted, threads_per_worker, RequestId(folder, wanted)}};
  }
  RETURN_IF_ERROR(CheckSame(folder, *stored, wanted, threads_per_worker));
  RunDecision decision{RunPlan::kResume, *stored};
  const int64_t evaluations = wanted.budget().evaluations();
  decision.identity.spec.mutable_budget()->set_evaluations(evaluations);
  for (int i = 0; i < wanted.tasks_size(); ++i) {
    decision.identity.spec.mutable_tasks(i)->set_keep_outputs(
        wanted.tasks(i).keep_outputs());
  }
  if (evaluations > stored->spec.budget().evaluations()) {
    decision.plan = RunPlan::kExtend;
  } else if (completed_evaluations == evaluations) {
    decision.plan = RunPlan::kFinished;
  }
  return decision;
}

absl::StatusOr<RunDirectory> RunDirectory::Open(const std::string& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, ": expected a folder; it is a file"));
  }
  fs::create_directories(folder, error);
  if (error) return Unusable(error.value(), folder, "create");
  const std::string path = fs::canonical(folder, error).string();
  if (error) return Unusable(error.value(), folder, "open");
  const std::string lock_path = path + "/" + kLockFile;
  const bool had_lock = fs::exists(lock_path, error);
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) return Unusable(errno, lock_path, "open");
  RunDirectory directory(path, lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const auto pid = ReadFile(lock_path);
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": in use by another run, process ",
                     pid.ok() ? absl::StripSuffix(*pid, "\n") : "unknown",
                     "; wait for it, stop it, or choose another --output"));
  }
  const absl::Status contents = directory.CheckContents();
  if (!contents.ok()) {
    if (!had_lock) unlink(lock_path.c_str());
    return contents;
  }
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) !=
                                     static_cast<ssize_t>(pid.size())) {
    return Unusable(errno, lock_path, "write");
  }
  return directory;
}

RunDirectory::RunDirectory(std::string path, int lock_descriptor)
    : path_(std::move(path)), lock_(lock_descriptor) {}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunDirectory::~RunDirectory() {
  // Closing it unlocks it. The file stays: removing it would let two runs lock
  // two files of one name.
  if (lock_ >= 0) close(lock_);
}

absl::Status RunDirectory::CheckContents() const {
  std::error_code error;
  if (fs::exists(Path(kIdentityFile), error)) return absl::OkStatus();
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    if (std::find(kOwnEntries.begin(), kOwnEntries.end(), name) ==
        kOwnEntries.end()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, ": holds ", name, " but no run of merganser; ",
                       "choose another --output, or empty it"));
    }
  }
  if (error) return Unusable(error.value(), path_, "list");
  return absl::OkStatus();
}

absl::StatusOr<std::optional<RunIdentity>> RunDirectory::ReadIdentity() const {
  const auto text = ReadFile(Path(kIdentityFile));
  if (absl::IsNotFound(text.status())) return std::nullopt;
  RETURN_IF_ERROR(text.status());
  auto identity = IdentityFromJson(*text);
  if (!identity.ok()) {
    return absl::DataLossError(
        absl::StrCat(Path(kIdentityFile), ": ", identity.status().message()));
  }
  return *std::move(identity);
}

absl::Status RunDirectory::WriteIdentity(const RunIdentity& identity) const {
  return WriteFileAtomically(Path(kIdentityFile), IdentityToJson(identity));
}

void RunDirectory::Forget() const {
  for (const char* name : {kIdentityFile, "redis", "coordinator"}) {
    std::error_code ignored;
    fs::remove_all(Path(name), ignored);
  }
}

std::optional<int64_t> RunDirectory::CompletedEvaluations() const {
  const auto text = ReadFile(Path(kSummaryFile));
  if (!text.ok()) return std::nullopt;
  const auto summary = SummaryFromJson(*text);
  if (!summary.ok() ||
      summary->state != ShortStateName(v1::CAMPAIGN_STATE_COMPLETED)) {
    return std::nullopt;
  }
  return summary->evaluations;
}

std::vector<std::string> RunDirectory::MissingResults() const {
  return ResultFilesMissingIn(path_);
}

std::string IdentityToJson(const RunIdentity& identity) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string spec;
  // Fails on broken UTF-8 alone, which a parsed message cannot hold.
  (void)google::protobuf::util::MessageToJsonString(identity.spec, &spec,
                                                    options);
  const nlohmann::ordered_json page = {
      {"format", kIdentityFormat},
      {"request_id", identity.request_id},
      {"threads_per_worker", identity.threads_per_worker},
      {"spec", nlohmann::ordered_json::parse(spec)}};
  return page.dump(2) + "\n";
}

absl::StatusOr<RunIdentity> IdentityFromJson(const std::string& text) {
  const json page = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!page.is_object() || !page.contains("spec") ||
      page.value("format", json()) != json(kIdentityFormat) ||
      !page.value("request_id", json()).is_string() ||
      !page.value("threads_per_worker", json()).is_number_integer()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected an object of the format ", kIdentityFormat));
  }
  RunIdentity identity;
  identity.request_id = page["request_id"];
  identity.threads_per_worker = page["threads_per_worker"];
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      page["spec"].dump(), &identity.spec);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("spec: ", parsed.message().as_string()));
  }
  return identity;
}

}  // namespace merganser
