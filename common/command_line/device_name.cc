#include "common/command_line/device_name.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace merganser {

CLI::Validator DeviceName() {
  return CLI::Validator(
      [](const std::string& name) {
        absl::string_view number = name;
        int index = 0;
        const bool numbered =
            absl::ConsumePrefix(&number, "cuda:") &&
            number.find_first_not_of("0123456789") == absl::string_view::npos &&
            absl::SimpleAtoi(number, &index);
        if (name == "auto" || name == "cpu" || numbered) return std::string();
        return absl::StrCat("expected auto, cpu or cuda:N; got \"", name, "\"");
      },
      "DEVICE");
}

}  // namespace merganser
