// The parts of the page that are files in the source tree, and Chart.js; the
// build puts them into the program (cmake/embed.cmake).
#pragma once

#include "absl/strings/string_view.h"

namespace merganser {

absl::string_view ReportCss();
absl::string_view ReportBody();
absl::string_view ReportScript();
absl::string_view ChartScript();

}  // namespace merganser
