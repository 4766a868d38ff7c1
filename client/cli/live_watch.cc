#include "client/cli/live_watch.h"

#include <algorithm>
#include <iostream>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "client/api/campaign_state.h"
#include "client/archive/exported_archive.h"
#include "client/cli/watch_state.h"
#include "client/cli/watch_view.h"
#include "client/terminal/full_screen.h"
#include "common/base/clock.h"
#include "common/campaign_spec/campaign_plan.h"

namespace merganser {
namespace {

constexpr absl::Duration kRedraw = absl::Seconds(1);
constexpr absl::Duration kWorkers = absl::Seconds(2);
// The archive is asked for at least so far apart, and so that no more than a
// tenth of the time goes into it.
constexpr absl::Duration kArchive = absl::Seconds(1);
constexpr int kArchiveShare = 10;

class LiveWatch {
 public:
  LiveWatch(CampaignClient& client, std::string name)
      : client_(client), name_(std::move(name)) {}

  absl::StatusOr<v1::Campaign> Run() {
    auto end = Follow();
    if (has_campaign_) {
      // What is shown stays behind, with room for the prompt and a message.
      Screen last(size_.width, std::max(1, size_.height - 4));
      DrawWatch(state_, last);
      std::cout << last.Lines(palette_) << std::flush;
    }
    return end;
  }

 private:
  absl::StatusOr<v1::Campaign> Follow() {
    FullScreen screen;
    screen_ = &screen;
    auto end = client_.Watch(
        name_, {.interrupted = [this] { return Tick(); }},
        [this](const v1::Campaign& campaign) { Update(campaign); });
    screen_ = nullptr;
    return end;
  }

  void Update(const v1::Campaign& campaign) {
    has_campaign_ = true;
    state_.TakeContact(true, absl::Now());
    state_.TakeCampaign(campaign, Clock::Monotonic().Now(), absl::Now());
    archive_is_old_ = true;
    FetchArchive(/*now=*/HasEnded(campaign.state()));
    if (HasEnded(campaign.state())) FetchWorkers();
    Draw();
  }

  // Several times a second while nothing comes.
  bool Tick() {
    const bool end = screen_->Poll();
    if (!has_campaign_ || end) return end;
    const absl::Time now = Clock::Monotonic().Now();
    if (now >= next_workers_) FetchWorkers();
    FetchArchive(/*now=*/false);
    if (now >= next_redraw_ || SizeOfTerminal() != size_) Draw();
    return false;
  }

  void FetchWorkers() {
    const auto workers = client_.ListWorkers();
    const absl::Time time = absl::Now();
    state_.TakeContact(workers.ok(), time);
    if (workers.ok()) state_.TakeWorkers(*workers, time);
    next_workers_ = Clock::Monotonic().Now() + kWorkers;
  }

  void FetchArchive(bool now) {
    const absl::Time began = Clock::Monotonic().Now();
    const bool is_known =
        !state_.campaign().progress().archive_digest().empty();
    if (!archive_is_old_ || !is_known || !state_.answers()) return;
    if (!now && began < next_archive_) return;
    const absl::Status status = TakeArchive();
    if (!status.ok()) {
      state_.TakeArchiveProblem(std::string(status.message()));
    }
    archive_is_old_ = false;
    const absl::Time ended = Clock::Monotonic().Now();
    next_archive_ = ended + std::max(kArchive, kArchiveShare * (ended - began));
  }

  absl::Status TakeArchive() {
    if (!options_.has_value()) {
      auto options = MakeScheduleOptions(state_.campaign().spec());
      if (!options.ok()) return options.status();
      options_ = *std::move(options);
    }
    const auto header = client_.GetExportHeader(name_);
    if (!header.ok()) return header.status();
    auto archive = ArchiveOfExport(*options_, *header);
    if (!archive.ok()) return archive.status();
    state_.TakeArchive(*header, *std::move(archive), absl::Now());
    return absl::OkStatus();
  }

  void Draw() {
    size_ = SizeOfTerminal();
    Screen screen(size_.width, size_.height);
    DrawWatch(state_, screen);
    screen_->Show(screen.Redraw(palette_));
    next_redraw_ = Clock::Monotonic().Now() + kRedraw;
  }

  CampaignClient& client_;
  const std::string name_;
  const Palette palette_ = PaletteOfEnvironment();
  FullScreen* screen_ = nullptr;  // while Follow() runs
  WatchState state_;
  std::optional<ScheduleOptions> options_;
  bool has_campaign_ = false;
  bool archive_is_old_ = false;
  TerminalSize size_;
  absl::Time next_redraw_ = absl::InfinitePast();
  absl::Time next_workers_ = absl::InfinitePast();
  absl::Time next_archive_ = absl::InfinitePast();
};

}  // namespace

absl::StatusOr<v1::Campaign> WatchLive(CampaignClient& client,
                                       const std::string& name) {
  return LiveWatch(client, name).Run();
}

}  // namespace merganser
