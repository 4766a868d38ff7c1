#include "client/results/campaign_record.h"

#include <fcntl.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <span>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/campaign_spec/campaign_plan.h"

namespace merganser {
namespace {

constexpr char kHeaderFile[] = "/header.pb";
constexpr char kLogFile[] = "/log.pb";
constexpr char kGramFile[] = "/gram.bin";

std::span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

absl::Status BrokenExport(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the coordinator's export is not complete: ", what));
}

}  // namespace

absl::StatusOr<RecordWriter> RecordWriter::Create(const std::string& folder) {
  std::error_code error;
  const bool is_new = std::filesystem::create_directory(folder, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(), folder + ": cannot create");
  }
  MadeFolder made(is_new ? folder : "");
  ASSIGN_OR_RETURN(AtomicFile log, AtomicFile::Create(folder + kLogFile));
  ASSIGN_OR_RETURN(AtomicFile gram, AtomicFile::Create(folder + kGramFile));
  return RecordWriter(folder, std::move(made), std::move(log), std::move(gram));
}

RecordWriter::MadeFolder::~MadeFolder() {
  if (!path_.empty()) rmdir(path_.c_str());  // fails unless it is empty
}

RecordWriter::RecordWriter(std::string folder, MadeFolder made, AtomicFile log,
                           AtomicFile gram)
    : folder_(std::move(folder)),
      made_(std::move(made)),
      log_(std::move(log)),
      gram_(std::move(gram)) {}

absl::Status RecordWriter::Add(const v1::ExportCampaignResponse& part) {
  switch (part.part_case()) {
    case v1::ExportCampaignResponse::kHeader:
      return AddHeader(part.header());
    case v1::ExportCampaignResponse::kLog:
      return AddLog(part.log());
    case v1::ExportCampaignResponse::kGram:
      return AddGram(part.gram());
    case v1::ExportCampaignResponse::PART_NOT_SET:
      return BrokenExport("a part of it is of no known kind");
  }
  return BrokenExport("a part of it is of no known kind");
}

absl::Status RecordWriter::AddHeader(const v1::ExportHeader& header) {
  if (has_header_) return BrokenExport("it has two headers");
  has_header_ = true;
  header_ = header;
  return absl::OkStatus();
}

absl::Status RecordWriter::AddLog(const v1::LogBatch& batch) {
  if (!has_header_) return BrokenExport("the header is not its first part");
  const v1::Progress& progress = header_.campaign().progress();
  std::ostringstream bytes;
  for (const v1::LogEntry& entry : batch.entries()) {
    google::protobuf::util::SerializeDelimitedToOstream(entry, &bytes);
    if (progress.has_best() &&
        progress.best().candidate() == entry.proposal().candidate()) {
      best_entry_ = entry;
    }
    KeepIfAccepted(entry);
  }
  return log_.Append(AsBytes(bytes.str()));
}

void RecordWriter::KeepIfAccepted(const v1::LogEntry& entry) {
  const v1::CampaignSpec& spec = header_.campaign().spec();
  const bool accepted = entry.dropped_slot() < spec.search().population();
  if (!accepted || !KeepsWeights(spec)) return;
  accepted_.push_back(entry);
  accepted_.back().clear_scores();
}

absl::Status RecordWriter::AddGram(const std::string& bytes) {
  gram_bytes_ += static_cast<int64_t>(bytes.size());
  return gram_.Append(AsBytes(bytes));
}

absl::Status RecordWriter::Commit() {
  if (!has_header_) return BrokenExport("it has no header");
  if (gram_bytes_ != header_.gram_size_bytes()) {
    return BrokenExport(absl::StrCat("expected ", header_.gram_size_bytes(),
                                     " bytes of Gram sums; got ", gram_bytes_));
  }
  RETURN_IF_ERROR(log_.Commit());
  RETURN_IF_ERROR(gram_.Commit());
  return WriteFileAtomically(folder_ + kHeaderFile,
                             header_.SerializeAsString());
}

struct RecordReader::State {
  explicit State(int descriptor) : log(descriptor) {
    log.SetCloseOnDelete(true);
  }

  v1::ExportHeader header;
  std::shared_ptr<const GramSums> gram;
  google::protobuf::io::FileInputStream log;
  std::string log_path;
  int64_t entries = 0;
};

namespace {

absl::StatusOr<v1::ExportHeader> ReadHeader(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(folder + kHeaderFile));
  v1::ExportHeader header;
  if (!header.ParseFromString(bytes)) {
    return absl::DataLossError(
        absl::StrCat(folder, kHeaderFile, ": expected an ExportHeader"));
  }
  v1::ScheduleSpec& schedule =
      *header.mutable_campaign()->mutable_spec()->mutable_schedule();
  if (schedule.shards() == 0) schedule.set_shards(1);
  return header;
}

absl::StatusOr<std::shared_ptr<const GramSums>> ReadGram(
    const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(folder + kGramFile));
  auto gram = GramSums::Parse(bytes);
  if (!gram.ok()) {
    return absl::DataLossError(
        absl::StrCat(folder, kGramFile, ": ", gram.status().message()));
  }
  return std::make_shared<const GramSums>(*std::move(gram));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordReader>> RecordReader::Open(
    const std::string& folder) {
  ASSIGN_OR_RETURN(v1::ExportHeader header, ReadHeader(folder));
  std::shared_ptr<const GramSums> gram;
  if (!KeepsWeights(header.campaign().spec())) {
    ASSIGN_OR_RETURN(gram, ReadGram(folder));
  }
  const std::string log_path = folder + kLogFile;
  const int descriptor = open(log_path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return absl::ErrnoToStatus(errno, log_path + ": cannot open");
  }
  auto state = std::make_unique<State>(descriptor);
  state->log_path = log_path;
  state->header = std::move(header);
  state->gram = std::move(gram);
  return std::unique_ptr<RecordReader>(new RecordReader(std::move(state)));
}

RecordReader::RecordReader(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

RecordReader::~RecordReader() = default;

const v1::ExportHeader& RecordReader::header() const { return state_->header; }

std::shared_ptr<const GramSums> RecordReader::gram() const {
  return state_->gram;
}

absl::StatusOr<std::optional<v1::LogEntry>> RecordReader::Next() {
  v1::LogEntry entry;
  bool clean_end = false;
  if (google::protobuf::util::ParseDelimitedFromZeroCopyStream(
          &entry, &state_->log, &clean_end)) {
    ++state_->entries;
    return entry;
  }
  if (clean_end && state_->log.GetErrno() == 0) return std::nullopt;
  return absl::DataLossError(
      absl::StrCat(state_->log_path, ": expected a LogEntry behind the first ",
                   state_->entries));
}

}  // namespace merganser
