#include "common/huggingface/tokenizer.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/storage/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kData = MERGANSER_SOURCE_DIR "/tests/data/llm/";

json Cases() {
  std::ifstream file(kData + "tokenizer_cases.json");
  return json::parse(file);
}

std::string TokenizerPath(const std::string& kind) {
  return kData + "tokenizers/" + kind + "/tokenizer.json";
}

std::shared_ptr<const Tokenizer> OpenKind(const std::string& kind) {
  auto tokenizer = Tokenizer::Open(TokenizerPath(kind));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

using Ids = std::vector<int32_t>;

class TokenizerCasesTest : public ::testing::TestWithParam<std::string> {};

// The expected values are those of the Python package of the same library.
TEST_P(TokenizerCasesTest, EveryTextGivesTheExpectedIdsAndComesBack) {
  const std::string& kind = GetParam();
  const auto tokenizer = OpenKind(kind);
  ASSERT_NE(tokenizer, nullptr);
  const json all = Cases();
  ASSERT_EQ(all["cases"].size(), 367u);
  for (const json& one : all["cases"]) {
    const std::string text = one["text"];
    const json& expected = one[kind];
    const auto ids = tokenizer->Encode(text, false);
    ASSERT_TRUE(ids.ok()) << ids.status();
    EXPECT_EQ(*ids, expected["ids"].get<Ids>()) << text;
    EXPECT_EQ(*tokenizer->Encode(text, true),
              expected["ids_special"].get<Ids>())
        << text;
    const Ids special = expected["ids_special"];
    EXPECT_EQ(*tokenizer->Decode(*ids, false), expected["decoded"]) << text;
    EXPECT_EQ(*tokenizer->Decode(special, true), expected["decoded_skip"])
        << text;
  }
}

TEST_P(TokenizerCasesTest, EachIdAloneDecodesToItsPiece) {
  const std::string& kind = GetParam();
  const auto tokenizer = OpenKind(kind);
  ASSERT_NE(tokenizer, nullptr);
  const json all = Cases();
  for (const json& stream : all["tokenizers"][kind]["stream_decode"]) {
    for (size_t i = 0; i < stream["ids"].size(); ++i) {
      const int32_t id = stream["ids"][i];
      EXPECT_EQ(*tokenizer->Decode({&id, 1}, false), stream["pieces"][i]) << id;
    }
  }
}

TEST_P(TokenizerCasesTest, TheVocabularyCountsAddedTokens) {
  const std::string& kind = GetParam();
  const auto tokenizer = OpenKind(kind);
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(tokenizer->vocabulary_size(),
            Cases()["tokenizers"][kind]["vocab_size"].get<int64_t>());
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerCasesTest,
                         ::testing::Values("llama3", "gpt2", "qwen2", "sp",
                                           "llama3-dense", "gpt2-dense",
                                           "qwen2-dense"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(TokenizerTest, TokensAreFoundAsTheVocabularySpellsThem) {
  const auto tokenizer = OpenKind("sp");
  ASSERT_NE(tokenizer, nullptr);
  const auto id = tokenizer->TokenToId("<s>");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(*tokenizer->Decode({&*id, 1}, false), "<s>");
  EXPECT_FALSE(tokenizer->TokenToId("no such token at all").has_value());
}

TEST(TokenizerTest, TextThatIsNotUtf8IsRefused) {
  const auto ids = OpenKind("gpt2")->Encode("abc\xff", false);
  EXPECT_EQ(ids.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(ids.status().message()), HasSubstr("byte 3"));
}

TEST(TokenizerTest, UnknownIdsGiveNothingAndNegativeOnesAreRefused) {
  const auto tokenizer = OpenKind("gpt2");
  const int32_t unknown = 1 << 30;
  EXPECT_EQ(*tokenizer->Decode({&unknown, 1}, false), "");
  const int32_t negative = -1;
  EXPECT_EQ(tokenizer->Decode({&negative, 1}, false).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*tokenizer->Decode({}, false), "");
}

// A truncation of two tokens and a padding to eight are in the file.
TEST(TokenizerTest, TextsAreNeitherCutNorPadded) {
  std::ifstream file(TokenizerPath("gpt2"));
  json tokenizer_json = json::parse(file);
  tokenizer_json["truncation"] = {{"direction", "Right"},
                                  {"max_length", 2},
                                  {"strategy", "LongestFirst"},
                                  {"stride", 0}};
  tokenizer_json["padding"] = {{"strategy", {{"Fixed", 8}}},
                               {"direction", "Right"},
                               {"pad_to_multiple_of", nullptr},
                               {"pad_id", 0},
                               {"pad_type_id", 0},
                               {"pad_token", "!"}};
  const std::string path =
      ::testing::TempDir() + "merganser_cut_tokenizer.json";
  ASSERT_TRUE(WriteFileAtomically(path, tokenizer_json.dump()).ok());
  const auto tokenizer = Tokenizer::Open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  for (const char* text : {"a", "a b c d e f g h i j k l"}) {
    EXPECT_EQ(*(*tokenizer)->Encode(text, true),
              *OpenKind("gpt2")->Encode(text, true));
  }
}

// One that the embedding would have no row for.
TEST(TokenizerTest, AnIdBeyondTheVocabularyIsAnError) {
  std::ifstream file(TokenizerPath("llama3"));
  json tokenizer_json = json::parse(file);
  tokenizer_json["post_processor"]["processors"][1]["special_tokens"]
                ["<|begin_of_text|>"]["ids"] = {4'000'000'000};
  const std::string path =
      ::testing::TempDir() + "merganser_wild_tokenizer.json";
  ASSERT_TRUE(WriteFileAtomically(path, tokenizer_json.dump()).ok());
  const auto tokenizer = Tokenizer::Open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_TRUE((*tokenizer)->Encode("a", false).ok());
  const absl::Status status = (*tokenizer)->Encode("a", true).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("the id 4000000000; expected below 513"));
}

TEST(TokenizerTest, AMissingFileIsNamed) {
  const auto tokenizer = Tokenizer::Open("/no/tokenizer.json");
  EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(tokenizer.status().message()),
              HasSubstr("/no/tokenizer.json"));
}

TEST(TokenizerTest, AFileThatDoesNotParseIsNamedWithTheReason) {
  const std::string path =
      (std::filesystem::temp_directory_path() / "merganser_bad_tokenizer.json")
          .string();
  const std::pair<const char*, const char*> rows[] = {
      {"", ": is not JSON ("},
      {"{", ": is not JSON ("},
      {"{}", ": is not a tokenizer that this build knows ("},
      {"[1, 2]", ": is not a tokenizer that this build knows ("},
      {"{\"model\": 3}", ": is not a tokenizer that this build knows ("},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
       ": is a pointer of Git LFS"}};
  for (const auto& [text, message] : rows) {
    ASSERT_TRUE(WriteFileAtomically(path, std::string(text)).ok());
    const auto tokenizer = Tokenizer::Open(path);
    EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kInvalidArgument)
        << text;
    EXPECT_THAT(std::string(tokenizer.status().message()),
                HasSubstr(path + message));
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace merganser
