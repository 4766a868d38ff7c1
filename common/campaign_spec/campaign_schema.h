// The keys of a campaign file in one table: which field of the contract is
// behind each, its type, range, default and meaning. Reading, --set, writing,
// validation and --help all follow it. To add a setting, add a row.
#pragma once

#include <google/protobuf/descriptor.h>

#include <limits>
#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace merganser {

enum class TextFormat {
  kAny,
  kName,  // [A-Za-z0-9._-]+
  kFile,  // a path, in the file also written path:FILE
};

// One key of a campaign file. Its type is that of its field; a list holds maps,
// texts or integers, int64 in the message. Fields stand in the order in which
// rows are written; padding does not matter, there are a hundred of them.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct SchemaField {
  absl::string_view key;
  // The field of the message; for a pair, written [a, b], that of a.
  absl::string_view proto_field;
  absl::string_view second_proto_field = {};  // that of b; empty if no pair
  // It must be there: in the file, and in the contract not empty.
  bool required = false;
  // As YAML; empty = the field stays unset.
  absl::string_view default_value = {};
  TextFormat format = TextFormat::kAny;
  // What a text may be, separated by spaces; empty = anything.
  absl::string_view choices = {};
  // How many entries a list has; one that is not required may have none.
  int minimum_entries = 0;
  int maximum_entries = 0;
  // Range of a number, of each number of a pair or a list; the length of a
  // text, and of each text of a list, in bytes has the same maximum.
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  absl::string_view help = {};
};

// The keys below a message, in the order in which they are written; empty for
// a message that a campaign file does not hold.
std::span<const SchemaField> SchemaOf(
    const google::protobuf::Descriptor& message);

// nullptr = no such key.
const SchemaField* FindSchemaField(const google::protobuf::Descriptor& message,
                                   absl::string_view key);

// The field behind a key; `message` is the one whose schema holds it.
const google::protobuf::FieldDescriptor& ProtoField(
    const google::protobuf::Descriptor& message, const SchemaField& field);
// Of a pair: the field of its second number.
const google::protobuf::FieldDescriptor& SecondProtoField(
    const google::protobuf::Descriptor& message, const SchemaField& field);

// Whether a key's value is a list of texts.
bool IsTextList(const google::protobuf::FieldDescriptor& proto);

// "an integer", "a number", "text", "true or false", "a map", "a list", "a list
// of integers", "a list of texts", "a list of two numbers": what is expected of
// a key's value.
std::string TypeName(const google::protobuf::Descriptor& message,
                     const SchemaField& field);

// All keys with type, range, default and meaning, one a line; for --help.
std::string DescribeSchema();

}  // namespace merganser
