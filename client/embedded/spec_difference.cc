#include "client/embedded/spec_difference.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/reflection.h>
#include <google/protobuf/stubs/strutil.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/campaign_spec/campaign_schema.h"

namespace merganser {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Of two messages of one type.
struct Pair {
  const Message& before;
  const Message& after;
};

std::optional<SpecDifference> Compare(const Pair& messages,
                                      const std::string& prefix);

// A value that is no message, as people read it.
std::string Show(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return google::protobuf::SimpleDtoa(
          reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(reflection.GetUInt64(message, &field));
    default: {
      const std::string text = reflection.GetString(message, &field);
      return text.empty() ? "nothing" : text;
    }
  }
}

// "[64, 256, 10]"
std::string ShowList(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (IsTextList(field)) {
    const auto texts =
        reflection.GetRepeatedFieldRef<std::string>(message, &field);
    return absl::StrCat("[", absl::StrJoin(texts, ", "), "]");
  }
  const auto numbers = reflection.GetRepeatedFieldRef<int64_t>(message, &field);
  return absl::StrCat("[", absl::StrJoin(numbers, ", "), "]");
}

std::string ShowKey(const Message& message, const SchemaField& key) {
  const auto& type = *message.GetDescriptor();
  if (ProtoField(type, key).is_repeated()) {
    return ShowList(message, ProtoField(type, key));
  }
  const std::string first = Show(message, ProtoField(type, key));
  if (key.second_proto_field.empty()) return first;
  return absl::StrCat("[", first, ", ",
                      Show(message, SecondProtoField(type, key)), "]");
}

std::optional<SpecDifference> CompareLists(const Pair& messages,
                                           const FieldDescriptor& field,
                                           const std::string& path) {
  const Reflection& reflection = *messages.before.GetReflection();
  const int before = reflection.FieldSize(messages.before, &field);
  const int after = reflection.FieldSize(messages.after, &field);
  if (before != after) {
    return SpecDifference{path, absl::StrCat(before, " of them"),
                          absl::StrCat(after, " of them")};
  }
  for (int i = 0; i < before; ++i) {
    auto difference =
        Compare({reflection.GetRepeatedMessage(messages.before, &field, i),
                 reflection.GetRepeatedMessage(messages.after, &field, i)},
                absl::StrCat(path, "[", i, "]."));
    if (difference.has_value()) return difference;
  }
  return std::nullopt;
}

std::optional<SpecDifference> CompareParts(const Pair& messages,
                                           const FieldDescriptor& field,
                                           const std::string& path) {
  const Reflection& reflection = *messages.before.GetReflection();
  const bool before = reflection.HasField(messages.before, &field);
  const bool after = reflection.HasField(messages.after, &field);
  if (before != after) {
    return SpecDifference{path, before ? "one" : "none",
                          after ? "one" : "none"};
  }
  return Compare({reflection.GetMessage(messages.before, &field),
                  reflection.GetMessage(messages.after, &field)},
                 path + ".");
}

std::optional<SpecDifference> CompareKey(const Pair& messages,
                                         const SchemaField& key,
                                         const std::string& path) {
  const FieldDescriptor& field =
      ProtoField(*messages.before.GetDescriptor(), key);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return field.is_repeated() ? CompareLists(messages, field, path)
                               : CompareParts(messages, field, path);
  }
  SpecDifference difference{path, ShowKey(messages.before, key),
                            ShowKey(messages.after, key)};
  if (difference.before == difference.after) return std::nullopt;
  return difference;
}

// Its digest follows from fields that are compared by themselves.
bool IsRandomSeed(const Message& message) {
  const auto* const seed = dynamic_cast<const v1::SeedSpec*>(&message);
  return seed != nullptr && seed->random();
}

// A file under an unchanged name is told by the digest beside it.
std::optional<SpecDifference> CompareDigests(const Pair& messages,
                                             const std::string& prefix) {
  const auto& type = *messages.before.GetDescriptor();
  const FieldDescriptor* digest = type.FindFieldByName("digest");
  if (digest == nullptr || IsRandomSeed(messages.before) ||
      Show(messages.before, *digest) == Show(messages.after, *digest)) {
    return std::nullopt;
  }
  const char* file = type.FindFieldByName("path") != nullptr ? "path" : "file";
  return SpecDifference{prefix + file, "other contents of the file",
                        "contents that have changed", /*file_changed=*/true};
}

std::optional<SpecDifference> Compare(const Pair& messages,
                                      const std::string& prefix) {
  const auto& type = *messages.before.GetDescriptor();
  for (const SchemaField& key : SchemaOf(type)) {
    const std::string path = absl::StrCat(prefix, key.key);
    if (path == "budget") continue;           // it may grow
    if (key.key == "keep_outputs") continue;  // changes no outcome
    auto difference = CompareKey(messages, key, path);
    if (difference.has_value()) return difference;
  }
  return CompareDigests(messages, prefix);
}

}  // namespace

std::optional<SpecDifference> FirstDifference(const v1::CampaignSpec& before,
                                              const v1::CampaignSpec& after) {
  return Compare({before, after}, "");
}

}  // namespace merganser
