// Early return on a failed Status, with context.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#define MERGANSER_CONCAT_INNER(a, b) a##b
#define MERGANSER_CONCAT(a, b) MERGANSER_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expression` is a failed Status.
#define RETURN_IF_ERROR(expression)                           \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

// ASSIGN_OR_RETURN(auto x, Expression()): the value, or returns the error.
#define ASSIGN_OR_RETURN(lhs, expression)                             \
  ASSIGN_OR_RETURN_INNER(MERGANSER_CONCAT(status_or_, __LINE__), lhs, \
                         expression)
#define ASSIGN_OR_RETURN_INNER(variable, lhs, expression) \
  auto variable = (expression);                           \
  if (!variable.ok()) return variable.status();           \
  lhs = std::move(variable).value()

namespace merganser {

// The same error with "context: " in front of its message; OK stays OK.
inline absl::Status Annotate(const absl::Status& status,
                             absl::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(context, ": ", status.message()));
}

}  // namespace merganser
