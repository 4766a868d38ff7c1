// A campaign's progress as one line of text.
#pragma once

#include <cstdint>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/api/campaign_state.h"
#include "client/cli/progress_rate.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Makes the line; remembers what it needs for the rate. Pure but for that.
// Threads: none.
class ProgressLine {
 public:
  // The line for the campaign as it stands at `now`, without a newline:
  // evaluations, rate (children applied per second over the last ten seconds
  // or so), best search and holdout accuracy, coverage, time left. `now` must
  // not run backwards; any zero will do.
  std::string Text(const v1::Campaign& campaign, absl::Time now);

 private:
  ProgressRate rate_;
};

// Tells which conditions of a campaign are new. One that differs from the last
// by numbers alone, such as the seconds that it has lasted, is not.
// Threads: none.
class NewConditions {
 public:
  // Those that the campaign did not have at the last call.
  std::vector<std::string> Take(const v1::Campaign& campaign);

 private:
  std::set<std::string> known_;  // without their numbers
};

// Shows the line of a campaign while it runs: rewritten in place on a terminal,
// else a new line now and then, and whenever the campaign's state changes. What
// newly keeps it from advancing is said at once; on a terminal, where the line
// may be cut, on a line of its own.
// Threads: none.
class ProgressPrinter {
 public:
  struct Options {
    bool terminal = false;
    // Columns of the terminal; longer lines are cut.
    int width = 100;
    // Least time between two plain lines.
    absl::Duration plain_interval = absl::Seconds(5);
  };

  // `out` must outlive the printer.
  ProgressPrinter(std::ostream& out, const Options& options)
      : out_(out), options_(options) {}
  // Options for stdout as it is: a terminal that can be redrawn or not, and how
  // wide.
  static Options StandardOutput();

  void Show(const v1::Campaign& campaign, absl::Time now);
  // Ends the line on a terminal, so that what follows begins on its own.
  void Finish();

 private:
  void ShowOnTerminal(const std::string& text,
                      const std::vector<std::string>& new_conditions);

  std::ostream& out_;
  Options options_;
  ProgressLine line_;
  bool unfinished_ = false;
  absl::Time last_plain_ = absl::InfinitePast();
  v1::CampaignState last_state_ = v1::CAMPAIGN_STATE_UNSPECIFIED;
  NewConditions conditions_;
};

}  // namespace merganser
