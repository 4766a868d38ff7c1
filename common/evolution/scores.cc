#include "common/evolution/scores.h"

#include <cstddef>

#include "absl/strings/str_cat.h"

namespace merganser {
namespace {

constexpr int kBytesPerContinuousScore = 4;

std::string PackBits(std::span<const uint32_t> scores) {
  std::string bytes((scores.size() + 7) / 8, '\0');
  for (size_t j = 0; j < scores.size(); ++j) {
    const auto bit = static_cast<uint8_t>(scores[j] << (7 - j % 8));
    bytes[j / 8] = static_cast<char>(static_cast<uint8_t>(bytes[j / 8]) | bit);
  }
  return bytes;
}

uint32_t BitAt(std::string_view bytes, size_t j) {
  return (static_cast<uint8_t>(bytes[j / 8]) >> (7 - j % 8)) & 1u;
}

uint32_t WordAt(std::string_view bytes, size_t j) {
  uint32_t word = 0;
  for (int k = kBytesPerContinuousScore - 1; k >= 0; --k) {
    const char byte = bytes[j * kBytesPerContinuousScore + k];
    word = word << 8 | static_cast<uint8_t>(byte);
  }
  return word;
}

}  // namespace

uint32_t FullScore(ScoreKind kind) {
  return kind == ScoreKind::kBinary ? 1 : kScoreUnit;
}

absl::Status ValidateScores(ScoreKind kind, int64_t datapoints,
                            std::span<const uint32_t> scores) {
  if (static_cast<int64_t>(scores.size()) != datapoints) {
    return absl::InvalidArgumentError(absl::StrCat(
        "scores: expected ", datapoints, " of them, got ", scores.size()));
  }
  const uint32_t full = FullScore(kind);
  for (size_t j = 0; j < scores.size(); ++j) {
    if (scores[j] > full) {
      return absl::InvalidArgumentError(absl::StrCat("score of datapoint ", j,
                                                     ": expected 0 to ", full,
                                                     ", got ", scores[j]));
    }
  }
  return absl::OkStatus();
}

std::string PackScores(ScoreKind kind, std::span<const uint32_t> scores) {
  if (kind == ScoreKind::kBinary) return PackBits(scores);
  std::string bytes;
  bytes.reserve(scores.size() * kBytesPerContinuousScore);
  for (const uint32_t score : scores) {
    for (int k = 0; k < kBytesPerContinuousScore; ++k) {
      bytes.push_back(static_cast<char>(score >> (8 * k) & 0xFF));
    }
  }
  return bytes;
}

int64_t PackedScoresSize(ScoreKind kind, int64_t datapoints) {
  return kind == ScoreKind::kBinary ? (datapoints + 7) / 8
                                    : datapoints * kBytesPerContinuousScore;
}

absl::StatusOr<std::vector<uint32_t>> UnpackScores(ScoreKind kind,
                                                   int64_t datapoints,
                                                   std::string_view bytes) {
  std::vector<uint32_t> scores;
  const absl::Status unpacked =
      UnpackScoresInto(kind, datapoints, bytes, scores);
  if (!unpacked.ok()) return unpacked;
  return scores;
}

absl::Status UnpackScoresInto(ScoreKind kind, int64_t datapoints,
                              std::string_view bytes,
                              std::vector<uint32_t>& scores) {
  const int64_t expected = PackedScoresSize(kind, datapoints);
  if (datapoints < 0 || static_cast<int64_t>(bytes.size()) != expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("packed scores of ", datapoints, " datapoints: expected ",
                     expected, " bytes, got ", bytes.size()));
  }
  scores.resize(datapoints);
  for (size_t j = 0; j < scores.size(); ++j) {
    scores[j] = kind == ScoreKind::kBinary ? BitAt(bytes, j) : WordAt(bytes, j);
  }
  if (kind == ScoreKind::kContinuous) {
    return ValidateScores(kind, datapoints, scores);
  }
  for (size_t j = scores.size(); j < bytes.size() * 8; ++j) {
    if (BitAt(bytes, j) != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "packed scores of ", datapoints, " datapoints: expected zeros after ",
          "the last one, bit ", j, " is set"));
    }
  }
  return absl::OkStatus();
}

}  // namespace merganser
