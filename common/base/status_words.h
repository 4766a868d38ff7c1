// Errors as people read them.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace merganser {

// The message without the name of its code; for a status that has none, the
// code in plain words, such as "deadline exceeded".
std::string StatusWords(const absl::Status& status);

}  // namespace merganser
