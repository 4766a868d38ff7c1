//! JSON as Python's json.dumps writes it.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};
use std::io::{Result as IoResult, Write};

struct PythonFormatter {
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    ascii: bool,
    depth: usize,
    empty: bool,
}

impl PythonFormatter {
    fn line<W: ?Sized + Write>(&self, writer: &mut W) -> IoResult<()> {
        let Some(indent) = &self.indent else { return Ok(()) };
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(indent.as_bytes()))
    }

    fn begin<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> IoResult<()> {
        self.depth += 1;
        self.empty = true;
        writer.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> IoResult<()> {
        self.depth -= 1;
        if !self.empty {
            self.line(writer)?;
        }
        self.empty = false;
        writer.write_all(bracket)
    }

    fn item<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> IoResult<()> {
        self.empty = false;
        if !first {
            writer.write_all(self.item_separator.as_bytes())?;
        }
        self.line(writer)
    }
}

impl Formatter for PythonFormatter {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.begin(writer, b"[")
    }
    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.end(writer, b"]")
    }
    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> IoResult<()> {
        self.item(writer, first)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.begin(writer, b"{")
    }
    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.end(writer, b"}")
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> IoResult<()> {
        self.item(writer, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        writer.write_all(self.key_separator.as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> IoResult<()> {
        if !self.ascii {
            return writer.write_all(text.as_bytes());
        }
        let mut units = [0; 2];
        for character in text.chars() {
            if character.is_ascii() && character != '\x7f' {
                write!(writer, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> IoResult<()> {
        CompactFormatter.write_char_escape(writer, escape)
    }
}

fn failure(message: impl ToString) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("tojson: {}", message.to_string()))
}

// A number of spaces, or the text itself.
fn indent_of(options: &Kwargs) -> Result<Option<String>, Error> {
    let Some(indent) = options.get::<Option<Value>>("indent")? else { return Ok(None) };
    if indent.is_none() {
        return Ok(None);
    }
    if let Some(text) = indent.as_str() {
        return Ok(Some(text.to_owned()));
    }
    let spaces = indent.as_usize().filter(|&spaces| spaces <= 64);
    Ok(Some(" ".repeat(spaces.ok_or_else(|| failure("indent should be 0 to 64, or a text"))?)))
}

fn formatter(options: &Kwargs) -> Result<PythonFormatter, Error> {
    let indent = indent_of(options)?;
    let comma = if indent.is_some() { "," } else { ", " };
    let separators = options.get::<Option<Vec<String>>>("separators")?;
    let [item_separator, key_separator] = separators
        .unwrap_or_else(|| vec![comma.to_owned(), ": ".to_owned()])
        .try_into()
        .map_err(|_| failure("separators should be two texts"))?;
    let ascii = options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    Ok(PythonFormatter { indent, item_separator, key_separator, ascii, depth: 0, empty: true })
}

/// The filter `tojson` of transformers: json.dumps(value, ensure_ascii=False),
/// with its options ensure_ascii, indent, separators and sort_keys.
pub fn tojson(value: &Value, options: Kwargs) -> Result<String, Error> {
    if value.is_undefined() {
        return Err(failure("the value is undefined"));
    }
    let formatter = formatter(&options)?;
    let sort_keys = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    options.assert_all_used()?;
    let mut json = serde_json::to_value(value).map_err(failure)?;
    if sort_keys {
        json.sort_all_objects();
    }
    let mut text = Vec::new();
    json.serialize(&mut Serializer::with_formatter(&mut text, formatter)).map_err(failure)?;
    String::from_utf8(text).map_err(failure)
}
