#include "client/embedded/message_process.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/net/limits.h"

namespace merganser {
namespace {

using google::protobuf::MessageLite;
using google::protobuf::io::CodedInputStream;

constexpr size_t kReadBytes = 64 << 10;
// Above it, what was sent is cut off the front.
constexpr size_t kTrimBytes = 1 << 20;
constexpr int kPatienceMilliseconds = 200;

void AppendDelimited(const MessageLite& message, std::string& bytes) {
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.WriteVarint32(static_cast<uint32_t>(message.ByteSizeLong()));
  message.SerializeToCodedStream(&coded);
}

absl::Status NoAnswer(const std::string& name) {
  return absl::InternalError(
      absl::StrCat(name, " wrote something that is no answer"));
}

}  // namespace

absl::StatusOr<MessageProcess> MessageProcess::Start(Process::Options options,
                                                     std::string name) {
  // A process that died is noticed by the failed write.
  signal(SIGPIPE, SIG_IGN);
  options.pipes = true;
  ASSIGN_OR_RETURN(Process started, Process::Start(options));
  return MessageProcess(std::move(started), std::move(name));
}

absl::Status MessageProcess::Send(const MessageLite& message) {
  AppendDelimited(message, outgoing_);
  return Pump(/*wait=*/false);
}

absl::Status MessageProcess::Receive(MessageLite& message,
                                     const std::function<bool()>& stop) {
  while (true) {
    ASSIGN_OR_RETURN(const bool complete, TakeMessage(message));
    if (complete) return absl::OkStatus();
    if (stop && stop()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(Pump(/*wait=*/true));
  }
}

absl::Status MessageProcess::Pump(bool wait) {
  const bool has_output = sent_ < outgoing_.size();
  std::array<pollfd, 2> sources = {
      pollfd{process_.stdout_descriptor(), POLLIN, 0},
      pollfd{has_output ? process_.stdin_descriptor() : -1, POLLOUT, 0}};
  if (poll(sources.data(), sources.size(), wait ? kPatienceMilliseconds : 0) <
          0 &&
      errno != EINTR) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot wait for ", name_));
  }
  if (sources[0].revents != 0) RETURN_IF_ERROR(ReadSome());
  if (sources[1].revents != 0) RETURN_IF_ERROR(WriteSome());
  return absl::OkStatus();
}

absl::Status MessageProcess::WriteSome() {
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

absl::Status MessageProcess::ReadSome() {
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

absl::StatusOr<bool> MessageProcess::TakeMessage(
    google::protobuf::MessageLite& message) {
  const auto* begin =
      reinterpret_cast<const uint8_t*>(incoming_.data() + taken_);
  const int available = static_cast<int>(incoming_.size() - taken_);
  CodedInputStream stream(begin, available);
  uint32_t size = 0;
  if (!stream.ReadVarint32(&size)) return false;
  if (size > static_cast<uint32_t>(kMaximumMessageBytes)) {
    return NoAnswer(name_);
  }
  const int header = stream.CurrentPosition();
  if (available - header < static_cast<int>(size)) return false;
  if (!message.ParseFromArray(begin + header, static_cast<int>(size))) {
    return NoAnswer(name_);
  }
  taken_ += static_cast<size_t>(header) + size;
  return true;
}

absl::Status MessageProcess::Ended() {
  process_.CloseStdin();
  return absl::InternalError(
      absl::StrCat(name_, " ", process_.Wait().ToString(),
                   " while it was evaluating; its message stands above"));
}

}  // namespace merganser
