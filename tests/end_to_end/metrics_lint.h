// What must be true of a page of metrics.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace merganser {

struct MetricFamilyText {
  std::string type;
  std::string help;
  std::set<std::string> labels;  // without a histogram's `le`
};

// The families of pages in Prometheus' text format, by name.
std::map<std::string, MetricFamilyText> FamiliesOf(
    const std::vector<std::string>& pages);

// The rows of docs/metrics.md, by name; without help.
std::map<std::string, MetricFamilyText> CatalogueOf(const std::string& text);

// What is wrong with a page, a line each: the rules of `promtool check
// metrics` as far as they can be broken here, and ours: samples of a family
// stand together, none comes twice, labels never name a candidate or a worker.
std::vector<std::string> LintMetrics(const std::string& page);

}  // namespace merganser
