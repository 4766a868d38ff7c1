#include "common/telemetry/metrics.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>

#include "prometheus/counter.h"
#include "prometheus/histogram.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace merganser {
namespace {

constexpr double kDurationBuckets[] = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25,   0.5,     1,      2.5,   5,      10,    30,   60,    180,  600};

std::map<std::string, std::string> LabelMap(const MetricLabels& labels) {
  return {labels.begin(), labels.end()};
}

prometheus::ClientMetric WithLabels(const MetricLabels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) {
    metric.label.push_back({name, value});
  }
  return metric;
}

}  // namespace

std::span<const double> DurationBuckets() { return kDurationBuckets; }

void Counter::Add(double amount) const {
  if (counter_ != nullptr) counter_->Increment(amount);
}

void Histogram::Observe(double value) const {
  if (histogram_ != nullptr) histogram_->Observe(value);
}

void Histogram::Observe(absl::Duration duration) const {
  Observe(absl::ToDoubleSeconds(duration));
}

// ---- Samples

MetricSamples::MetricSamples() = default;
MetricSamples::~MetricSamples() = default;
MetricSamples::MetricSamples(MetricSamples&&) noexcept = default;
MetricSamples& MetricSamples::operator=(MetricSamples&&) noexcept = default;

prometheus::MetricFamily& MetricSamples::FamilyOf(const MetricInfo& info,
                                                  bool counts) {
  const auto found = std::find_if(
      families_.begin(), families_.end(),
      [&](const auto& family) { return family.name == info.name; });
  if (found != families_.end()) return *found;
  prometheus::MetricFamily& family = families_.emplace_back();
  family.name = info.name;
  family.help = info.help;
  family.type =
      counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  return family;
}

void MetricSamples::AddGauge(const MetricInfo& info, double value,
                             const MetricLabels& labels) {
  prometheus::ClientMetric metric = WithLabels(labels);
  metric.gauge.value = value;
  FamilyOf(info, /*counts=*/false).metric.push_back(std::move(metric));
}

void MetricSamples::AddCounter(const MetricInfo& info, double value,
                               const MetricLabels& labels) {
  prometheus::ClientMetric metric = WithLabels(labels);
  metric.counter.value = value;
  FamilyOf(info, /*counts=*/true).metric.push_back(std::move(metric));
}

void MetricSamples::Add(MetricSamples other) {
  for (prometheus::MetricFamily& family : other.families_) {
    auto& metrics = FamilyOf({family.name, family.help},
                             family.type == prometheus::MetricType::Counter)
                        .metric;
    std::move(family.metric.begin(), family.metric.end(),
              std::back_inserter(metrics));
  }
}

// ---- The registry

MetricRegistry::MetricRegistry()
    : registry_(std::make_unique<prometheus::Registry>(
          prometheus::Registry::InsertBehavior::Merge)) {}

MetricRegistry::~MetricRegistry() = default;

Counter MetricRegistry::AddCounter(const MetricInfo& info,
                                   const MetricLabels& labels) {
  return Counter(&prometheus::BuildCounter()
                      .Name(info.name)
                      .Help(info.help)
                      .Register(*registry_)
                      .Add(LabelMap(labels)));
}

Histogram MetricRegistry::AddHistogram(const MetricInfo& info,
                                       std::span<const double> buckets,
                                       const MetricLabels& labels) {
  return Histogram(
      &prometheus::BuildHistogram()
           .Name(info.name)
           .Help(info.help)
           .Register(*registry_)
           .Add(LabelMap(labels), prometheus::Histogram::BucketBoundaries(
                                      buckets.begin(), buckets.end())));
}

void MetricRegistry::AddSampler(Sampler sampler) {
  absl::MutexLock lock(&mutex_);
  samplers_.push_back(std::move(sampler));
}

std::string MetricRegistry::Text() {
  MetricSamples samples;
  {
    absl::MutexLock lock(&mutex_);
    for (const Sampler& sampler : samplers_) sampler(samples);
  }
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  std::move(samples.families_.begin(), samples.families_.end(),
            std::back_inserter(families));
  std::sort(families.begin(), families.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace merganser
