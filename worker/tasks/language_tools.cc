#include "worker/tasks/language_tools.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/huggingface/chat_template.h"
#include "common/huggingface/tokenizer.h"

namespace merganser {
namespace {

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

// Empty for a folder without a chat template.
absl::StatusOr<RenderChat> OpenChat(const std::string& folder) {
  auto chat = ChatTemplate::OpenFolder(folder);
  if (absl::IsNotFound(chat.status())) return RenderChat();
  RETURN_IF_ERROR(chat.status());
  return RenderChat([chat = std::make_shared<const ChatTemplate>(*std::move(
                         chat))](std::span<const ChatMessage> messages) {
    return chat->Render(messages, /*add_generation_prompt=*/true);
  });
}

}  // namespace

absl::StatusOr<LanguageTools> OpenLanguageTools(const Checkpoint& checkpoint,
                                                int64_t maximum_length) {
  ASSIGN_OR_RETURN(auto tokenizer,
                   Tokenizer::Open(checkpoint.tokenizer_path()));
  LanguageTools opened{
      .codec = std::make_unique<TokenizerCodec>(std::move(tokenizer)),
      .tools = {}};
  LanguageTaskTools& tools = opened.tools;
  tools.codec = opened.codec.get();
  ASSIGN_OR_RETURN(tools.render_chat, OpenChat(checkpoint.path()));
  const GenerationSettings& generation = checkpoint.generation();
  tools.end_tokens = generation.end_tokens;
  if (!tools.end_tokens.empty()) tools.prefix_token = tools.end_tokens.front();
  tools.prefix_token = generation.begin_token.value_or(tools.prefix_token);
  tools.maximum_length = maximum_length;
  return opened;
}

}  // namespace merganser
