#include "worker/program/score_stream.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "gtest/gtest.h"
#include "merganser/v1/score_stream.pb.h"
#include "worker/testing/fake_evaluators.h"
#include "worker/testing/small_weights.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
namespace util = google::protobuf::util;

v1::ScoreStreamRequest JobOf(int64_t candidate, int64_t layout,
                             v1::JobKind kind = v1::JOB_KIND_SEARCH) {
  v1::ScoreStreamRequest request;
  request.mutable_job()->mutable_key()->set_kind(kind);
  request.mutable_job()->mutable_key()->set_candidate(candidate);
  request.mutable_job()->set_layout_version(layout);
  return request;
}

class ScoreStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    input_ = tmpfile();
    output_ = tmpfile();
    ASSERT_NE(input_, nullptr);
    ASSERT_NE(output_, nullptr);
  }
  void TearDown() override {
    fclose(input_);
    fclose(output_);
  }

  void Write(const v1::ScoreStreamRequest& request) {
    ASSERT_TRUE(util::SerializeDelimitedToFileDescriptor(request, Input()));
  }
  absl::Status Run(const v1::CampaignSpec& spec = {}) {
    lseek(Input(), 0, SEEK_SET);
    return RunScoreStream(evaluators_, blobs_, /*threads=*/1, spec, Input(),
                          fileno(output_));
  }
  std::vector<v1::ScoreStreamResponse> Answers() {
    lseek(fileno(output_), 0, SEEK_SET);
    google::protobuf::io::FileInputStream stream(fileno(output_));
    std::vector<v1::ScoreStreamResponse> answers;
    while (true) {
      v1::ScoreStreamResponse answer;
      if (!util::ParseDelimitedFromZeroCopyStream(&answer, &stream, nullptr)) {
        return answers;
      }
      answers.push_back(answer);
    }
  }
  int Input() { return fileno(input_); }

  FakeEvaluators evaluators_;
  FolderBlobs blobs_{"", 1 << 20};
  FILE* input_ = nullptr;
  FILE* output_ = nullptr;
};

TEST_F(ScoreStreamTest, AnswersEachJobInItsOrder) {
  evaluators_.Fail(2);
  Write(JobOf(1, kFileOrder));
  Write(JobOf(2, kFileOrder));
  v1::ScoreStreamRequest layout;
  layout.mutable_layout()->set_version(4);
  Write(layout);
  Write(JobOf(3, 4));
  Write(JobOf(0, kFileOrder, v1::JOB_KIND_GRAM));
  ASSERT_TRUE(Run().ok());
  const auto answers = Answers();
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_EQ(answers[0].key().candidate(), 1);
  EXPECT_EQ(answers[0].chunks(0).scores(), FakeEvaluators::ScoresOf(1));
  EXPECT_EQ(answers[0].error(), "");
  EXPECT_EQ(answers[1].key().candidate(), 2);
  EXPECT_EQ(answers[1].error(), "2 fails");
  EXPECT_EQ(answers[1].chunks_size(), 0);
  EXPECT_EQ(answers[2].chunks(0).scores(), FakeEvaluators::ScoresOf(3));
  EXPECT_EQ(answers[3].gram(), "gram");
}

TEST_F(ScoreStreamTest, AJobBeforeItsLayoutIsAnsweredWithAnError) {
  Write(JobOf(1, 4));
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(Answers()[0].error(), HasSubstr("layout 4"));
}

TEST_F(ScoreStreamTest, WhatOneJobMakesIsThereForTheNext) {
  v1::WeightsRef parents[2];
  for (const int64_t candidate : {-2, -1}) {
    v1::ScoreStreamRequest request;
    *request.mutable_job() = SmallSeedJob(candidate);
    Write(request);
    const std::string bytes = SmallSeedBytes(candidate);
    parents[candidate + 2].set_digest(Sha256(bytes).ToBytes());
    parents[candidate + 2].set_size_bytes(128);
  }
  v1::ScoreStreamRequest child;
  *child.mutable_job() = SmallOffspringJob(0, parents[0], parents[1]);
  Write(child);
  v1::ScoreStreamRequest holdout;
  holdout.mutable_job()->mutable_key()->set_kind(v1::JOB_KIND_HOLDOUT);
  holdout.mutable_job()->mutable_key()->set_candidate(-1);
  holdout.mutable_job()->set_genome_digest(parents[1].digest());
  *holdout.mutable_job()->mutable_weights() = parents[1];
  Write(holdout);
  ASSERT_TRUE(Run(SmallWeightsSpec()).ok());
  const auto answers = Answers();
  ASSERT_EQ(answers.size(), 4u);
  for (const v1::ScoreStreamResponse& answer : answers) {
    EXPECT_EQ(answer.error(), "");
    EXPECT_EQ(answer.chunks_size(), 1);
  }
  EXPECT_EQ(answers[0].weights().digest(), parents[0].digest());
  EXPECT_EQ(answers[1].weights().digest(), parents[1].digest());
  EXPECT_EQ(answers[2].weights().digest(),
            Sha256(evaluators_.WeightsOf(0)).ToBytes());
  EXPECT_EQ(answers[2].weights().size_bytes(), 128);
  EXPECT_FALSE(answers[3].has_weights()) << "they were fetched";
  EXPECT_EQ(evaluators_.WeightsOf(-1), SmallSeedBytes(-1));
}

TEST_F(ScoreStreamTest, AnInputThatIsCutShortIsAnError) {
  Write(JobOf(1, kFileOrder));
  const off_t size_bytes = lseek(Input(), 0, SEEK_CUR);
  ASSERT_EQ(ftruncate(Input(), size_bytes - 1), 0);
  EXPECT_EQ(Run().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(Answers().empty());
}

TEST_F(ScoreStreamTest, ACampaignThatCannotBeReadIsAnError) {
  v1::CampaignSpec spec;
  spec.set_name(FakeEvaluators::kBrokenCampaign);
  EXPECT_EQ(Run(spec).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ScoreStreamTest, AnEmptyInputIsNoError) {
  EXPECT_TRUE(Run().ok());
  EXPECT_TRUE(Answers().empty());
}

}  // namespace
}  // namespace merganser
