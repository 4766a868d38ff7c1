// How fast a worker goes from one candidate of a language model to the next,
// beside copying as many bytes with as many threads.
//
//   switch_benchmark [--threads N] [--rounds R] [--folder F]
//
// Prints a Markdown table. Two seeds of 135M parameters are mapped, as in a
// worker; candidates with segments of a split in every layer are written into
// the model's own buffer, which computes in float32. The bytes are those that
// cannot be avoided: the seeds, read, and the parameters that are computed
// with, written.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/language_shapes.h"
#include "benchmarks/streaming_copy.h"
#include "common/base/status_macros.h"
#include "common/genome/materialise.h"
#include "common/genome/vector_kernels.h"
#include "worker/models/llama.h"

namespace merganser {
namespace {

constexpr int kSeeds = 2;
constexpr int kSegments = 32;
constexpr int64_t kPiece = 1 << 20;  // bytes that a thread copies at a time

struct Arguments {
  int threads = 2;
  int rounds = 9;
  std::string folder = "/dev/shm";
};

template <typename Work>
double Seconds(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

class SwitchBenchmark {
 public:
  explicit SwitchBenchmark(const Arguments& arguments)
      : arguments_(arguments),
        layout_(SingleChromosome(LanguageModelLayout(SmallConfig()))),
        team_(arguments.threads),
        materialiser_(team_) {}

  absl::Status Run() {
    std::cout << "| dtype of the seeds | seconds | GB/s | memcpy GB/s | "
                 "streaming copy GB/s | beside the faster copy |\n"
                 "| --- | --- | --- | --- | --- | --- |"
              << std::endl;
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      RETURN_IF_ERROR(Measure(dtype));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Measure(DType dtype) {
    ASSIGN_OR_RETURN(
        const std::unique_ptr<LanguageModel> model,
        CreateLlama(SmallConfig(), layout_.parameters,
                    {.threads = arguments_.threads, .weights_dtype = dtype}));
    std::vector<SeedWeights> seeds;
    for (int k = 0; k < kSeeds; ++k) {
      ASSIGN_OR_RETURN(SeedWeights seed, MakeSeed(k, dtype));
      seeds.push_back(std::move(seed));
    }
    const std::span<uint8_t> out = model->parameters();
    const int64_t bytes =
        kSeeds * layout_.parameters.length * DTypeBytes(dtype) +
        std::ssize(out);
    const auto plain = [](const uint8_t* from, int64_t size, uint8_t* to) {
      std::memcpy(to, from, size);
    };
    double switched = 1e9;
    double copied = 1e9;
    double streamed = 1e9;
    for (int round = 0; round < arguments_.rounds; ++round) {
      const LinearRecipe recipe = MakeRecipe(round);
      absl::Status status;
      switched = std::min(
          switched, Seconds([&] { status = Switch(recipe, seeds, *model); }));
      RETURN_IF_ERROR(status);
      copied = std::min(
          copied, Seconds([&] { CopyAll(seeds, bytes / 2, out, plain); }));
      streamed = std::min(streamed, Seconds([&] {
                            CopyAll(seeds, bytes / 2, out, StreamingCopy);
                          }));
    }
    const auto gigabytes = static_cast<double>(bytes) / 1e9;
    std::cout << absl::StrFormat("| %s | %.4f | %.2f | %.2f | %.2f | %.2f |",
                                 DTypeName(dtype), switched,
                                 gigabytes / switched, gigabytes / copied,
                                 gigabytes / streamed,
                                 std::min(copied, streamed) / switched)
              << std::endl;
    return absl::OkStatus();
  }

  absl::Status Switch(const LinearRecipe& recipe,
                      const std::vector<SeedWeights>& seeds,
                      LanguageModel& model) {
    const SeedWeights* const pointers[kSeeds] = {&seeds[0], &seeds[1]};
    RETURN_IF_ERROR(materialiser_.RunInto(layout_.parameters, recipe, layout_,
                                          pointers, model.parameter_format(),
                                          model.parameters()));
    return model.LoadParameters();
  }

  LinearRecipe MakeRecipe(int round) const {
    LinearRecipe recipe{.seeds = kSeeds, .chromosomes = {{}}};
    for (int segment = 0; segment < kSegments; ++segment) {
      recipe.chromosomes[0].starts.push_back(layout_.parameters.length /
                                             kSegments * segment);
      const double weight = 0.3 + 0.01 * (segment + round);
      recipe.chromosomes[0].coefficients.push_back(weight);
      recipe.chromosomes[0].coefficients.push_back(1 - weight);
    }
    return recipe;
  }

  // Copies `bytes` of the seeds, one after the other, to the output, beginning
  // anew where it ends.
  template <typename Copy>
  void CopyAll(const std::vector<SeedWeights>& seeds, int64_t bytes,
               std::span<uint8_t> out, const Copy& copy) {
    // Tensors lie in their file one after the other.
    const int64_t seed_pieces = seed_bytes_ / kPiece;
    const int64_t out_pieces = std::ssize(out) / kPiece;
    team_.Run(bytes / kPiece, [&](int64_t piece, int) {
      const SeedWeights& seed = seeds[piece / seed_pieces % kSeeds];
      copy(seed.tensors()[0].bytes.data() + piece % seed_pieces * kPiece,
           kPiece, out.data() + piece % out_pieces * kPiece);
    });
  }

  absl::StatusOr<SeedWeights> MakeSeed(int seed, DType dtype) {
    const ParameterLayout& layout = layout_.parameters;
    std::mt19937 random(seed);
    std::normal_distribution<float> numbers(0, 0.02F);
    std::vector<float> values(layout.length);
    for (float& value : values) value = numbers(random);
    std::vector<uint8_t> bytes(layout.length * DTypeBytes(dtype));
    const WeightedInput input{reinterpret_cast<const uint8_t*>(values.data()),
                              DType::kF32, 1};
    Combine({&input, 1}, layout.length, {dtype}, /*streaming=*/false,
            bytes.data());
    seed_bytes_ = std::ssize(bytes);
    std::vector<TensorToWrite> tensors;
    for (const TensorSlice& slice : layout.tensors) {
      tensors.push_back(
          {slice.name, dtype, slice.shape,
           std::span(bytes).subspan(slice.offset * DTypeBytes(dtype),
                                    slice.elements * DTypeBytes(dtype))});
    }
    const std::string path = absl::StrCat(
        arguments_.folder, "/switch_benchmark.", getpid(), ".safetensors");
    // Mapped, it lives on without its name.
    const absl::Cleanup remove = [&path] { unlink(path.c_str()); };
    RETURN_IF_ERROR(WriteSafetensors(path, tensors, {}));
    ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(path));
    return SeedWeights::Create(file, layout, team_);
  }

  const Arguments arguments_;
  const GenomeLayout layout_;
  int64_t seed_bytes_ = 0;
  ThreadTeam team_;
  Materialiser materialiser_;
};

}  // namespace
}  // namespace merganser

int main(int argc, char** argv) {
  CLI::App app("From one candidate to the next, beside copying");
  merganser::Arguments arguments;
  app.add_option("--threads", arguments.threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--rounds", arguments.rounds, "The best of so many counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--folder", arguments.folder, "Where seeds are written")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = merganser::SwitchBenchmark(arguments).Run();
  if (status.ok()) return 0;
  std::cerr << "switch_benchmark: " << status.message() << std::endl;
  return 1;
}
