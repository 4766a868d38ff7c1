// How fast Llamas write and judge text on this machine's CPU.
//
//   generate_benchmark [--threads N] [--rounds R] [--model small|tiny|all]
//                      [--checkpoint DIR [--workload small|tiny]]
//
// Prints a Markdown table: tokens per second that are written at batch 1 and
// 32; items per second of exact match (judged without decoding), of exact match
// by decoding, and of multiple choice. Weights and tokens are random, of the
// shape of a model of 135M parameters and of a tiny one; --checkpoint takes
// shape and weights from a Hugging Face folder instead, and computes in
// float32.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "benchmarks/language_shapes.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/checkpoint.h"
#include "common/genome/vector_kernels.h"
#include "worker/models/llama.h"

namespace merganser {
namespace {

struct Arguments {
  int threads = 1;
  int rounds = 3;
  std::string model = "all";
  std::string checkpoint;
  std::string workload = "small";
};

// Prompts as few-shot tasks have them: a common beginning, then the question.
struct Workload {
  int64_t shared = 0;    // tokens that all prompts begin with
  int64_t question = 0;  // tokens of each
  int64_t answer = 0;
  int64_t items = 0;
};

class GenerateBenchmark {
 public:
  GenerateBenchmark(std::unique_ptr<LanguageModel> model, int rounds)
      : model_(std::move(model)), rounds_(rounds) {}

  void RandomWeights() {
    std::mt19937 random(1);
    std::normal_distribution<float> numbers(0, 0.02F);
    const std::span<uint8_t> bytes = model_->parameters();
    auto* const weights = reinterpret_cast<float*>(bytes.data());
    for (size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
      weights[i] = numbers(random);
    }
  }

  absl::Status Run(const std::string& name, const Workload& workload,
                   int64_t new_tokens) {
    const auto row = [&](const char* what, double count, const Times& times,
                         const char* unit) {
      std::cout << absl::StrFormat(
                       "| %s | %s | %.1f %s/s | %.1f ms | %.1f ms |\n", name,
                       what, count / times.wall, unit, 1e3 * times.wall,
                       1e3 * times.processor)
                << std::flush;
    };
    for (const int64_t batch : {1, 32}) {
      ASSIGN_OR_RETURN(const Times times, Decode({8, 8, 0, batch}, new_tokens));
      row(absl::StrCat("decode, batch ", batch).c_str(),
          static_cast<double>(batch * new_tokens), times, "tokens");
    }
    const auto items = static_cast<double>(workload.items);
    ASSIGN_OR_RETURN(Times times, Decode(workload, workload.answer));
    row("exact match by decoding, batch 32", items, times, "items");
    ASSIGN_OR_RETURN(times, Score(workload, 1));
    row("exact match, chunks of 32", items, times, "items");
    ASSIGN_OR_RETURN(times, Score(workload, 4));
    row("multiple choice of 4, chunks of 32", items, times, "items");
    return absl::OkStatus();
  }

 private:
  struct Times {  // seconds
    double wall = 0;
    double processor = 0;  // of all threads
  };
  using Tokens = std::vector<int32_t>;

  std::vector<Tokens> Sequences(int64_t count, int64_t length,
                                const Tokens& begin, uint32_t seed) const {
    std::mt19937 random(seed);
    std::vector<Tokens> sequences(count, begin);
    for (Tokens& tokens : sequences) {
      for (int64_t i = 0; i < length; ++i) {
        tokens.push_back(static_cast<int32_t>(
            random() % static_cast<uint32_t>(model_->vocabulary_size())));
      }
    }
    return sequences;
  }

  std::vector<Tokens> Prompts(const Workload& workload) const {
    return Sequences(workload.items, workload.question,
                     Sequences(1, workload.shared, {}, 2)[0], 3);
  }

  // The best of the rounds.
  template <typename Body>
  absl::StatusOr<Times> Seconds(const Body& body) const {
    Times best{1e9, 1e9};
    for (int round = 0; round < rounds_; ++round) {
      const std::clock_t processor = std::clock();
      const auto begin = std::chrono::steady_clock::now();
      RETURN_IF_ERROR(body());
      const std::chrono::duration<double> wall =
          std::chrono::steady_clock::now() - begin;
      best.wall = std::min(best.wall, wall.count());
      best.processor = std::min(
          best.processor,
          static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC);
    }
    return best;
  }

  absl::StatusOr<Times> Decode(const Workload& workload,
                               int64_t new_tokens) const {
    const std::vector<Tokens> prompts = Prompts(workload);
    std::vector<GenerationRequest> requests;
    for (const Tokens& prompt : prompts) {
      requests.push_back({prompt, new_tokens});
    }
    return Chunks(requests, [&](std::span<const GenerationRequest> chunk) {
      return model_->Generate(chunk, [](size_t, TokenIds) { return false; })
          .status();
    });
  }

  absl::StatusOr<Times> Score(const Workload& workload, int64_t choices) const {
    const std::vector<Tokens> prompts = Prompts(workload);
    const std::vector<Tokens> answers =
        Sequences(workload.items * choices, workload.answer, {}, 4);
    std::vector<ScoringRequest> requests;
    for (int64_t i = 0; i < workload.items; ++i) {
      requests.push_back({.context = prompts[i]});
      for (int64_t k = 0; k < choices; ++k) {
        requests.back().continuations.push_back(answers[i * choices + k]);
      }
    }
    return Chunks(requests, [&](std::span<const ScoringRequest> chunk) {
      return model_->Score(chunk).status();
    });
  }

  template <typename Request, typename Body>
  absl::StatusOr<Times> Chunks(const std::vector<Request>& requests,
                               const Body& body) const {
    constexpr size_t kChunk = 32;
    return Seconds([&] {
      absl::Status status;
      for (size_t i = 0; i < requests.size() && status.ok(); i += kChunk) {
        status = body(std::span(requests).subspan(
            i, std::min(kChunk, requests.size() - i)));
      }
      return status;
    });
  }

  const std::unique_ptr<LanguageModel> model_;
  const int rounds_;
};

absl::Status RunShape(const std::string& name,
                      const LanguageModelConfig& config,
                      const Workload& workload, int64_t new_tokens,
                      const Arguments& arguments) {
  ASSIGN_OR_RETURN(std::unique_ptr<LanguageModel> model,
                   CreateLlama(config, LanguageModelLayout(config),
                               {.threads = arguments.threads}));
  GenerateBenchmark benchmark(std::move(model), arguments.rounds);
  benchmark.RandomWeights();
  return benchmark.Run(name, workload, new_tokens);
}

absl::Status RunCheckpoint(const Workload& workload,
                           const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto checkpoint,
                   Checkpoint::Open(arguments.checkpoint));
  ASSIGN_OR_RETURN(std::unique_ptr<LanguageModel> model,
                   CreateLlama(checkpoint->config(), checkpoint->layout(),
                               {.threads = arguments.threads,
                                .weights_dtype = checkpoint->dtype()}));
  const OutputFormat format = model->parameter_format();
  uint8_t* to = model->parameters().data();
  for (const TensorSlice& slice : checkpoint->layout().tensors) {
    ASSIGN_OR_RETURN(const TensorView view, checkpoint->Tensor(slice.name));
    const WeightedInput input{view.bytes.data(), view.dtype, 1};
    Combine({&input, 1}, slice.elements, format, /*streaming=*/false, to);
    to += slice.elements * DTypeBytes(format.held());
  }
  RETURN_IF_ERROR(model->LoadParameters());
  return GenerateBenchmark(std::move(model), arguments.rounds)
      .Run(checkpoint->name(), workload, 64);
}

absl::Status RunAll(const Arguments& arguments) {
  std::cout << "| model | what | speed | time | processor time |\n| --- | --- "
               "| --- | --- | --- |"
            << std::endl;
  const Workload small = {
      .shared = 200, .question = 40, .answer = 4, .items = 64};
  const Workload tiny = {
      .shared = 4, .question = 14, .answer = 4, .items = 600};
  if (!arguments.checkpoint.empty()) {
    return RunCheckpoint(arguments.workload == "tiny" ? tiny : small,
                         arguments);
  }
  if (arguments.model != "tiny") {
    RETURN_IF_ERROR(RunShape("135M", SmallConfig(), small, 64, arguments));
  }
  if (arguments.model != "small") {
    RETURN_IF_ERROR(RunShape("tiny", TinyConfig(), tiny, 64, arguments));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace merganser

int main(int argc, char** argv) {
  merganser::Arguments arguments;
  CLI::App app("How fast Llamas write and judge text on the CPU");
  app.add_option("--threads", arguments.threads)->check(CLI::PositiveNumber);
  app.add_option("--rounds", arguments.rounds)->check(CLI::PositiveNumber);
  app.add_option("--model", arguments.model)
      ->check(CLI::IsMember({"small", "tiny", "all"}));
  CLI::Option* const checkpoint =
      app.add_option("--checkpoint", arguments.checkpoint);
  app.add_option("--workload", arguments.workload)
      ->check(CLI::IsMember({"small", "tiny"}))
      ->needs(checkpoint);
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = merganser::RunAll(arguments); !status.ok()) {
    std::cerr << status.message() << std::endl;
    return 1;
  }
  return 0;
}
