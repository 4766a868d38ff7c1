// Streaming calls whose every step has a deadline of its own.
#pragma once

#include <chrono>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/net/grpc_status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

namespace merganser {

// Waits for the steps of one call; one that takes longer than `timeout` cancels
// the call. Base is gRPC's reactor for reading or writing.
// Threads: one owner; gRPC calls the rest. Destroyed after Finish() only.
template <typename Base>
class SteppedCall : public Base {
 public:
  SteppedCall(grpc::ClientContext& context, absl::Duration timeout)
      : context_(context), timeout_(timeout) {}

  // To be called once the reactor is given to a stub, before any step.
  void Start() {
    this->AddHold();
    this->StartCall();
  }

  // Ends the owner's part; the outcome of the call.
  // Errors: the call's; DeadlineExceeded when a step took too long.
  absl::Status Finish() {
    this->RemoveHold();
    absl::MutexLock lock(&mutex_);
    Await(&SteppedCall::done_);
    if (timed_out_) {
      return absl::DeadlineExceededError(
          absl::StrCat("no progress in ", absl::FormatDuration(timeout_)));
    }
    return StatusFromGrpc(status_);
  }

 protected:
  // Runs `start`, and waits for StepDone(). Returns what that was given.
  template <typename StartStep>
  bool Step(StartStep start) {
    {
      absl::MutexLock lock(&mutex_);
      stepped_ = false;
    }
    start();
    absl::MutexLock lock(&mutex_);
    Await(&SteppedCall::stepped_);
    return step_ok_;
  }
  void StepDone(bool ok) {
    absl::MutexLock lock(&mutex_);
    stepped_ = true;
    step_ok_ = ok;
    changed_.SignalAll();
  }

 private:
  void OnDone(const grpc::Status& status) override {
    absl::MutexLock lock(&mutex_);
    done_ = true;
    status_ = status;
    changed_.SignalAll();
  }

  void Await(bool SteppedCall::* event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Time deadline = absl::Now() + timeout_;
    while (!(this->*event)) {
      if (timed_out_) {
        changed_.Wait(&mutex_);  // a cancelled call ends by itself
      } else if (changed_.WaitWithDeadline(&mutex_, deadline) &&
                 !(this->*event)) {
        timed_out_ = true;
        context_.TryCancel();
      }
    }
  }

  grpc::ClientContext& context_;
  const absl::Duration timeout_;
  absl::Mutex mutex_;
  absl::CondVar changed_;
  bool stepped_ ABSL_GUARDED_BY(mutex_) = false;
  bool step_ok_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  bool timed_out_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

template <typename Message>
class SteppedRead : public SteppedCall<grpc::ClientReadReactor<Message>> {
 public:
  using SteppedCall<grpc::ClientReadReactor<Message>>::SteppedCall;

  // False at the end of the stream, and after a failure.
  bool Read(Message* message) {
    return this->Step([&] { this->StartRead(message); });
  }

 private:
  void OnReadDone(bool ok) override { this->StepDone(ok); }
};

template <typename Message>
class SteppedWrite : public SteppedCall<grpc::ClientWriteReactor<Message>> {
 public:
  using SteppedCall<grpc::ClientWriteReactor<Message>>::SteppedCall;

  // False when the call has ended, well or not.
  bool Write(const Message& message) {
    return this->Step([&] { this->StartWrite(&message); });
  }
  void WritesDone() {
    this->Step([&] { this->StartWritesDone(); });
  }

 private:
  void OnWriteDone(bool ok) override { this->StepDone(ok); }
  void OnWritesDoneDone(bool ok) override { this->StepDone(ok); }
};

}  // namespace merganser
