//! Hugging Face's libraries behind the C header
//! `include/merganser/huggingface_native.h`, which has the contracts.

mod boundary;
mod bounded_thread;
mod chat_template;
mod header_guard;
mod python_json;
mod tensor_header;
mod tokenizer;
