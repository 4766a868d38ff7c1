// A server stream that is fed message by message from any thread.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/net/grpc_status.h"
#include "grpcpp/support/server_callback.h"

namespace merganser {

// Lives until gRPC is done with it and nobody holds a pointer.
// Threads: safe; one Send at a time.
template <typename Message>
class Stream final : public grpc::ServerWriteReactor<Message> {
 public:
  static std::shared_ptr<Stream> Create() {
    std::shared_ptr<Stream> stream(new Stream);
    stream->self_ = stream;
    return stream;
  }

  // Sends one message; `sent` runs when the next may follow. It does not run
  // once the client has gone.
  void Send(Message message, std::function<void()> sent) {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    message_ = std::move(message);
    sent_ = std::move(sent);
    writing_ = true;
    this->StartWrite(&message_);
  }

  // Ends the call; later calls of anything do nothing.
  void End(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    EndLocked(status);
  }

  // The client has gone, or End was called.
  bool ended() {
    absl::MutexLock lock(&mutex_);
    return ended_;
  }

  void OnWriteDone(bool ok) override {
    std::function<void()> sent;
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok || cancelled_) EndLocked(absl::CancelledError("the client left"));
      if (ended_) return;
      sent = std::move(sent_);
    }
    if (sent) sent();
  }

  void OnCancel() override {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    if (!writing_) EndLocked(absl::CancelledError("the client left"));
  }

  void OnDone() override {
    // Destroys the stream on return, unless somebody still holds it.
    const std::shared_ptr<Stream> self = std::move(self_);
  }

 private:
  Stream() = default;

  void EndLocked(const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ended_) return;
    ended_ = true;
    sent_ = nullptr;  // It may hold who holds us.
    this->Finish(GrpcFromStatus(status));
  }

  absl::Mutex mutex_;
  Message message_;
  std::function<void()> sent_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  // Until gRPC is done; set before gRPC knows the stream, taken by OnDone.
  std::shared_ptr<Stream> self_;
};

}  // namespace merganser
