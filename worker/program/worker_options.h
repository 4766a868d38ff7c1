// The command line that all workers share.
#pragma once

#include <cstdint>
#include <string>

#include "CLI/App.hpp"

namespace merganser {

struct WorkerOptions {
  std::string coordinator;  // host:port or unix:/path
  std::string device = "auto";
  std::string models_root;  // empty: none given
  std::string name;
  int threads = 1;
  int job_capacity = 16;
  int64_t blob_cache_mib = 1024;
  double grace_seconds = 25;
  bool die_with_parent = false;
  std::string log_level = "info";
  std::string metrics;      // empty: off
  std::string score_spec;   // `score`: the campaign's file
  std::string score_blobs;  // `score`: folder of blobs; empty: none given
  bool score = false;       // the command `score` was given
  bool eval = false;        // the command `eval` was given
};

// Adds the options and the commands `score` and `eval` to `app`; parsing fills
// `options`, which must outlive it.
void AddWorkerOptions(CLI::App& app, WorkerOptions& options);

}  // namespace merganser
