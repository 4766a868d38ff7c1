/* Hugging Face's own Rust libraries, behind C: tokenizers, chat templates,
 * safetensors headers. Only common/huggingface and common/storage include it.
 *
 * Every call that can fail returns MHF_OK or says in `error` why not; nothing
 * panics across this boundary. Texts are UTF-8 with a length, not terminated.
 * Threads: handles are immutable; calls on one may run at the same time. */
#ifndef MERGANSER_HUGGINGFACE_NATIVE_H_
#define MERGANSER_HUGGINGFACE_NATIVE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mhf_status {
  MHF_OK = 0,
  MHF_INVALID = 1,  /* what was passed in is not as it should be */
  MHF_INTERNAL = 2, /* the library failed, or panicked */
} mhf_status;

/* A text that is passed in; borrowed. */
typedef struct mhf_text {
  const uint8_t* data;
  size_t size;
} mhf_text;

/* What a call gives back; the caller's, until mhf_bytes_free(). */
typedef struct mhf_bytes {
  uint8_t* data;
  size_t size;
} mhf_bytes;

/* Token ids that a call gives back; the caller's, until mhf_ids_free(). */
typedef struct mhf_ids {
  uint32_t* data;
  size_t size;
} mhf_ids;

typedef struct mhf_tokenizer mhf_tokenizer;

/* All free functions take what is empty, too. */
void mhf_bytes_free(mhf_bytes bytes);
void mhf_ids_free(mhf_ids ids);

/* `json` is a tokenizer.json. MHF_INVALID when it does not parse. The handle is
 * the caller's, until mhf_tokenizer_free(). */
mhf_status mhf_tokenizer_new(mhf_text json, mhf_tokenizer** tokenizer,
                             mhf_bytes* error);
void mhf_tokenizer_free(mhf_tokenizer* tokenizer);
/* The largest id and one, added tokens included. */
size_t mhf_tokenizer_vocabulary_size(const mhf_tokenizer* tokenizer);
/* MHF_INVALID for text that is not UTF-8. */
mhf_status mhf_tokenizer_encode(const mhf_tokenizer* tokenizer, mhf_text text,
                                uint8_t add_special_tokens, mhf_ids* ids,
                                mhf_bytes* error);
/* Ids that the tokenizer does not know give nothing. */
mhf_status mhf_tokenizer_decode(const mhf_tokenizer* tokenizer,
                                const uint32_t* ids, size_t count,
                                uint8_t skip_special_tokens, mhf_bytes* text,
                                mhf_bytes* error);
/* 1 and `id` if the vocabulary has the token, else 0. */
uint8_t mhf_tokenizer_token_to_id(const mhf_tokenizer* tokenizer,
                                  mhf_text token, uint32_t* id);

/* Whether `source` is a template. MHF_INVALID with the place, or for one of
 * more than 256 KiB. */
mhf_status mhf_chat_template_check(mhf_text source, mhf_bytes* error);
/* Renders a chat template as transformers does. `variables` is a JSON object:
 * "messages", "add_generation_prompt", "bos_token", … `now_unix_seconds` is
 * what strftime_now shows, in UTC. MHF_INVALID with the
 * template's own message when it raises an exception, or fails; when it takes
 * more than ten million steps, 64 MiB of memory or 60 seconds, or writes more
 * than 4 MiB. A source that was refused for memory or time is refused at once
 * from then on. */
mhf_status mhf_chat_template_render(mhf_text source, mhf_text variables,
                                    int64_t now_unix_seconds, mhf_bytes* text,
                                    mhf_bytes* error);

/* One tensor of a safetensors header. What it points to is the header's. */
typedef struct mhf_tensor {
  mhf_text name;
  mhf_text dtype;        /* as the format names it */
  uint64_t element_bits; /* of one element of dtype */
  const uint64_t* shape;
  size_t rank;
  uint64_t begin; /* bytes from the start of the data */
  uint64_t end;
} mhf_tensor;

typedef struct mhf_metadata_item {
  mhf_text key;
  mhf_text value;
} mhf_metadata_item;

typedef struct mhf_tensor_header {
  const mhf_tensor* tensors; /* by name; none twice */
  size_t tensor_count;
  const mhf_metadata_item* metadata; /* by key */
  size_t metadata_count;
  /* What the safetensors crate says against the shapes and offsets of all
   * tensors together; empty if nothing. It seldom names the tensor. */
  mhf_text objection;
  void* owner; /* of all of the above */
} mhf_tensor_header;

/* `json` is the JSON at the start of a safetensors file, without its length.
 * MHF_INVALID, naming the tensor, for what the format does not have. Before
 * anything is built from the text, these are refused: more than three levels,
 * lists of more than 64 values, a name given twice. The header is the caller's,
 * until mhf_tensor_header_free(). */
mhf_status mhf_tensor_header_parse(mhf_text json, mhf_tensor_header* header,
                                   mhf_bytes* error);
void mhf_tensor_header_free(mhf_tensor_header header);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* MERGANSER_HUGGINGFACE_NATIVE_H_ */
