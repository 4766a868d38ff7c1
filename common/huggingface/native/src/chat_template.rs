//! Chat templates by `minijinja`, set up as transformers sets up Jinja (its
//! utils/chat_template_utils.py).

use std::ffi::CString;
use std::fmt;

use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State};

use crate::boundary::{guard, Bytes, Failure, Text};
use crate::bounded_thread;
use crate::python_json::tojson;

const NAME: &str = "chat template";
// Steps of the template's program; a long conversation takes some thousands.
const MAXIMUM_STEPS: u64 = 10_000_000;
const LARGEST_SOURCE: usize = 256 << 10;
const LARGEST_TEXT: usize = 4 << 20;

/// What a template raised, to tell it from the engine's own errors.
#[derive(Debug)]
struct Raised(String);

impl fmt::Display for Raised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
}

fn strftime(format: &str, unix_seconds: i64) -> Option<String> {
    const LARGEST: usize = 4096;
    let format = CString::new(format).ok()?;
    let mut buffer = vec![0u8; LARGEST];
    // Safety: gmtime_r fills `time` or returns null; strftime writes at most
    // LARGEST bytes and returns how many they are without the final zero.
    let size = unsafe {
        let seconds: libc::time_t = unix_seconds;
        let mut time: libc::tm = std::mem::zeroed();
        if libc::gmtime_r(&seconds, &mut time).is_null() {
            return None;
        }
        libc::strftime(buffer.as_mut_ptr().cast(), LARGEST, format.as_ptr(), &time)
    };
    buffer.truncate(size);
    String::from_utf8(buffer).ok()
}

fn strftime_now(format: &str, unix_seconds: i64) -> Result<String, Error> {
    strftime(format, unix_seconds)
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "strftime_now: no such time"))
}

// As Python's str(): true and none are written differently by minijinja.
fn write_value(output: &mut Output, state: &State, value: &Value) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::None => "None",
        ValueKind::Bool if value.is_true() => "True",
        ValueKind::Bool => "False",
        _ => return minijinja::escape_formatter(output, state, value),
    };
    output.write_str(text).map_err(Error::from)
}

fn environment(now: i64) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(write_value);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_fuel(Some(MAXIMUM_STEPS));
    environment.add_filter("tojson", tojson);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", move |format: &str| strftime_now(format, now));
    environment
}

/// What the template raised; else the innermost reason and its line.
fn describe(error: &Error) -> String {
    let mut innermost = error;
    while let Some(source) = std::error::Error::source(innermost) {
        if let Some(raised) = source.downcast_ref::<Raised>() {
            return raised.0.clone();
        }
        let Some(next) = source.downcast_ref::<Error>() else { break };
        innermost = next;
    }
    match innermost.line() {
        Some(line) => format!("line {line}: {innermost}"),
        None => innermost.to_string(),
    }
}

fn invalid(error: Error) -> Failure {
    Failure::Invalid(describe(&error))
}

// A recursion over the source is at most as deep as it has bytes, and its stack
// is bounded.
fn source_of(source: &str) -> Result<String, Failure> {
    if source.len() <= LARGEST_SOURCE {
        return Ok(source.to_owned());
    }
    Err(Failure::Invalid(format!(
        "expected a chat template of at most {LARGEST_SOURCE} bytes; got {}",
        source.len()
    )))
}

fn render(source: &str, variables: &str, now: i64) -> Result<String, Failure> {
    let variables: serde_json::Value = serde_json::from_str(variables)
        .map_err(|error| Failure::Internal(format!("variables: {error}")))?;
    let environment = environment(now);
    let template = environment.template_from_named_str(NAME, source).map_err(invalid)?;
    let rendered = template.render(Value::from_serialize(&variables)).map_err(invalid)?;
    if rendered.len() <= LARGEST_TEXT {
        return Ok(rendered);
    }
    Err(Failure::Invalid(format!(
        "writes {} bytes; expected at most {LARGEST_TEXT}",
        rendered.len()
    )))
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_chat_template_check(source: Text, error: *mut Bytes) -> i32 {
    guard(error, || {
        let source = source_of(source.utf8()?)?;
        bounded_thread::run(&source.clone(), move || {
            environment(0).template_from_named_str(NAME, &source).map_err(invalid)?;
            Ok(())
        })
    })
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_chat_template_render(
    source: Text,
    variables: Text,
    now_unix_seconds: i64,
    text: *mut Bytes,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let source = source_of(source.utf8()?)?;
        let variables = variables.utf8()?.to_owned();
        let rendered = bounded_thread::run(&source.clone(), move || {
            render(&source, &variables, now_unix_seconds)
        })?;
        text.write(Bytes::new(rendered.into_bytes()));
        Ok(())
    })
}
