#include "common/campaign_spec/campaign_schema.h"

#include <string>

namespace merganser {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

namespace {

const FieldDescriptor& NamedField(const Descriptor& message,
                                  absl::string_view name) {
  return *message.FindFieldByName(std::string(name));
}

}  // namespace

const SchemaField* FindSchemaField(const Descriptor& message,
                                   absl::string_view key) {
  for (const SchemaField& field : SchemaOf(message)) {
    if (field.key == key) return &field;
  }
  return nullptr;
}

const FieldDescriptor& ProtoField(const Descriptor& message,
                                  const SchemaField& field) {
  return NamedField(message, field.proto_field);
}

const FieldDescriptor& SecondProtoField(const Descriptor& message,
                                        const SchemaField& field) {
  return NamedField(message, field.second_proto_field);
}

bool IsTextList(const FieldDescriptor& proto) {
  return proto.is_repeated() &&
         proto.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

std::string TypeName(const Descriptor& message, const SchemaField& field) {
  const FieldDescriptor& proto = ProtoField(message, field);
  if (!field.second_proto_field.empty()) return "a list of two numbers";
  if (proto.is_repeated()) {
    if (proto.message_type() != nullptr) return "a list";
    return IsTextList(proto) ? "a list of texts" : "a list of integers";
  }
  switch (proto.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "a map";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "a number";
    default:
      return "an integer";
  }
}

}  // namespace merganser
