// Parses JSON that comes from outside.
#pragma once

#include <string_view>

#include "nlohmann/json.hpp"

namespace merganser {

// Deeper than any file of ours or of Hugging Face's; printing and copying JSON
// recurse.
inline constexpr int kMaximumJsonDepth = 64;

// Json is nlohmann's json or ordered_json. Discarded when the text is no JSON,
// or nested deeper than `maximum_depth`.
template <typename Json>
Json ParseBoundedJson(std::string_view text,
                      int maximum_depth = kMaximumJsonDepth) {
  bool too_deep = false;
  const auto guard = [&](int depth, typename Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > maximum_depth;
    return !too_deep;  // what is false is not kept
  };
  Json root = Json::parse(text, guard, /*allow_exceptions=*/false);
  return too_deep ? Json(Json::value_t::discarded) : root;
}

}  // namespace merganser
