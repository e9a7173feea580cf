//! CBOR, which CloudWatch's protocol uses, as JSON. `{"$time": 0}` is a timestamp.
//!
//! <https://www.rfc-editor.org/rfc/rfc8949>, <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use serde_json::{Map, Number, Value, json};

/// The member that marks a timestamp.
const TIME: &str = "$time";

/// Returns what a document says, if it is complete.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { bytes };
    let value = reader.read_value()?;
    reader.bytes.is_empty().then_some(value)
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    /// Returns the number that follows the first byte of an item; `None` inside for one without a length.
    fn read_argument(&mut self, short: u8) -> Option<Option<u64>> {
        let length = match short {
            0..=23 => return Some(Some(u64::from(short))),
            24..=27 => 1 << (short - 24),
            31 => return Some(None),
            _ => return None,
        };
        let bytes = self.take(length)?.iter();
        Some(Some(
            bytes.fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
        ))
    }

    fn is_at_break(&mut self) -> bool {
        let is_break = self.bytes.first() == Some(&0xff);
        if is_break {
            self.bytes = &self.bytes[1..];
        }
        is_break
    }

    fn read_value(&mut self) -> Option<Value> {
        let first = self.take(1)?[0];
        let (major, short) = (first >> 5, first & 31);
        let argument = self.read_argument(short)?;
        let count = argument.unwrap_or(u64::MAX);
        match (major, argument) {
            (0, Some(number)) => Some(json!(number)),
            (1, Some(number)) => Some(json!(-1 - i64::try_from(number).ok()?)),
            (3, Some(length)) => {
                let text = self.take(usize::try_from(length).ok()?)?.to_vec();
                String::from_utf8(text).ok().map(Value::from)
            }
            (4, argument) => {
                let mut items = Vec::new();
                for _ in 0..count {
                    if argument.is_none() && self.is_at_break() {
                        break;
                    }
                    items.push(self.read_value()?);
                }
                Some(Value::Array(items))
            }
            (5, argument) => {
                let mut fields = Map::new();
                for _ in 0..count {
                    if argument.is_none() && self.is_at_break() {
                        break;
                    }
                    let key = self.read_value()?.as_str()?.to_owned();
                    fields.insert(key, self.read_value()?);
                }
                Some(Value::Object(fields))
            }
            (6, Some(1)) => Some(json!({TIME: self.read_value()?})),
            (7, Some(bits)) => match short {
                20 | 21 => Some(Value::Bool(short == 21)),
                22 => Some(Value::Null),
                26 => number(f64::from(f32::from_bits(u32::try_from(bits).ok()?))),
                27 => number(f64::from_bits(bits)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn number(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}

/// Returns a document that says the same.
pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(value, &mut out);
    out
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(flag) => out.push(0xf4 + u8::from(*flag)),
        Value::Number(number) => match number.as_u64() {
            Some(number) => write_head(0, number, out),
            None => {
                out.push(0xfb);
                let float = number.as_f64().expect("a float");
                out.extend(float.to_be_bytes());
            }
        },
        Value::String(text) => {
            write_head(3, text.len() as u64, out);
            out.extend(text.as_bytes());
        }
        Value::Array(items) => {
            write_head(4, items.len() as u64, out);
            items.iter().for_each(|item| write_value(item, out));
        }
        Value::Object(fields) => match fields.get(TIME) {
            Some(time) => {
                write_head(6, 1, out);
                write_value(time, out);
            }
            None => {
                write_head(5, fields.len() as u64, out);
                for (key, value) in fields {
                    write_value(&Value::from(key.as_str()), out);
                    write_value(value, out);
                }
            }
        },
    }
}

fn write_head(major: u8, number: u64, out: &mut Vec<u8>) {
    let (short, length) = match number {
        0..=23 => (number as u8, 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push((major << 5) | short);
    out.extend(&number.to_be_bytes()[8 - length..]);
}
