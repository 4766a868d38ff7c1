#include "common/base/status_words.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace merganser {

std::string StatusWords(const absl::Status& status) {
  if (!status.message().empty()) return std::string(status.message());
  return absl::StrReplaceAll(
      absl::AsciiStrToLower(absl::StatusCodeToString(status.code())),
      {{"_", " "}});
}

}  // namespace merganser
