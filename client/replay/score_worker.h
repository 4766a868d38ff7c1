// `merganser-worker score`, to which jobs are streamed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/embedded/message_process.h"
#include "merganser/v1/score_stream.pb.h"

namespace merganser {

// What evaluates jobs for a verification.
// Threads: none.
class Scorer {
 public:
  virtual ~Scorer() = default;

  // Queues a step; does not wait for its answer.
  virtual absl::Status Send(const v1::ScoreStreamRequest& request) = 0;
  // The next answer, in the order of the jobs. Waits for it.
  virtual absl::StatusOr<v1::ScoreStreamResponse> Receive() = 0;
};

// A worker process, reached by pipes.
class ScoreWorker : public Scorer {
 public:
  struct Options {
    std::string binary;
    // File with the campaign's spec, a binary CampaignSpec.
    std::string spec_file;
    std::string models_root;  // empty = none
    // Holds weights of candidates by their digests; empty = none.
    std::string blobs_folder;
    std::string device = "auto";
    int threads = 1;
  };

  // Errors: NotFound for a binary that is not there. Threads: the main one.
  static absl::StatusOr<std::unique_ptr<ScoreWorker>> Start(
      const Options& options);

  absl::Status Send(const v1::ScoreStreamRequest& request) override;
  absl::StatusOr<v1::ScoreStreamResponse> Receive() override;

 private:
  explicit ScoreWorker(MessageProcess process) : process_(std::move(process)) {}

  MessageProcess process_;
};

}  // namespace merganser
