#include "client/replay/score_worker.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/net/limits.h"

namespace merganser {
namespace {

using google::protobuf::io::ArrayInputStream;
using google::protobuf::io::CodedInputStream;

constexpr size_t kReadBytes = 64 << 10;
// Above it, what was sent is cut off the front.
constexpr size_t kTrimBytes = 1 << 20;

void AppendDelimited(const v1::ScoreStreamRequest& request,
                     std::string& bytes) {
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.WriteVarint32(static_cast<uint32_t>(request.ByteSizeLong()));
  request.SerializeToCodedStream(&coded);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ScoreWorker>> ScoreWorker::Start(
    const Options& options) {
  // A worker that died is noticed by the failed write.
  signal(SIGPIPE, SIG_IGN);
  Process::Options process{
      .binary = options.binary,
      .arguments = {"score", "--spec", options.spec_file, "--device",
                    options.device, "--threads", absl::StrCat(options.threads),
                    "--log-level", "warn"},
      .pipes = true};
  if (!options.models_root.empty()) {
    process.arguments.push_back("--models-root");
    process.arguments.push_back(options.models_root);
  }
  if (!options.blobs_folder.empty()) {
    process.arguments.push_back("--blobs");
    process.arguments.push_back(options.blobs_folder);
  }
  ASSIGN_OR_RETURN(Process started, Process::Start(process));
  return std::unique_ptr<ScoreWorker>(new ScoreWorker(std::move(started)));
}

absl::Status ScoreWorker::Send(const v1::ScoreStreamRequest& request) {
  AppendDelimited(request, outgoing_);
  return Pump(/*wait=*/false);
}

absl::StatusOr<v1::ScoreStreamResponse> ScoreWorker::Receive() {
  v1::ScoreStreamResponse response;
  while (true) {
    ASSIGN_OR_RETURN(const bool complete, TakeMessage(response));
    if (complete) return response;
    RETURN_IF_ERROR(Pump(/*wait=*/true));
  }
}

absl::Status ScoreWorker::Pump(bool wait) {
  const bool has_output = sent_ < outgoing_.size();
  std::array<pollfd, 2> sources = {
      pollfd{process_.stdout_descriptor(), POLLIN, 0},
      pollfd{has_output ? process_.stdin_descriptor() : -1, POLLOUT, 0}};
  if (poll(sources.data(), sources.size(), wait ? -1 : 0) < 0 &&
      errno != EINTR) {
    return absl::ErrnoToStatus(errno, "cannot wait for merganser-worker");
  }
  if (sources[0].revents != 0) RETURN_IF_ERROR(ReadSome());
  if (sources[1].revents != 0) RETURN_IF_ERROR(WriteSome());
  return absl::OkStatus();
}

absl::Status ScoreWorker::WriteSome() {
  const ssize_t written =
      write(process_.stdin_descriptor(), outgoing_.data() + sent_,
            outgoing_.size() - sent_);
  if (written < 0) {
    return errno == EAGAIN || errno == EINTR ? absl::OkStatus() : Ended();
  }
  sent_ += static_cast<size_t>(written);
  if (sent_ == outgoing_.size() || sent_ > kTrimBytes) {
    outgoing_.erase(0, sent_);
    sent_ = 0;
  }
  return absl::OkStatus();
}

absl::Status ScoreWorker::ReadSome() {
  std::array<char, kReadBytes> buffer;
  const ssize_t got =
      read(process_.stdout_descriptor(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return absl::OkStatus();
  if (got <= 0) return Ended();
  incoming_.erase(0, taken_);
  taken_ = 0;
  incoming_.append(buffer.data(), static_cast<size_t>(got));
  return absl::OkStatus();
}

absl::StatusOr<bool> ScoreWorker::TakeMessage(
    v1::ScoreStreamResponse& response) {
  const auto* begin =
      reinterpret_cast<const uint8_t*>(incoming_.data() + taken_);
  const int available = static_cast<int>(incoming_.size() - taken_);
  CodedInputStream stream(begin, available);
  uint32_t size = 0;
  if (!stream.ReadVarint32(&size)) return false;
  if (size > static_cast<uint32_t>(kMaximumMessageBytes)) {
    return absl::InternalError(
        "merganser-worker wrote something that is no answer");
  }
  const int header = stream.CurrentPosition();
  if (available - header < static_cast<int>(size)) return false;
  if (!response.ParseFromArray(begin + header, static_cast<int>(size))) {
    return absl::InternalError(
        "merganser-worker wrote something that is no answer");
  }
  taken_ += static_cast<size_t>(header) + size;
  return true;
}

absl::Status ScoreWorker::Ended() {
  process_.CloseStdin();
  return absl::InternalError(
      absl::StrCat("merganser-worker ", process_.Wait().ToString(),
                   " while it was evaluating; its message stands above"));
}

}  // namespace merganser
