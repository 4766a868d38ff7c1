#include "common/checkpoint/shards.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/json_fields.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kMaximumIndexBytes = int64_t{1} << 28;
constexpr size_t kMaximumShards = 100'000;

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// A file of pickled weights in the folder; empty if there is none.
std::string FindPickle(const std::string& folder) {
  std::set<std::string> found;  // the first by name
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string extension = entry->path().extension();
    if (extension == ".bin" || extension == ".pt" || extension == ".pth" ||
        extension == ".ckpt") {
      found.insert(entry->path().filename());
    }
  }
  return found.empty() ? "" : *found.begin();
}

absl::Status NoWeights(const std::string& folder) {
  const std::string pickle = FindPickle(folder);
  if (pickle.empty()) {
    return absl::NotFoundError(absl::StrCat(
        folder, ": has neither ", kSingleShardFile, " nor ", kShardIndexFile));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      folder, "/", pickle,
      ": weights in a pickle can run code and are not read; convert them to "
      "safetensors: load the model with transformers and call "
      "save_pretrained(FOLDER, safe_serialization=True)"));
}

class ShardOpener {
 public:
  explicit ShardOpener(const std::string& folder)
      : folder_(folder),
        index_path_(absl::StrCat(folder, "/", kShardIndexFile)) {}

  absl::StatusOr<Shards> OpenSingle(const std::string& path) {
    ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(path));
    for (std::string& name : file->names()) {
      shards_.places.emplace(std::move(name), 0);
    }
    shards_.files.push_back(std::move(file));
    return std::move(shards_);
  }

  absl::StatusOr<Shards> OpenIndexed() {
    ASSIGN_OR_RETURN(const std::string text,
                     ReadFile(index_path_, kMaximumIndexBytes));
    ASSIGN_OR_RETURN(const json index, ParseJsonObject(text, index_path_));
    const auto map = index.find("weight_map");
    if (map == index.end() || !map->is_object() || map->empty()) {
      return Error("weight_map: expected an object of tensors and their files");
    }
    for (const auto& [tensor, file] : map->items()) {
      RETURN_IF_ERROR(AddIndexed(tensor, file));
    }
    for (size_t i = 0; i < shards_.files.size(); ++i) {
      RETURN_IF_ERROR(CheckAllNamed(static_cast<int>(i)));
    }
    return std::move(shards_);
  }

 private:
  absl::Status Error(const std::string& message) const {
    return absl::InvalidArgumentError(absl::StrCat(index_path_, ": ", message));
  }

  absl::Status AddIndexed(const std::string& tensor, const json& file) {
    const std::string shown = ShownName(tensor);
    if (!file.is_string()) {
      return Error(absl::StrCat(shown, ": expected the name of a file"));
    }
    const auto name = file.get<std::string>();
    if (name.empty() || name == "." || name == ".." ||
        name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos) {
      return Error(absl::StrCat(shown, ": expected a file of this folder, not ",
                                ShownName(name)));
    }
    ASSIGN_OR_RETURN(const int place, OpenShard(name, shown));
    const std::vector<std::string>& names = names_[place];
    if (!std::binary_search(names.begin(), names.end(), tensor)) {
      return Error(absl::StrCat(shown, ": is not in ", ShownName(name)));
    }
    shards_.places.emplace(tensor, place);
    return absl::OkStatus();
  }

  absl::StatusOr<int> OpenShard(const std::string& name,
                                const std::string& tensor) {
    const auto known = opened_.find(name);
    if (known != opened_.end()) return known->second;
    const std::string path = absl::StrCat(folder_, "/", name);
    if (!Exists(path)) {
      return Error(absl::StrCat("the shard ", ShownName(name), " of ", tensor,
                                " is missing"));
    }
    if (shards_.files.size() >= kMaximumShards) {
      return Error("names more than 100,000 shards");
    }
    ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(path));
    const auto place = static_cast<int>(shards_.files.size());
    names_.push_back(file->names());
    shards_.files.push_back(std::move(file));
    opened_.emplace(name, place);
    return place;
  }

  absl::Status CheckAllNamed(int place) const {
    for (const std::string& name : names_[place]) {
      const auto found = shards_.places.find(name);
      if (found == shards_.places.end() && IsRotaryBuffer(name)) continue;
      const std::string& path = shards_.files[place]->path();
      if (found == shards_.places.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": tensor ", ShownName(name),
                         " is not named by ", kShardIndexFile));
      }
      if (found->second == place) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor ", ShownName(name), " is also in ",
                       shards_.files[found->second]->path(), ", where ",
                       kShardIndexFile, " puts it"));
    }
    return absl::OkStatus();
  }

  const std::string folder_;
  const std::string index_path_;
  Shards shards_;
  std::map<std::string, int> opened_;            // places of file names
  std::vector<std::vector<std::string>> names_;  // tensors of each file
};

}  // namespace

absl::StatusOr<Shards> OpenShards(const std::string& folder) {
  ShardOpener opener(folder);
  const std::string single = absl::StrCat(folder, "/", kSingleShardFile);
  if (Exists(single)) return opener.OpenSingle(single);
  if (Exists(absl::StrCat(folder, "/", kShardIndexFile))) {
    return opener.OpenIndexed();
  }
  return NoWeights(folder);
}

bool IsRotaryBuffer(const std::string& name) {
  return absl::EndsWith(name, "rotary_emb.inv_freq");
}

}  // namespace merganser
