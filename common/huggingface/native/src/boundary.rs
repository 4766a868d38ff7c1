//! Texts in, owned buffers out, no panic across.

use std::panic::{catch_unwind, AssertUnwindSafe};

/// What a call failed with.
pub enum Failure {
    Invalid(String),
    Internal(String),
}

const OK: i32 = 0;
const INVALID: i32 = 1;
const INTERNAL: i32 = 2;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    data: *const u8,
    size: usize,
}

#[repr(C)]
pub struct Bytes {
    data: *mut u8,
    size: usize,
}

#[repr(C)]
pub struct Ids {
    data: *mut u32,
    size: usize,
}

impl Text {
    pub fn of(text: &str) -> Text {
        Text { data: text.as_ptr(), size: text.len() }
    }

    /// # Safety
    /// `data` points to `size` bytes, unless `size` is 0.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        std::slice::from_raw_parts(self.data, self.size)
    }

    /// # Safety
    /// As `bytes`.
    pub unsafe fn utf8<'a>(self) -> Result<&'a str, Failure> {
        std::str::from_utf8(self.bytes()).map_err(|error| {
            Failure::Invalid(format!("expected UTF-8; byte {} is not", error.valid_up_to()))
        })
    }
}

impl Bytes {
    pub fn new(bytes: Vec<u8>) -> Bytes {
        let boxed = bytes.into_boxed_slice();
        let size = boxed.len();
        Bytes { data: Box::into_raw(boxed) as *mut u8, size }
    }
}

impl Ids {
    pub fn new(ids: Vec<u32>) -> Ids {
        let boxed = ids.into_boxed_slice();
        let size = boxed.len();
        Ids { data: Box::into_raw(boxed) as *mut u32, size }
    }
}

/// Runs `body` and writes what it failed with to `error`.
///
/// # Safety
/// `error` is valid for writes.
pub unsafe fn guard(error: *mut Bytes, body: impl FnOnce() -> Result<(), Failure>) -> i32 {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return OK,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure::Internal(panic_text(panic)),
    };
    let (status, text) = match failure {
        Failure::Invalid(text) => (INVALID, text),
        Failure::Internal(text) => (INTERNAL, text),
    };
    error.write(Bytes::new(text.into_bytes()));
    status
}

/// Drops what `pointer` owns; a panic on the way ends here.
///
/// # Safety
/// `pointer` is null, or from `Box::into_raw` and not used afterwards.
pub unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        let owned = Box::from_raw(pointer);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(owned)));
    }
}

fn panic_text(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| text.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the library panicked: {}", text.unwrap_or_else(|| "no reason given".to_string()))
}

/// # Safety
/// `bytes` came from this library, or is empty; it is not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn mhf_bytes_free(bytes: Bytes) {
    if !bytes.data.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes.data, bytes.size)));
    }
}

/// # Safety
/// As `mhf_bytes_free`.
#[no_mangle]
pub unsafe extern "C" fn mhf_ids_free(ids: Ids) {
    if !ids.data.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(ids.data, ids.size)));
    }
}
