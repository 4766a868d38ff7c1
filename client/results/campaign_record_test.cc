#include "client/results/campaign_record.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "client/embedded/temporary_folder.h"
#include "client/replay/synthetic_campaign.h"
#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;

class CampaignRecordTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Create();
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_.emplace(*std::move(folder));
    auto campaign = MakeSyntheticCampaign(folder_->path(), 250);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    campaign_ = *std::move(campaign);
  }

  std::string record() const { return folder_->path() + "/record"; }

  absl::Status Write() const {
    auto writer = RecordWriter::Create(record());
    if (!writer.ok()) return writer.status();
    const absl::Status status = campaign_.Export(
        [&](v1::ExportCampaignResponse& part) { return writer->Add(part); });
    return status.ok() ? writer->Commit() : status;
  }

  std::optional<TemporaryFolder> folder_;
  SyntheticCampaign campaign_;
};

TEST_F(CampaignRecordTest, ComesBackAsItWasWritten) {
  ASSERT_TRUE(Write().ok());
  const auto reader = RecordReader::Open(record());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->header().SerializeAsString(),
            campaign_.header.SerializeAsString());
  EXPECT_EQ((*reader)->gram()->Serialise(), campaign_.gram);
  for (const v1::LogEntry& expected : campaign_.log) {
    const auto entry = (*reader)->Next();
    ASSERT_TRUE(entry.ok()) << entry.status();
    ASSERT_TRUE(entry->has_value());
    EXPECT_EQ((*entry)->SerializeAsString(), expected.SerializeAsString());
  }
  const auto end = (*reader)->Next();
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_FALSE(end->has_value());
}

TEST_F(CampaignRecordTest, KnowsTheEntryOfTheBestMember) {
  auto writer = RecordWriter::Create(record());
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(campaign_
                  .Export([&](v1::ExportCampaignResponse& part) {
                    return writer->Add(part);
                  })
                  .ok());
  ASSERT_TRUE(writer->best_entry().has_value());
  EXPECT_EQ(writer->best_entry()->proposal().candidate(),
            campaign_.header.campaign().progress().best().candidate());
}

TEST_F(CampaignRecordTest, NothingAppearsBeforeCommit) {
  {
    auto writer = RecordWriter::Create(record());
    ASSERT_TRUE(writer.ok());
    v1::ExportCampaignResponse part;
    *part.mutable_header() = campaign_.header;
    ASSERT_TRUE(writer->Add(part).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(record()));
}

TEST_F(CampaignRecordTest, AnExportThatBreaksOffIsRefused) {
  campaign_.header.set_gram_size_bytes(campaign_.header.gram_size_bytes() + 1);
  const absl::Status status = Write();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("bytes of Gram sums"));
}

TEST_F(CampaignRecordTest, ARecordOfWeightsHasNoGramSums) {
  auto campaign = MakeSyntheticWeightsCampaign(folder_->path(), 250);
  ASSERT_TRUE(campaign.ok()) << campaign.status();
  campaign_ = *std::move(campaign);
  ASSERT_TRUE(Write().ok());
  std::filesystem::remove(record() + "/gram.bin");
  const auto reader = RecordReader::Open(record());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->gram(), nullptr);
}

TEST_F(CampaignRecordTest, EntriesOfAcceptedChildrenAreKeptForLineages) {
  for (const bool weights : {false, true}) {
    auto campaign = weights ? MakeSyntheticWeightsCampaign(folder_->path(), 250)
                            : MakeSyntheticCampaign(folder_->path(), 250);
    ASSERT_TRUE(campaign.ok()) << campaign.status();
    auto writer = RecordWriter::Create(record());
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(campaign
                    ->Export([&](v1::ExportCampaignResponse& part) {
                      return writer->Add(part);
                    })
                    .ok());
    EXPECT_EQ(static_cast<int64_t>(writer->accepted().size()),
              weights ? campaign->header.campaign().progress().accepted() : 0);
    for (const v1::LogEntry& entry : writer->accepted()) {
      EXPECT_TRUE(entry.scores().empty());
      EXPECT_EQ(entry.weights().digest().size(), 32u);
    }
  }
}

TEST_F(CampaignRecordTest, LogBeforeHeaderIsRefused) {
  auto writer = RecordWriter::Create(record());
  ASSERT_TRUE(writer.ok());
  v1::ExportCampaignResponse part;
  part.mutable_log();
  EXPECT_EQ(writer->Add(part).code(), absl::StatusCode::kDataLoss);
}

TEST_F(CampaignRecordTest, AMissingFileIsNamed) {
  ASSERT_TRUE(Write().ok());
  std::filesystem::remove(record() + "/gram.bin");
  const auto reader = RecordReader::Open(record());
  EXPECT_EQ(reader.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(reader.status().message()), HasSubstr("gram.bin"));
}

TEST_F(CampaignRecordTest, BrokenFilesAreNamed) {
  for (const std::string name : {"header.pb", "gram.bin"}) {
    ASSERT_TRUE(Write().ok());
    ASSERT_TRUE(WriteFileAtomically(record() + "/" + name,
                                    std::string("\x0a\xff broken"))
                    .ok());
    const auto reader = RecordReader::Open(record());
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss) << name;
    EXPECT_THAT(std::string(reader.status().message()), HasSubstr(name));
  }
}

}  // namespace
}  // namespace merganser
