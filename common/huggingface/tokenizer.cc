#include "common/huggingface/tokenizer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/huggingface/native_call.h"
#include "common/storage/file.h"
#include "common/storage/lfs_pointer.h"

namespace merganser {
namespace {

// Far more than any vocabulary takes.
constexpr int64_t kMaximumFileBytes = int64_t{1} << 28;

mhf_tokenizer* Native(void* handle) {
  return static_cast<mhf_tokenizer*>(handle);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Tokenizer>> Tokenizer::Open(
    const std::string& path) {
  ASSIGN_OR_RETURN(const std::string json, ReadFile(path, kMaximumFileBytes));
  RETURN_IF_ERROR(RefuseLfsPointer(json, path));
  mhf_tokenizer* handle = nullptr;
  mhf_bytes error = {};
  const mhf_status status =
      mhf_tokenizer_new(NativeText(json), &handle, &error);
  RETURN_IF_ERROR(Annotate(NativeStatus(status, error), path));
  return std::shared_ptr<const Tokenizer>(new Tokenizer(handle));
}

Tokenizer::~Tokenizer() { mhf_tokenizer_free(Native(handle_)); }

int64_t Tokenizer::vocabulary_size() const {
  return static_cast<int64_t>(mhf_tokenizer_vocabulary_size(Native(handle_)));
}

absl::StatusOr<std::vector<int32_t>> Tokenizer::Encode(
    std::string_view text, bool add_special_tokens) const {
  mhf_ids ids = {};
  mhf_bytes error = {};
  const mhf_status status =
      mhf_tokenizer_encode(Native(handle_), NativeText(text),
                           add_special_tokens ? 1 : 0, &ids, &error);
  RETURN_IF_ERROR(NativeStatus(status, error));
  std::vector<int32_t> tokens(ids.data, ids.data + ids.size);
  mhf_ids_free(ids);
  return tokens;
}

absl::StatusOr<std::string> Tokenizer::Decode(std::span<const int32_t> ids,
                                              bool skip_special_tokens) const {
  const auto negative =
      std::find_if(ids.begin(), ids.end(), [](int32_t id) { return id < 0; });
  if (negative != ids.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("token ", *negative, ": expected at least 0"));
  }
  mhf_bytes text = {};
  mhf_bytes error = {};
  const mhf_status status = mhf_tokenizer_decode(
      Native(handle_), reinterpret_cast<const uint32_t*>(ids.data()),
      ids.size(), skip_special_tokens ? 1 : 0, &text, &error);
  RETURN_IF_ERROR(NativeStatus(status, error));
  return TakeText(text);
}

std::optional<int32_t> Tokenizer::TokenToId(std::string_view token) const {
  uint32_t id = 0;
  if (mhf_tokenizer_token_to_id(Native(handle_), NativeText(token), &id) == 0) {
    return std::nullopt;
  }
  return static_cast<int32_t>(id);
}

}  // namespace merganser
