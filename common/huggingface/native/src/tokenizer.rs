//! `tokenizer.json` by the `tokenizers` crate.

use std::panic::{catch_unwind, AssertUnwindSafe};

use tokenizers::Tokenizer;

use crate::boundary::{free, guard, Bytes, Failure, Ids, Text};

pub struct Handle {
    tokenizer: Tokenizer,
    vocabulary_size: usize,
}

fn internal(error: tokenizers::Error) -> Failure {
    Failure::Internal(error.to_string())
}

// The crate's own words name types of its code.
fn describe(reason: &str, json: &[u8]) -> String {
    const EXPECTED: &str = "expected a tokenizer.json as Hugging Face's tokenizers write it";
    match serde_json::from_slice::<serde::de::IgnoredAny>(json) {
        Err(error) => format!("is not JSON ({error}); {EXPECTED}"),
        Ok(_) => format!("is not a tokenizer that this build knows ({reason}); {EXPECTED}"),
    }
}

fn open(json: &[u8]) -> Result<Handle, Failure> {
    let mut tokenizer = Tokenizer::from_bytes(json)
        .map_err(|error| Failure::Invalid(describe(&error.to_string(), json)))?;
    // A text is never cut, and never padded, unless its task says so.
    tokenizer.with_truncation(None).map_err(internal)?;
    tokenizer.with_padding(None);
    let largest = tokenizer.get_vocab(true).into_values().max();
    if let Some(id) = largest.filter(|&id| id > i32::MAX as u32) {
        return Err(Failure::Invalid(format!("the id {id} is not below 2^31")));
    }
    let vocabulary_size = largest.map_or(0, |id| id as usize + 1);
    Ok(Handle { tokenizer, vocabulary_size })
}

// A post-processor names ids of its own, which may be no one's.
fn check_ids(ids: &[u32], vocabulary_size: usize) -> Result<(), Failure> {
    match ids.iter().find(|&&id| id as usize >= vocabulary_size) {
        Some(id) => Err(Failure::Internal(format!(
            "the tokenizer gives the id {id}; expected below {vocabulary_size}"
        ))),
        None => Ok(()),
    }
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_tokenizer_new(
    json: Text,
    tokenizer: *mut *mut Handle,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let handle = open(json.bytes())?;
        tokenizer.write(Box::into_raw(Box::new(handle)));
        Ok(())
    })
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_tokenizer_free(tokenizer: *mut Handle) {
    free(tokenizer);
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_tokenizer_vocabulary_size(tokenizer: *const Handle) -> usize {
    (*tokenizer).vocabulary_size
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_tokenizer_encode(
    tokenizer: *const Handle,
    text: Text,
    add_special_tokens: u8,
    ids: *mut Ids,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let text = text.utf8()?;
        let encoding =
            (*tokenizer).tokenizer.encode_fast(text, add_special_tokens != 0).map_err(internal)?;
        check_ids(encoding.get_ids(), (*tokenizer).vocabulary_size)?;
        ids.write(Ids::new(encoding.get_ids().to_vec()));
        Ok(())
    })
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_tokenizer_decode(
    tokenizer: *const Handle,
    ids: *const u32,
    count: usize,
    skip_special_tokens: u8,
    text: *mut Bytes,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let ids = if count == 0 { &[] } else { std::slice::from_raw_parts(ids, count) };
        let decoded =
            (*tokenizer).tokenizer.decode(ids, skip_special_tokens != 0).map_err(internal)?;
        text.write(Bytes::new(decoded.into_bytes()));
        Ok(())
    })
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_tokenizer_token_to_id(
    tokenizer: *const Handle,
    token: Text,
    id: *mut u32,
) -> u8 {
    let found = catch_unwind(AssertUnwindSafe(|| {
        let token = token.utf8().ok()?;
        (*tokenizer).tokenizer.token_to_id(token)
    }));
    match found {
        Ok(Some(known)) => {
            id.write(known);
            1
        }
        _ => 0,
    }
}
