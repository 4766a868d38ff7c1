#include <bit>
#include <cmath>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/genome/gram.h"

namespace merganser {
namespace {

constexpr std::string_view kTag = "merganser/gram/2";
// From before a grid could begin anew at a layer.
constexpr std::string_view kTagWithoutRestarts = "merganser/gram/1";
static_assert(kTag.size() == kTagWithoutRestarts.size());
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

absl::Status TakeRestarts(Reader& reader, SplitGrid& grid) {
  ASSIGN_OR_RETURN(const uint64_t count, reader.Take());
  if (count > reader.left() / sizeof(uint64_t)) return Error("are cut short");
  int64_t begin = 0;
  grid.blocks = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t restart = reader.TakeUnchecked();
    if (restart <= static_cast<uint64_t>(begin) ||
        restart >= static_cast<uint64_t>(grid.length)) {
      return Error("restart out of order");
    }
    grid.restarts.push_back(static_cast<int64_t>(restart));
    grid.blocks += (grid.restarts.back() - begin - 1) / grid.block + 1;
    begin = grid.restarts.back();
  }
  grid.blocks += (grid.length - begin - 1) / grid.block + 1;
  return absl::OkStatus();
}

absl::StatusOr<SplitGrid> TakeGrid(bool with_restarts, Reader& reader) {
  ASSIGN_OR_RETURN(const uint64_t length, reader.Take());
  ASSIGN_OR_RETURN(const uint64_t block, reader.Take());
  if (length == 0 || length > (uint64_t{1} << 62) || block == 0 ||
      block > length) {
    return Error(absl::StrCat("a chromosome of ", length,
                              " elements in blocks of ", block));
  }
  SplitGrid grid{.length = static_cast<int64_t>(length),
                 .block = static_cast<int64_t>(block),
                 .blocks = static_cast<int64_t>((length - 1) / block + 1)};
  if (with_restarts) {
    RETURN_IF_ERROR(TakeRestarts(reader, grid));
  }
  return grid;
}

absl::StatusOr<GramSums::Chromosome> TakeChromosome(uint64_t pairs,
                                                    bool with_restarts,
                                                    Reader& reader) {
  GramSums::Chromosome chromosome;
  ASSIGN_OR_RETURN(static_cast<SplitGrid&>(chromosome),
                   TakeGrid(with_restarts, reader));
  const auto blocks = static_cast<uint64_t>(chromosome.blocks);
  const uint64_t held = reader.left() / sizeof(double) / pairs;  // rows
  if (blocks >= held) {
    return Error(absl::StrCat("hold ", held, " rows; expected ", blocks + 1));
  }
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
    Put(chromosome.restarts.size(), 8, bytes);
    for (const int64_t restart : chromosome.restarts) Put(restart, 8, bytes);
    for (const double sum : chromosome.prefix) {
      Put(std::bit_cast<uint64_t>(sum), 8, bytes);
    }
  }
  Put(Crc32(bytes), 4, bytes);
  return bytes;
}

absl::StatusOr<GramSums> GramSums::Parse(const std::string& bytes) {
  std::string_view rest = bytes;
  const std::string_view tag = rest.substr(0, kTag.size());
  if (rest.size() < kTag.size() + 4 ||
      (tag != kTag && tag != kTagWithoutRestarts)) {
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
    ASSIGN_OR_RETURN(
        chromosomes.emplace_back(),
        TakeChromosome(seeds * (seeds + 1) / 2, tag == kTag, reader));
  }
  if (reader.left() != 0) {
    return Error(absl::StrCat("go on for ", reader.left(), " bytes too many"));
  }
  return GramSums(static_cast<int>(seeds), std::move(chromosomes));
}

}  // namespace merganser
