#include "common/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "common/telemetry/process_metrics.h"
#include "tests/http_client.h"

namespace merganser {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;

TEST(MetricsTest, WritesCountersHistogramsAndSamplesByName) {
  MetricRegistry registry;
  registry.AddCounter({"merganser_b_total", "Bees."}, {{"kind", "wild"}})
      .Add(3);
  const double buckets[] = {0.5, 2};
  const Histogram times =
      registry.AddHistogram({"merganser_c_seconds", "Seas."}, buckets);
  times.Observe(0.25);
  times.Observe(absl::Seconds(1));
  times.Observe(absl::Seconds(8));
  registry.AddSampler([](MetricSamples& samples) {
    samples.AddGauge({"merganser_a_ratio", "Ays."}, 0.5, {{"of", "all"}});
    samples.AddCounter({"merganser_d_total", "Dees."}, 7);
  });
  EXPECT_EQ(registry.Text(),
            R"(# HELP merganser_a_ratio Ays.
# TYPE merganser_a_ratio gauge
merganser_a_ratio{of="all"} 0.5
# HELP merganser_b_total Bees.
# TYPE merganser_b_total counter
merganser_b_total{kind="wild"} 3
# HELP merganser_c_seconds Seas.
# TYPE merganser_c_seconds histogram
merganser_c_seconds_count 3
merganser_c_seconds_sum 9.25
merganser_c_seconds_bucket{le="0.5"} 1
merganser_c_seconds_bucket{le="2"} 2
merganser_c_seconds_bucket{le="+Inf"} 3
# HELP merganser_d_total Dees.
# TYPE merganser_d_total counter
merganser_d_total 7
)");
}

TEST(MetricsTest, OneNameAndOneSetOfLabelsIsOneCounter) {
  MetricRegistry registry;
  registry.AddCounter({"a_total", "A."}, {{"x", "1"}}).Add();
  registry.AddCounter({"a_total", "A."}, {{"x", "1"}}).Add();
  registry.AddCounter({"a_total", "A."}, {{"x", "2"}}).Add();
  const auto values = ParseMetrics(registry.Text());
  EXPECT_EQ(values.at("a_total{x=\"1\"}"), 2);
  EXPECT_EQ(values.at("a_total{x=\"2\"}"), 1);
}

TEST(MetricsTest, WhatNobodyAskedForCountsNothing) {
  Counter().Add();
  Histogram().Observe(1.0);
}

TEST(MetricsTest, SamplesOfManySourcesAreOneFamilyEach) {
  MetricRegistry registry;
  for (const char* name : {"one", "two"}) {
    registry.AddSampler([name](MetricSamples& samples) {
      MetricSamples inner;
      inner.AddGauge({"a", "A."}, 1, {{"name", name}});
      samples.Add(std::move(inner));
    });
  }
  EXPECT_EQ(registry.Text(),
            "# HELP a A.\n# TYPE a gauge\na{name=\"one\"} 1\n"
            "a{name=\"two\"} 1\n");
}

TEST(MetricsTest, ASampleThatIsGoneIsNotWrittenAnyMore) {
  MetricRegistry registry;
  bool there = true;
  registry.AddSampler([&there](MetricSamples& samples) {
    if (there) samples.AddGauge({"a", "A."}, 1, {{"campaign", "c"}});
  });
  EXPECT_THAT(registry.Text(), HasSubstr("campaign"));
  there = false;
  EXPECT_EQ(registry.Text(), "");
}

TEST(MetricsTest, LabelsAreEscaped) {
  MetricRegistry registry;
  registry.AddCounter({"a_total", "A."}, {{"x", "q\"b\\n\nl"}}).Add();
  EXPECT_THAT(registry.Text(), HasSubstr(R"(a_total{x="q\"b\\n\nl"} 1)"));
}

TEST(MetricsTest, ThreadsCountTogether) {
  MetricRegistry registry;
  const Counter counter = registry.AddCounter({"a_total", "A."});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([counter] {
      for (int n = 0; n < 10'000; ++n) counter.Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ParseMetrics(registry.Text()).at("a_total"), 40'000);
}

TEST(ProcessMetricsTest, SaysWhatThisProcessTakes) {
  MetricRegistry registry;
  registry.AddSampler(SampleProcess);
  const auto before = ParseMetrics(registry.Text());
  EXPECT_GT(before.at("process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(before.at("process_virtual_memory_bytes"),
            before.at("process_resident_memory_bytes"));
  const double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  EXPECT_LT(before.at("process_start_time_seconds"), now + 2);
  EXPECT_GT(before.at("process_start_time_seconds"), now - 600);
  EXPECT_GE(before.at("process_max_fds"), before.at("process_open_fds"));
  EXPECT_THAT(before, Contains(Key("process_cpu_seconds_total")));

  std::vector<FILE*> files;
  for (int i = 0; i < 5; ++i) files.push_back(fopen("/dev/null", "r"));
  const auto after = ParseMetrics(registry.Text());
  EXPECT_EQ(after.at("process_open_fds"), before.at("process_open_fds") + 5);
  for (FILE* file : files) fclose(file);
}

}  // namespace
}  // namespace merganser
