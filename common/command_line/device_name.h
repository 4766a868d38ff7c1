// The device that workers compute on, as options of command lines name it.
#pragma once

#include <CLI/CLI.hpp>

namespace merganser {

// Checks an option: auto, cpu or cuda:N.
CLI::Validator DeviceName();

}  // namespace merganser
