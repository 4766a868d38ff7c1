// What a campaign has changed since its last commit.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/store/campaign_store.h"

namespace merganser {

// Threads: none; CampaignRunner owns it.
class WriteBuffer {
 public:
  void Put(Collection collection, int64_t key, std::string value) {
    writes_[{collection, key}] = std::move(value);
  }
  void Erase(Collection collection, int64_t key) {
    writes_[{collection, key}] = std::nullopt;
  }
  void Append(ListCollection list, std::string value) {
    appends_.push_back({list, std::move(value)});
  }
  bool empty() const { return writes_.empty() && appends_.empty(); }

  // All changes since the last call; of several to one key the last.
  Batch Take();

 private:
  std::map<std::pair<Collection, int64_t>, std::optional<std::string>> writes_;
  std::vector<::merganser::Append> appends_;
};

}  // namespace merganser
