#include "coordinator/dispatch/core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "coordinator/dispatch/core_fixture.h"

namespace merganser {
namespace {

TEST_F(CampaignTest, OneWorkerFinishesIt) {
  FakeWorker worker(*this, "a");
  RunToTheEnd(*this, {&worker}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, FiveWorkersArriveAtTheSameArchive) {
  FakeWorker a(*this, "a"), b(*this, "b"), c(*this, "c"), d(*this, "d"),
      e(*this, "e");
  RunToTheEnd(*this, {&a, &b, &c, &d, &e}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, ALostCommitIsRepeatedAndNothingIsLost) {
  for (const auto fault : {InMemoryStore::CommitFault::kBefore,
                           InMemoryStore::CommitFault::kAfter}) {
    FakeWorker worker(*this, absl::StrCat("w", static_cast<int>(fault)));
    for (int i = 0; i < 10; ++i) worker.Step();
    store_.FailNextCommit(fault);
    for (int i = 0; i < 10; ++i) worker.Step();
  }
  FakeWorker last(*this, "last");
  clock_.Advance(absl::Seconds(10));
  OnLoop<int>([this] {
    core_->desk().Tick();
    return 0;
  });
  last.Register();
  RunToTheEnd(*this, {&last}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, AcknowledgesNothingThatIsNotStored) {
  FakeWorker worker(*this, "a");
  // Until all that was reported is acknowledged, and something else is not
  // reported yet.
  do {
    worker.Step();
  } while (worker.reports_.empty() ||
           worker.unacknowledged_.size() != worker.reports_.size());
  store_.SetUnreachable(true);
  const size_t before = worker.outcomes_.size();
  for (int i = 0; i < 20; ++i) worker.Step();
  EXPECT_EQ(worker.outcomes_.size(), before);
  EXPECT_FALSE(worker.unacknowledged_.empty());
  store_.SetUnreachable(false);
  RunToTheEnd(*this, {&worker}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, EndsWhenAnotherCoordinatorOwnsTheStore) {
  FakeWorker worker(*this, "a");
  for (int i = 0; i < 5; ++i) worker.Step();
  ASSERT_TRUE(store_.TakeOwnership(*store_.ReadOwner(), 77, "there").ok());
  ASSERT_TRUE(store_.Claim(kName, 77).ok());
  for (int i = 0; i < 5; ++i) worker.Step();
  EXPECT_TRUE(lost_.WaitForNotificationWithTimeout(absl::Seconds(30)));
}

TEST_F(CampaignTest, ARestartedCoordinatorTakesUpWhatWorkersHold) {
  FakeWorker worker(*this, "a");
  for (int restart = 0; restart < 4; ++restart) {
    for (int i = 0; i < 12; ++i) worker.Step();
    core_.reset();
    ASSERT_TRUE(
        store_.TakeOwnership(*store_.ReadOwner(), ++epoch_, "here").ok());
    StartCore();
    worker.Register();
    worker.ReportAgain();
  }
  RunToTheEnd(*this, {&worker}, Ended());
  ExpectTheRightEnd();
}

TEST_F(CampaignTest, TheSameRequestGivesTheSameCampaignAnotherIsRefused) {
  const v1::CampaignSpec spec = FakeSpec(kName, campaign_, kEvaluations);
  EXPECT_TRUE(Create(spec, "request").ok());
  EXPECT_EQ(Create(spec, "another").code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(CampaignTest, GoesOnWithTheSameWorkerWhenItsBudgetIsRaised) {
  FakeWorker worker(*this, "a");
  RunToTheEnd(*this, {&worker}, Ended());
  // Before the worker has called again.
  const absl::Status extended = OnLoop<absl::Status>([this] {
    CampaignEntry& entry = **core_->registry().Find(kName);
    const absl::Status status = entry.runner->ExtendBudget(kEvaluations + 20);
    core_->registry().Changed(entry);
    return status;
  });
  ASSERT_TRUE(extended.ok());
  RunToTheEnd(*this, {&worker}, Ended());
  EXPECT_EQ(Campaign().progress().evaluations(), kEvaluations + 20);
}

TEST_F(CampaignTest, IsDeletedOnlyAfterItsEnd) {
  const auto remove = [this] {
    std::promise<absl::Status> promise;
    core_->loop().Post([&] {
      core_->registry().Delete(
          kName, [&](absl::Status status) { promise.set_value(status); });
    });
    return promise.get_future().get();
  };
  EXPECT_EQ(remove().code(), absl::StatusCode::kFailedPrecondition);
  FakeWorker worker(*this, "a");
  RunToTheEnd(*this, {&worker}, Ended());
  EXPECT_TRUE(remove().ok());
  EXPECT_EQ(remove().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_.ListCampaigns()->empty());
}

}  // namespace
}  // namespace merganser
