#include "common/campaign_spec/validate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_schema.h"
#include "common/campaign_spec/field_checks.h"
#include "common/campaign_spec/validate_model.h"
#include "common/campaign_spec/validate_origin.h"
#include "common/campaign_spec/validate_resolved.h"
#include "common/campaign_spec/validate_seeds.h"
#include "common/campaign_spec/validate_tasks.h"

namespace merganser {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaximumNameBytes = 63;

absl::Status CheckMessage(const Message& message, const std::string& path);

double NumberOf(const Message& message, const FieldDescriptor& proto) {
  const Reflection& reflection = *message.GetReflection();
  switch (proto.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.GetInt32(message, &proto);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &proto);
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(reflection.GetUInt64(message, &proto));
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(reflection.GetInt64(message, &proto));
    default:
      return reflection.GetDouble(message, &proto);
  }
}

absl::Status CheckMessages(const Message& message, const SchemaField& field,
                           const FieldDescriptor& proto,
                           const std::string& path) {
  const Reflection& reflection = *message.GetReflection();
  if (!proto.is_repeated()) {
    if (reflection.HasField(message, &proto)) {
      return CheckMessage(reflection.GetMessage(message, &proto), path);
    }
    if (!field.required) return absl::OkStatus();
    return FieldError(path, absl::StrCat("is missing; expected ", field.help));
  }
  const int entries = reflection.FieldSize(message, &proto);
  RETURN_IF_ERROR(CheckEntries(field, path, entries));
  for (int i = 0; i < entries; ++i) {
    RETURN_IF_ERROR(
        CheckMessage(reflection.GetRepeatedMessage(message, &proto, i),
                     absl::StrCat(path, "[", i, "]")));
  }
  return absl::OkStatus();
}

// A list of texts or integers.
absl::Status CheckScalars(const Message& message, const SchemaField& field,
                          const FieldDescriptor& proto,
                          const std::string& path) {
  const Reflection& reflection = *message.GetReflection();
  const int entries = reflection.FieldSize(message, &proto);
  RETURN_IF_ERROR(CheckEntries(field, path, entries));
  for (int i = 0; i < entries; ++i) {
    const std::string entry = absl::StrCat(path, "[", i, "]");
    if (IsTextList(proto)) {
      RETURN_IF_ERROR(CheckText(
          field, entry, reflection.GetRepeatedString(message, &proto, i)));
      continue;
    }
    const int64_t number = reflection.GetRepeatedInt64(message, &proto, i);
    RETURN_IF_ERROR(CheckNumber(field, entry, static_cast<double>(number)));
  }
  return absl::OkStatus();
}

absl::Status CheckField(const Message& message, const SchemaField& field,
                        const std::string& path) {
  const Descriptor& type = *message.GetDescriptor();
  const FieldDescriptor& proto = ProtoField(type, field);
  if (proto.is_repeated() && proto.message_type() == nullptr) {
    return CheckScalars(message, field, proto, path);
  }
  if (!field.second_proto_field.empty()) {
    RETURN_IF_ERROR(CheckNumber(field, absl::StrCat(path, "[0]"),
                                NumberOf(message, proto)));
    return CheckNumber(field, absl::StrCat(path, "[1]"),
                       NumberOf(message, SecondProtoField(type, field)));
  }
  switch (proto.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return CheckMessages(message, field, proto, path);
    case FieldDescriptor::CPPTYPE_STRING:
      return CheckText(field, path,
                       message.GetReflection()->GetString(message, &proto));
    case FieldDescriptor::CPPTYPE_BOOL:
      return absl::OkStatus();
    default:
      return CheckNumber(field, path, NumberOf(message, proto));
  }
}

// Every row of the table, for a message and all below it.
absl::Status CheckMessage(const Message& message, const std::string& path) {
  for (const SchemaField& field : SchemaOf(*message.GetDescriptor())) {
    RETURN_IF_ERROR(CheckField(message, field, JoinPath(path, field.key)));
  }
  return absl::OkStatus();
}

template <typename Named>
absl::Status CheckUniqueNames(const std::string& list, const Named& entries) {
  std::set<std::string> names;
  for (int i = 0; i < entries.size(); ++i) {
    if (names.insert(entries[i].name()).second) continue;
    return FieldError(
        absl::StrCat(list, "[", i, "].name"),
        absl::StrCat("expected a name of its own; got \"", entries[i].name(),
                     "\", which another of the ", list, " has"));
  }
  return absl::OkStatus();
}

absl::Status CheckDataset(const std::string& path,
                          const v1::DatasetSpec& dataset) {
  if (dataset.end_row() != 0 && dataset.end_row() <= dataset.first_row()) {
    return FieldError(
        absl::StrCat(path, ".rows"),
        absl::StrCat("expected the row behind the last, above the first, or 0; "
                     "got [",
                     dataset.first_row(), ", ", dataset.end_row(), "]"));
  }
  // Features are floats, and so is what they are multiplied by.
  if (dataset.scale() == 0 ||
      std::abs(dataset.scale()) > std::numeric_limits<float>::max()) {
    return FieldError(
        absl::StrCat(path, ".scale"),
        absl::StrCat("expected a number other than 0 in a float's range, at "
                     "most 3.4e38; got ",
                     FormatNumber(dataset.scale())));
  }
  return absl::OkStatus();
}

absl::Status CheckSearch(const v1::SearchSpec& search) {
  if (search.mix_low() > search.mix_high()) {
    return FieldError("search.mix",
                      absl::StrCat("expected the lower end first; got [",
                                   FormatNumber(search.mix_low()), ", ",
                                   FormatNumber(search.mix_high()), "]"));
  }
  if (search.method() != "ga") return absl::OkStatus();
  if (search.alpha() != 0) {
    return FieldError("search.alpha",
                      absl::StrCat("expected 0 with the method ga; got ",
                                   FormatNumber(search.alpha())));
  }
  if (search.attraction()) {
    return FieldError("search.attraction",
                      "expected false with the method ga; got true");
  }
  return absl::OkStatus();
}

// What no row of the table can say.
absl::Status CheckRules(const v1::CampaignSpec& spec) {
  RETURN_IF_ERROR(CheckUniqueNames("seeds", spec.seeds()));
  RETURN_IF_ERROR(ValidateSeeds(spec));
  RETURN_IF_ERROR(ValidateModel(spec));
  RETURN_IF_ERROR(ValidateOrigin(spec));
  RETURN_IF_ERROR(CheckUniqueNames("tasks", spec.tasks()));
  for (int i = 0; i < spec.tasks_size(); ++i) {
    const std::string path = absl::StrCat("tasks[", i, "]");
    const v1::TaskSpec& task = spec.tasks(i);
    RETURN_IF_ERROR(CheckDataset(absl::StrCat(path, ".search"), task.search()));
    if (task.has_holdout()) {
      RETURN_IF_ERROR(
          CheckDataset(absl::StrCat(path, ".holdout"), task.holdout()));
    }
    if (task.has_few_shot()) {
      RETURN_IF_ERROR(CheckDataset(absl::StrCat(path, ".few_shot.examples"),
                                   task.few_shot().examples()));
    }
  }
  RETURN_IF_ERROR(ValidateTasks(spec));
  return CheckSearch(spec.search());
}

}  // namespace

absl::Status ValidateName(const std::string& field, const std::string& name) {
  const bool valid =
      !name.empty() && name.size() <= kMaximumNameBytes &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
      });
  const bool is_folder = name == "." || name == "..";
  if (valid && !is_folder) return absl::OkStatus();
  constexpr size_t kShownBytes = 80;
  return FieldError(
      field, absl::StrCat("expected 1 to ", kMaximumNameBytes,
                          " letters, digits, dots, underscores or hyphens",
                          is_folder ? ", and not dots alone" : "", "; got \"",
                          absl::CHexEscape(name.substr(0, kShownBytes)), "\""));
}

absl::Status ValidateSpec(const v1::CampaignSpec& spec,
                          const ValidateOptions& options) {
  RETURN_IF_ERROR(CheckMessage(spec, ""));
  RETURN_IF_ERROR(CheckRules(spec));
  if (!options.require_resolved) return absl::OkStatus();
  return ValidateResolved(spec);
}

}  // namespace merganser
