#include <bit>
#include <cmath>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome/gram.h"

namespace merganser {
namespace {

constexpr std::string_view kTag = "merganser/gram/1";
constexpr uint64_t kMaximumSeeds = 4096;
constexpr uint64_t kMaximumChromosomes = 65536;

void Put(uint64_t value, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i) {
    out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
}

absl::Status Error(const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat("Gram sums: ", message));
}

// Little-endian numbers from the front of some bytes.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  size_t left() const { return bytes_.size(); }

  absl::StatusOr<uint64_t> Take() {
    if (bytes_.size() < 8) return Error("are cut short");
    return TakeUnchecked();
  }

  uint64_t TakeUnchecked() {
    uint64_t value = 0;
    for (int i = 7; i >= 0; --i) {
      value = (value << 8) | static_cast<uint8_t>(bytes_[i]);
    }
    bytes_.remove_prefix(8);
    return value;
  }

 private:
  std::string_view bytes_;
};

absl::StatusOr<GramSums::Chromosome> TakeChromosome(uint64_t pairs,
                                                    Reader& reader) {
  ASSIGN_OR_RETURN(const uint64_t length, reader.Take());
  ASSIGN_OR_RETURN(const uint64_t block, reader.Take());
  if (length == 0 || length > (uint64_t{1} << 62) || block == 0 ||
      block > length) {
    return Error(absl::StrCat("a chromosome of ", length,
                              " elements in blocks of ", block));
  }
  const uint64_t blocks = (length - 1) / block + 1;
  const uint64_t held = reader.left() / sizeof(double) / pairs;  // rows
  if (blocks >= held) {
    return Error(absl::StrCat("hold ", held, " rows; expected ", blocks + 1));
  }
  GramSums::Chromosome chromosome{static_cast<int64_t>(length),
                                  static_cast<int64_t>(block),
                                  static_cast<int64_t>(blocks),
                                  {}};
  chromosome.prefix.resize((blocks + 1) * pairs);
  for (double& sum : chromosome.prefix) {
    sum = std::bit_cast<double>(reader.TakeUnchecked());
    if (!std::isfinite(sum)) return Error("hold a NaN or infinity");
  }
  for (uint64_t pair = 0; pair < pairs; ++pair) {
    if (chromosome.prefix[pair] != 0) return Error("do not start at zero");
  }
  return chromosome;
}

}  // namespace

std::string GramSums::Serialise() const {
  std::string bytes(kTag);
  bytes.reserve(MemoryBytes() + 64 * (chromosomes_.size() + 1));
  Put(seeds_, 8, bytes);
  Put(chromosomes_.size(), 8, bytes);
  for (const Chromosome& chromosome : chromosomes_) {
    Put(chromosome.length, 8, bytes);
    Put(chromosome.block, 8, bytes);
    for (const double sum : chromosome.prefix) {
      Put(std::bit_cast<uint64_t>(sum), 8, bytes);
    }
  }
  Put(Crc32(bytes), 4, bytes);
  return bytes;
}

absl::StatusOr<GramSums> GramSums::Parse(const std::string& bytes) {
  std::string_view rest = bytes;
  if (rest.size() < kTag.size() + 4 || rest.substr(0, kTag.size()) != kTag) {
    return Error(absl::StrCat("do not start with \"", std::string(kTag), "\""));
  }
  const std::string_view stored_crc = rest.substr(rest.size() - 4);
  rest.remove_suffix(4);
  std::string crc;
  Put(Crc32(rest), 4, crc);
  if (stored_crc != crc) return Error("are damaged: their CRC-32 is another");
  rest.remove_prefix(kTag.size());
  Reader reader(rest);
  ASSIGN_OR_RETURN(const uint64_t seeds, reader.Take());
  ASSIGN_OR_RETURN(const uint64_t count, reader.Take());
  if (seeds < 1 || seeds > kMaximumSeeds || count < 1 ||
      count > kMaximumChromosomes) {
    return Error(
        absl::StrCat("of ", seeds, " seeds and ", count, " chromosomes"));
  }
  std::vector<Chromosome> chromosomes;
  for (uint64_t c = 0; c < count; ++c) {
    ASSIGN_OR_RETURN(chromosomes.emplace_back(),
                     TakeChromosome(seeds * (seeds + 1) / 2, reader));
  }
  if (reader.left() != 0) {
    return Error(absl::StrCat("go on for ", reader.left(), " bytes too many"));
  }
  return GramSums(static_cast<int>(seeds), std::move(chromosomes));
}

}  // namespace merganser
