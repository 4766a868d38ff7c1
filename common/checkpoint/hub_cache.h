// The cache in which Hugging Face's tools keep what they have downloaded.
// Nothing is ever fetched.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace merganser {

// "org/name@revision".
struct HubName {
  std::string repository;         // "org/name", or "name" alone
  std::string revision = "main";  // a branch, a tag or a commit
};

// Without "@revision" it is "main".
// Errors: InvalidArgument saying what was expected.
absl::StatusOr<HubName> ParseHubName(std::string_view text);

// A revision in the cache.
struct HubSnapshot {
  std::string folder;
  std::string commit;
};

// The cache of this process' environment: HF_HUB_CACHE, else HF_HOME/hub, else
// ~/.cache/huggingface/hub.
std::string HubCacheFolder();

// Errors: NotFound naming the folder that was looked into.
// Source: the documentation of huggingface_hub, "Understand caching".
absl::StatusOr<HubSnapshot> FindInHubCache(const HubName& name,
                                           const std::string& cache_folder);

}  // namespace merganser
