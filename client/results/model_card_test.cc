#include "client/results/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace merganser {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kNames = {"a", "b"};

TEST(LicenceVerdictTest, OneLicenceOfAllIsThatOfTheMerge) {
  EXPECT_EQ(VerdictOf(kNames, {"Apache-2.0", "apache-2.0"}).identifier,
            "apache-2.0");
}

TEST(LicenceVerdictTest, SeveralLicencesAreNamed) {
  const LicenceVerdict verdict = VerdictOf(kNames, {"MIT", "llama3.1"});
  EXPECT_EQ(verdict.identifier, "other");
  EXPECT_THAT(verdict.text, HasSubstr("MIT"));
  EXPECT_THAT(verdict.text, HasSubstr("llama3.1"));
}

TEST(LicenceVerdictTest, FilesWordsAndSilenceAreNoIdentifiers) {
  struct Case {
    std::vector<std::string> licences;
    const char* named;
  };
  const std::vector<Case> cases = {
      {{"see LICENSE", "see LICENSE"}, "a (see LICENSE), b (see LICENSE)"},
      {{"other (qwen)", "mit"}, "a (other (qwen))"},
      {{"foo: bar", "foo: bar"}, "a (foo: bar)"},
      {{"mit", ""}, "of b,"}};
  for (const Case& one : cases) {
    const LicenceVerdict verdict = VerdictOf(kNames, one.licences);
    EXPECT_EQ(verdict.identifier, "other") << one.named;
    EXPECT_THAT(verdict.text, HasSubstr(one.named));
  }
}

}  // namespace
}  // namespace merganser
