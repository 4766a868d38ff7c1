#include "common/base/suggestion.h"

#include <gtest/gtest.h>

namespace merganser {
namespace {

TEST(Suggestion, FindsTheWordThatWasMeant) {
  const std::vector<std::string> words = {"population", "alpha", "attraction",
                                          "split_point", "mix"};
  const std::pair<const char*, const char*> rows[] = {
      {"alpha", "alpha"},
      {"alhpa", "alpha"},
      {"apha", "alpha"},
      {"alphaa", "alpha"},
      {"split-point", "split_point"},
      {"splitpoint", "split_point"},
      {"atraction", "attraction"},
      {"mx", "mix"},
      {"popul", ""},
      {"colour", ""},
      {"", ""},
      {"xyz", ""},
  };
  for (const auto& [word, expected] : rows) {
    EXPECT_EQ(NearestWord(word, words), expected) << word;
  }
}

TEST(Suggestion, TakesTheFirstOfEquals) {
  EXPECT_EQ(NearestWord("seedx", {"seeda", "seedb"}), "seeda");
}

TEST(Suggestion, GivesUpOnVeryLongWords) {
  EXPECT_EQ(NearestWord(std::string(101, 'a'), {std::string(100, 'a')}), "");
}

}  // namespace
}  // namespace merganser
