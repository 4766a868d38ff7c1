#include "common/storage/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <ostream>

#include "common/storage/test_files.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::string LengthBytes(uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);  // tests run on little-endian machines
  return bytes;
}

std::string FileBytes(const std::string& header, const std::string& data) {
  return LengthBytes(header.size()) + header + data;
}

std::span<const uint8_t> AsSpan(const std::string& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

std::string AsString(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

TEST(SafetensorsTest, ReadsTensorsWhereTheyLie) {
  // Out of order, a scalar, an empty tensor, and metadata.
  const TestFile file(
      ".safetensors",
      FileBytes(R"({"__metadata__":{"format":"pt"},)"
                R"("b":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]},)"
                R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                R"("e":{"dtype":"BF16","shape":[3,0],"data_offsets":[4,4]}}  )",
                "aaaabbBB"));
  const auto opened = SafetensorsFile::Open(file.path());
  ASSERT_TRUE(opened.ok()) << opened.status();
  const SafetensorsFile& tensors = **opened;
  EXPECT_THAT(tensors.names(), ElementsAre("a", "b", "e"));
  EXPECT_THAT(tensors.metadata(), ElementsAre(Pair("format", "pt")));
  const TensorView a = tensors.Tensor("a").value();
  EXPECT_EQ(a.dtype, DType::kF32);
  EXPECT_THAT(a.shape, ElementsAre());
  EXPECT_EQ(a.elements, 1);
  EXPECT_EQ(AsString(a.bytes), "aaaa");
  const TensorView b = tensors.Tensor("b").value();
  EXPECT_EQ(b.dtype, DType::kF16);
  EXPECT_THAT(b.shape, ElementsAre(2, 1));
  EXPECT_EQ(AsString(b.bytes), "bbBB");
  EXPECT_EQ(tensors.Tensor("e")->bytes.size(), 0u);
}

TEST(SafetensorsTest, RefusesATensorByNameOnlyWhenItIsAskedFor) {
  const TestFile file(
      ".safetensors",
      FileBytes(R"({"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})",
                "12345678"));
  const auto opened = SafetensorsFile::Open(file.path());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(
      std::string((*opened)->Tensor("ids").status().message()),
      file.path() + ": tensor ids: dtype I64 is not one of F32, BF16, F16");
  EXPECT_EQ((*opened)->Tensor("none").status().code(),
            absl::StatusCode::kNotFound);
}

// Bits per element: the list in the format's README.
TEST(SafetensorsTest, EveryDTypeOfTheFormatIsListed) {
  const std::vector<std::pair<std::string, int>> bits = {
      {"BOOL", 8},    {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6},
      {"U8", 8},      {"I8", 8},          {"F8_E5M2", 8},     {"F8_E4M3", 8},
      {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
      {"U16", 16},    {"F16", 16},        {"BF16", 16},       {"I32", 32},
      {"U32", 32},    {"F32", 32},        {"C64", 64},        {"F64", 64},
      {"I64", 64},    {"U64", 64}};
  for (const auto& [dtype, size] : bits) {
    const int bytes = 12 * size / 8;
    const auto header = ParseSafetensorsHeader(
        R"({"a":{"dtype":")" + dtype + R"(","shape":[3,4],"data_offsets":[0,)" +
        std::to_string(bytes) + "]}}");
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_EQ(header->entries.at("a").dtype, dtype);
    EXPECT_EQ(header->entries.at("a").elements, 12);
    EXPECT_EQ(header->data_bytes, bytes);
  }
}

TEST(SafetensorsTest, NamesAndMetadataMayHaveAnyCharacters) {
  const auto header = ParseSafetensorsHeader(
      R"({"__metadata__":{"\u0000":"\n\ud83d\ude00"},)"
      R"("":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
      R"("\"é":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})");
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_THAT(header->metadata,
              ElementsAre(Pair(std::string(1, '\0'), "\n😀")));
  EXPECT_EQ(header->entries.count(""), 1u);
  EXPECT_EQ(header->entries.count("\"é"), 1u);
}

struct BadFile {
  const char* name;
  std::string bytes;
  std::string error;  // after the path and ": "
};

void PrintTo(const BadFile& file, std::ostream* stream) {
  *stream << file.name;
}

class BadSafetensorsTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadSafetensorsTest, IsRefusedWithAReason) {
  const TestFile file(".safetensors", GetParam().bytes);
  const absl::Status status = SafetensorsFile::Open(file.path()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()),
            file.path() + ": " + GetParam().error);
}

// A file of one tensor "a" with this entry.
std::string OneTensor(const std::string& entry, const std::string& data) {
  return FileBytes("{\"a\":" + entry + "}", data);
}

std::string Entry(const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "{\"dtype\":" + dtype + ",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::string ManyOnes() {
  std::string ones = "[1";
  for (int i = 1; i < 65; ++i) ones += ",1";
  return ones + "]";
}

const char kF32[] = "\"F32\"";
const char kPlain[] = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";

INSTANTIATE_TEST_SUITE_P(
    Lengths, BadSafetensorsTest,
    testing::Values(
        BadFile{"Empty", "",
                "is no safetensors file: expected a regular file of at least 8 "
                "bytes"},
        BadFile{"SevenBytes", "1234567",
                "is no safetensors file: expected a regular file of at least 8 "
                "bytes"},
        BadFile{"HugeHeader", LengthBytes(100'000'001) + "{}",
                "says that its header has 100000001 bytes; expected at most "
                "100000000"},
        BadFile{"LargestHeader", LengthBytes(~uint64_t{0}) + "{}",
                "says that its header has 18446744073709551615 bytes; expected "
                "at most 100000000"},
        BadFile{"HeaderBeyondTheFile", LengthBytes(3) + "{}",
                "says that its header has 3 bytes; the file has 2 after the "
                "length"},
        BadFile{"Truncated", OneTensor(kPlain, "123"),
                "the tensors end at byte 4 of the data; the file has 3"},
        BadFile{"TooLong", OneTensor(kPlain, "12345"),
                "the tensors end at byte 4 of the data; the file has 5"}),
    [](const auto& info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Headers, BadSafetensorsTest,
    testing::Values(
        BadFile{"NoHeader", LengthBytes(0), "the header is not valid JSON"},
        BadFile{"Pickle", FileBytes("\x80\x04\x95", ""),
                "the header is not valid JSON"},
        BadFile{"CutShort", FileBytes("{\"a\":", ""),
                "the header is not valid JSON"},
        BadFile{"NoObject", FileBytes("[]", ""),
                "the header is no JSON object of tensors"},
        BadFile{"NestedDeeply", FileBytes(std::string(1'000'000, '['), ""),
                "the header is nested deeper than 3"},
        BadFile{"NestedInATensor",
                OneTensor(Entry(kF32, "[[1]]", "[0,4]"), "1234"),
                "the header is nested deeper than 3"},
        BadFile{"LongShape",
                OneTensor(Entry(kF32, ManyOnes(), "[0,4]"), "1234"),
                "the header has a list of more than 64 values"},
        BadFile{"NameTwice",
                FileBytes(std::string("{\"a\":") + kPlain + ",\"a\":" + kPlain +
                              "}",
                          "1234"),
                "the header names a twice"},
        BadFile{"InvalidUtf8", OneTensor("\"\xff\"", ""),
                "the header is not valid JSON"},
        BadFile{"NothingBehindTheObject", FileBytes("{} {}", ""),
                "the header is not valid JSON"},
        BadFile{"ControlCharactersAreEscaped",
                FileBytes(R"({"\u001b[1m":1})", ""),
                "tensor \\u{1b}[1m: expected an object of dtype, shape and "
                "data_offsets"},
        BadFile{"MetadataIsAList", FileBytes("{\"__metadata__\":[]}", ""),
                "__metadata__: expected an object"},
        BadFile{"MetadataNumber", FileBytes("{\"__metadata__\":{\"x\":1}}", ""),
                "__metadata__.x: expected a string"}),
    [](const auto& info) { return std::string(info.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Tensors, BadSafetensorsTest,
    testing::Values(
        BadFile{
            "NoShape",
            OneTensor(R"({"dtype":"F32","data_offsets":[0,4]})", "1234"),
            "tensor a: expected an object of dtype, shape and data_offsets"},
        BadFile{
            "NumberAsTensor", OneTensor("4", ""),
            "tensor a: expected an object of dtype, shape and data_offsets"},
        BadFile{"DTypeIsANumber", OneTensor(Entry("7", "[1]", "[0,4]"), "1234"),
                "tensor a: dtype: expected a string"},
        BadFile{"UnknownDType",
                OneTensor(Entry("\"F33\"", "[1]", "[0,4]"), "1234"),
                "tensor a: dtype F33 is unknown"},
        BadFile{
            "FieldTooMany",
            OneTensor(
                R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})",
                "1234"),
            "tensor a: expected an object of dtype, shape and data_offsets"},
        BadFile{
            "ListOfTheFields", OneTensor(R"(["F32",1,4])", "1234"),
            "tensor a: expected an object of dtype, shape and data_offsets"},
        BadFile{
            "FieldTwice",
            OneTensor(
                R"({"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]})",
                "1234"),
            "tensor a: duplicate field `shape`"},
        BadFile{"HalfAByte", OneTensor(Entry("\"F4\"", "[3]", "[0,1]"), "1"),
                "tensor a: shape [3] of F4 does not end with a whole byte"},
        BadFile{"NegativeShape",
                OneTensor(Entry(kF32, "[-1]", "[0,4]"), "1234"),
                "tensor a: shape: expected a list of integers below 2^63"},
        BadFile{"FractionalShape",
                OneTensor(Entry(kF32, "[1.0]", "[0,4]"), "1234"),
                "tensor a: shape: expected a list of integers below 2^63"},
        BadFile{
            "ShapeBeyond63Bits",
            OneTensor(Entry(kF32, "[9223372036854775808]", "[0,4]"), "1234"),
            "tensor a: shape: expected a list of integers below 2^63"},
        // 2^62 * 4 = 2^64, which wraps to 0.
        BadFile{"ElementsWrap",
                OneTensor(Entry(kF32, "[4611686018427387904,4]", "[0,0]"), ""),
                "tensor a: shape [4611686018427387904, 4] has more than 2^63 "
                "bytes"},
        BadFile{"BytesWrap",
                OneTensor(Entry(kF32, "[4611686018427387904]", "[0,0]"), ""),
                "tensor a: shape [4611686018427387904] has more than 2^63 "
                "bytes"},
        BadFile{"OneOffset", OneTensor(Entry(kF32, "[1]", "[4]"), "1234"),
                "tensor a: data_offsets: expected [begin, end], integers below "
                "2^63"},
        BadFile{"OffsetsBackwards",
                OneTensor(Entry(kF32, "[1]", "[4,0]"), "1234"),
                "tensor a: data_offsets: expected [begin, end], integers below "
                "2^63"},
        BadFile{
            "OffsetsBeyondTheFile",
            OneTensor(Entry(kF32, "[1]", "[1000000,1000004]"), "1234"),
            "tensor a: starts at byte 1000000 of the data; expected 0, where "
            "the one before it ends"},
        BadFile{"SizeOfAnotherShape",
                OneTensor(Entry(kF32, "[2,3]", "[0,20]"), std::string(20, 'x')),
                "tensor a: data_offsets [0, 20] should be 24 bytes apart for "
                "shape [2, 3] of F32"},
        BadFile{"Overlap",
                FileBytes(
                    R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},)"
                    R"("b":{"dtype":"F16","shape":[2],"data_offsets":[2,6]}})",
                    "123456"),
                "tensor b: starts at byte 2 of the data; expected 4, where the "
                "one before it ends"},
        BadFile{
            "Hole",
            FileBytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                      R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                      "123"),
            "tensor b: starts at byte 2 of the data; expected 1, where the "
            "one before it ends"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(SafetensorsTest, AMissingFileIsNotFound) {
  const absl::Status status = SafetensorsFile::Open("/nowhere/x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              testing::StartsWith("/nowhere/x:"));
}

TEST(WriteSafetensorsTest, WritesWhatTheFormatSays) {
  const std::string a = "aaaaAAAA";
  const std::string b = "bb";
  const std::vector<TensorToWrite> tensors = {
      {"b", DType::kBF16, {}, AsSpan(b)},
      {"a", DType::kF32, {1, 2}, AsSpan(a)}};
  const TestFile file(".safetensors");
  ASSERT_TRUE(WriteSafetensors(file.path(), tensors, {{"k", "v"}}).ok());
  const std::string header =
      R"({"__metadata__":{"k":"v"},)"
      R"("b":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},)"
      R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[2,10]}})";
  const std::string padding(7 - (header.size() + 7) % 8, ' ');
  EXPECT_EQ(file.Read(), FileBytes(header + padding, b + a));
  const auto opened = SafetensorsFile::Open(file.path());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(AsString((*opened)->Tensor("a")->bytes), a);
}

TEST(WriteSafetensorsTest, RefusesBytesOfAnotherShapeAndNamesTwice) {
  const std::string bytes = "12345678";
  const TestFile file(".safetensors");
  const std::vector<TensorToWrite> wrong = {
      {"a", DType::kF32, {3}, AsSpan(bytes)}};
  EXPECT_EQ(std::string(WriteSafetensors(file.path(), wrong, {}).message()),
            file.path() + ": tensor a: shape [3] of F32 does not have 8 bytes");
  const TensorToWrite right{"a", DType::kF32, {2}, AsSpan(bytes)};
  const std::vector<TensorToWrite> twice = {right, right};
  EXPECT_EQ(std::string(WriteSafetensors(file.path(), twice, {}).message()),
            file.path() + ": tensor a: the name is taken");
  EXPECT_NE(access(file.path().c_str(), F_OK), 0);
}

TEST(SeedDigestTest, DependsOnTheTensorsAlone) {
  const std::string one = "1111";
  const std::string two = "2222";
  const TensorToWrite a{"a", DType::kF32, {1}, AsSpan(one)};
  const TensorToWrite b{"b", DType::kF32, {1}, AsSpan(two)};
  const auto digest = [](std::vector<TensorToWrite> tensors,
                         std::map<std::string, std::string> metadata) {
    const TestFile file(".safetensors");
    EXPECT_TRUE(WriteSafetensors(file.path(), tensors, metadata).ok());
    return SeedDigest(**SafetensorsFile::Open(file.path()));
  };
  const Digest first = digest({a, b}, {});
  EXPECT_EQ(digest({b, a}, {{"k", "v"}}), first);
  TensorToWrite changed = b;
  changed.bytes = AsSpan(one);
  EXPECT_NE(digest({a, changed}, {}), first);
  changed = b;
  changed.name = "c";
  EXPECT_NE(digest({a, changed}, {}), first);
  changed = b;
  changed.shape = {1, 1};
  EXPECT_NE(digest({a, changed}, {}), first);
  changed = b;
  changed.dtype = DType::kF16;
  changed.shape = {2};
  EXPECT_NE(digest({a, changed}, {}), first);
}

// Expected bytes: written out by hand from the definition.
TEST(SeedDigestTest, IsTheDocumentedSequenceOfBytes) {
  const std::string data = "1111";
  const TestFile file(".safetensors");
  const std::vector<TensorToWrite> tensors = {
      {"a", DType::kF32, {1}, AsSpan(data)}};
  ASSERT_TRUE(WriteSafetensors(file.path(), tensors, {}).ok());
  const std::string expected = LengthBytes(16) + "merganser/seed/1" +
                               LengthBytes(1) + LengthBytes(1) + "a" +
                               LengthBytes(3) + "F32" + LengthBytes(1) +
                               LengthBytes(1) + Sha256(data).ToBytes();
  EXPECT_EQ(SeedDigest(**SafetensorsFile::Open(file.path())), Sha256(expected));
}

}  // namespace
}  // namespace merganser
