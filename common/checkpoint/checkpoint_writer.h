// Writes a Hugging Face folder of weights that never are in memory as a whole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/storage/safetensors.h"

namespace merganser {

// A folder that appears under its name complete and on disk, or not at all: all
// is written to a folder beside it (its name and ".tmp." and more), which
// Commit() renames. Room for the weights is taken when it is made, so that a
// full disk shows before anything is computed. Destroyed without a successful
// Commit(), it leaves nothing.
// Threads: Write() may be called by several at a time, the rest by one.
class CheckpointWriter {
 public:
  struct Options {
    std::string folder;
    // Only a new or an empty folder is written, or one that has this file: an
    // earlier work of the same kind, which is replaced.
    std::string marker_file;
    // Of the data of one shard; a larger tensor has a shard of its own.
    int64_t max_shard_bytes = 5'000'000'000;
  };

  // Whether Create() would take the folder.
  // Errors: FailedPrecondition when it holds anything else, InvalidArgument
  // when it is no folder.
  static absl::Status CheckFolder(const Options& options);

  // In order of their names the tensors fill model.safetensors or, when they do
  // not fit one shard, model-00001-of-0000N.safetensors, ….
  // Errors: those of CheckFolder() and MakeSafetensorsHeader();
  // ResourceExhausted when the disk has no room; what the system says.
  static absl::StatusOr<std::unique_ptr<CheckpointWriter>> Create(
      Options options, std::vector<TensorOutline> tensors);
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Bytes of a tensor of Create() from `offset_bytes` on; its place in what was
  // given to Create() is `tensor`. Every byte of every tensor is to be written
  // once, in any order.
  absl::Status Write(size_t tensor, int64_t offset_bytes,
                     std::span<const uint8_t> bytes);
  // Another file of the folder, such as config.json.
  absl::Status AddFile(const std::string& name, const std::string& content);
  // Call it once, last.
  absl::Status Commit();

  // Of the weights.
  int64_t total_bytes() const { return total_bytes_; }
  int shards() const { return static_cast<int>(shards_.size()); }

 private:
  struct Shard {
    std::vector<size_t> tensors;  // in order of their names
    int64_t data_bytes = 0;
    std::string name;
    int descriptor = -1;
  };
  struct Place {
    int shard = 0;
    int64_t offset = 0;  // in the file
  };

  CheckpointWriter(Options options, std::vector<TensorOutline> tensors);

  // Deals the tensors to shards.
  void PlanShards();
  absl::Status CreateShard(int index);
  absl::Status WriteAt(const Shard& shard, int64_t offset,
                       std::span<const uint8_t> bytes) const;
  // Flushes and closes all shards.
  absl::Status FinishShards();
  absl::Status AddIndex();
  absl::Status ReplaceFolder();

  const Options options_;
  const std::vector<TensorOutline> tensors_;
  std::vector<Place> places_;  // of tensors_
  std::vector<Shard> shards_;
  int64_t total_bytes_ = 0;
  std::string temporary_folder_;  // empty once there is nothing to remove
};

}  // namespace merganser
