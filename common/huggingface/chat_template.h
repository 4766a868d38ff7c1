// Chat templates of tokenizer_config.json: Jinja, as transformers renders it.
#pragma once

#include <map>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace merganser {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

// Threads: immutable after creation; safe to share.
class ChatTemplate {
 public:
  // `name` is what error messages call it, such as the file that it is from.
  // `special_tokens` are variables of the template: "bos_token", "eos_token", …
  // Errors: InvalidArgument, with the place, for text that is no template, or
  // one of more than 256 KiB.
  static absl::StatusOr<ChatTemplate> Create(
      std::string source, std::string name,
      std::map<std::string, std::string> special_tokens);

  // The template of a tokenizer_config.json, or of a chat_template.jinja beside
  // it, with the special tokens that the file names (texts, or maps with a
  // "content").
  // Errors: NotFound when the folder has neither; InvalidArgument for a file
  // that is not as it should be. Messages begin with the path.
  static absl::StatusOr<ChatTemplate> OpenFolder(const std::string& folder);

  // `now` is what the template's strftime_now shows, in UTC.
  // Errors: InvalidArgument with the template's own message when it raises one,
  // or fails, takes more than ten million steps, 64 MiB of memory or 60 s, or
  // writes more than 4 MiB.
  absl::StatusOr<std::string> Render(std::span<const ChatMessage> messages,
                                     bool add_generation_prompt,
                                     absl::Time now) const;

 private:
  ChatTemplate(std::string source, std::string name,
               std::map<std::string, std::string> special_tokens)
      : source_(std::move(source)),
        name_(std::move(name)),
        special_tokens_(std::move(special_tokens)) {}

  std::string source_;
  std::string name_;
  std::map<std::string, std::string> special_tokens_;
};

}  // namespace merganser
