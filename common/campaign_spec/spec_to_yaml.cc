#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/campaign_spec/campaign_file.h"
#include "common/campaign_spec/campaign_schema.h"
#include "common/campaign_spec/field_checks.h"

namespace merganser {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Whether a text reads back as itself without quotes, whatever YAML's rules.
bool IsPlainWord(const std::string& text) {
  return !text.empty() && absl::ascii_isalpha(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.' ||
                  c == '/';
         });
}

class SpecWriter {
 public:
  void WriteMessage(const Message& message) {
    const Descriptor& type = *message.GetDescriptor();
    emitter_ << YAML::BeginMap;
    for (const SchemaField& field : SchemaOf(type)) {
      if (!IsWritten(message, field)) continue;
      emitter_ << YAML::Key << std::string(field.key) << YAML::Value;
      WriteField(message, field);
    }
    emitter_ << YAML::EndMap;
  }

  std::string Text() const { return absl::StrCat(emitter_.c_str(), "\n"); }

 private:
  // What is empty, false or 0 is left out where that is what a missing key
  // means.
  static bool IsWritten(const Message& message, const SchemaField& field) {
    const Reflection& reflection = *message.GetReflection();
    const FieldDescriptor& proto = ProtoField(*message.GetDescriptor(), field);
    if (proto.is_repeated()) return reflection.FieldSize(message, &proto) > 0;
    if (proto.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return reflection.HasField(message, &proto);
    }
    if (proto.cpp_type() != FieldDescriptor::CPPTYPE_STRING &&
        (field.required || !field.default_value.empty())) {
      return true;
    }
    return reflection.HasField(message, &proto);
  }

  void WriteField(const Message& message, const SchemaField& field) {
    const Descriptor& type = *message.GetDescriptor();
    const Reflection& reflection = *message.GetReflection();
    const FieldDescriptor& proto = ProtoField(type, field);
    if (!field.second_proto_field.empty()) {
      emitter_ << YAML::Flow << YAML::BeginSeq;
      WriteScalar(message, proto);
      WriteScalar(message, SecondProtoField(type, field));
      emitter_ << YAML::EndSeq;
    } else if (proto.is_repeated() && proto.message_type() == nullptr) {
      emitter_ << YAML::Flow << YAML::BeginSeq;
      for (int i = 0; i < reflection.FieldSize(message, &proto); ++i) {
        if (IsTextList(proto)) {
          WriteText(reflection.GetRepeatedString(message, &proto, i));
        } else {
          emitter_ << reflection.GetRepeatedInt64(message, &proto, i);
        }
      }
      emitter_ << YAML::EndSeq;
    } else if (proto.is_repeated()) {
      emitter_ << YAML::BeginSeq;
      for (int i = 0; i < reflection.FieldSize(message, &proto); ++i) {
        WriteMessage(reflection.GetRepeatedMessage(message, &proto, i));
      }
      emitter_ << YAML::EndSeq;
    } else if (proto.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      WriteMessage(reflection.GetMessage(message, &proto));
    } else {
      WriteScalar(message, proto);
    }
  }

  void WriteText(const std::string& text) {
    if (!IsPlainWord(text)) emitter_ << YAML::DoubleQuoted;
    emitter_ << text;
  }

  void WriteScalar(const Message& message, const FieldDescriptor& proto) {
    const Reflection& reflection = *message.GetReflection();
    switch (proto.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        WriteText(reflection.GetString(message, &proto));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        emitter_ << reflection.GetBool(message, &proto);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        emitter_ << FormatNumber(reflection.GetDouble(message, &proto));
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        emitter_ << reflection.GetInt32(message, &proto);
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        emitter_ << reflection.GetUInt32(message, &proto);
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        emitter_ << reflection.GetUInt64(message, &proto);
        break;
      default:
        emitter_ << reflection.GetInt64(message, &proto);
    }
  }

  YAML::Emitter emitter_;
};

}  // namespace

std::string SpecToYaml(const v1::CampaignSpec& spec) {
  SpecWriter writer;
  writer.WriteMessage(spec);
  return writer.Text();
}

}  // namespace merganser
