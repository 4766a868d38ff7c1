#include "common/telemetry/process_metrics.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace merganser {
namespace {

std::string ReadProc(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The number behind "key " at the beginning of a line of /proc/stat.
std::optional<double> BootTime() {
  for (absl::string_view line : absl::StrSplit(ReadProc("/proc/stat"), '\n')) {
    double value = 0;
    if (absl::ConsumePrefix(&line, "btime ") &&
        absl::SimpleAtod(line, &value)) {
      return value;
    }
  }
  return std::nullopt;
}

// Fields of /proc/self/stat behind the name of the program, which may hold
// blanks and brackets; [0] is field 3 of proc(5).
std::vector<double> StatFields() {
  const std::string stat = ReadProc("/proc/self/stat");
  const size_t name_end = stat.rfind(')');
  std::vector<double> fields;
  if (name_end == std::string::npos) return fields;
  for (const absl::string_view word :
       absl::StrSplit(absl::string_view(stat).substr(name_end + 1), ' ',
                      absl::SkipWhitespace())) {
    double value = 0;
    fields.push_back(absl::SimpleAtod(word, &value) ? value : 0);
  }
  return fields;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) * 1e-6;
}

void SampleDescriptors(MetricSamples& samples) {
  std::error_code error;
  double open = -1;  // the listing's own
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    ++open;
  }
  if (!error && open >= 0) {
    samples.AddGauge({"process_open_fds", "Open file descriptors."}, open);
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    samples.AddGauge({"process_max_fds", "Most open file descriptors."},
                     static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace

void SampleProcess(MetricSamples& samples) {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    samples.AddCounter(
        {"process_cpu_seconds_total", "User and system CPU time, seconds."},
        Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
  const std::vector<double> fields = StatFields();
  constexpr size_t kStartTicks = 22 - 3;
  constexpr size_t kVirtualBytes = 23 - 3;
  constexpr size_t kResidentPages = 24 - 3;
  if (fields.size() > kResidentPages) {
    samples.AddGauge({"process_virtual_memory_bytes", "Virtual memory, bytes."},
                     fields[kVirtualBytes]);
    samples.AddGauge(
        {"process_resident_memory_bytes", "Resident memory, bytes."},
        fields[kResidentPages] * static_cast<double>(sysconf(_SC_PAGESIZE)));
    if (const std::optional<double> boot = BootTime(); boot.has_value()) {
      samples.AddGauge(
          {"process_start_time_seconds", "Start of the process, Unix time."},
          *boot +
              fields[kStartTicks] / static_cast<double>(sysconf(_SC_CLK_TCK)));
    }
  }
  SampleDescriptors(samples);
}

}  // namespace merganser
