// A language model in a Hugging Face folder: config.json, safetensors in one
// file or in shards, and what lies beside them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/digest.h"
#include "common/checkpoint/checkpoint_info.h"
#include "common/checkpoint/language_model_config.h"
#include "common/checkpoint/shards.h"
#include "common/genome/parameter_layout.h"
#include "common/genome/thread_team.h"
#include "common/storage/tensor_source.h"

namespace merganser {

// An opened folder. The weights are mapped, nothing is copied; the files must
// not be cut short while it is open. Every tensor of the architecture is there
// with its shape and in a dtype of DType, and no other one is, except for two
// that are never merged: rotary_emb.inv_freq buffers, and, where the head is
// tied, an lm_head.weight of the embedding's shape.
// Threads: immutable after Open(); safe to share.
class Checkpoint : public TensorSource {
 public:
  // Errors: NotFound when it is no folder or lacks config.json or the weights;
  // InvalidArgument for content that is not as it should be. Messages name the
  // file, the key or tensor, and what was expected.
  static absl::StatusOr<std::shared_ptr<const Checkpoint>> Open(
      const std::string& folder);
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  // The folder, as it was given.
  const std::string& path() const override { return folder_; }
  // All tensors of the files, those that are never merged too.
  std::vector<std::string> names() const override;
  absl::StatusOr<TensorView> Tensor(const std::string& name) const override;

  const LanguageModelConfig& config() const { return config_; }
  // The tensors of the parameter vector; see LanguageModelLayout().
  const ParameterLayout& layout() const { return layout_; }
  // Of all tensors of the layout; float32 where they differ.
  DType dtype() const { return dtype_; }
  // As SeedDigest() of one file with all tensors, however they are sharded. The
  // first call reads everything.
  // Threads: one call at a time has the team.
  Digest digest(ThreadTeam& team) const ABSL_LOCKS_EXCLUDED(mutex_);

  // See checkpoint_info.h.
  const GenerationSettings& generation() const { return generation_; }
  const std::string& licence() const { return licence_; }
  const std::string& name() const { return name_; }
  const std::vector<std::string>& companion_files() const {
    return companion_files_;
  }
  const std::string& config_json() const { return config_json_; }
  // Of files that need not be there.
  std::string tokenizer_path() const { return folder_ + "/tokenizer.json"; }
  std::string tokenizer_config_path() const {
    return folder_ + "/tokenizer_config.json";
  }

  // Of the weights: one, or those that the index names.
  std::vector<std::string> weight_files() const;

 private:
  Checkpoint(std::string folder, std::string config_json,
             LanguageModelConfig config, Shards shards);
  // All that Open() promises of the tensors; sets dtype_.
  absl::Status CheckTensors();
  absl::Status CheckExtraTensor(const std::string& name) const;
  absl::Status Error(const std::string& message) const;

  const std::string folder_;
  const std::string config_json_;
  const LanguageModelConfig config_;
  const ParameterLayout layout_;
  const Shards shards_;
  DType dtype_ = DType::kF32;
  GenerationSettings generation_;
  std::string licence_;
  std::string name_;
  std::vector<std::string> companion_files_;

  mutable absl::Mutex mutex_;
  mutable std::optional<Digest> digest_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace merganser
