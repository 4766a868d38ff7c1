// The coordinator's CampaignService as typed calls.
#pragma once

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "merganser/v1/campaign_service.grpc.pb.h"

namespace merganser {

// Calls to one coordinator. Every error is the coordinator's own, except that
// Unavailable says which address did not answer and what to do about it.
// Threads: safe.
class CampaignClient {
 public:
  struct Options {
    // For each unary call.
    absl::Duration deadline = absl::Seconds(20);
    // Watch: pause after a broken connection, doubled up to the second.
    absl::Duration first_backoff = absl::Milliseconds(200);
    absl::Duration longest_backoff = absl::Seconds(5);
  };

  struct WatchOptions {
    // Only revisions above it are reported; 0 = the present one, too.
    int64_t after_revision = 0;
    absl::Duration interval = absl::Milliseconds(500);
    // How long the coordinator may be away, once it has been reached, before
    // Watch gives up.
    absl::Duration patience = absl::Minutes(2);
    // Asked several times a second; true ends Watch with Cancelled. May be
    // empty.
    std::function<bool()> interrupted;
  };

  // Opens a channel; does not connect. `address` is HOST:PORT or unix:PATH.
  // Errors: InvalidArgument for an address that cannot be one.
  static absl::StatusOr<std::unique_ptr<CampaignClient>> Create(
      const std::string& address, const Options& options);
  static absl::StatusOr<std::unique_ptr<CampaignClient>> Create(
      const std::string& address) {
    return Create(address, Options());
  }

  CampaignClient(const std::shared_ptr<grpc::Channel>& channel,
                 std::string address, const Options& options);

  // `request_id`: the same one gives the same campaign; see NewRequestId().
  absl::StatusOr<v1::Campaign> CreateCampaign(const v1::CampaignSpec& spec,
                                              const std::string& request_id);
  absl::StatusOr<v1::Campaign> GetCampaign(const std::string& name);
  // All pages.
  absl::StatusOr<std::vector<v1::Campaign>> ListCampaigns();
  absl::StatusOr<v1::Campaign> PauseCampaign(const std::string& name);
  absl::StatusOr<v1::Campaign> ResumeCampaign(const std::string& name);
  absl::StatusOr<v1::Campaign> CancelCampaign(const std::string& name);
  absl::Status DeleteCampaign(const std::string& name);
  absl::StatusOr<v1::Campaign> ExtendBudget(const std::string& name,
                                            int64_t evaluations);
  absl::StatusOr<std::vector<v1::CurvePoint>> GetCurve(const std::string& name);
  // All pages; the archive's members, or all that were ever accepted.
  absl::StatusOr<std::vector<v1::Candidate>> ListCandidates(
      const std::string& name, bool all_accepted);
  // Parents before children; absent = the best member.
  absl::StatusOr<std::vector<v1::Candidate>> GetLineage(
      const std::string& name, std::optional<int64_t> candidate);
  absl::StatusOr<std::vector<v1::Worker>> ListWorkers();

  // Calls `update` with the campaign now and after each change until it has
  // ended, and returns it as it ended. Follows on by revision after a broken
  // connection. Changes that follow quickly are reported as one.
  // Errors: NotFound; Unavailable at once if the coordinator cannot be reached
  // at first, later after `patience`; Cancelled when interrupted.
  absl::StatusOr<v1::Campaign> Watch(
      const std::string& name, const WatchOptions& options,
      absl::FunctionRef<void(const v1::Campaign&)> update);

  // Streams the export, part by part. A failed `part` ends it with its error.
  absl::Status Export(
      const std::string& name, bool without_log,
      absl::FunctionRef<absl::Status(v1::ExportCampaignResponse&)> part);
  // The header of the export alone: the campaign and its archive.
  absl::StatusOr<v1::ExportHeader> GetExportHeader(const std::string& name);
  // Streams what the coordinator has stored, key by key.
  absl::Status Dump(
      const std::string& name,
      absl::FunctionRef<void(const v1::DumpCampaignResponse&)> entry);

 private:
  using Stub = v1::CampaignService::Stub;
  class Follower;

  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Call(Method method, const Request& request);
  absl::Status FromGrpc(const grpc::Status& status) const;

  const std::string address_;
  const Options options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::CampaignService::Stub> stub_;
};

// 32 random hexadecimal digits.
std::string NewRequestId();

}  // namespace merganser
