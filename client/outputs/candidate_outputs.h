// What a candidate wrote, beside what the campaign knows of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/eval/eval_summary.h"
#include "client/outputs/recorded_candidate.h"
#include "merganser/v1/campaign.pb.h"
#include "merganser/v1/eval_stream.pb.h"

namespace merganser {

// The request that evaluates the candidate, whose model lies in the folder
// `model`, in the chunks in which the campaign evaluated it. Relative paths of
// data start at `models_root`, or at the working directory if that is empty.
v1::EvalRequest OutputsRequest(const v1::CampaignSpec& spec,
                               const RecordedCandidate& candidate,
                               const std::string& models_root,
                               const std::string& model);

// Prints the answers to such a request part by part, each in the order of its
// file, and compares the scores with the recorded ones.
// Threads: none.
class OutputPage {
 public:
  // All are borrowed. `json`: a line of JSON per datapoint.
  OutputPage(const v1::CampaignSpec& spec, const RecordedCandidate& candidate,
             bool json, std::ostream& out);

  // Takes an answer; see TakeEvalScores.
  // Errors: Internal for one that does not fit the request.
  absl::Status Take(const EvalPartSummary& part, const v1::EvalScores& scores);

  // Whether the scores are those of the campaign, for people.
  std::string Comparison() const;

 private:
  struct Datapoint {
    v1::EvalOutput output;
    uint32_t score = 0;
  };

  std::optional<uint32_t> Recorded(const EvalPartSummary& part,
                                   size_t datapoint) const;
  void Compare(std::optional<uint32_t> recorded, uint32_t score);
  void Print(const EvalPartSummary& part, size_t datapoint,
             const Datapoint& shown);

  const RecordedCandidate& candidate_;
  const bool json_;
  std::ostream& out_;
  std::map<std::string, size_t> tasks_;  // index by name
  std::vector<Datapoint> part_;          // in file order, of the present part
  int64_t compared_ = 0;
  int64_t different_ = 0;
  int64_t unrecorded_ = 0;
};

}  // namespace merganser
