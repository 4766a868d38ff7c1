//! Hugging Face's libraries behind the C header
//! `include/merganser/huggingface_native.h`, which has the contracts.

mod boundary;
mod chat_template;
mod tokenizer;
