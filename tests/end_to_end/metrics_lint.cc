#include "tests/end_to_end/metrics_lint.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "re2/re2.h"

namespace merganser {
namespace {

using Families = std::map<std::string, MetricFamilyText>;

// Not base units.
constexpr const char* kUnitsRefused[] = {
    "milliseconds", "microseconds", "minutes", "hours", "kilobytes",
    "kibibytes",    "megabytes",    "percent", "ms",    "us",
    "mib",          "gib",          "bits"};
constexpr const char* kLabelsRefused[] = {"candidate", "worker",   "session",
                                          "worker_id", "instance", "job",
                                          "n",         "attempt"};

struct Sample {
  std::string name;
  std::vector<std::string> labels;
  std::string series;  // name and labels as they stand there
};

// Nothing if the line is no sample.
bool ParseSample(const std::string& line, Sample& sample) {
  static const RE2 kSample(R"(([a-z_:][a-z0-9_:]*)(\{(.*)\})? (\S+))");
  static const RE2 kLabel(R"re(([a-z_][a-z0-9_]*)="(?:[^"\\]|\\.)*",?)re");
  std::string braces;
  std::string labels;
  std::string number;
  double value = 0;
  if (!RE2::FullMatch(line, kSample, &sample.name, &braces, &labels, &number) ||
      (number != "NaN" && !absl::SimpleAtod(number, &value))) {
    return false;
  }
  sample.series = sample.name + braces;
  re2::StringPiece rest(labels);
  std::string label;
  while (!rest.empty()) {
    if (!RE2::Consume(&rest, kLabel, &label)) return false;
    sample.labels.push_back(label);
  }
  return true;
}

// The family that a sample belongs to.
std::string FamilyOf(const std::string& sample, const Families& families) {
  for (const char* suffix : {"_bucket", "_sum", "_count"}) {
    absl::string_view stem = sample;
    if (!absl::ConsumeSuffix(&stem, suffix)) continue;
    const auto found = families.find(std::string(stem));
    if (found != families.end() && found->second.type == "histogram") {
      return std::string(stem);
    }
  }
  return sample;
}

// Reads a page; `complain` gets what is wrong with it.
template <typename Complain>
void ReadPage(const std::string& page, Families& families, Complain complain) {
  std::set<std::string> series;
  std::set<std::string> closed;
  std::string last;
  const std::vector<std::string> lines =
      absl::StrSplit(page, '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    std::string name;
    std::string rest;
    if (RE2::FullMatch(line, R"(# HELP (\S+) (.+))", &name, &rest)) {
      families[name].help = rest;
      continue;
    }
    if (RE2::FullMatch(line, R"(# TYPE (\S+) (\S+))", &name, &rest)) {
      families[name].type = rest;
      continue;
    }
    Sample sample;
    if (!ParseSample(line, sample)) {
      complain(absl::StrCat("not a sample: ", line));
      continue;
    }
    if (!series.insert(sample.series).second) {
      complain(absl::StrCat(sample.series, ": is there twice"));
    }
    const std::string family = FamilyOf(sample.name, families);
    if (family != last && !closed.insert(family).second) {
      complain(absl::StrCat(family, ": its samples do not stand together"));
    }
    last = family;
    for (const std::string& label : sample.labels) {
      if (label != "le") families[family].labels.insert(label);
    }
  }
}

template <typename Complain>
void CheckFamily(const std::string& name, const MetricFamilyText& family,
                 Complain complain) {
  const bool counts = family.type == "counter";
  if (family.help.empty()) complain("no help text");
  if (family.type.empty()) complain("no type");
  if (counts != absl::EndsWith(name, "_total")) {
    complain("counters, and only they, end in _total");
  }
  if (family.type == "histogram" && !absl::EndsWith(name, "_seconds") &&
      !absl::EndsWith(name, "_bytes") && !absl::EndsWith(name, "_size")) {
    complain("a histogram's name says its unit");
  }
  if (!absl::StartsWith(name, "merganser_") &&
      !absl::StartsWith(name, "process_")) {
    complain("the prefix is merganser_ or process_");
  }
  const std::vector<std::string> words = absl::StrSplit(name, '_');
  for (const std::string& word : words) {
    for (const char* unit : kUnitsRefused) {
      if (word == unit) complain(absl::StrCat(unit, " is no base unit"));
    }
    for (const char* type : {"counter", "gauge", "histogram", "summary"}) {
      if (word == type) complain("a name does not say the type");
    }
  }
  for (const char* label : kLabelsRefused) {
    if (family.labels.contains(label)) {
      complain(absl::StrCat("label ", label, " has no bound"));
    }
  }
}

}  // namespace

std::map<std::string, MetricFamilyText> FamiliesOf(
    const std::vector<std::string>& pages) {
  Families families;
  for (const std::string& page : pages) {
    ReadPage(page, families, [](const std::string&) {});
  }
  return families;
}

std::map<std::string, MetricFamilyText> CatalogueOf(const std::string& text) {
  static const RE2 kRow(R"(\| (`[^|]+`) \| (\w+) \| ([^|]*)\|.*)");
  Families families;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (const std::string& line : lines) {
    std::string names;
    std::string type;
    std::string labels;
    if (!RE2::FullMatch(line, kRow, &names, &type, &labels)) continue;
    re2::StringPiece rest(names);
    std::string name;
    while (RE2::FindAndConsume(&rest, "`([^`]+)`", &name)) {
      families[name].type = type;
      for (const absl::string_view label :
           absl::StrSplit(labels, absl::ByAnyChar(", "), absl::SkipEmpty())) {
        families[name].labels.insert(std::string(label));
      }
    }
  }
  return families;
}

std::vector<std::string> LintMetrics(const std::string& page) {
  std::vector<std::string> problems;
  Families families;
  ReadPage(page, families,
           [&](const std::string& problem) { problems.push_back(problem); });
  for (const auto& [name, family] : families) {
    CheckFamily(name, family, [&, &name = name](absl::string_view problem) {
      problems.push_back(absl::StrCat(name, ": ", problem));
    });
  }
  return problems;
}

}  // namespace merganser
