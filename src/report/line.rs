//! One JSON document per line.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::WriteError;
use crate::text::is_invisible;

/// JSON without line breaks.
///
/// It also escapes the characters that other readers treat as the end of a line (U+0085, U+2028, U+2029)
/// and those that move the cursor of a terminal. A JSON parser restores every character.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        // Nearly all text is plain.
        if fragment.is_ascii() && !fragment.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_invisible(*c)) {
            writer.write_all(&fragment.as_bytes()[written..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

/// Writes a value as one line.
pub(super) fn write_line(value: &impl Serialize, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut line = Vec::with_capacity(1 << 10);
    write_in_line(value, &mut line)?;
    line.push(b'\n');
    Ok(out.write_all(&line)?)
}

/// Writes a value that is too large to be held as one line.
pub(super) fn write_long_line(
    value: &impl Serialize,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let mut out = BufWriter::new(out);
    value.serialize(&mut Serializer::with_formatter(&mut out, OneLine))?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Writes a value as a part of a line.
pub(super) fn write_in_line(value: &impl Serialize, line: &mut Vec<u8>) -> Result<(), WriteError> {
    Ok(value.serialize(&mut Serializer::with_formatter(line, OneLine))?)
}
