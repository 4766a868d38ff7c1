// How fast a child is made, beside copying as many bytes with as many threads.
//
//   merge_benchmark [--threads N] [--mib M] [--rounds R] [--folder F]
//
// Prints a Markdown table. Seeds are files that are mapped, as in a worker;
// merging and copying read the same mappings and write the same buffer.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/streaming_copy.h"
#include "common/base/status_macros.h"
#include "common/genome/materialise.h"

namespace merganser {
namespace {

constexpr int kSeeds = 3;
constexpr int kTensors = 16;

struct Arguments {
  int threads =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  int64_t mib = 1024;
  int rounds = 5;
  std::string folder = "/dev/shm";
};

class MergeBenchmark {
 public:
  explicit MergeBenchmark(const Arguments& arguments)
      : arguments_(arguments),
        bytes_(arguments.mib << 20),
        team_(arguments.threads),
        materialiser_(team_),
        out_(static_cast<uint8_t*>(std::aligned_alloc(4096, bytes_)),
             &std::free) {}

  absl::Status Run() {
    std::cout << "| dtype | seeds | seconds | GB/s | memcpy GB/s | streaming "
                 "copy GB/s | beside the faster copy |\n"
                 "| --- | --- | --- | --- | --- | --- | --- |"
              << std::endl;
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      RETURN_IF_ERROR(MeasureDType(dtype));
    }
    return absl::OkStatus();
  }

 private:
  struct Times {
    double merge = 1e9;
    double plain = 1e9;
    double streaming = 1e9;
  };

  absl::Status MeasureDType(DType dtype) {
    const ParameterLayout parameters = LayoutOf(dtype);
    std::vector<SeedWeights> seeds;
    for (int k = 0; k < kSeeds; ++k) {
      ASSIGN_OR_RETURN(SeedWeights seed, MakeSeed(k, parameters, dtype));
      seeds.push_back(std::move(seed));
    }
    const GenomeLayout layout = SingleChromosome(parameters);
    Times times[kSeeds + 1];
    for (int round = 0; round < arguments_.rounds; ++round) {
      for (int count = 2; count <= kSeeds; ++count) {
        RETURN_IF_ERROR(MeasureOnce(layout, seeds, count, dtype, times[count]));
      }
    }
    for (int count = 2; count <= kSeeds; ++count) {
      Print(dtype, count, times[count]);
    }
    return absl::OkStatus();
  }

  absl::Status MeasureOnce(const GenomeLayout& layout,
                           const std::vector<SeedWeights>& seeds, int count,
                           DType dtype, Times& times) {
    std::vector<const SeedWeights*> pointers;
    for (int k = 0; k < count; ++k) pointers.push_back(&seeds[k]);
    LinearRecipe recipe{.seeds = count, .chromosomes = {{.starts = {0}}}};
    for (int k = 0; k < count; ++k) {
      recipe.chromosomes[0].coefficients.push_back(0.3 + 0.1 * k);
    }
    absl::Status status;
    const auto merge = [&] {
      status = materialiser_.Run(recipe, layout, pointers, dtype,
                                 {out_.get(), static_cast<size_t>(bytes_)});
    };
    times.merge = std::min(times.merge, Seconds(merge));
    RETURN_IF_ERROR(status);
    const auto plain = [](const uint8_t* from, int64_t bytes, uint8_t* to) {
      std::memcpy(to, from, bytes);
    };
    times.plain =
        std::min(times.plain, Seconds([&] { CopyAll(seeds, count, plain); }));
    times.streaming =
        std::min(times.streaming,
                 Seconds([&] { CopyAll(seeds, count, StreamingCopy); }));
    return absl::OkStatus();
  }

  // Reads and writes (count + 1) / 2 seeds, tensor by tensor: together the
  // bytes that merging `count` seeds reads and writes. Each thread copies half
  // a tensor at a time, in one call.
  template <typename Copy>
  void CopyAll(const std::vector<SeedWeights>& seeds, int count, Copy copy) {
    const int64_t tensor_bytes = bytes_ / kTensors;
    const int64_t part = tensor_bytes / 2;
    const int64_t parts = int64_t{count + 1} * kTensors;  // of half a tensor
    team_.Run(parts, [&](int64_t item, int) {
      const int64_t tensor = item / 2;
      const auto& from = seeds[tensor / kTensors].tensors()[tensor % kTensors];
      const int64_t begin = item % 2 * part;
      copy(from.bytes.data() + begin, part,
           out_.get() + tensor % kTensors * tensor_bytes + begin);
    });
  }

  template <typename Work>
  static double Seconds(Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }

  ParameterLayout LayoutOf(DType dtype) const {
    ParameterLayout layout;
    const int64_t elements = bytes_ / kTensors / DTypeBytes(dtype);
    for (int t = 0; t < kTensors; ++t) {
      layout.tensors.push_back(
          {absl::StrCat("t", t), {elements}, layout.length, elements});
      layout.length += elements;
    }
    return layout;
  }

  // Finite numbers of all signs: their exponents are those of 2^-15 … 2.
  void FillOut(int seed, DType dtype) {
    uint32_t state = 12345 + seed;
    for (int64_t i = 0; i < bytes_; i += 4) {
      state = state * 1664525 + 1013904223;
      const uint32_t bits =
          dtype == DType::kF32    ? (state & 0x87ffffff) | 0x38000000
          : dtype == DType::kBF16 ? (state & 0x87ff87ff) | 0x38003800
                                  : state & 0xbfffbfff;
      std::memcpy(out_.get() + i, &bits, sizeof(bits));
    }
  }

  absl::StatusOr<SeedWeights> MakeSeed(int seed, const ParameterLayout& layout,
                                       DType dtype) {
    FillOut(seed, dtype);
    std::vector<TensorToWrite> tensors;
    for (const TensorSlice& slice : layout.tensors) {
      tensors.push_back({slice.name,
                         dtype,
                         slice.shape,
                         {out_.get() + slice.offset * DTypeBytes(dtype),
                          static_cast<size_t>(bytes_ / kTensors)}});
    }
    const std::string path = absl::StrCat(
        arguments_.folder, "/merge_benchmark.", getpid(), ".safetensors");
    // Mapped, it lives on without its name.
    const absl::Cleanup remove = [&path] { unlink(path.c_str()); };
    RETURN_IF_ERROR(WriteSafetensors(path, tensors, {}));
    ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(path));
    return SeedWeights::Create(file, layout, team_);
  }

  void Print(DType dtype, int count, const Times& times) const {
    const double gigabytes = static_cast<double>(bytes_) * (count + 1) / 1e9;
    const double copy = std::min(times.plain, times.streaming);
    std::cout << absl::StrFormat(
                     "| %s | %d | %.3f | %.2f | %.2f | %.2f | %.2f |",
                     DTypeName(dtype), count, times.merge,
                     gigabytes / times.merge, gigabytes / times.plain,
                     gigabytes / times.streaming, copy / times.merge)
              << std::endl;
  }

  const Arguments arguments_;
  const int64_t bytes_;  // of a seed, and of the child
  ThreadTeam team_;
  Materialiser materialiser_;
  const std::unique_ptr<uint8_t, decltype(&std::free)> out_;
};

}  // namespace
}  // namespace merganser

int main(int argc, char** argv) {
  CLI::App app("Merging beside copying", "merge_benchmark");
  merganser::Arguments arguments;
  app.add_option("--threads", arguments.threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--mib", arguments.mib,
                 "Size of a seed, MiB; a multiple of 16")
      ->check(CLI::Range(16, 1 << 16))
      ->capture_default_str();
  app.add_option("--rounds", arguments.rounds, "The best of so many counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--folder", arguments.folder, "Where seeds are written")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = merganser::MergeBenchmark(arguments).Run();
  if (status.ok()) return 0;
  std::cerr << "merge_benchmark: " << status.message() << std::endl;
  return 1;
}
