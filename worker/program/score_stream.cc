#include "worker/program/score_stream.h"

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "merganser/v1/score_stream.pb.h"

namespace merganser {
namespace {

class ScoreStream {
 public:
  explicit ScoreStream(CampaignEvaluator& evaluator) : evaluator_(evaluator) {}

  void KeepLayout(const v1::ChunkLayout& layout) {
    layouts_[layout.version()] = OrderFromProto(layout);
  }

  v1::ScoreStreamResponse Answer(const v1::Job& job) {
    v1::ScoreStreamResponse response;
    const absl::Status status = Evaluate(job, response);
    if (!status.ok()) {
      response.Clear();
      response.set_error(std::string(status.message()));
    }
    *response.mutable_key() = job.key();
    return response;
  }

 private:
  absl::Status Evaluate(const v1::Job& job, v1::ScoreStreamResponse& response) {
    if (job.key().kind() == v1::JOB_KIND_GRAM) {
      ASSIGN_OR_RETURN(*response.mutable_gram(), evaluator_.Gram());
      return absl::OkStatus();
    }
    const ChunkOrder* order = nullptr;
    if (job.key().kind() == v1::JOB_KIND_SEARCH &&
        job.layout_version() != kFileOrder) {
      const auto found = layouts_.find(job.layout_version());
      if (found == layouts_.end()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "layout ", job.layout_version(), " was not sent before its job"));
      }
      order = &found->second;
    }
    return evaluator_.Evaluate(job, order, never_, [&](v1::ChunkScores scores) {
      *response.add_chunks() = std::move(scores);
      return true;
    });
  }

  CampaignEvaluator& evaluator_;
  std::map<int64_t, ChunkOrder> layouts_;
  const std::atomic<bool> never_ = false;
};

}  // namespace

absl::Status RunScoreStream(EvaluatorFactory& evaluators,
                            const v1::CampaignSpec& spec, int input,
                            int output) {
  namespace io = google::protobuf::io;
  namespace util = google::protobuf::util;
  ASSIGN_OR_RETURN(const auto evaluator, evaluators.Create(spec));
  ScoreStream stream(*evaluator);
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
