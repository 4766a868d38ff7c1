#include "client/report/report_page.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/report/assets.h"

namespace merganser {

std::string JsonForScript(const nlohmann::ordered_json& data) {
  return absl::StrReplaceAll(
      data.dump(-1, ' ', /*ensure_ascii=*/true,
                nlohmann::ordered_json::error_handler_t::replace),
      {{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}});
}

std::string EscapedForHtml(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"},
                                    {"<", "&lt;"},
                                    {">", "&gt;"},
                                    {"\"", "&quot;"},
                                    {"'", "&#39;"}});
}

std::string ReportPage(const nlohmann::ordered_json& data) {
  const std::string name = data.value("/campaign/name"_json_pointer, "");
  // Nothing may be fetched, whatever the data are.
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
      "'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src "
      "data:; base-uri 'none'; form-action 'none'\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>",
      EscapedForHtml(name), " – Merganser</title>\n<style>\n", ReportCss(),
      "</style>\n</head>\n<body>\n", ReportBody(),
      "<script type=\"application/json\" id=\"data\">", JsonForScript(data),
      "</script>\n<script>", ChartScript(), "</script>\n<script>\n",
      ReportScript(), "</script>\n</body>\n</html>\n");
}

}  // namespace merganser
