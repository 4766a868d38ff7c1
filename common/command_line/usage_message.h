// What a program says about a command line that it does not understand.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace merganser {

// One line with its newline: the program and the command that was given, what
// is wrong, and what was perhaps meant or where to read on:
//
//   merganser run: unknown option --wrokers; did you mean --workers?
//
// `app` is the whole program, as it stands after the failed parse. To be given
// to CLI::App::failure_message().
std::string UsageMessage(const CLI::App* app, const CLI::Error& error);

}  // namespace merganser
