#include "client/report/report_page.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/report/assets.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace merganser {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNasty[] = "</script><script>alert(1)</script><!-- & \" '";

TEST(JsonForScriptTest, HasNoCharacterThatHtmlKnows) {
  const std::string text = JsonForScript({{kNasty, kNasty}});
  for (const char mark : {'<', '>', '&'}) {
    EXPECT_THAT(text, Not(HasSubstr(std::string(1, mark))));
  }
}

TEST(JsonForScriptTest, MeansWhatItMeant) {
  const nlohmann::ordered_json data = {
      {"name", kNasty}, {"line", "a\xE2\x80\xA8z"}, {"n", 0.5}};
  EXPECT_EQ(nlohmann::ordered_json::parse(JsonForScript(data)), data);
}

TEST(JsonForScriptTest, IsAsciiWhateverTheBytesAre) {
  for (const char letter : JsonForScript({{"x", "\xE2\x80\xA8 \xFF \xC3"}})) {
    EXPECT_GT(letter, 0);
  }
}

TEST(EscapedForHtmlTest, EscapesWhatEndsTextOrAQuote) {
  EXPECT_EQ(EscapedForHtml("<a b=\"c\">&'"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
}

size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

TEST(ReportPageTest, ANameCannotBreakOut) {
  const std::string page = ReportPage({{"campaign", {{"name", kNasty}}}});
  EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
  EXPECT_EQ(Count(page, "</script"), 3);
  EXPECT_THAT(page, HasSubstr("<title>&lt;/script&gt;"));
}

TEST(ReportPageTest, HoldsChartJsItsLicenceAndARuleThatNothingIsFetched) {
  const std::string page = ReportPage({{"campaign", {{"name", "x"}}}});
  EXPECT_GT(ChartScript().size(), 100'000);
  EXPECT_THAT(page, HasSubstr(std::string(ChartScript())));
  EXPECT_THAT(page, HasSubstr("Permission is hereby granted, free of charge"));
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("src=\"http")));
  EXPECT_THAT(page, Not(HasSubstr("href=\"http")));
}

}  // namespace
}  // namespace merganser
