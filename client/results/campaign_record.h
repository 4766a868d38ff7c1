// A campaign's record on disk: what a replay needs. Three files in a folder:
// header.pb (an ExportHeader), log.pb (LogEntry messages in the order of n,
// each with its length in front as a varint) and gram.bin (the Gram sums as
// GramSums::Serialise() gives them; empty where weights are kept).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/genome/gram.h"
#include "common/storage/file.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

// Writes a record from the parts of an export, in memory that does not grow
// with the log. Until Commit() no file appears, and one that was there stays.
// Threads: none.
class RecordWriter {
 public:
  // Makes the folder if need be; its parent exists. One that was made goes
  // again with a writer that has not committed.
  // Errors: what the system says, with the path.
  static absl::StatusOr<RecordWriter> Create(const std::string& folder);

  // Takes the parts of one ExportCampaign stream in their order.
  // Errors: DataLoss for a stream that breaks its contract; ResourceExhausted
  // when the disk is full.
  absl::Status Add(const v1::ExportCampaignResponse& part);

  // Errors: DataLoss when parts are missing; else as Add().
  absl::Status Commit();

  // As it arrived; empty before.
  const v1::ExportHeader& header() const { return header_; }
  // The log's entry of the best member; absent for a seed and without a log.
  const std::optional<v1::LogEntry>& best_entry() const { return best_entry_; }
  // Where weights are kept, the entries of accepted children in the order of
  // the log, without their scores; else empty.
  const std::vector<v1::LogEntry>& accepted() const { return accepted_; }

 private:
  // A folder that we made: gone with the object if nothing came into it.
  class MadeFolder {
   public:
    explicit MadeFolder(std::string path) : path_(std::move(path)) {}
    MadeFolder(MadeFolder&& other) noexcept
        : path_(std::exchange(other.path_, "")) {}
    MadeFolder& operator=(MadeFolder&&) = delete;
    ~MadeFolder();

   private:
    std::string path_;  // empty = it was there before
  };

  RecordWriter(std::string folder, MadeFolder made, AtomicFile log,
               AtomicFile gram);

  absl::Status AddHeader(const v1::ExportHeader& header);
  absl::Status AddLog(const v1::LogBatch& batch);
  absl::Status AddGram(const std::string& bytes);
  void KeepIfAccepted(const v1::LogEntry& entry);

  std::string folder_;
  MadeFolder made_;  // before the files: they are removed first
  AtomicFile log_;
  AtomicFile gram_;
  v1::ExportHeader header_;
  bool has_header_ = false;
  int64_t gram_bytes_ = 0;
  std::optional<v1::LogEntry> best_entry_;
  std::vector<v1::LogEntry> accepted_;
};

// Reads a record, its log entry by entry.
// Threads: none.
class RecordReader {
 public:
  // Errors: NotFound when a file is missing, gram.bin only where there must be
  // sums; DataLoss naming the file that cannot be read as what it should be.
  static absl::StatusOr<std::unique_ptr<RecordReader>> Open(
      const std::string& folder);
  ~RecordReader();

  // As it was written, but for a number of shards in campaigns from before
  // there were any: it is 1.
  const v1::ExportHeader& header() const;
  // Null where weights are kept.
  std::shared_ptr<const GramSums> gram() const;

  // The next entry of the log; nullopt behind the last one.
  // Errors: DataLoss naming the file and how many entries were read before.
  absl::StatusOr<std::optional<v1::LogEntry>> Next();

 private:
  struct State;
  explicit RecordReader(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace merganser
