// YAML as plain data, of which every part knows where it was written.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace merganser {

struct YamlNode {
  enum class Kind { kNothing, kScalar, kMap, kList };

  Kind kind = Kind::kNothing;
  // "examples/x.yaml:12", or "--set search.alpha=2".
  std::string origin;
  std::string text;     // of a scalar
  bool quoted = false;  // of a scalar: written in quotes, so it is text
  std::vector<std::string> keys;  // of a map, in order
  std::vector<YamlNode> items;    // of a list; of a map, one per key

  // The value of a key, nullptr if the map has none.
  const YamlNode* Find(const std::string& key) const;
  YamlNode* Find(const std::string& key);
  // Adds a key to a map that does not have it.
  void Add(const std::string& key, YamlNode value);
};

// Reads one YAML document. Every node's origin is `source`, with ":LINE" behind
// it if `with_lines`. Bounded in depth and in size, aliases expanded.
// Errors: InvalidArgument "source:line: what is wrong" for what is no YAML, a
// second document, a key that is no scalar or that its map has twice.
absl::StatusOr<YamlNode> ParseYaml(const std::string& text,
                                   const std::string& source, bool with_lines);

}  // namespace merganser
