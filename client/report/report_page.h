// The report as one page of HTML that asks nobody for anything.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace merganser {

// `data` as a script element may hold it: JSON in ASCII, in which no character
// can end the element or begin a comment or a tag. Bytes that are no UTF-8
// become U+FFFD.
std::string JsonForScript(const nlohmann::ordered_json& data);

// Text as an element or an attribute in quotes may hold it.
std::string EscapedForHtml(const std::string& text);

// Style, script, Chart.js with its licence, and the data, which the script
// shows as text only.
std::string ReportPage(const nlohmann::ordered_json& data);

}  // namespace merganser
