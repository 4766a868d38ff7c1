#include "client/api/campaign_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "client/api/campaign_state.h"
#include "client/api/fake_coordinator.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

v1::Campaign Campaign(const std::string& name, v1::CampaignState state) {
  v1::Campaign campaign;
  campaign.set_name(name);
  campaign.set_uid("uid of " + name);
  campaign.set_state(state);
  return campaign;
}

constexpr auto kRunning = v1::CAMPAIGN_STATE_RUNNING;
constexpr auto kCompleted = v1::CAMPAIGN_STATE_COMPLETED;

class CampaignClientTest : public ::testing::Test {
 protected:
  CampaignClientTest() {
    CampaignClient::Options options;
    options.first_backoff = absl::Milliseconds(1);
    options.longest_backoff = absl::Milliseconds(20);
    client_ = CampaignClient::Create(coordinator_.address(), options).value();
    coordinator_.Put(Campaign("x", kRunning));
  }

  // Revisions that a watch reports, after each of which `step` is called.
  absl::StatusOr<v1::Campaign> Watch(
      const std::function<void(int64_t revision)>& step,
      CampaignClient::WatchOptions options = {}) {
    return client_->Watch("x", options, [&](const v1::Campaign& campaign) {
      revisions_.push_back(campaign.revision());
      step(campaign.revision());
    });
  }

  FakeCoordinator coordinator_;
  std::unique_ptr<CampaignClient> client_;
  std::vector<int64_t> revisions_;
};

TEST_F(CampaignClientTest, SubmitsTheSpecWithTheRequestId) {
  v1::CampaignSpec spec;
  spec.set_name("y");
  const auto campaign = client_->CreateCampaign(spec, "request");
  ASSERT_TRUE(campaign.ok()) << campaign.status();
  EXPECT_EQ(campaign->name(), "y");
  EXPECT_EQ(coordinator_.created().request_id(), "request");
  EXPECT_EQ(coordinator_.created().spec().name(), "y");
}

TEST_F(CampaignClientTest, ChangesTheState) {
  EXPECT_EQ(client_->PauseCampaign("x")->state(), v1::CAMPAIGN_STATE_PAUSED);
  EXPECT_EQ(client_->ResumeCampaign("x")->state(), kRunning);
  EXPECT_EQ(client_->ExtendBudget("x", 99)->spec().budget().evaluations(), 99);
  EXPECT_EQ(client_->CancelCampaign("x")->state(),
            v1::CAMPAIGN_STATE_CANCELLED);
  EXPECT_EQ(client_->GetCampaign("x")->state(), v1::CAMPAIGN_STATE_CANCELLED);
  EXPECT_TRUE(client_->DeleteCampaign("x").ok());
  EXPECT_TRUE(absl::IsNotFound(client_->GetCampaign("x").status()));
}

TEST_F(CampaignClientTest, TurnsAllPagesOfCampaigns) {
  for (const char* name : {"a", "b", "c", "d"}) {
    coordinator_.Put(Campaign(name, kRunning));
  }
  const auto campaigns = client_->ListCampaigns();
  ASSERT_TRUE(campaigns.ok());
  std::vector<std::string> names;
  for (const auto& campaign : *campaigns) names.push_back(campaign.name());
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d", "x"));
}

TEST_F(CampaignClientTest, TurnsAllPagesOfCandidates) {
  std::vector<v1::Candidate> candidates(4);
  for (int n = 0; n < 4; ++n) candidates[n].set_candidate(n);
  candidates[2].set_slot(0);
  coordinator_.SetCandidates(candidates);
  EXPECT_EQ(client_->ListCandidates("x", true)->size(), 4);
  const auto members = client_->ListCandidates("x", false);
  ASSERT_EQ(members->size(), 1);
  EXPECT_EQ(members->front().candidate(), 2);
  EXPECT_EQ(client_->GetLineage("x", 1)->size(), 2);
  EXPECT_EQ(client_->GetLineage("x", std::nullopt)->size(), 4);
}

TEST_F(CampaignClientTest, HandsOverTheExportPartByPart) {
  for (const bool without_log : {false, true}) {
    std::vector<int> parts;
    const absl::Status status = client_->Export(
        "x", without_log, [&](v1::ExportCampaignResponse& part) {
          parts.push_back(part.part_case());
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(parts.size(), without_log ? 2 : 3);
    EXPECT_EQ(parts.front(), v1::ExportCampaignResponse::kHeader);
    EXPECT_EQ(parts.back(), v1::ExportCampaignResponse::kGram);
  }
}

TEST_F(CampaignClientTest, APartThatFailsEndsTheExport) {
  int parts = 0;
  const absl::Status status =
      client_->Export("x", false, [&](v1::ExportCampaignResponse&) {
        ++parts;
        return absl::ResourceExhaustedError("disk full");
      });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(parts, 1);
}

TEST_F(CampaignClientTest, HandsOverTheDump) {
  std::vector<std::pair<std::string, std::string>> entries;
  const absl::Status status =
      client_->Dump("x", [&](const v1::DumpCampaignResponse& entry) {
        entries.emplace_back(entry.key(), entry.value());
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(entries, ElementsAre(Pair("m:{x}:revision", "1")));
}

TEST_F(CampaignClientTest, SaysWhereNobodyAnswers) {
  coordinator_.Stop();
  const absl::Status status = client_->GetCampaign("x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("cannot reach a coordinator at " + coordinator_.address()));
}

TEST_F(CampaignClientTest, KeepsTheCoordinatorsReason) {
  coordinator_.FailWith({grpc::StatusCode::UNAVAILABLE, "this is a standby"});
  const absl::Status status = client_->GetCampaign("x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(status.message()), "this is a standby");
}

TEST(CampaignClient, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "localhost", "http://host:1", "a b:1"}) {
    EXPECT_EQ(CampaignClient::Create(address).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST(CampaignClient, RequestIdsDiffer) {
  EXPECT_EQ(NewRequestId().size(), 32);
  EXPECT_NE(NewRequestId(), NewRequestId());
}

TEST_F(CampaignClientTest, WatchesToTheEnd) {
  const auto end = Watch([&](int64_t revision) {
    coordinator_.Put(Campaign("x", revision < 3 ? kRunning : kCompleted));
  });
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->state(), kCompleted);
  EXPECT_THAT(revisions_, ElementsAre(1, 2, 3, 4));
}

TEST_F(CampaignClientTest, WatchOfACampaignThatHasEndedReportsItOnce) {
  coordinator_.Put(Campaign("x", kCompleted));
  const auto end = Watch([](int64_t) {});
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_THAT(revisions_, ElementsAre(2));
}

TEST_F(CampaignClientTest, WatchReportsNothingThatIsKnown) {
  coordinator_.Put(Campaign("x", kCompleted));
  const auto end = Watch([](int64_t) {}, {.after_revision = 2});
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->revision(), 2);
  EXPECT_THAT(revisions_, ElementsAre());
}

TEST_F(CampaignClientTest, WatchGoesOnAfterABrokenStream) {
  coordinator_.OnWatch([&] {
    // The first stream ends before it has sent anything.
    if (coordinator_.watched().size() == 1) coordinator_.BreakStreams();
    if (coordinator_.watched().size() == 2) {
      coordinator_.Put(Campaign("x", kCompleted));
    }
  });
  const auto end = Watch([](int64_t) {});
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_THAT(revisions_, ElementsAre(1, 2));
  EXPECT_THAT(coordinator_.watched(), ElementsAre(1, 1));
}

TEST_F(CampaignClientTest, WatchReportsAConditionThatIsNoRevision) {
  coordinator_.OnWatch([&] {
    if (coordinator_.watched().size() == 1) {
      coordinator_.SetCondition("x", "no worker");
      coordinator_.BreakStreams();
    } else {
      coordinator_.Put(Campaign("x", kCompleted));
    }
  });
  const auto end = Watch([](int64_t) {});
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_THAT(revisions_, ElementsAre(1, 1, 2));
}

TEST_F(CampaignClientTest, WatchGoesOnAfterARestart) {
  const auto end = Watch([&](int64_t revision) {
    if (revision == 1) {
      coordinator_.Put(Campaign("x", kRunning));
      coordinator_.Stop();
      coordinator_.Start();
    } else {
      coordinator_.Put(Campaign("x", kCompleted));
    }
  });
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_THAT(revisions_, ElementsAre(1, 2, 3));
}

TEST_F(CampaignClientTest, WatchGivesUpWhenItsPatienceEnds) {
  const auto end = Watch([&](int64_t) { coordinator_.Stop(); },
                         {.patience = absl::Milliseconds(1)});
  EXPECT_EQ(end.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(CampaignClientTest, WatchFailsAtOnceWhereNobodyAnswers) {
  coordinator_.Stop();
  EXPECT_EQ(Watch([](int64_t) {}).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(CampaignClientTest, WatchEndsWhenItIsInterrupted) {
  std::atomic<bool> interrupted = false;
  coordinator_.OnWatch([&] { interrupted = true; });
  const auto end = Watch([](int64_t) {},
                         {.interrupted = [&] { return interrupted.load(); }});
  EXPECT_EQ(end.status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(revisions_, ElementsAre(1));
}

TEST_F(CampaignClientTest, WatchEndsWhenTheCampaignIsDeleted) {
  EXPECT_EQ(client_->Watch("y", {}, [](const v1::Campaign&) {}).status().code(),
            absl::StatusCode::kNotFound);
  // Deleted, and its name taken by another, between two streams.
  const auto end = Watch([&](int64_t) {
    coordinator_.BreakStreams();
    v1::Campaign other = Campaign("x", kRunning);
    other.set_uid("other");
    coordinator_.OnWatch([this, other] {
      coordinator_.BreakStreams();
      coordinator_.Put(other);
    });
  });
  EXPECT_EQ(end.status().code(), absl::StatusCode::kNotFound);
}

TEST(CampaignState, HasAWordForEach) {
  EXPECT_EQ(StateName(kRunning), "running");
  EXPECT_EQ(StateName(v1::CAMPAIGN_STATE_FINISHING), "finishing");
  EXPECT_FALSE(HasEnded(v1::CAMPAIGN_STATE_PAUSED));
  EXPECT_FALSE(HasEnded(v1::CAMPAIGN_STATE_FINISHING));
  EXPECT_TRUE(HasEnded(kCompleted));
  EXPECT_TRUE(HasEnded(v1::CAMPAIGN_STATE_FAILED));
}

}  // namespace
}  // namespace merganser
