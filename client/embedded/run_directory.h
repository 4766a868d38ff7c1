// The folder of an embedded run: who may use it, and for which campaign.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// What campaign.json holds: what the folder was started with.
struct RunIdentity {
  v1::CampaignSpec spec;  // resolved; its budget is the largest asked for
  int threads_per_worker = 1;
  std::string request_id;  // of the campaign's creation
};

enum class RunPlan {
  kStart,     // nothing was submitted from here yet
  kResume,    // the same campaign, not finished
  kExtend,    // the same campaign with a larger budget
  kFinished,  // the same campaign, completed within the same budget
};

struct RunDecision {
  RunPlan plan = RunPlan::kStart;
  // To be written to campaign.json before the campaign is submitted.
  RunIdentity identity;
};

// What to do in a folder that was started with `stored` (absent: nothing), and
// whose campaign, if `completed_evaluations` is there, has completed after so
// many. Pure. `folder` is for messages, and part of the request id.
// Errors: FailedPrecondition naming the first field that differs and may not.
absl::StatusOr<RunDecision> DecideRun(
    const std::string& folder, const std::optional<RunIdentity>& stored,
    std::optional<int64_t> completed_evaluations,
    const v1::CampaignSpec& wanted, int threads_per_worker);

// A folder that this process alone uses, as long as the object lives.
// Threads: none.
class RunDirectory {
 public:
  // Makes the folder and its parents if need be, and locks it.
  // Errors: FailedPrecondition when another process uses it (with its pid), or
  // when it holds files but no run; ResourceExhausted when the disk is full;
  // else InvalidArgument with the path and what the system says.
  static absl::StatusOr<RunDirectory> Open(const std::string& folder);
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;
  ~RunDirectory();

  // Absolute.
  const std::string& path() const { return path_; }
  std::string Path(const std::string& name) const { return path_ + "/" + name; }

  // Nullopt before anything was submitted.
  // Errors: DataLoss for a campaign.json that cannot be understood.
  absl::StatusOr<std::optional<RunIdentity>> ReadIdentity() const;
  absl::Status WriteIdentity(const RunIdentity& identity) const;
  // After a start that came to nothing: removes campaign.json and what Redis
  // and the coordinator have stored, so that the folder may serve another
  // campaign.
  void Forget() const;

  // Evaluations of the completed campaign that summary.json tells of; nullopt
  // without one, or when it has not completed.
  std::optional<int64_t> CompletedEvaluations() const;
  // Those of the result files that are not there.
  std::vector<std::string> MissingResults() const;

 private:
  RunDirectory(std::string path, int lock_descriptor);
  absl::Status CheckContents() const;

  std::string path_;
  int lock_ = -1;
};

std::string IdentityToJson(const RunIdentity& identity);
// Errors: InvalidArgument.
absl::StatusOr<RunIdentity> IdentityFromJson(const std::string& json);

}  // namespace merganser
