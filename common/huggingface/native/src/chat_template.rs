//! Chat templates by `minijinja`, set up as transformers sets up Jinja.

use std::io;

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::boundary::{guard, Bytes, Failure, Text};

const NAME: &str = "chat template";

/// `json.dumps` of Python: a space behind commas and colons.
struct PythonFormatter;

impl Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

fn write_json(value: &Value, formatter: impl Formatter) -> Result<String, Error> {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// Not minijinja's own, which escapes for HTML.
fn tojson(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // Characters stay as they are, and so does the order of keys.
    let _: Option<bool> = options.get("ensure_ascii")?;
    let _: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let text = match indent {
        Some(width) => write_json(value, PrettyFormatter::with_indent(" ".repeat(width).as_bytes())),
        None => write_json(value, PythonFormatter),
    }?;
    Ok(Value::from_safe_string(text))
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", tojson);
    environment.add_function("raise_exception", raise_exception);
    environment
}

/// The innermost reason and the line; a raised exception's text alone.
fn describe(error: &Error) -> String {
    let mut innermost = error;
    while let Some(source) = std::error::Error::source(innermost).and_then(|s| s.downcast_ref::<Error>()) {
        innermost = source;
    }
    match innermost.detail() {
        Some(detail) if innermost.kind() == ErrorKind::InvalidOperation => detail.to_string(),
        _ => match innermost.line() {
            Some(line) => format!("line {line}: {innermost}"),
            None => innermost.to_string(),
        },
    }
}

fn invalid(error: Error) -> Failure {
    Failure::Invalid(describe(&error))
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_chat_template_check(source: Text, error: *mut Bytes) -> i32 {
    guard(error, || {
        environment().template_from_named_str(NAME, source.utf8()?).map_err(invalid)?;
        Ok(())
    })
}

/// # Safety
/// See the header.
#[no_mangle]
pub unsafe extern "C" fn mhf_chat_template_render(
    source: Text,
    variables: Text,
    text: *mut Bytes,
    error: *mut Bytes,
) -> i32 {
    guard(error, || {
        let variables: serde_json::Value = serde_json::from_slice(variables.bytes())
            .map_err(|error| Failure::Internal(format!("variables: {error}")))?;
        let environment = environment();
        let template = environment.template_from_named_str(NAME, source.utf8()?).map_err(invalid)?;
        let rendered = template.render(Value::from_serialize(&variables)).map_err(invalid)?;
        text.write(Bytes::new(rendered.into_bytes()));
        Ok(())
    })
}
