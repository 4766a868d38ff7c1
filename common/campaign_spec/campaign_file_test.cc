#include "common/campaign_spec/campaign_file.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <fstream>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace merganser {
namespace {

using google::protobuf::util::MessageDifferencer;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Line numbers are part of the tests.
constexpr char kSmallest[] = R"(name: digits
model: {family: mlp}
seeds:
  - {name: a, path: a.safetensors}
tasks:
  - name: digits
    kind: classification
    search: {file: digits.csv}
budget: {evaluations: 10}
)";

constexpr char kLargest[] = R"(# A comment.
name: digits-pretrained
description: "Two seeds: one model"
model: {family: mlp, weights_dtype: bfloat16}
seeds:
  - {name: low, path: low.safetensors, licence: Apache-2.0}
  - {name: high, path: path:high.safetensors}
tasks:
  - name: digits
    kind: classification
    weight: 3
    chunk_size: 1437
    search: {file: digits.csv, rows: [0, 1437], scale: 0.0625}
    holdout: {file: path:digits.csv, rows: [1437, 1797]}
search:
  method: m2n2
  population: 7
  alpha: 0.5
  attraction: false
  split_point: false
  crossover: false
  mix: [-0.1, 1.1]
schedule: {mode: ordered, window: 4}
budget: {evaluations: 10000}
random_seed: 18446744073709551615
device_class: any
)";

v1::CampaignSpec FromProtoText(const std::string& text) {
  v1::CampaignSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  return spec;
}

void ExpectSame(const v1::CampaignSpec& actual,
                const v1::CampaignSpec& expected) {
  EXPECT_TRUE(MessageDifferencer::Equals(actual, expected))
      << "actual:\n"
      << actual.DebugString() << "expected:\n"
      << expected.DebugString();
}

TEST(CampaignFile, ReadsEveryKey) {
  const auto spec = ParseCampaign(kLargest, "x.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  ExpectSame(*spec, FromProtoText(R"pb(
    name: "digits-pretrained"
    description: "Two seeds: one model"
    model { family: "mlp" weights_dtype: "bfloat16" }
    seeds { name: "low" path: "low.safetensors" licence: "Apache-2.0" }
    seeds { name: "high" path: "high.safetensors" }
    tasks {
      name: "digits"
      kind: "classification"
      weight: 3
      chunk_size: 1437
      search { file: "digits.csv" first_row: 0 end_row: 1437 scale: 0.0625 }
      holdout { file: "digits.csv" first_row: 1437 end_row: 1797 scale: 1 }
    }
    search {
      method: "m2n2"
      population: 7
      alpha: 0.5
      mix_low: -0.1
      mix_high: 1.1
      early_rejection: true
    }
    schedule { mode: "ordered" window: 4 shards: 1 }
    budget { evaluations: 10000 }
    random_seed: 18446744073709551615
    device_class: "any"
  )pb"));
}

TEST(CampaignFile, SetsTheDefaultsOfTheContract) {
  const auto spec = ParseCampaign(kSmallest, "x.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  ExpectSame(*spec, FromProtoText(R"pb(
    name: "digits"
    model { family: "mlp" }
    seeds { name: "a" path: "a.safetensors" }
    tasks {
      name: "digits"
      kind: "classification"
      weight: 1
      search { file: "digits.csv" scale: 1 }
    }
    search {
      method: "m2n2"
      population: 20
      alpha: 1
      attraction: true
      split_point: true
      crossover: true
      mix_low: 0
      mix_high: 1
      early_rejection: true
    }
    schedule { mode: "ordered" window: 32 shards: 1 }
    budget { evaluations: 10 }
  )pb"));
}

TEST(CampaignFile, GaMeansNoCompetitionAndNoAttraction) {
  const auto spec = ParseCampaign(
      kLargest, "x.yaml", {"search.method=ga", "search.attraction=true"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->search().alpha(), 0);
  EXPECT_FALSE(spec->search().attraction());
}

TEST(CampaignFile, AKeyWithoutAValueIsLeftOut) {
  const auto spec = ParseCampaign(
      absl::StrCat(kSmallest, "schedule:\nrandom_seed: ~\n"), "x.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->schedule().window(), 32);
}

TEST(CampaignFile, IsWrittenAsItIsRead) {
  for (const char* text : {kSmallest, kLargest}) {
    auto spec = ParseCampaign(text, "x.yaml");
    ASSERT_TRUE(spec.ok()) << spec.status();
    spec->set_description("null, \"quotes\": [and]\n# more, ä and \t 12");
    const std::string written = SpecToYaml(*spec);
    const auto again = ParseCampaign(written, "again.yaml");
    ASSERT_TRUE(again.ok()) << again.status() << "\n" << written;
    ExpectSame(*again, *spec);
  }
}

TEST(CampaignFile, TextsThatLookLikeOtherTypesAreWrittenAsTexts) {
  auto spec = ParseCampaign(kSmallest, "x.yaml").value();
  for (const char* text : {"null", "~", "true", "12", "1e3", "-", " x ", "#",
                           "path:b", "a: b", "[1]", "!x", "&x", "*x"}) {
    spec.set_description(text);
    const auto again = ParseCampaign(SpecToYaml(spec), "again.yaml");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->description(), text);
  }
}

TEST(CampaignFile, WhatIsNoMapOfKeysIsRefused) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "x.yaml: campaign file: expected a map; got nothing"},
      {"- a", "x.yaml:1: campaign file: expected a map; got a list"},
      {"a: 1\n---\nb: 2", "x.yaml: expected one YAML document"},
      {"  , m", "x.yaml: expected one YAML document"},
      {"[a]: 1", "x.yaml:1: expected a key in front of the colon"},
      {"a: &a [*a]", "x.yaml:1: is too large or nested too deeply"},
  };
  for (const auto& [text, message] : rows) {
    const auto spec = ParseCampaign(text, "x.yaml");
    EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(std::string(spec.status().message()), message);
  }
}

TEST(CampaignFile, AliasesOfAliasesAreBounded) {
  std::string text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int level = 1; level < 9; ++level) {
    absl::StrAppend(&text, "a", level, ": &a", level, " [");
    for (int i = 0; i < 9; ++i) absl::StrAppend(&text, "*a", level - 1, ", ");
    absl::StrAppend(&text, "]\n");
  }
  EXPECT_THAT(std::string(ParseCampaign(text, "x.yaml").status().message()),
              ::testing::EndsWith("is too large or nested too deeply"));
}

TEST(CampaignFile, MissingFileIsBadInputThatNamesIt) {
  const auto spec = LoadCampaignFile("/nowhere/x.yaml");
  EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(spec.status().message()),
              StartsWith("/nowhere/x.yaml: "));
}

TEST(CampaignFile, ReadsAFile) {
  const std::string path = ::testing::TempDir() + "/campaign_file_test.yaml";
  std::ofstream(path) << kSmallest;
  const auto spec = LoadCampaignFile(path, {"name=other"});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->name(), "other");
}

struct BadFile {
  const char* name;
  // `part` of kLargest is replaced by `by`.
  const char* part;
  const char* by;
  const char* message;
};

void PrintTo(const BadFile& row, std::ostream* out) { *out << row.name; }

class BadCampaignFile : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadCampaignFile, IsRefusedWithLineAndKey) {
  const BadFile& row = GetParam();
  ASSERT_THAT(kLargest, HasSubstr(row.part));
  const std::string text = absl::StrReplaceAll(kLargest, {{row.part, row.by}});
  const auto spec = ParseCampaign(text, "x.yaml");
  EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(spec.status().message()), row.message);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadCampaignFile,
    ::testing::Values(
        BadFile{"UnknownKey", "device_class: any", "colour: red",
                "x.yaml:26: colour: unknown key; expected one of name, "
                "description, model, seeds, tasks, search, schedule, budget, "
                "random_seed, device_class"},
        BadFile{"MisspeltKey", "search:\n", "serach:\n",
                "x.yaml:15: serach: unknown key; did you mean search?"},
        BadFile{"MisspeltNestedKey", "population: 7", "populaton: 7",
                "x.yaml:17: search.populaton: unknown key; did you mean "
                "search.population?"},
        BadFile{"MisspeltKeyInAList", "chunk_size: 1437", "chunksize: 1437",
                "x.yaml:12: tasks[0].chunksize: unknown key; did you mean "
                "tasks[0].chunk_size?"},
        BadFile{
            "KeyOfAnotherMap", "device_class: any", "window: 3",
            "x.yaml:26: window: unknown key; did you mean tasks[0].window or "
            "schedule.window?"},
        BadFile{"ResolvedFieldIsNoKey", "licence: Apache-2.0", "digest: aaaa",
                "x.yaml:6: seeds[0].digest: unknown key; expected one of name, "
                "path, hf, random, licence"},
        BadFile{"NoUtf8", "licence: Apache-2.0", "licence: \xff",
                "x.yaml:6: seeds[0].licence: expected text in UTF-8"},
        BadFile{"KeyTwice", "random_seed: 18446744073709551615",
                "budget: {evaluations: 1}",
                "x.yaml:25: the key budget is there twice; expected it once"},
        BadFile{
            "NestedKeyTwice", "alpha: 0.5", "population: 8",
            "x.yaml:18: the key population is there twice; expected it once"},
        BadFile{"TextForNumber", "alpha: 0.5", "alpha: one",
                "x.yaml:18: search.alpha: expected a number; got \"one\""},
        BadFile{"QuotedNumber", "alpha: 0.5", "alpha: \"1\"",
                "x.yaml:18: search.alpha: expected a number; got \"1\""},
        BadFile{"NumberWithATail", "alpha: 0.5", "alpha: 0.5x",
                "x.yaml:18: search.alpha: expected a number; got \"0.5x\""},
        BadFile{"NotANumber", "alpha: 0.5", "alpha: nan",
                "x.yaml:18: search.alpha: expected 0 to 4; got nan"},
        BadFile{"FractionForInteger", "population: 7", "population: 7.5",
                "x.yaml:17: search.population: expected an integer, 2 to "
                "1024; got \"7.5\""},
        BadFile{"IntegerBeyond64Bits", "population: 7",
                "population: 9223372036854775808",
                "x.yaml:17: search.population: expected an integer, 2 to "
                "1024; got \"9223372036854775808\""},
        BadFile{"IntegerBeyond32Bits", "population: 7",
                "population: 4294967298",
                "x.yaml:17: search.population: expected 2 to 1024; got "
                "4294967298"},
        BadFile{"NegativeSeed", "random_seed: 18446744073709551615",
                "random_seed: -1",
                "x.yaml:25: random_seed: expected an integer, 0 to "
                "18446744073709551615; got \"-1\""},
        BadFile{"SeedBeyond64Bits", "random_seed: 18446744073709551615",
                "random_seed: 18446744073709551616",
                "x.yaml:25: random_seed: expected an integer, 0 to "
                "18446744073709551615; got \"18446744073709551616\""},
        BadFile{
            "NumberForBool", "attraction: false", "attraction: 0",
            "x.yaml:19: search.attraction: expected true or false; got \"0\""},
        BadFile{"YesForBool", "attraction: false", "attraction: yes",
                "x.yaml:19: search.attraction: expected true or false; got "
                "\"yes\""},
        BadFile{"ListForText", "name: digits-pretrained", "name: [a]",
                "x.yaml:2: name: expected text; got a list"},
        BadFile{"TextForMap", "schedule: {mode: ordered, window: 4}",
                "schedule: ordered",
                "x.yaml:23: schedule: expected a map; got \"ordered\""},
        BadFile{"MapForList", "random_seed: 18446744073709551615", "seeds2: 1",
                "x.yaml:25: seeds2: unknown key; did you mean seeds?"},
        BadFile{"TextInAList", "  - {name: high, path: path:high.safetensors}",
                "  - high.safetensors",
                "x.yaml:7: seeds[1]: expected a map; got \"high.safetensors\""},
        BadFile{"NumberForPair", "mix: [-0.1, 1.1]", "mix: 0.5",
                "x.yaml:22: search.mix: expected a list of two numbers; got "
                "\"0.5\""},
        BadFile{"PairOfThree", "mix: [-0.1, 1.1]", "mix: [0, 1, 2]",
                "x.yaml:22: search.mix: expected a list of two numbers; got a "
                "list"},
        BadFile{"TextInAPair", "mix: [-0.1, 1.1]", "mix: [0, one]",
                "x.yaml:22: search.mix[1]: expected a number; got \"one\""},
        BadFile{"FractionInRows", "rows: [0, 1437]", "rows: [0, 0.5]",
                "x.yaml:13: tasks[0].search.rows[1]: expected an integer, at "
                "least 0; got \"0.5\""},
        BadFile{"UnknownMode", "mode: ordered", "mode: lazy",
                "x.yaml:23: schedule.mode: expected ordered or async; got "
                "\"lazy\""},
        BadFile{
            "UnknownMethod", "method: m2n2", "method: cma-es",
            "x.yaml:16: search.method: expected m2n2 or ga; got \"cma-es\""},
        BadFile{"OutOfRange", "window: 4", "window: 0",
                "x.yaml:23: schedule.window: expected 1 to 4096; got 0"},
        BadFile{"HuggingFaceSource", "path: low.safetensors",
                "path: hf:org/name@main",
                "x.yaml:6: seeds[0].path: hf: sources are not supported yet; "
                "expected the path of a file"},
        BadFile{"UploadSource",
                "{file: digits.csv, rows: [0, 1437], scale: 0.0625}",
                "{file: upload:x.csv}",
                "x.yaml:13: tasks[0].search.file: upload: sources are not "
                "supported yet; expected the path of a file"},
        BadFile{"NameWithASlash", "name: digits-pretrained", "name: a/b",
                "x.yaml:2: name: expected 1 to 63 letters, digits, dots, "
                "underscores or hyphens; got \"a/b\""},
        BadFile{"MissingName", "name: digits-pretrained\n", "\n",
                "x.yaml:3: name: is missing; expected a name, unique in a "
                "coordinator"},
        BadFile{"MissingFamily", "family: mlp, ", "",
                "x.yaml:4: model.family: is missing; expected mlp or "
                "language_model"},
        BadFile{
            "MissingMap", "budget: {evaluations: 10000}\n", "",
            "x.yaml:2: budget.evaluations: is missing; expected the number of "
            "children to evaluate"},
        BadFile{
            "MissingDataset",
            "    search: {file: digits.csv, rows: [0, 1437], scale: 0.0625}\n",
            "",
            "x.yaml:9: tasks[0].search.file: is missing; expected a CSV file, "
            "plain or gzip: numbers, the label last, no header; of language "
            "models JSONL; relative to the campaign file"},
        BadFile{"EmptyText", "kind: classification", "kind: ''",
                "x.yaml:10: tasks[0].kind: is missing; expected "
                "classification or exact_match or generation or "
                "multiple_choice or perplexity"},
        BadFile{"NotYaml", "budget: {evaluations: 10000}",
                "budget: {evaluations: 10000",
                "x.yaml:25: is not valid YAML: end of map flow not found"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace merganser
