#include "common/language_task/language_tools.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/checkpoint/json_fields.h"
#include "common/huggingface/chat_template.h"
#include "common/huggingface/tokenizer.h"
#include "common/storage/file.h"

namespace merganser {
namespace {

constexpr int64_t kMaximumConfigBytes = int64_t{16} << 20;

class TokenizerCodec : public TextCodec {
 public:
  explicit TokenizerCodec(std::shared_ptr<const Tokenizer> tokenizer)
      : tokenizer_(std::move(tokenizer)) {}

  absl::StatusOr<std::vector<int32_t>> Encode(
      std::string_view text, bool add_special_tokens) const override {
    return tokenizer_->Encode(text, add_special_tokens);
  }
  absl::StatusOr<std::string> Decode(
      std::span<const int32_t> ids) const override {
    return tokenizer_->Decode(ids, /*skip_special_tokens=*/true);
  }

 private:
  const std::shared_ptr<const Tokenizer> tokenizer_;
};

// The day that templates with a date show: prompts, and with them scores, must
// not depend on when and where a candidate is evaluated. It is the one that
// Llama 3's own template falls back on.
constexpr absl::CivilDay kToday(2024, 7, 26);

// Empty for a folder without a chat template.
absl::StatusOr<RenderChat> OpenChat(const std::string& folder) {
  auto chat = ChatTemplate::OpenFolder(folder);
  if (absl::IsNotFound(chat.status())) return RenderChat();
  RETURN_IF_ERROR(chat.status());
  return RenderChat([chat = std::make_shared<const ChatTemplate>(*std::move(
                         chat))](std::span<const ChatMessage> messages) {
    return chat->Render(messages, /*add_generation_prompt=*/true,
                        absl::FromCivil(kToday, absl::UTCTimeZone()));
  });
}

// The id of a special token of tokenizer_config.json, which is its text or a
// map with its "content".
std::optional<int32_t> SpecialToken(const nlohmann::json& config,
                                    const char* key,
                                    const Tokenizer& tokenizer) {
  const auto found = config.find(key);
  if (found == config.end()) return std::nullopt;
  const nlohmann::json text =
      found->is_object() ? found->value("content", nlohmann::json()) : *found;
  if (!text.is_string()) return std::nullopt;
  return tokenizer.TokenToId(text.get<std::string>());
}

// -1: there is none.
absl::StatusOr<int32_t> PrefixToken(const Checkpoint& checkpoint,
                                    const Tokenizer& tokenizer) {
  const std::string path = checkpoint.tokenizer_config_path();
  const auto text = ReadFile(path, kMaximumConfigBytes);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  if (text.ok()) {
    ASSIGN_OR_RETURN(const nlohmann::json config, ParseJsonObject(*text, path));
    for (const char* key : {"bos_token", "eos_token"}) {
      const auto token = SpecialToken(config, key, tokenizer);
      if (token.has_value()) return *token;
    }
  }
  const GenerationSettings& generation = checkpoint.generation();
  if (generation.begin_token.has_value()) return *generation.begin_token;
  return generation.end_tokens.empty() ? -1 : generation.end_tokens.front();
}

}  // namespace

absl::Status CheckTokenizerFits(const Tokenizer& tokenizer,
                                const Checkpoint& checkpoint) {
  const int64_t rows = checkpoint.config().vocabulary_size;
  if (tokenizer.vocabulary_size() <= rows) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(checkpoint.tokenizer_path(), ": has tokens up to ",
                   tokenizer.vocabulary_size() - 1,
                   "; the model's embedding has ", rows, " rows"));
}

absl::StatusOr<LanguageTools> OpenLanguageTools(const Checkpoint& checkpoint,
                                                int64_t maximum_length) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const Tokenizer> tokenizer,
                   Tokenizer::Open(checkpoint.tokenizer_path()));
  RETURN_IF_ERROR(CheckTokenizerFits(*tokenizer, checkpoint));
  LanguageTools opened{.codec = std::make_unique<TokenizerCodec>(tokenizer),
                       .tools = {}};
  LanguageTaskTools& tools = opened.tools;
  tools.codec = opened.codec.get();
  ASSIGN_OR_RETURN(tools.render_chat, OpenChat(checkpoint.path()));
  ASSIGN_OR_RETURN(tools.prefix_token, PrefixToken(checkpoint, *tokenizer));
  if (tools.prefix_token >= checkpoint.config().vocabulary_size) {
    return absl::InvalidArgumentError(
        absl::StrCat(checkpoint.path(), ": the token in front of a text is ",
                     tools.prefix_token, "; the model's embedding has ",
                     checkpoint.config().vocabulary_size, " rows"));
  }
  tools.end_tokens = checkpoint.generation().end_tokens;
  tools.maximum_length = maximum_length;
  return opened;
}

}  // namespace merganser
