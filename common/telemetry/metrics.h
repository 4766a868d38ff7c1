// Numbers for Prometheus; docs/metrics.md is the catalogue.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace prometheus {
class Counter;
class Histogram;
class Registry;
struct MetricFamily;
}  // namespace prometheus

namespace merganser {

// Names match [a-z_:][a-z0-9_:]*, names of labels [a-z_][a-z0-9_]*.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

struct MetricInfo {
  std::string name;
  std::string help;
};

// Counts up. One that is default-made counts nothing, so that what counts need
// not know whether anybody is interested. Copies count the same thing; the
// registry must outlive them.
// Threads: safe; Add neither allocates nor waits.
class Counter {
 public:
  Counter() = default;
  // `amount` is not negative.
  void Add(double amount = 1) const;

 private:
  friend class MetricRegistry;
  explicit Counter(prometheus::Counter* counter) : counter_(counter) {}
  prometheus::Counter* counter_ = nullptr;
};

// Sorts values into buckets; otherwise like Counter, except that Observe takes
// a lock for as long as that takes.
class Histogram {
 public:
  Histogram() = default;
  void Observe(double value) const;
  // In seconds.
  void Observe(absl::Duration duration) const;

 private:
  friend class MetricRegistry;
  explicit Histogram(prometheus::Histogram* histogram)
      : histogram_(histogram) {}
  prometheus::Histogram* histogram_ = nullptr;
};

// Values that are read off somewhere when they are asked for.
// Threads: none.
class MetricSamples {
 public:
  MetricSamples();
  ~MetricSamples();
  MetricSamples(MetricSamples&&) noexcept;
  MetricSamples& operator=(MetricSamples&&) noexcept;

  void AddGauge(const MetricInfo& info, double value,
                const MetricLabels& labels = {});
  // `value` never falls while its labels are there.
  void AddCounter(const MetricInfo& info, double value,
                  const MetricLabels& labels = {});
  // All of `other`, which is empty afterwards.
  void Add(MetricSamples other);

 private:
  friend class MetricRegistry;
  prometheus::MetricFamily& FamilyOf(const MetricInfo& info, bool counts);

  std::vector<prometheus::MetricFamily> families_;
};

// Upper bounds for durations, seconds: 100 µs to 10 minutes.
std::span<const double> DurationBuckets();

// All metrics of a process. What is added once stays.
// Threads: safe.
class MetricRegistry {
 public:
  // Called whenever the metrics are asked for, by any thread, one at a time.
  using Sampler = std::function<void(MetricSamples&)>;

  MetricRegistry();
  ~MetricRegistry();
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  // Twice the same name and labels: the same counter.
  Counter AddCounter(const MetricInfo& info, const MetricLabels& labels = {});
  // Buckets ascending; equal ones for all labels of a name.
  Histogram AddHistogram(const MetricInfo& info,
                         std::span<const double> buckets,
                         const MetricLabels& labels = {});
  void AddSampler(Sampler sampler);

  // In Prometheus' text format 0.0.4, by name. Runs the samplers, without a
  // lock that Add or Observe needs.
  std::string Text();

 private:
  const std::unique_ptr<prometheus::Registry> registry_;
  absl::Mutex mutex_;
  std::vector<Sampler> samplers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace merganser
