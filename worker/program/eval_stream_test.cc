#include "worker/program/eval_stream.h"

#include <stdio.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/language_task/testing/fake_language_model.h"
#include "gmock/gmock.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace util = google::protobuf::util;

// A model that answers every sum rightly but 2+2.
absl::StatusOr<ServedLanguageModel> ServeFake(const v1::EvalRequest& request) {
  if (request.model() != "fake") {
    return absl::NotFoundError(request.model() + ": there is no such folder");
  }
  ServedLanguageModel served;
  auto codec = std::make_unique<FakeCodec>();
  auto model = std::make_unique<FakeLanguageModel>();
  const std::pair<const char*, const char*> sums[] = {
      {"1+1=", "2"}, {"2+2=", "5"}, {"3+3=", "6"}};
  for (const auto& [prompt, answer] : sums) {
    model->Writes(codec->Encode(prompt, true).value(),
                  codec->Encode(answer, false).value());
  }
  served.tools.tools = {.codec = codec.get(),
                        .render_chat = {},
                        .end_tokens = {FakeCodec::kEnd},
                        .prefix_token = FakeCodec::kBegin,
                        .maximum_length = model->maximum_length()};
  served.tools.codec = std::move(codec);
  served.model = std::move(model);
  return served;
}

class EvalStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    input_ = tmpfile();
    output_ = tmpfile();
    sums_ = ::testing::TempDir() + "/eval_stream_sums_" +
            std::to_string(getpid()) + ".jsonl";
    std::ofstream(sums_) << R"({"prompt": "1+1=", "answer": "2"}
{"prompt": "2+2=", "answer": "4"}
{"prompt": "3+3=", "answer": "6"}
)";
  }
  void TearDown() override {
    fclose(input_);
    fclose(output_);
  }

  v1::EvalRequest Request(const std::string& tasks) {
    v1::EvalRequest request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(tasks, &request));
    if (request.model().empty()) request.set_model("fake");
    for (v1::TaskSpec& task : *request.mutable_tasks()) {
      for (v1::DatasetSpec* dataset :
           {task.mutable_search(),
            task.has_holdout() ? task.mutable_holdout() : nullptr}) {
        if (dataset == nullptr) continue;
        dataset->set_scale(1);
        if (dataset->file().empty()) dataset->set_file(sums_);
      }
    }
    return request;
  }

  std::vector<v1::EvalResponse> Run(const v1::EvalRequest& request) {
    EXPECT_TRUE(
        util::SerializeDelimitedToFileDescriptor(request, fileno(input_)));
    lseek(fileno(input_), 0, SEEK_SET);
    status_ = RunEvalStream(ServeFake, PathRules(""), fileno(input_),
                            fileno(output_));
    lseek(fileno(output_), 0, SEEK_SET);
    google::protobuf::io::FileInputStream stream(fileno(output_));
    std::vector<v1::EvalResponse> answers;
    while (true) {
      v1::EvalResponse answer;
      if (!util::ParseDelimitedFromZeroCopyStream(&answer, &stream, nullptr)) {
        return answers;
      }
      answers.push_back(answer);
    }
  }

  std::string sums_;
  absl::Status status_;
  FILE* input_ = nullptr;
  FILE* output_ = nullptr;
};

TEST_F(EvalStreamTest, AnswersThePlanAndThenChunkByChunk) {
  const auto answers =
      Run(Request("tasks { name: 'a' kind: 'exact_match' chunk_size: 2 "
                  "holdout { first_row: 1 } } "
                  "tasks { name: 'b' kind: 'generation' }"));
  ASSERT_TRUE(status_.ok()) << status_;
  ASSERT_EQ(answers.size(), 5u);
  const auto& parts = answers[0].plan().parts();
  ASSERT_EQ(parts.size(), 3);
  EXPECT_EQ(parts[0].datapoints(), 3);
  EXPECT_FALSE(parts[0].holdout());
  EXPECT_EQ(parts[1].datapoints(), 2);
  EXPECT_TRUE(parts[1].holdout());
  EXPECT_EQ(parts[2].task(), 1);
  EXPECT_THAT(answers[1].scores().scores(), ElementsAre(kScoreUnit, 0));
  EXPECT_THAT(answers[2].scores().scores(), ElementsAre(kScoreUnit));
  EXPECT_EQ(answers[3].scores().part(), 1);
  EXPECT_THAT(answers[3].scores().scores(), ElementsAre(0, kScoreUnit));
  EXPECT_EQ(answers[4].scores().part(), 2);
  EXPECT_EQ(answers[4].scores().outputs_size(), 0);
}

TEST_F(EvalStreamTest, AnswersWithOutputsAndALimit) {
  const auto answers =
      Run(Request("with_outputs: true limit: 2 "
                  "tasks { name: 'b' kind: 'generation' }"));
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].plan().parts(0).datapoints(), 2);
  const v1::EvalScores& scores = answers[1].scores();
  ASSERT_EQ(scores.outputs_size(), 2);
  EXPECT_EQ(scores.outputs(1).prompt(), "2+2=");
  EXPECT_EQ(scores.outputs(1).text(), "5");
  EXPECT_EQ(scores.outputs(1).expected(), "4");
  EXPECT_THAT(scores.outputs(1).token_ids(), ElementsAre('5', FakeCodec::kEnd));
}

TEST_F(EvalStreamTest, ScoresInTheOrderThatIsAskedFor) {
  const auto answers = Run(Request(
      "with_outputs: true search_orders { datapoints: [ 1, 2, 0 ] } "
      "tasks { name: 'b' kind: 'generation' chunk_size: 2 holdout { } }"));
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_EQ(answers[1].scores().outputs(0).prompt(), "2+2=");
  EXPECT_EQ(answers[1].scores().outputs(1).prompt(), "3+3=");
  EXPECT_EQ(answers[2].scores().outputs(0).prompt(), "1+1=");
  EXPECT_EQ(answers[3].scores().outputs(0).prompt(), "1+1=") << "holdout";
}

TEST_F(EvalStreamTest, AnOrderOfOtherDatapointsIsRefused) {
  for (const char* order : {"1, 2", "0, 1, 1", "0, 1, 3", "0, 1, 2, 2"}) {
    const auto answers = Run(
        Request(absl::StrCat("search_orders { datapoints: [ ", order,
                             " ] } tasks { name: 'b' kind: 'generation' }")));
    ASSERT_FALSE(answers.empty());
    EXPECT_THAT(answers.back().error().message(),
                HasSubstr("search_orders[0]: expected each of the task's 3"));
    TearDown();
    SetUp();
  }
}

TEST_F(EvalStreamTest, PerplexityAlwaysSaysItsTokens) {
  const auto answers =
      Run(Request("tasks { name: 'p' kind: 'perplexity' prompt: '{prompt}' }"));
  ASSERT_EQ(answers.size(), 2u);
  // The fake gives -1 for each token: those of the text, and its beginning.
  EXPECT_EQ(answers[1].scores().outputs(0).tokens(), 5);
  EXPECT_EQ(answers[1].scores().outputs(0).log_likelihood(), -5);
  EXPECT_EQ(answers[1].scores().outputs(0).prompt(), "");
}

TEST_F(EvalStreamTest, ExamplesStandInFront) {
  const auto answers = Run(Request(
      "with_outputs: true limit: 1 tasks { name: 'b' kind: 'generation' "
      "few_shot { examples { file: '" +
      sums_ + "' scale: 1 } count: 1 } }"));
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[1].scores().outputs(0).prompt(), "1+1=2\n\n1+1=");
}

TEST_F(EvalStreamTest, WhatIsWrongIsTheLastAnswer) {
  const std::pair<const char*, const char*> rows[] = {
      {"model: 'nowhere'", "nowhere: there is no such folder"},
      {"tasks { name: 'a' kind: 'exact_match' window: 1 }",
       "a.window: expected none"},
      {"tasks { name: 'a' kind: 'exact_match' search { file: '/none' } }",
       "a.search.file: /none: "},
      {"tasks { name: 'a' kind: 'exact_match' answer: '{x}' }",
       "has no field \"x\""},
      {"tasks { name: 'a' kind: 'exact_match' chat: true }",
       "a: chat: expected a model"},
      {"tasks { name: 'a' kind: 'perplexity' prompt: '{prompt}' window: 64 }",
       "a: window: expected at most 63"}};
  for (const auto& [request, message] : rows) {
    const auto answers = Run(Request(request));
    EXPECT_TRUE(status_.ok()) << status_;
    ASSERT_FALSE(answers.empty());
    EXPECT_THAT(answers.back().error().message(), HasSubstr(message));
    EXPECT_NE(answers.back().error().code(), 0);
    TearDown();
    SetUp();
  }
}

TEST_F(EvalStreamTest, InputThatIsNoRequestIsDataLoss) {
  EXPECT_EQ(
      RunEvalStream(ServeFake, PathRules(""), fileno(input_), fileno(output_))
          .code(),
      absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace merganser
