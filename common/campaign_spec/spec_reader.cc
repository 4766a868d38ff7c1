#include "common/campaign_spec/spec_reader.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/base/suggestion.h"
#include "common/campaign_spec/campaign_schema.h"
#include "common/campaign_spec/field_checks.h"

namespace merganser {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A value as a message shows it: short, on one line.
std::string Shown(const YamlNode& node) {
  constexpr size_t kShownBytes = 60;
  switch (node.kind) {
    case YamlNode::Kind::kNothing:
      return "nothing";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  const std::string shown = node.text.substr(0, kShownBytes);
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(shown),
                      shown.size() < node.text.size() ? "…\"" : "\"");
}

// The whole of a plain scalar as a number; false if it is none.
template <typename Number>
bool ParseNumber(const YamlNode& node, Number& value) {
  if (node.kind != YamlNode::Kind::kScalar || node.quoted) return false;
  const char* begin = node.text.data();
  const char* const end = begin + node.text.size();
  if (end - begin > 1 && *begin == '+' && begin[1] != '-') ++begin;
  const auto result = std::from_chars(begin, end, value);
  return result.ec == std::errc() && result.ptr == end;
}

bool ParseBool(const YamlNode& node, bool& value) {
  if (node.kind != YamlNode::Kind::kScalar || node.quoted) return false;
  value = node.text == "true" || node.text == "True" || node.text == "TRUE";
  return value || node.text == "false" || node.text == "False" ||
         node.text == "FALSE";
}

// Reads the values of one message's keys.
class MessageReader {
 public:
  MessageReader(const std::string& path, Message& message)
      : path_(path), message_(message) {}

  absl::Status Read(const YamlNode& map) {
    const Descriptor& type = *message_.GetDescriptor();
    if (map.kind != YamlNode::Kind::kMap) {
      return Annotate(
          FieldError(path_.empty() ? "campaign file" : path_,
                     absl::StrCat("expected a map; got ", Shown(map))),
          map.origin);
    }
    for (size_t i = 0; i < map.keys.size(); ++i) {
      if (FindSchemaField(type, map.keys[i]) == nullptr) {
        return UnknownKey(map.items[i].origin, path_, map.keys[i], type);
      }
    }
    for (const SchemaField& field : SchemaOf(type)) {
      RETURN_IF_ERROR(ReadKey(field, map));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ReadKey(const SchemaField& field, const YamlNode& map) {
    const FieldDescriptor& proto = ProtoField(*message_.GetDescriptor(), field);
    const YamlNode* value = map.Find(std::string(field.key));
    if (value != nullptr && value->kind != YamlNode::Kind::kNothing) {
      return ReadField(field, *value);
    }
    if (!field.default_value.empty()) {
      ASSIGN_OR_RETURN(const YamlNode by_default,
                       ParseYaml(std::string(field.default_value), map.origin,
                                 /*with_lines=*/false));
      return ReadField(field, by_default);
    }
    if (!field.required) return absl::OkStatus();
    if (proto.message_type() != nullptr && !proto.is_repeated()) {
      // Its keys may all have defaults; one that has none says what is missing.
      return ReadField(field,
                       {.kind = YamlNode::Kind::kMap, .origin = map.origin});
    }
    return Annotate(
        FieldError(JoinPath(path_, field.key),
                   absl::StrCat("is missing; expected ",
                                field.choices.empty() ? std::string(field.help)
                                                      : ChoicesText(field))),
        map.origin);
  }

  absl::Status ReadField(const SchemaField& field, const YamlNode& value) {
    const Descriptor& type = *message_.GetDescriptor();
    const FieldDescriptor& proto = ProtoField(type, field);
    const std::string path = JoinPath(path_, field.key);
    if (!field.second_proto_field.empty()) return ReadPair(field, path, value);
    if (proto.is_repeated()) return ReadList(field, path, value);
    if (proto.message_type() != nullptr) {
      return MessageReader(path, *message_.GetReflection()->MutableMessage(
                                     &message_, &proto))
          .Read(value);
    }
    return Annotate(ReadScalar(field, proto, path, value), value.origin);
  }

  absl::Status ReadPair(const SchemaField& field, const std::string& path,
                        const YamlNode& value) {
    const Descriptor& type = *message_.GetDescriptor();
    if (value.kind != YamlNode::Kind::kList || value.items.size() != 2) {
      return Annotate(WrongType(field, path, value), value.origin);
    }
    RETURN_IF_ERROR(
        Annotate(ReadScalar(field, ProtoField(type, field),
                            absl::StrCat(path, "[0]"), value.items[0]),
                 value.origin));
    return Annotate(ReadScalar(field, SecondProtoField(type, field),
                               absl::StrCat(path, "[1]"), value.items[1]),
                    value.origin);
  }

  absl::Status ReadList(const SchemaField& field, const std::string& path,
                        const YamlNode& value) {
    const FieldDescriptor& proto = ProtoField(*message_.GetDescriptor(), field);
    if (value.kind != YamlNode::Kind::kList) {
      return Annotate(WrongType(field, path, value), value.origin);
    }
    RETURN_IF_ERROR(
        Annotate(CheckEntries(field, path, value.items.size()), value.origin));
    for (size_t i = 0; i < value.items.size(); ++i) {
      RETURN_IF_ERROR(ReadEntry(field, proto, absl::StrCat(path, "[", i, "]"),
                                value.items[i]));
    }
    return absl::OkStatus();
  }

  absl::Status ReadEntry(const SchemaField& field, const FieldDescriptor& proto,
                         const std::string& path, const YamlNode& value) {
    const google::protobuf::Reflection& reflection = *message_.GetReflection();
    if (proto.message_type() != nullptr) {
      return MessageReader(path, *reflection.AddMessage(&message_, &proto))
          .Read(value);
    }
    if (IsTextList(proto)) {
      std::string text;
      RETURN_IF_ERROR(
          Annotate(ParseText(field, path, value, text), value.origin));
      reflection.AddString(&message_, &proto, text);
      return absl::OkStatus();
    }
    int64_t number = 0;
    RETURN_IF_ERROR(
        Annotate(ParseInteger(field, path, value, number), value.origin));
    reflection.AddInt64(&message_, &proto, number);
    return absl::OkStatus();
  }

  absl::Status ReadScalar(const SchemaField& field,
                          const FieldDescriptor& proto, const std::string& path,
                          const YamlNode& value) {
    const google::protobuf::Reflection& reflection = *message_.GetReflection();
    switch (proto.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return ReadText(field, proto, path, value);
      case FieldDescriptor::CPPTYPE_BOOL: {
        bool flag = false;
        if (!ParseBool(value, flag)) return WrongType(field, path, value);
        reflection.SetBool(&message_, &proto, flag);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        double number = 0;
        if (!ParseNumber(value, number)) {
          return FieldError(
              path, absl::StrCat("expected a number; got ", Shown(value)));
        }
        RETURN_IF_ERROR(CheckNumber(field, path, number));
        reflection.SetDouble(&message_, &proto, number);
        return absl::OkStatus();
      }
      default:
        return ReadInteger(field, proto, path, value);
    }
  }

  absl::Status ReadText(const SchemaField& field, const FieldDescriptor& proto,
                        const std::string& path, const YamlNode& value) {
    std::string text;
    RETURN_IF_ERROR(ParseText(field, path, value, text));
    message_.GetReflection()->SetString(&message_, &proto, text);
    return absl::OkStatus();
  }

  // A text that its row allows.
  static absl::Status ParseText(const SchemaField& field,
                                const std::string& path, const YamlNode& value,
                                std::string& text) {
    if (value.kind != YamlNode::Kind::kScalar) {
      return FieldError(path,
                        absl::StrCat("expected text; got ", Shown(value)));
    }
    text = value.text;
    if (field.format == TextFormat::kFile) {
      text = std::string(absl::StripPrefix(text, "path:"));
    }
    return CheckText(field, path, text);
  }

  absl::Status ReadInteger(const SchemaField& field,
                           const FieldDescriptor& proto,
                           const std::string& path, const YamlNode& value) {
    const google::protobuf::Reflection& reflection = *message_.GetReflection();
    if (proto.cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
      uint64_t number = 0;
      if (!ParseNumber(value, number)) {
        return NotAnInteger(
            path, absl::StrCat("0 to ", std::numeric_limits<uint64_t>::max()),
            value);
      }
      reflection.SetUInt64(&message_, &proto, number);
      return CheckNumber(field, path, static_cast<double>(number));
    }
    int64_t number = 0;
    RETURN_IF_ERROR(ParseInteger(field, path, value, number));
    switch (proto.cpp_type()) {  // the table's ranges fit the field's type
      case FieldDescriptor::CPPTYPE_INT32:
        reflection.SetInt32(&message_, &proto, static_cast<int32_t>(number));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        reflection.SetUInt32(&message_, &proto, static_cast<uint32_t>(number));
        break;
      default:
        reflection.SetInt64(&message_, &proto, number);
    }
    return absl::OkStatus();
  }

  // An integer in the range of its row.
  static absl::Status ParseInteger(const SchemaField& field,
                                   const std::string& path,
                                   const YamlNode& value, int64_t& number) {
    if (!ParseNumber(value, number)) {
      return NotAnInteger(path, RangeText(field), value);
    }
    return CheckNumber(field, path, static_cast<double>(number));
  }

  static absl::Status NotAnInteger(const std::string& path,
                                   const std::string& range,
                                   const YamlNode& value) {
    return FieldError(
        path, absl::StrCat("expected an integer", range.empty() ? "" : ", ",
                           range, "; got ", Shown(value)));
  }

  absl::Status WrongType(const SchemaField& field, const std::string& path,
                         const YamlNode& value) {
    return FieldError(
        path,
        absl::StrCat("expected ", TypeName(*message_.GetDescriptor(), field),
                     "; got ", Shown(value)));
  }

  const std::string path_;  // "tasks[0].search"; empty for the root
  Message& message_;
};

// Where in the schema, below `message`, a key is found; "[0]" for any index.
void FindEverywhere(const Descriptor& message, const std::string& path,
                    const std::string& key, std::vector<std::string>& found) {
  for (const SchemaField& field : SchemaOf(message)) {
    std::string below = JoinPath(path, field.key);
    if (std::string(field.key) == key) found.push_back(below);
    const FieldDescriptor& proto = ProtoField(message, field);
    if (proto.message_type() == nullptr) continue;
    if (proto.is_repeated()) absl::StrAppend(&below, "[0]");
    FindEverywhere(*proto.message_type(), below, key, found);
  }
}

}  // namespace

absl::Status UnknownKey(const std::string& origin, const std::string& path,
                        const std::string& key, const Descriptor& message) {
  std::vector<std::string> known;
  for (const SchemaField& field : SchemaOf(message)) {
    known.emplace_back(field.key);
  }
  std::string hint;
  std::vector<std::string> elsewhere;
  if (const std::string nearest = NearestWord(key, known); !nearest.empty()) {
    hint = absl::StrCat("did you mean ", JoinPath(path, nearest), "?");
  } else {
    FindEverywhere(*v1::CampaignSpec::descriptor(), "", key, elsewhere);
    hint = elsewhere.empty()
               ? absl::StrCat("expected one of ", absl::StrJoin(known, ", "))
               : absl::StrCat("did you mean ", absl::StrJoin(elsewhere, " or "),
                              "?");
  }
  return absl::InvalidArgumentError(
      absl::StrCat(origin, ": ", JoinPath(path, absl::Utf8SafeCHexEscape(key)),
                   ": unknown key; ", hint));
}

absl::Status ReadTask(const YamlNode& root, const std::string& path,
                      v1::TaskSpec& task) {
  return MessageReader(path, task).Read(root);
}

absl::Status ReadSpec(const YamlNode& root, v1::CampaignSpec& spec) {
  RETURN_IF_ERROR(MessageReader("", spec).Read(root));
  if (spec.search().method() == "ga") {  // which means just this
    spec.mutable_search()->set_alpha(0);
    spec.mutable_search()->set_attraction(false);
  }
  return absl::OkStatus();
}

}  // namespace merganser
