#include "worker/program/score_stream.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "merganser/v1/score_stream.pb.h"
#include "worker/session/job_executor.h"
#include "worker/session/running_job.h"

namespace merganser {
namespace {

class ScoreStream {
 public:
  ScoreStream(ServedCampaign campaign, Blobs& blobs)
      : campaign_(std::move(campaign)), blobs_(blobs) {}

  void KeepLayout(const v1::ChunkLayout& layout) {
    layouts_[layout.version()] =
        std::make_shared<const ChunkOrder>(OrderFromProto(layout));
  }

  v1::ScoreStreamResponse Answer(const v1::Job& job) {
    v1::ScoreStreamResponse response;
    const absl::Status status = Execute(job, response);
    if (!status.ok()) {
      response.Clear();
      response.set_error(std::string(status.message()));
    }
    *response.mutable_key() = job.key();
    return response;
  }

 private:
  absl::Status Execute(const v1::Job& job, v1::ScoreStreamResponse& response) {
    RunningJob running{.job = job,
                       .evaluator = campaign_.evaluator,
                       .weights = campaign_.weights};
    if (job.key().kind() == v1::JOB_KIND_SEARCH &&
        job.layout_version() != kFileOrder) {
      const auto found = layouts_.find(job.layout_version());
      if (found == layouts_.end()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "layout ", job.layout_version(), " was not sent before its job"));
      }
      running.order = found->second;
    }
    ASSIGN_OR_RETURN(ExecutedJob executed, executor_.Execute(running));
    *response.mutable_chunks() = std::move(*executed.result.mutable_chunks());
    response.set_gram(std::move(*executed.result.mutable_gram()));
    if (!executed.weights.has_value()) return absl::OkStatus();
    *response.mutable_weights() = executed.weights->Reference();
    return blobs_.Store(executed.weights->digest(), executed.weights->Share());
  }

  const ServedCampaign campaign_;
  Blobs& blobs_;
  const JobExecutor executor_{Clock::Monotonic(), /*park_anyway=*/{}};
  std::map<int64_t, std::shared_ptr<const ChunkOrder>> layouts_;
};

}  // namespace

absl::Status RunScoreStream(EvaluatorFactory& evaluators, Blobs& blobs,
                            int threads, const v1::CampaignSpec& spec,
                            int input, int output) {
  namespace io = google::protobuf::io;
  namespace util = google::protobuf::util;
  ServedCampaign campaign;
  if (KeepsWeights(spec)) {
    ASSIGN_OR_RETURN(campaign.weights,
                     CandidateWeights::Create(spec, blobs, threads));
  }
  ASSIGN_OR_RETURN(campaign.evaluator, evaluators.Create(spec));
  ScoreStream stream(std::move(campaign), blobs);
  io::FileInputStream in(input);
  io::FileOutputStream out(output);
  for (int64_t message = 0;; ++message) {
    v1::ScoreStreamRequest request;
    bool at_end = false;
    if (!util::ParseDelimitedFromZeroCopyStream(&request, &in, &at_end)) {
      if (at_end) return absl::OkStatus();
      return absl::DataLossError(
          absl::StrCat("standard input: message ", message,
                       " is cut short or no ScoreStreamRequest"));
    }
    if (request.has_layout()) stream.KeepLayout(request.layout());
    if (!request.has_job()) continue;
    if (!util::SerializeDelimitedToZeroCopyStream(stream.Answer(request.job()),
                                                  &out) ||
        !out.Flush()) {
      return absl::UnavailableError("standard output is closed");
    }
  }
}

}  // namespace merganser
