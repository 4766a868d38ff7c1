// What a process has used so far, from /proc.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace merganser {

struct ProcessSample {
  double cpu_seconds = 0;  // user and system, all threads
  int64_t memory_bytes = 0;
};

// All zero if there is no such process.
inline ProcessSample SampleProcess(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  ProcessSample sample;
  std::string line;
  std::getline(std::ifstream(folder + "/stat"), line);
  // Behind the name in parentheses: 11 fields, then utime and stime.
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  for (int i = 0; i < 11; ++i) fields >> field;
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  sample.cpu_seconds = static_cast<double>(user + system) /
                       static_cast<double>(sysconf(_SC_CLK_TCK));
  int64_t pages = 0;
  std::ifstream(folder + "/statm") >> field >> pages;
  sample.memory_bytes = pages * sysconf(_SC_PAGESIZE);
  return sample;
}

}  // namespace merganser
