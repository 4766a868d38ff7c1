// How commands print: JSON for programs, aligned tables for people.
#pragma once

#include <google/protobuf/message.h>

#include <ostream>
#include <string>
#include <vector>

#include "merganser/v1/campaign.pb.h"

namespace merganser {

// Rows of text in columns as wide as their widest cell.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  // As many cells as the header has.
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Two spaces between columns, none at the end of a line.
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// The message as one line of JSON: names as in the contract, also fields at
// their defaults; 64-bit integers as strings, bytes in base64, as proto3's
// mapping to JSON has it.
std::string ToJson(const google::protobuf::Message& message);

// "0.6833"; "-" for an accuracy that is not known.
std::string Accuracy(double value);
// Of a message with the optional field holdout_accuracy.
template <typename Scored>
std::string Holdout(const Scored& scored) {
  return scored.has_holdout_accuracy() ? Accuracy(scored.holdout_accuracy())
                                       : "-";
}

// "2025-01-31 12:00:00", UTC; "-" if it is not set.
std::string TimeText(const google::protobuf::Timestamp& time);

// The first 12 hexadecimal digits of a digest; all of them.
std::string ShortHex(const std::string& bytes);
std::string Hex(const std::string& bytes);

}  // namespace merganser
