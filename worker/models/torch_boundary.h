// Where exceptions of libtorch end.
#pragma once

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c10/util/Exception.h"

namespace merganser {

// Runs `body`, which returns nothing.
// Errors: ResourceExhausted when memory runs out, Internal otherwise; messages
// begin with `what` and leave out libtorch's backtrace.
template <typename Body>
absl::Status CatchTorch(const char* what, Body&& body) {
  try {
    std::forward<Body>(body)();
    return absl::OkStatus();
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    const bool memory =
        message.find("out of memory") != std::string::npos ||
        message.find("can't allocate memory") != std::string::npos;
    return absl::Status(memory ? absl::StatusCode::kResourceExhausted
                               : absl::StatusCode::kInternal,
                        absl::StrCat(what, ": ", message));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat(what, ": out of memory"));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat(what, ": ", error.what()));
  }
}

}  // namespace merganser
