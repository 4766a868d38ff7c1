#include "coordinator/dispatch/worker_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/campaign_spec/model_memory.h"
#include "coordinator/dispatch/core_fixture.h"

namespace merganser {
namespace {

using testing::HasSubstr;

TEST_F(CampaignTest, ARepeatedCallGetsTheSameAnswer) {
  FakeWorker worker(*this, "a");
  for (int i = 0; i < 3; ++i) worker.Step();
  const v1::ExchangeRequest request = worker.NextRequest(false);
  const auto first = worker.Send(request);
  const auto second = worker.Send(request);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
  v1::ExchangeRequest stale = request;
  stale.set_call_number(request.call_number() - 1);
  EXPECT_EQ(worker.Send(stale).status().code(), absl::StatusCode::kAborted);
}

TEST_F(CampaignTest, ALongPollRepeatedWithoutWaitingIsAnsweredAtOnce) {
  FakeWorker worker(*this, "a");
  // Nothing to report and no jobs wanted: the poll has nothing to say.
  worker.Step();
  worker.join_.clear();
  v1::ExchangeRequest request = worker.NextRequest(/*waits=*/true);
  request.set_wanted_jobs(0);
  v1::ExchangeResponse first_response;
  std::promise<absl::Status> first;
  core_->loop().Post([&] {
    core_->desk().Exchange(&request, &first_response, [&](absl::Status status) {
      first.set_value(status);
    });
  });
  v1::ExchangeRequest repeat = request;
  repeat.set_max_wait_ms(0);
  EXPECT_TRUE(worker.Send(repeat).ok());
  EXPECT_EQ(first.get_future().get().code(), absl::StatusCode::kAborted);
}

TEST_F(CampaignTest, AnUnknownSessionIsToldToRegister) {
  FakeWorker worker(*this, "a");
  worker.session_ = "nobody";
  EXPECT_EQ(worker.Send(worker.NextRequest(false)).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CampaignTest, JobsOfASilentWorkerGoToAnother) {
  FakeWorker silent(*this, "silent");
  FakeWorker other(*this, "other");
  for (int i = 0; i < 8; ++i) silent.Step();
  ASSERT_FALSE(silent.held_.empty());
  clock_.Advance(absl::Seconds(10));
  OnLoop<int>([this] {
    core_->desk().Tick();
    return 0;
  });
  other.Register();
  RunToTheEnd(*this, {&other}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, AWorkerThatDrainsIsListedUntilItIsDone) {
  FakeWorker worker(*this, "a");
  while (worker.held_.size() < 2) worker.Step();
  worker.draining_ = true;
  worker.Step();
  ASSERT_FALSE(worker.held_.empty());
  ASSERT_EQ(Workers().size(), 1u);
  EXPECT_TRUE(Workers()[0].draining());
  while (!worker.held_.empty() || !worker.unacknowledged_.empty()) {
    ASSERT_EQ(Workers().size(), 1u);
    worker.Step();
  }
  EXPECT_TRUE(Workers().empty());
}

TEST_F(CampaignTest, AWorkerThatDrainsIsListedUntilItsResultsAreStored) {
  FakeWorker worker(*this, "a");
  while (worker.reports_.empty()) worker.Step();
  // What was still to be worked on.
  while (!worker.held_.empty()) worker.Work();
  store_.SetUnreachable(true);
  worker.draining_ = true;
  for (int i = 0; i < 5; ++i) worker.Step();
  EXPECT_EQ(Workers().size(), 1u);
  store_.SetUnreachable(false);
  while (!HasFailure() && !worker.unacknowledged_.empty()) worker.Step();
  EXPECT_TRUE(Workers().empty());
}

TEST_F(CampaignTest, WhatALeavingWorkerHandsBackGoesToAnotherAtOnce) {
  FakeWorker leaving(*this, "leaving");
  FakeWorker other(*this, "other");
  while (leaving.held_.empty()) leaving.Step();
  for (const v1::Job& job : leaving.held_) {
    leaving.hand_backs_.push_back(job.key());
  }
  leaving.held_.clear();
  leaving.draining_ = true;
  do {
    leaving.Step();
  } while (!HasFailure() && !leaving.unacknowledged_.empty());
  ASSERT_EQ(Workers().size(), 1u);
  EXPECT_EQ(Workers()[0].name(), "other");
  RunToTheEnd(*this, {&other}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, AWorkerOfAnotherClassIsToldWhyItGetsNothing) {
  FakeWorker first(*this, "first", "fast");
  first.Step();
  FakeWorker second(*this, "second", "slow");
  for (int i = 0; i < 5; ++i) second.Step();
  EXPECT_TRUE(second.held_.empty());
  const std::vector<v1::Worker> workers = Workers();
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[0].refusals_size(), 0);
  ASSERT_EQ(workers[1].refusals_size(), 1);
  EXPECT_THAT(workers[1].refusals(0), HasSubstr("device class fast"));
}

TEST_F(CampaignTest, AWorkerWithoutRoomForAChildIsToldSo) {
  const v1::CampaignSpec spec = Campaign().spec();
  const int64_t needed = *ChildMemoryBytes(spec);
  const auto fits = [&] {
    return OnLoop<absl::Status>([&] { return core_->desk().CheckFits(spec); });
  };
  EXPECT_EQ(fits(), absl::OkStatus());  // nobody is there yet
  FakeWorker small(*this, "small", "class", needed - 1);
  for (int i = 0; i < 5; ++i) small.Step();
  EXPECT_TRUE(small.held_.empty());
  ASSERT_EQ(Workers()[0].refusals_size(), 1);
  EXPECT_THAT(Workers()[0].refusals(0), HasSubstr("this worker's"));
  EXPECT_EQ(fits().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(fits().message()), HasSubstr("most memory, of 1"));
  FakeWorker large(*this, "large", "class", needed);
  EXPECT_EQ(fits(), absl::OkStatus());
  RunToTheEnd(*this, {&large}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, SaysWhenEachWorkerRefusesItForGood) {
  const auto refusing = [this] {
    return OnLoop<int>([this] {
      return core_->desk().RefusingWorkers(**core_->registry().Find(kName));
    });
  };
  const auto conditions = [this] {
    return OnLoop<std::vector<std::string>>([this] {
      return core_->desk().Conditions(**core_->registry().Find(kName));
    });
  };
  EXPECT_EQ(refusing(), 0) << "nobody is there";
  FakeWorker first(*this, "first");
  first.join_error_ = "seeds[0].hf: missing";
  first.join_error_passes_ = true;
  for (int i = 0; i < 3; ++i) first.Step();
  EXPECT_EQ(refusing(), 0) << "it may pass";
  EXPECT_THAT(conditions(), testing::ElementsAre("a worker cannot serve it: "
                                                 "seeds[0].hf: missing"));
  first.join_error_passes_ = false;
  first.Register();
  for (int i = 0; i < 3; ++i) first.Step();
  EXPECT_EQ(refusing(), 1);
  EXPECT_THAT(conditions(),
              testing::ElementsAre("no worker can serve it (1 connected): "
                                   "seeds[0].hf: missing"));
  FakeWorker other(*this, "other", "another class");
  EXPECT_EQ(refusing(), 0) << "it has not looked yet";
  other.Step();
  EXPECT_EQ(refusing(), 2);
  FakeWorker able(*this, "able");
  RunToTheEnd(*this, {&able}, Ended());
  EXPECT_EQ(refusing(), 0);
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, SaysWhenNoWorkerOfItsClassIsLeft) {
  const auto conditions = [this] {
    return OnLoop<std::vector<std::string>>([this] {
      return core_->desk().Conditions(**core_->registry().Find(kName));
    });
  };
  clock_.Advance(absl::Seconds(3) - absl::Nanoseconds(1));
  EXPECT_THAT(conditions(), testing::IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(conditions(), testing::ElementsAre("no worker is connected"));
  FakeWorker worker(*this, "a");
  for (int i = 0; i < 3; ++i) worker.Step();
  EXPECT_THAT(conditions(), testing::IsEmpty());
  const auto advance_and_tick = [this](absl::Duration by) {
    clock_.Advance(by);
    OnLoop<int>([this] {
      core_->desk().Tick();
      return 0;
    });
  };
  advance_and_tick(absl::Seconds(10));
  clock_.Advance(absl::Seconds(50) - absl::Nanoseconds(1));
  EXPECT_THAT(conditions(), testing::IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(conditions(), testing::ElementsAre(HasSubstr("for 60 s")));
}

TEST_F(CoreTest, RefusesAWorkerOfAnotherProtocolAndNamesBoth) {
  v1::RegisterRequest request;
  request.set_protocol_version(kProtocolVersion + 1);
  const auto response = OnLoop<absl::StatusOr<v1::RegisterResponse>>(
      [&] { return core_->desk().Register(request, "peer"); });
  EXPECT_EQ(response.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(response.status().message()),
              HasSubstr(absl::StrCat(kProtocolVersion + 1)));
}

TEST_F(CampaignTest, ArchivesTravelWithJobsAsWhatHasChanged) {
  FakeWorker worker(*this, "a");
  while (Campaign().state() != v1::CAMPAIGN_STATE_COMPLETED) worker.Step();
  ASSERT_GE(worker.archives_.size(), 2u);
  EXPECT_EQ(worker.archives_[0].slots_size(), 6) << "all of them at first";
  int64_t changes = 0;
  for (size_t i = 1; i < worker.archives_.size(); ++i) {
    EXPECT_GT(worker.archives_[i].version(), worker.archives_[i - 1].version());
    changes += worker.archives_[i].slots_size();
  }
  EXPECT_LE(changes, Campaign().progress().accepted());
}

TEST_F(CampaignTest, AWorkerThatRegistersAgainGetsTheWholeArchive) {
  FakeWorker worker(*this, "a");
  while (worker.archives_.empty()) worker.Step();
  worker.archives_.clear();
  worker.held_.clear();
  worker.Register();
  while (worker.archives_.empty()) worker.Step();
  EXPECT_EQ(worker.archives_[0].slots_size(), 6);
}

}  // namespace
}  // namespace merganser
