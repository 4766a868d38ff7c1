#include "common/storage/jsonl_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <ostream>
#include <utility>

#include "common/storage/test_files.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Texts = std::vector<std::string>;

const char kArith[] =
    MERGANSER_SOURCE_DIR "/tests/data/llm/tasks/arith.test.jsonl";

JsonlField Text(const std::string& name) {
  return {.name = name, .type = JsonlField::Type::kText};
}

JsonlField List(const std::string& name) {
  return {.name = name, .type = JsonlField::Type::kTexts};
}

std::string TextOf(const JsonlRow& row, size_t field) {
  return std::get<std::string>(row.values.at(field));
}

TEST(JsonlDatasetTest, ReadsTheFieldsThatAreAskedFor) {
  const std::string text =
      "{\"q\": \"a\\nb \\u00e4\", \"n\": 5, \"x\": 0.5, \"b\": true, "
      "\"c\": [\" 1\", \"2\"], \"other\": {\"deep\": [null]}}\r\n";
  const TestFile file(".jsonl", text);
  const JsonlDataset dataset =
      ReadJsonlDataset(file.path(), {.fields = {List("c"), Text("q"), Text("n"),
                                                Text("x"), Text("b")}})
          .value();
  ASSERT_EQ(dataset.rows.size(), 1u);
  const JsonlRow& row = dataset.rows[0];
  EXPECT_THAT(std::get<Texts>(row.values[0]), ElementsAre(" 1", "2"));
  EXPECT_EQ(TextOf(row, 1), "a\nb ä");
  EXPECT_EQ(TextOf(row, 2), "5");
  EXPECT_EQ(TextOf(row, 3), "0.5");
  EXPECT_EQ(TextOf(row, 4), "true");
  EXPECT_EQ(dataset.file_digest, Sha256(text));
  EXPECT_EQ(PlaceOf(dataset, row), file.path() + ":1");
}

// Expected values: the reference's file as Python reads it.
TEST(JsonlDatasetTest, ReadsATask) {
  const JsonlDataset dataset =
      ReadJsonlDataset(kArith, {.fields = {Text("prompt"), Text("answer")}})
          .value();
  ASSERT_EQ(dataset.rows.size(), 300u);
  EXPECT_EQ(TextOf(dataset.rows[0], 0),
            "Q: Sam has 64 bags and loses 3. How many?\nA:");
  EXPECT_EQ(TextOf(dataset.rows[0], 1), " 61");
}

TEST(JsonlDatasetTest, BlankLinesAreNoRows) {
  const TestFile file(".jsonl",
                      "\n{\"a\": 0}\n \t\r\n{\"a\": 1}\n\n{\"a\": 2}\n\n");
  const JsonlDataset dataset =
      ReadJsonlDataset(file.path(),
                       {.begin = 1, .end = 3, .fields = {Text("a")}})
          .value();
  EXPECT_EQ(dataset.first_row, 1);
  ASSERT_EQ(dataset.rows.size(), 2u);
  EXPECT_EQ(TextOf(dataset.rows[0], 0), "1");
  EXPECT_EQ(dataset.rows[0].line, 4);
  EXPECT_EQ(dataset.rows[1].line, 6);
}

TEST(JsonlDatasetTest, UnpacksGzip) {
  const std::string path = testing::TempDir() + "/jsonl_dataset_test.gz";
  gzFile packed = gzopen(path.c_str(), "wb");
  ASSERT_GT(gzputs(packed, "{\"a\": \"x\"}\n"), 0);
  gzclose(packed);
  const JsonlDataset dataset =
      ReadJsonlDataset(path, {.fields = {Text("a")}}).value();
  EXPECT_EQ(TextOf(dataset.rows[0], 0), "x");
}

struct BadFile {
  const char* name;
  std::string bytes;
  std::string error;  // after the path
};

void PrintTo(const BadFile& file, std::ostream* stream) {
  *stream << file.name;
}

class BadJsonlTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadJsonlTest, IsRefusedWithALineAndAReason) {
  const TestFile file(".jsonl", GetParam().bytes);
  const absl::Status status =
      ReadJsonlDataset(file.path(), {.fields = {Text("a"), List("c")}})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), file.path() + GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadJsonlTest,
    testing::Values(
        BadFile{"Empty", "", ": is empty; expected JSON objects, one per line"},
        BadFile{"BlankAlone", " \n\n",
                ": is empty; expected JSON objects, one per line"},
        BadFile{
            "NotJson", "{\"a\": 1, \"c\": []}\n{\"a\": }\n",
            ":2: is not JSON, at byte 7; expected one JSON object per line"},
        BadFile{
            "CutShort", "{\"a\": 1",
            ":1: is not JSON, at byte 8; expected one JSON object per line"},
        BadFile{
            "TwoValues", "{} {}",
            ":1: is not JSON, at byte 4; expected one JSON object per line"},
        BadFile{
            "NotUtf8", "{\"a\": \"\xff\"}",
            ":1: is not JSON, at byte 8; expected one JSON object per line"},
        BadFile{"HugeNumber", "{\"a\": 1e999, \"c\": []}",
                ":1: is not JSON: a number is out of a double's range"},
        BadFile{"Array", "[1]",
                ":1: expected one JSON object per line; got array"},
        BadFile{"Text", "\"a\"",
                ":1: expected one JSON object per line; got string"},
        BadFile{"MissingField", "{\"c\": []}", ":1: has no field \"a\""},
        BadFile{"Null", "{\"a\": null, \"c\": []}",
                ":1: field \"a\": expected a string, a number or a boolean; "
                "got null"},
        BadFile{"ListForText", "{\"a\": [\"x\"], \"c\": []}",
                ":1: field \"a\": expected a string, a number or a boolean; "
                "got array"},
        BadFile{"TextForList", "{\"a\": 1, \"c\": \"x\"}",
                ":1: field \"c\": expected an array of strings; got string"},
        BadFile{"NumberInList", "{\"a\": 1, \"c\": [\"x\", 1]}",
                ":1: field \"c\": expected an array of strings; got array"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(JsonlDatasetTest, AByteOrderMarkIsNoPartOfTheText) {
  const TestFile file(".jsonl", "\xEF\xBB\xBF\n{\"a\": \"x\"}\n");
  const auto dataset = ReadJsonlDataset(file.path(), {.fields = {Text("a")}});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(TextOf(dataset->rows[0], 0), "x");
  for (const char* mark : {"\xFF\xFE", "\xFE\xFF"}) {
    const TestFile wide(".jsonl", std::string(mark) + "{");
    EXPECT_EQ(std::string(ReadJsonlDataset(wide.path(), {}).status().message()),
              wide.path() + ": is UTF-16; expected JSONL in UTF-8");
  }
}

TEST(JsonlDatasetTest, APointerOfGitLfsIsNamed) {
  const TestFile file(".jsonl",
                      "version https://git-lfs.github.com/spec/v1\noid "
                      "sha256:00\nsize 5\n");
  EXPECT_THAT(
      std::string(ReadJsonlDataset(file.path(), {}).status().message()),
      StartsWith(file.path() + ": is a pointer of Git LFS, not the file"));
}

TEST(JsonlDatasetTest, AListHasAtMostSoManyTexts) {
  const TestFile file(".jsonl",
                      "{\"c\": [\"1\", \"2\"], \"other\": [1, 2, 3]}\n"
                      "{\"c\": [\"1\", \"2\", \"3\"]}\n");
  const JsonlOptions options = {.fields = {List("c")}, .maximum_texts = 2};
  EXPECT_EQ(
      std::string(ReadJsonlDataset(file.path(), options).status().message()),
      file.path() +
          ":2: expected at most 2 values in the list of a field; got more");
}

// What is not asked for costs no memory: 8 million lists in 16 MiB.
TEST(JsonlDatasetTest, OtherFieldsMayHoldAnything) {
  std::string lists;
  for (int i = 0; i < 4'000'000; ++i) lists += "[],";
  const TestFile file(".jsonl", "{\"x\": [" + lists + "0], \"a\": 1, \"y\": " +
                                    std::string(100'000, '[') +
                                    std::string(100'000, ']') + "}\n");
  const auto dataset = ReadJsonlDataset(file.path(), {.fields = {Text("a")}});
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(TextOf(dataset->rows[0], 0), "1");
}

TEST(JsonlDatasetTest, ADeepValueIsOfAnotherType) {
  const TestFile file(".jsonl", "{\"c\": " + std::string(100'000, '[') +
                                    std::string(100'000, ']') + "}\n");
  EXPECT_EQ(
      std::string(ReadJsonlDataset(file.path(), {.fields = {List("c")}})
                      .status()
                      .message()),
      file.path() + ":1: field \"c\": expected an array of strings; got array");
}

TEST(JsonlDatasetTest, ParquetIsRefusedWithAConversion) {
  const TestFile by_magic(".jsonl", "PAR1\x15\x04");
  for (const std::string& path :
       {by_magic.path(), std::string("/nowhere/train.parquet")}) {
    const absl::Status status = ReadJsonlDataset(path, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                StartsWith(path + ": is Parquet; expected JSONL"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(".to_json("));
  }
}

TEST(JsonlDatasetTest, ALineHasAtMostSoManyBytes) {
  const TestFile file(".jsonl", "{}\n{\"a\": 1}\n");
  EXPECT_TRUE(ReadJsonlDataset(file.path(), {.maximum_line_bytes = 8}).ok());
  EXPECT_EQ(std::string(ReadJsonlDataset(file.path(), {.maximum_line_bytes = 7})
                            .status()
                            .message()),
            file.path() + ":2: expected at most 7 bytes in a line; got 8");
}

TEST(JsonlDatasetTest, OtherRowsAreNotRead) {
  const TestFile file(".jsonl", "{\"a\": 1}\nnot JSON\n");
  EXPECT_TRUE(
      ReadJsonlDataset(file.path(), {.end = 1, .fields = {Text("a")}}).ok());
}

TEST(JsonlDatasetTest, RowsMustBeInTheFile) {
  const TestFile file(".jsonl", "{}\n{}\n{}\n");
  EXPECT_TRUE(ReadJsonlDataset(file.path(), {.begin = 0, .end = 3}).ok());
  for (const auto& [begin, end] : {std::pair(-1, 2), {0, 4}, {2, 2}, {3, 3}}) {
    const absl::Status status =
        ReadJsonlDataset(file.path(), {.begin = begin, .end = end}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("expected a part of the file's rows [0, 3)"));
  }
}

}  // namespace
}  // namespace merganser
