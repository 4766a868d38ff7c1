#include "common/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/genome/seed_weights.h"
#include "common/storage/file.h"
#include "common/storage/test_files.h"

namespace merganser {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

std::string Reference(const std::string& name) {
  return std::string(MERGANSER_SOURCE_DIR) + "/tests/data/llm/" + name;
}

std::shared_ptr<const Checkpoint> OpenReference(const std::string& name) {
  auto opened = Checkpoint::Open(Reference(name));
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *opened : nullptr;
}

std::string DigestHex(const std::string& folder, int threads) {
  ThreadTeam team(threads);
  return Checkpoint::Open(folder).value()->digest(team).ToHex();
}

TEST(CheckpointTest, OpensTheReferenceModels) {
  struct Case {
    const char* name;
    DType dtype;
    int64_t parameters;
  };
  const std::vector<Case> cases = {
      {"tiny-llama-base", DType::kF32, 395'424},
      {"tiny-llama-a", DType::kF32, 395'424},
      {"tiny-llama-b", DType::kF32, 395'424},
      {"tiny-llama-c", DType::kBF16, 395'424},
      {"tiny-llama-rope3", DType::kF32, 135'392},
      {"tiny-llama-rope3-b", DType::kBF16, 135'392},
      {"tiny-llama-tied", DType::kF16, 75'728},
      {"tiny-mistral", DType::kBF16, 169'392},
      {"tiny-qwen2", DType::kF32, 95'808}};
  ThreadTeam team(1);
  for (const Case& c : cases) {
    const auto checkpoint = OpenReference(c.name);
    ASSERT_NE(checkpoint, nullptr);
    EXPECT_EQ(checkpoint->name(), c.name);
    EXPECT_EQ(checkpoint->dtype(), c.dtype);
    EXPECT_EQ(checkpoint->layout().length, c.parameters) << c.name;
    EXPECT_TRUE(
        SeedWeights::Create(checkpoint, checkpoint->layout(), team).ok());
    EXPECT_THAT(checkpoint->companion_files(),
                ElementsAre("generation_config.json", "tokenizer.json",
                            "tokenizer_config.json"));
  }
}

// Made with hashlib, from docs/formats.md.
TEST(CheckpointTest, TheDigestIsThatOfTheTensors) {
  EXPECT_EQ(DigestHex(Reference("tiny-llama-base"), 2),
            "586734c4e9d3b1ee28b4f9a952cc307b297d593bc6fcbcf11f9f38480bddf584");
  EXPECT_EQ(DigestHex(Reference("tiny-llama-b"), 1),
            "f58d8476d7499e9c7336152c69a7461877a80464b6f92cfb129e4fe87142024d");
}

TEST(CheckpointTest, TheDigestDoesNotDependOnTheShards) {
  const auto sharded = OpenReference("tiny-llama-b");
  std::vector<TensorToWrite> tensors;
  for (const std::string& name : sharded->names()) {
    const TensorView view = *sharded->Tensor(name);
    tensors.insert(tensors.begin(), {name, view.dtype, view.shape, view.bytes});
  }
  const TestFolder folder;
  folder.CopyFrom(Reference("tiny-llama-a"));
  ASSERT_TRUE(
      WriteSafetensors(folder.File("model.safetensors"), tensors, {}).ok());
  for (const int threads : {1, 3}) {
    EXPECT_EQ(DigestHex(folder.path(), threads),
              DigestHex(Reference("tiny-llama-b"), threads));
  }
  EXPECT_EQ(
      SeedDigest(**SafetensorsFile::Open(folder.File("model.safetensors")))
          .ToHex(),
      DigestHex(folder.path(), 1));
}

TEST(CheckpointTest, ReadsWhereATextEnds) {
  EXPECT_EQ(OpenReference("tiny-llama-a")->generation(),
            (GenerationSettings{.end_tokens = {509, 512}, .begin_token = 508}));
  EXPECT_EQ(OpenReference("tiny-mistral")->generation(),
            (GenerationSettings{.end_tokens = {2}, .begin_token = 1}));
  const TestFolder folder;
  folder.CopyFrom(Reference("tiny-qwen2"));
  fs::remove(folder.File("generation_config.json"));
  EXPECT_EQ((*Checkpoint::Open(folder.path()))->generation(),
            (GenerationSettings{.end_tokens = {447}, .begin_token = 445}));
}

TEST(CheckpointTest, FindsTheLicence) {
  struct Case {
    const char* readme;
    const char* licence;
  };
  const std::vector<Case> cases = {
      {"---\nlicense: apache-2.0\ntags:\n- merge\n---\n# x\n", "apache-2.0"},
      {"---\r\ntags: [a]\r\nlicense: \"mit\" # so\r\n---\r\n", "mit"},
      {"---\nlicense:\n- llama3.1\n- mit\n---\n", "llama3.1"},
      {"---\nlicense: other\nlicense_name: qwen\n---\n", "other (qwen)"},
      {"---\ntags: x\n---\nlicense: mit\n", "see LICENSE.txt"},
      {"---\nlicense: mit\n", "see LICENSE.txt"},
      {"license: mit\n", "see LICENSE.txt"},
      {"", "see LICENSE.txt"}};
  const TestFolder folder;
  EXPECT_EQ(FindLicence(folder.path()), "");
  folder.Write("LICENSE.txt", "");
  for (const Case& c : cases) {
    folder.Write("README.md", c.readme);
    EXPECT_EQ(FindLicence(folder.path()), c.licence) << c.readme;
  }
}

TEST(CheckpointTest, NamesASnapshotOfACacheAfterItsRepository) {
  EXPECT_EQ(ModelName("/hub/models--org--a--b/snapshots/12ab/"), "org/a--b");
  EXPECT_EQ(ModelName("/models/x/../some-model"), "some-model");
}

// Tensors that may lie in a folder and are never merged.
void AddTensor(const TestFolder& folder, const std::string& name,
               std::vector<int64_t> shape, DType dtype = DType::kF32) {
  const std::string path = folder.File("model.safetensors");
  const auto file = *SafetensorsFile::Open(path);
  std::vector<TensorToWrite> tensors;
  for (const std::string& known : file->names()) {
    const TensorView view = *file->Tensor(known);
    tensors.push_back({known, view.dtype, view.shape, view.bytes});
  }
  int64_t bytes = DTypeBytes(dtype);
  for (const int64_t extent : shape) bytes *= extent;
  const std::vector<uint8_t> zeros(bytes);
  tensors.push_back({name, dtype, std::move(shape), zeros});
  ASSERT_TRUE(WriteSafetensors(path, tensors, {}).ok());
}

TEST(CheckpointTest, ToleratesBuffersAndATiedHead) {
  const TestFolder folder;
  folder.CopyFrom(Reference("tiny-qwen2"));
  AddTensor(folder, "model.layers.0.self_attn.rotary_emb.inv_freq", {4});
  AddTensor(folder, "lm_head.weight", {448, 48});
  const auto checkpoint = Checkpoint::Open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ((*checkpoint)->layout().length, 95'808);
}

void EditJson(const TestFolder& folder, const std::string& file,
              const std::function<void(json&)>& edit) {
  json root = json::parse(folder.Read(file));
  edit(root);
  folder.Write(file, root.dump());
}

struct BadFolder {
  const char* what;
  const char* reference;
  std::function<void(const TestFolder&)> spoil;
  const char* message;
};

// Moves a tensor of the index to another file.
std::function<void(const TestFolder&)> Point(const char* tensor,
                                             const char* file) {
  return [=](const TestFolder& folder) {
    EditJson(folder, kShardIndexFile,
             [=](json& root) { root["weight_map"][tensor] = file; });
  };
}

const std::vector<BadFolder>& BadFolders() {
  const auto remove = [](const char* name) {
    return [=](const TestFolder& folder) { fs::remove(folder.File(name)); };
  };
  static const auto* const folders = new std::vector<BadFolder>{
      {"no config", "tiny-llama-a", remove("config.json"),
       ": has no config.json; expected a Hugging Face folder"},
      {"adapter alone", "tiny-llama-a",
       [](const TestFolder& folder) {
         fs::remove(folder.File("config.json"));
         folder.Write("adapter_config.json", "{}");
       },
       ": is an adapter of PEFT, such as LoRA, not a model; merge it into"},
      {"adapter with the base model's config", "tiny-llama-a",
       [](const TestFolder& folder) {
         fs::remove(folder.File("model.safetensors"));
         folder.Write("adapter_config.json", "{}");
       },
       ": is an adapter of PEFT, such as LoRA, not a model; merge it into"},
      {"pointer of LFS", "tiny-llama-a",
       [](const TestFolder& folder) {
         folder.Write("model.safetensors",
                      "version https://git-lfs.github.com/spec/v1\noid "
                      "sha256:00\nsize 5\n");
       },
       "/model.safetensors: is a pointer of Git LFS, not the file itself; "
       "fetch it with `git lfs pull`"},
      {"buffer that the index names and no shard has", "tiny-llama-b",
       Point("model.layers.0.self_attn.rotary_emb.inv_freq",
             "model-00001-of-00004.safetensors"),
       "rotary_emb.inv_freq: is not in model-00001-of-00004.safetensors"},
      {"no weights", "tiny-llama-a", remove("model.safetensors"),
       ": has neither model.safetensors nor model.safetensors.index.json"},
      {"pickle", "tiny-llama-a",
       [](const TestFolder& folder) {
         fs::rename(folder.File("model.safetensors"),
                    folder.File("pytorch_model.bin"));
       },
       "/pytorch_model.bin: weights in a pickle can run code and are not read; "
       "convert them to safetensors"},
      {"missing shard", "tiny-llama-b",
       remove("model-00003-of-00004.safetensors"),
       "index.json: the shard model-00003-of-00004.safetensors of "
       "model.layers.2.input_layernorm.weight is missing"},
      {"escaping shard", "tiny-llama-b",
       Point("lm_head.weight", "../tiny-llama-b/model.safetensors"),
       "lm_head.weight: expected a file of this folder, not ../tiny"},
      {"absolute shard", "tiny-llama-b", Point("lm_head.weight", "/etc/passwd"),
       "lm_head.weight: expected a file of this folder, not /etc/passwd"},
      {"parent folder", "tiny-llama-b", Point("lm_head.weight", ".."),
       "lm_head.weight: expected a file of this folder, not .."},
      {"tensor elsewhere", "tiny-llama-b",
       Point("lm_head.weight", "model-00001-of-00004.safetensors"),
       "lm_head.weight: is not in model-00001-of-00004.safetensors"},
      {"index of nothing", "tiny-llama-b",
       [](const TestFolder& folder) { folder.Write(kShardIndexFile, "{}"); },
       "index.json: weight_map: expected an object of tensors"},
      {"tensor not in the index", "tiny-llama-b",
       [](const TestFolder& folder) {
         EditJson(folder, kShardIndexFile, [](json& root) {
           root["weight_map"].erase("model.norm.weight");
         });
       },
       ": tensor model.norm.weight is not named by model.safetensors.index"},
      {"missing tensor", "tiny-llama-a",
       [](const TestFolder& folder) {
         EditJson(folder, "config.json",
                  [](json& root) { root["num_hidden_layers"] = 4; });
       },
       ": has no tensor model.layers.3.input_layernorm.weight; "
       "LlamaForCausalLM with the sizes of config.json has one of shape [96]"},
      {"superfluous tensor", "tiny-llama-a",
       [](const TestFolder& folder) {
         EditJson(folder, "config.json",
                  [](json& root) { root["num_hidden_layers"] = 2; });
       },
       ": tensor model.layers.2.input_layernorm.weight is none of Llama"},
      {"wrong shape", "tiny-llama-a",
       [](const TestFolder& folder) {
         EditJson(folder, "config.json",
                  [](json& root) { root["vocab_size"] = 513; });
       },
       ": tensor model.embed_tokens.weight has shape [520, 96]; expected "
       "[513, 96] by the sizes of config.json"},
      {"tied head of another shape", "tiny-qwen2",
       [](const TestFolder& folder) {
         AddTensor(folder, "lm_head.weight", {449, 48});
       },
       ": tensor lm_head.weight has shape [449, 48]; it is tied to"},
      {"integers", "tiny-llama-a",
       [](const TestFolder& folder) {
         std::string bytes = folder.Read("model.safetensors");
         // The first of them is lm_head.weight.
         bytes.replace(bytes.find("\"F32\""), 5, "\"I32\"");
         folder.Write("model.safetensors", bytes);
       },
       "tensor lm_head.weight: dtype I32 is not one of F32, BF16, F16"},
      {"bad token", "tiny-llama-a",
       [](const TestFolder& folder) {
         folder.Write("generation_config.json", R"({"eos_token_id": [2, -1]})");
       },
       "/generation_config.json: eos_token_id: expected a token's id or a list "
       "of them; got -1"}};
  return *folders;
}

TEST(CheckpointTest, NamesWhatIsWrong) {
  for (const BadFolder& c : BadFolders()) {
    const TestFolder folder;
    folder.CopyFrom(Reference(c.reference));
    c.spoil(folder);
    const absl::Status status = Checkpoint::Open(folder.path()).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message)) << c.what;
    EXPECT_THAT(std::string(status.message()), HasSubstr(folder.path()));
  }
}

// Not "has no config.json", nor "is no folder".
TEST(CheckpointTest, WhatTheSystemDoesNotShowIsSaid) {
  const TestFolder folder;
  folder.CopyFrom(Reference("tiny-llama-a"));
  fs::remove(folder.File("config.json"));
  fs::create_symlink("config.json", folder.File("config.json"));
  EXPECT_THAT(std::string(Checkpoint::Open(folder.path()).status().message()),
              HasSubstr("/config.json: cannot open: Too many levels"));
  const std::string endless = "/" + std::string(5000, 'x');
  EXPECT_THAT(std::string(Checkpoint::Open(endless).status().message()),
              HasSubstr("cannot open: File name too long"));
}

TEST(CheckpointTest, RefusesWhatIsNoFolder) {
  EXPECT_EQ(Checkpoint::Open("/nowhere").status(),
            absl::NotFoundError("/nowhere: is no folder"));
}

}  // namespace
}  // namespace merganser
