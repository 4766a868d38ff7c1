#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/campaign_spec/campaign_schema.h"
#include "common/campaign_spec/field_checks.h"
#include "merganser/v1/campaign.pb.h"

namespace merganser {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// A row's type, range and default, as in "integer, 2 to 1024, default 20".
std::string Rules(const Descriptor& message, const SchemaField& field) {
  const FieldDescriptor& proto = ProtoField(message, field);
  std::vector<std::string> parts;
  if (!field.choices.empty()) {
    parts.push_back(ChoicesText(field));
  } else {
    parts.push_back(TypeName(message, field));
  }
  const bool is_text = proto.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  if (proto.is_repeated()) {
    parts.push_back(
        is_text ? EntriesText(field)
                : absl::StrCat(EntriesText(field), " of ", RangeText(field)));
  } else if (!is_text && !RangeText(field).empty()) {
    parts.push_back(RangeText(field));
  }
  if (!field.default_value.empty()) {
    parts.push_back(absl::StrCat("default ", field.default_value));
  } else if (field.required) {
    parts.push_back("required");
  }
  return absl::StrJoin(parts, ", ");
}

void DescribeMessage(const Descriptor& message, const std::string& path,
                     std::string& text) {
  for (const SchemaField& field : SchemaOf(message)) {
    const FieldDescriptor& proto = ProtoField(message, field);
    std::string key = JoinPath(path, field.key);
    if (proto.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (proto.is_repeated()) absl::StrAppend(&key, "[i]");
      DescribeMessage(*proto.message_type(), key, text);
    } else {
      absl::StrAppend(&text, "  ", key, ": ", Rules(message, field), "; ",
                      field.help, "\n");
    }
  }
}

}  // namespace

std::string DescribeSchema() {
  std::string text;
  DescribeMessage(*v1::CampaignSpec::descriptor(), "", text);
  return text;
}

}  // namespace merganser
