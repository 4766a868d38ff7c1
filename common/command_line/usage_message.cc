#include "common/command_line/usage_message.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/suggestion.h"

namespace merganser {
namespace {

// The program, the command that was given, its subcommand, and so on.
std::vector<const CLI::App*> GivenCommands(const CLI::App* app) {
  std::vector<const CLI::App*> given = {app};
  while (!given.back()->get_subcommands().empty()) {
    given.push_back(given.back()->get_subcommands().front());
  }
  return given;
}

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(
           [](const CLI::App* each) { return !each->get_name().empty(); })) {
    names.push_back(command->get_name());
  }
  return names;
}

// Options of a command also stand for those of the program. Those without a
// group are not for users.
std::vector<std::string> OptionsOf(
    const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) {
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_group().empty()) continue;
      for (const std::string& name : option->get_lnames()) {
        names.push_back("--" + name);
      }
    }
  }
  return names;
}

std::string AboutWord(const std::string& word,
                      const std::vector<const CLI::App*>& given,
                      const std::string& see_help) {
  const bool is_option = absl::StartsWith(word, "-");
  const std::string name = is_option ? word.substr(0, word.find('=')) : word;
  const std::vector<std::string> commands = CommandsOf(*given.back());
  const std::string nearest =
      NearestWord(name, is_option ? OptionsOf(given) : commands);
  const char* kind = is_option          ? "unknown option"
                     : commands.empty() ? "unexpected argument"
                                        : "unknown command";
  return absl::StrCat(kind, " ", name,
                      nearest.empty()
                          ? see_help
                          : absl::StrCat("; did you mean ", nearest, "?"));
}

}  // namespace

std::string UsageMessage(const CLI::App* app, const CLI::Error& error) {
  const std::vector<const CLI::App*> given = GivenCommands(app);
  std::string line = given[0]->get_name();
  for (size_t i = 1; i < given.size(); ++i) {
    absl::StrAppend(&line, " ", given[i]->get_name());
  }
  const std::string see_help = absl::StrCat("; see ", line, " --help");
  const std::vector<std::string> unknown = app->remaining(/*recurse=*/true);
  // By its code: the name of an error of extra words is the program's.
  const auto code = static_cast<CLI::ExitCodes>(error.get_exit_code());
  const bool missing = code == CLI::ExitCodes::RequiredError;
  std::string what = absl::StrCat(error.what(), see_help);
  if (!unknown.empty() && (missing || code == CLI::ExitCodes::ExtrasError)) {
    what = AboutWord(unknown.front(), given, see_help);
  } else if (missing && !CommandsOf(*given.back()).empty() &&
             given.back()->get_require_subcommand_min() > 0) {
    what = absl::StrCat("expected a command", see_help);
  }
  return absl::StrCat(line, ": ", what, "\n");
}

}  // namespace merganser
