// A child process that reads and writes protocol buffers.
#pragma once

#include <google/protobuf/message_lite.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/embedded/process.h"

namespace merganser {

// Messages follow one another, each with its length in front as a varint.
// Neither side ever blocks the other: what it does not take yet waits in memory
// here.
// Threads: none; the main thread's.
class MessageProcess {
 public:
  // `name` is what errors call it. Options::pipes is set here.
  // Errors: those of Process::Start().
  static absl::StatusOr<MessageProcess> Start(Process::Options options,
                                              std::string name);

  // Queues a message; does not wait until it is read.
  absl::Status Send(const google::protobuf::MessageLite& message);
  // The next message. Waits for it until `stop`, which is asked several times a
  // second unless it is empty, says true.
  // Errors: Internal when the process has ended, or writes what is no message;
  // Cancelled once `stop` says true.
  absl::Status Receive(google::protobuf::MessageLite& message,
                       const std::function<bool()>& stop = {});

 private:
  MessageProcess(Process process, std::string name)
      : process_(std::move(process)), name_(std::move(name)) {}

  // Moves bytes both ways; waits for some if `wait`, for a while.
  absl::Status Pump(bool wait);
  absl::Status WriteSome();
  absl::Status ReadSome();
  // The first complete message of incoming_.
  absl::StatusOr<bool> TakeMessage(google::protobuf::MessageLite& message);
  absl::Status Ended();

  Process process_;
  std::string name_;
  std::string outgoing_;
  size_t sent_ = 0;  // bytes of outgoing_ that are gone
  std::string incoming_;
  size_t taken_ = 0;  // bytes of incoming_ that are gone
};

}  // namespace merganser
