#include "common/checkpoint/checkpoint_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/shards.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

absl::Status SystemError(const std::string& path, const char* what) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot ", what));
}

absl::Status SystemError(const std::string& path, const char* what,
                         const std::error_code& error) {
  return absl::ErrnoToStatus(error.value(),
                             absl::StrCat(path, ": cannot ", what));
}

int64_t BytesOf(const TensorOutline& tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(),
                         DTypeBytes(tensor.dtype), std::multiplies<>());
}

// A name beside `folder` that no other writer takes.
std::string TemporaryName(const std::string& folder) {
  static std::atomic<int64_t> counter{0};
  return absl::StrCat(folder, ".tmp.", getpid(), ".", counter.fetch_add(1));
}

// Without a slash at its end.
std::string Trimmed(std::string folder) {
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  return folder;
}

std::string ParentOf(const std::string& folder) {
  const std::string parent = fs::path(folder).parent_path();
  return parent.empty() ? "." : parent;
}

absl::Status SyncFolder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return SystemError(folder, "open folder");
  const bool flushed = fsync(descriptor) == 0;
  const absl::Status status =
      flushed ? absl::OkStatus() : SystemError(folder, "flush folder");
  close(descriptor);
  return status;
}

// Takes room on the disk, where the file system can.
absl::Status TakeRoom(int descriptor, int64_t size_bytes,
                      const std::string& path) {
  if (fallocate(descriptor, 0, 0, size_bytes) == 0) return absl::OkStatus();
  if (errno != EOPNOTSUPP && errno != ENOSYS) {
    return SystemError(path, "take room on the disk");
  }
  if (ftruncate(descriptor, size_bytes) == 0) return absl::OkStatus();
  return SystemError(path, "set the size");
}

}  // namespace

absl::Status CheckpointWriter::CheckFolder(const Options& options) {
  std::error_code error;
  if (!fs::exists(options.folder, error)) return absl::OkStatus();
  if (!fs::is_directory(options.folder, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.folder, ": expected a folder; it is a file"));
  }
  if (fs::is_empty(options.folder, error)) return absl::OkStatus();
  if (fs::exists(fs::path(options.folder) / options.marker_file, error)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(options.folder, ": is not empty and has no ",
                   options.marker_file, "; choose another --output"));
}

absl::StatusOr<std::unique_ptr<CheckpointWriter>> CheckpointWriter::Create(
    Options options, std::vector<TensorOutline> tensors) {
  options.folder = Trimmed(std::move(options.folder));
  RETURN_IF_ERROR(CheckFolder(options));
  std::unique_ptr<CheckpointWriter> writer(
      new CheckpointWriter(std::move(options), std::move(tensors)));
  const std::string& folder = writer->options_.folder;
  std::error_code error;
  fs::create_directories(ParentOf(folder), error);
  if (error) return SystemError(ParentOf(folder), "create", error);
  const std::string temporary = TemporaryName(folder);
  if (mkdir(temporary.c_str(), S_IRWXU | S_IRWXG | S_IRWXO) != 0) {
    return SystemError(temporary, "create");
  }
  writer->temporary_folder_ = temporary;
  for (int i = 0; i < writer->shards(); ++i) {
    RETURN_IF_ERROR(writer->CreateShard(i));
  }
  return writer;
}

CheckpointWriter::CheckpointWriter(Options options,
                                   std::vector<TensorOutline> tensors)
    : options_(std::move(options)), tensors_(std::move(tensors)) {
  PlanShards();
}

CheckpointWriter::~CheckpointWriter() {
  for (const Shard& shard : shards_) {
    if (shard.descriptor >= 0) close(shard.descriptor);
  }
  std::error_code ignored;
  if (!temporary_folder_.empty()) fs::remove_all(temporary_folder_, ignored);
}

void CheckpointWriter::PlanShards() {
  std::vector<size_t> by_name(tensors_.size());
  std::iota(by_name.begin(), by_name.end(), size_t{0});
  std::sort(by_name.begin(), by_name.end(), [this](size_t a, size_t b) {
    return tensors_[a].name < tensors_[b].name;
  });
  for (const size_t tensor : by_name) {
    const int64_t bytes = BytesOf(tensors_[tensor]);
    total_bytes_ += bytes;
    const bool fits = !shards_.empty() && shards_.back().data_bytes + bytes <=
                                              options_.max_shard_bytes;
    if (!fits) shards_.emplace_back();
    shards_.back().tensors.push_back(tensor);
    shards_.back().data_bytes += bytes;
  }
  for (size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].name = shards_.size() == 1
                          ? kSingleShardFile
                          : absl::StrFormat("model-%05d-of-%05d.safetensors",
                                            i + 1, shards_.size());
  }
  places_.resize(tensors_.size());
}

absl::Status CheckpointWriter::CreateShard(int index) {
  Shard& shard = shards_[index];
  std::vector<TensorOutline> outlines;
  for (const size_t tensor : shard.tensors) {
    outlines.push_back(tensors_[tensor]);
  }
  // transformers asks for the format.
  ASSIGN_OR_RETURN(const std::string header,
                   MakeSafetensorsHeader(outlines, {{"format", "pt"}}));
  auto offset = static_cast<int64_t>(header.size());
  for (const size_t tensor : shard.tensors) {
    places_[tensor] = {index, offset};
    offset += BytesOf(tensors_[tensor]);
  }
  const std::string path = absl::StrCat(temporary_folder_, "/", shard.name);
  shard.descriptor =
      open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
           S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
  if (shard.descriptor < 0) return SystemError(path, "create");
  RETURN_IF_ERROR(TakeRoom(shard.descriptor, offset, path));
  return WriteAt(
      shard, 0,
      {reinterpret_cast<const uint8_t*>(header.data()), header.size()});
}

absl::Status CheckpointWriter::WriteAt(const Shard& shard, int64_t offset,
                                       std::span<const uint8_t> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(shard.descriptor, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      return SystemError(absl::StrCat(options_.folder, "/", shard.name),
                         "write");
    }
    bytes = bytes.subspan(written);
    offset += written;
  }
  return absl::OkStatus();
}

absl::Status CheckpointWriter::Write(size_t tensor, int64_t offset_bytes,
                                     std::span<const uint8_t> bytes) {
  const Place& place = places_[tensor];
  return WriteAt(shards_[place.shard], place.offset + offset_bytes, bytes);
}

absl::Status CheckpointWriter::AddFile(const std::string& name,
                                       const std::string& content) {
  return WriteFileAtomically(absl::StrCat(temporary_folder_, "/", name),
                             content);
}

absl::Status CheckpointWriter::FinishShards() {
  for (Shard& shard : shards_) {
    const std::string path = absl::StrCat(options_.folder, "/", shard.name);
    if (fsync(shard.descriptor) != 0) return SystemError(path, "flush");
    // Some file systems report a failed write on close alone.
    if (close(std::exchange(shard.descriptor, -1)) != 0) {
      return SystemError(path, "close");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckpointWriter::AddIndex() {
  if (shards_.size() <= 1) return absl::OkStatus();
  std::map<std::string, std::string> files;
  for (const Shard& shard : shards_) {
    for (const size_t tensor : shard.tensors) {
      files[tensors_[tensor].name] = shard.name;
    }
  }
  const ordered_json index = {{"metadata", {{"total_size", total_bytes_}}},
                              {"weight_map", files}};
  return AddFile(kShardIndexFile, index.dump(2) + "\n");
}

absl::Status CheckpointWriter::Commit() {
  RETURN_IF_ERROR(FinishShards());
  RETURN_IF_ERROR(AddIndex());
  RETURN_IF_ERROR(SyncFolder(temporary_folder_));
  RETURN_IF_ERROR(ReplaceFolder());
  return SyncFolder(ParentOf(options_.folder));
}

absl::Status CheckpointWriter::ReplaceFolder() {
  // It may have been filled meanwhile.
  RETURN_IF_ERROR(CheckFolder(options_));
  const std::string& folder = options_.folder;
  std::error_code error;
  std::string earlier;
  if (fs::exists(folder, error)) {
    earlier = TemporaryName(folder);
    fs::rename(folder, earlier, error);
    if (error) return SystemError(folder, "rename", error);
  }
  fs::rename(temporary_folder_, folder, error);
  if (error) {
    std::error_code ignored;
    if (!earlier.empty()) fs::rename(earlier, folder, ignored);
    return SystemError(folder, "rename to", error);
  }
  temporary_folder_.clear();
  if (!earlier.empty()) fs::remove_all(earlier, error);
  return absl::OkStatus();
}

}  // namespace merganser
