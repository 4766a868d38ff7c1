#include "common/storage/csv_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <numeric>
#include <ostream>

#include "common/storage/test_files.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::EndsWith;

const char kDigits[] = MERGANSER_SOURCE_DIR "/examples/digits/digits.csv";

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8,
                         Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST(CsvDatasetTest, ReadsRowsOfFeaturesAndALabel) {
  const TestFile file(".csv", "1,2.5,7\r\n-3, 4e1 ,0");
  const CsvDataset dataset = ReadCsvDataset(file.path(), {}).value();
  EXPECT_EQ(dataset.rows, 2);
  EXPECT_EQ(dataset.columns, 2);
  EXPECT_THAT(dataset.features, ElementsAre(1, 2.5, -3, 40));
  EXPECT_THAT(dataset.labels, ElementsAre(7, 0));
  EXPECT_EQ(dataset.file_digest, Sha256("1,2.5,7\r\n-3, 4e1 ,0"));
}

TEST(CsvDatasetTest, ScalesInDouble) {
  const TestFile file(".csv", "3,1\n");
  const CsvDataset dataset =
      ReadCsvDataset(file.path(), {.scale = 1.0 / 16}).value();
  EXPECT_EQ(dataset.features[0], 0.1875f);
}

// Expected values: digits.json of the reference, written by scikit-learn.
TEST(CsvDatasetTest, ReadsTheDigits) {
  const CsvDataset train = ReadCsvDataset(kDigits, {.end = 1437}).value();
  const CsvDataset test = ReadCsvDataset(kDigits, {.begin = 1437}).value();
  EXPECT_EQ(train.rows, 1437);
  EXPECT_EQ(test.rows, 360);
  EXPECT_EQ(train.columns, 64);
  const auto sum = [](const CsvDataset& dataset, size_t values) {
    return std::accumulate(dataset.features.begin(),
                           dataset.features.begin() + values, 0.0);
  };
  EXPECT_EQ(sum(train, train.features.size()), 449372);
  EXPECT_EQ(sum(test, test.features.size()), 112346);
  EXPECT_EQ(sum(train, 64), 294);
  EXPECT_EQ(train.labels[0], 0);
  EXPECT_EQ(train.file_digest, test.file_digest);
  EXPECT_EQ(test.first_row, 1437);
  EXPECT_TRUE(CheckLabels(train, 10).ok());
}

TEST(CsvDatasetTest, UnpacksGzipOfSeveralMembers) {
  std::string text(300000, '1');  // more than one buffer
  text[1] = ',';
  text.replace(2, text.size() - 2, std::string(text.size() - 3, ' ') + "5");
  const std::string packed = Gzip(text + "\n") + Gzip("2,3\n");
  const TestFile file(".csv.gz", packed);
  const CsvDataset dataset = ReadCsvDataset(file.path(), {}).value();
  EXPECT_THAT(dataset.features, ElementsAre(1, 2));
  EXPECT_THAT(dataset.labels, ElementsAre(5, 3));
  EXPECT_EQ(dataset.file_digest, Sha256(packed));
}

struct BadFile {
  const char* name;
  std::string bytes;
  std::string error;  // after the path
};

void PrintTo(const BadFile& file, std::ostream* stream) {
  *stream << file.name;
}

class BadCsvTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadCsvTest, IsRefusedWithALineAndAReason) {
  const TestFile file(".csv", GetParam().bytes);
  const absl::Status status = ReadCsvDataset(file.path(), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), file.path() + GetParam().error);
}

std::string Columns(int count) {
  std::string line = "0";
  for (int i = 1; i < count; ++i) line += ",0";
  return line + "\n";
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadCsvTest,
    testing::Values(
        BadFile{"Empty", "", ": is empty; expected rows of numbers"},
        BadFile{"ShortRow", Columns(65) + Columns(64),
                ":2: expected 65 columns, as in line 1; got 64"},
        BadFile{"LongRow", Columns(65) + Columns(65) + Columns(66),
                ":3: expected 65 columns, as in line 1; got 66"},
        BadFile{"BlankLine", "1,2\n\n3,4\n",
                ":2: expected 2 columns, as in line 1; got 1"},
        BadFile{"OneColumn", "1\n",
                ":1: expected at least 2 columns, a feature and the label"},
        BadFile{"Header", "pixel,label\n",
                ":1: column 1: \"pixel\" is no number"},
        BadFile{"EmptyField", "1,2\n,2\n", ":2: column 1: \"\" is no number"},
        BadFile{"Rest", "1,2x,3\n", ":1: column 2: \"2x\" is no number"},
        BadFile{
            "NaN", "1,nan,3\n",
            ":1: column 2: \"nan\" is not finite, or out of a float's range"},
        BadFile{
            "Infinity", "-inf,3\n",
            ":1: column 1: \"-inf\" is not finite, or out of a float's range"},
        BadFile{
            "BeyondFloat", "1e39,3\n",
            ":1: column 1: \"1e39\" is not finite, or out of a float's range"},
        BadFile{"BeyondDouble", "1e999,3\n",
                ":1: column 1: \"1e999\" is not finite, or out of a float's "
                "range"},
        BadFile{"FractionalLabel", "1,2\n1,2.5\n",
                ":2: label \"2.5\" is not an integer of 32 bits"},
        BadFile{"LargeLabel", "1,2147483648\n",
                ":1: label \"2147483648\" is not an integer of 32 bits"},
        BadFile{"NegativeLabel", "1,-1\n", ":1: label -1 is negative"},
        BadFile{"ControlCharacters", "\x01\x1b,2\n",
                ":1: column 1: \"\\x01\\x1b\" is no number"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(CsvDatasetTest, BlamesTheScaleWhereTheNumberAloneWouldFit) {
  const TestFile file(".csv", "1000,2\n");
  EXPECT_EQ(
      std::string(
          ReadCsvDataset(file.path(), {.scale = 1e36}).status().message()),
      file.path() +
          ":1: column 1: \"1000\" times the scale 1e+36 is out "
          "of a float's range");
}

TEST(CsvDatasetTest, RefusesADamagedGzipFile) {
  const std::string packed = Gzip("1,2\n");
  const TestFile cut(".cut", packed.substr(0, packed.size() - 5));
  EXPECT_THAT(std::string(ReadCsvDataset(cut.path(), {}).status().message()),
              testing::HasSubstr("is a damaged or incomplete gzip file"));
  const TestFile trailing(".trailing", packed + "junk");
  EXPECT_FALSE(ReadCsvDataset(trailing.path(), {}).ok());
}

TEST(CsvDatasetTest, RefusesTextLongerThanTheLimit) {
  const TestFile file(".csv.gz", Gzip(std::string(100000, ' ') + "1,2\n"));
  EXPECT_EQ(
      ReadCsvDataset(file.path(), {.maximum_bytes = 100003}).status().code(),
      absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(ReadCsvDataset(file.path(), {.maximum_bytes = 100004}).ok());
}

TEST(CsvDatasetTest, RowsMustBeInTheFile) {
  const TestFile file(".csv", "1,0\n2,1\n3,2\n");
  const CsvDataset all =
      ReadCsvDataset(file.path(), {.begin = 0, .end = 3}).value();
  EXPECT_EQ(all.rows, 3);
  const CsvDataset middle =
      ReadCsvDataset(file.path(), {.begin = 1, .end = 2}).value();
  EXPECT_THAT(middle.features, ElementsAre(2));
  EXPECT_THAT(middle.labels, ElementsAre(1));
  for (const auto& [begin, end] : {std::pair(-1, 2), {0, 4}, {2, 2}, {3, 3}}) {
    const absl::Status status =
        ReadCsvDataset(file.path(), {.begin = begin, .end = end}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(std::string(status.message()),
                EndsWith("expected a part of the file's rows [0, 3) that is "
                         "not empty"));
  }
}

TEST(CsvDatasetTest, NamesTheLineOfALabelThatIsTooLarge) {
  const TestFile file(".csv", "1,9\n2,1\n3,2\n");
  const CsvDataset dataset = ReadCsvDataset(file.path(), {.begin = 1}).value();
  EXPECT_TRUE(CheckLabels(dataset, 3).ok());
  EXPECT_EQ(std::string(CheckLabels(dataset, 2).message()),
            file.path() + ":3: label 2 is not below the number of classes, 2");
}

}  // namespace
}  // namespace merganser
