//! JSON with the line and column of every value.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::node::{DEEPEST, Entry, Fault, MOST_VALUES, Mark, Node, Parsed, Value};

/// Parses a text.
pub(super) fn parse_json(text: &str) -> Result<Parsed, Fault> {
    let source = Source::new(text);
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        Fault {
            at: Mark {
                line: saturate_to_u32(error.line()),
                column: saturate_to_u32(error.column()).max(1),
            },
            message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
        }
    })?;
    let root = source.node(raw, 0)?;
    let repeated = source.repeated.into_inner();
    Ok(Parsed { root, repeated })
}

/// The bytes between two places whose characters were counted.
const STEP: usize = 512;

struct Source<'a> {
    text: &'a str,
    lines: Vec<usize>,
    /// The number of characters that begin before each multiple of [`STEP`].
    characters: Vec<usize>,
    /// The number of values so far.
    count: Cell<usize>,
    repeated: RefCell<Vec<(String, Mark)>>,
}

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut counted = 0;
        let mut characters = vec![0];
        for chunk in text.as_bytes().chunks(STEP) {
            counted += count_begun_characters(chunk);
            characters.push(counted);
        }
        Source {
            text,
            lines: std::iter::once(0)
                .chain(breaks.map(|(at, _)| at + 1))
                .collect(),
            characters,
            count: Cell::new(0),
            repeated: RefCell::default(),
        }
    }

    fn characters_before(&self, at: usize) -> usize {
        let whole = at / STEP;
        let rest = self.text.as_bytes().get(whole * STEP..at);
        self.characters.get(whole).copied().unwrap_or(0) + rest.map_or(0, count_begun_characters)
    }

    fn mark(&self, raw: &RawValue) -> Mark {
        // Both point into the same text, so the distance is the offset of the value.
        let at = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.characters_before(at) - self.characters_before(start);
        Mark {
            line: saturate_to_u32(line),
            column: saturate_to_u32(column + 1),
        }
    }

    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Fault> {
        let at = self.mark(raw);
        let fault = |message: String| Fault { at, message };
        let unread = |error: serde_json::Error| {
            let message = error.to_string();
            let end = message.find(" at line ").unwrap_or(message.len());
            fault(message[..end].to_owned())
        };
        if depth > DEEPEST {
            return Err(fault(format!("nested more than {DEEPEST} levels deep")));
        }
        self.count.set(self.count.get() + 1);
        if self.count.get() > MOST_VALUES {
            return Err(fault(format!("it has more than {MOST_VALUES} values")));
        }
        let text = raw.get();
        let value = match text.as_bytes().first() {
            Some(b'{') => {
                let pairs: Pairs<'a> = serde_json::from_str(text).map_err(unread)?;
                let mut seen: BTreeMap<String, usize> = BTreeMap::new();
                let mut entries: Vec<Entry> = Vec::with_capacity(pairs.0.len());
                for (key, value) in pairs.0 {
                    let at = self.mark(key);
                    let name: String = serde_json::from_str(key.get()).map_err(unread)?;
                    let node = self.node(value, depth + 1)?;
                    let entry = Entry { name, at, node };
                    match seen
                        .get(&entry.name)
                        .and_then(|index| entries.get_mut(*index))
                    {
                        Some(earlier) => {
                            let repeated = (entry.name.clone(), at);
                            self.repeated.borrow_mut().push(repeated);
                            *earlier = entry;
                        }
                        None => {
                            seen.insert(entry.name.clone(), entries.len());
                            entries.push(entry);
                        }
                    }
                }
                Value::Map(entries)
            }
            Some(b'[') => {
                let items: Vec<&'a RawValue> = serde_json::from_str(text).map_err(unread)?;
                let items = items.into_iter().map(|item| self.node(item, depth + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Value::Text(serde_json::from_str(text).map_err(unread)?),
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') => Value::Null,
            _ => Value::Number(text.to_owned()),
        };
        Ok(Node { at, value })
    }
}

fn count_begun_characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

fn saturate_to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The members of an object in their order, each with its place in the text.
struct Pairs<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(&'de RawValue, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }

        json.deserialize_map(Members).map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_place() {
        let root =
            parse_json("{\r\n\t\"a\\u00e4\": [1,\n  \"\\ud83d\\ude00\\/\", null],\n \"é\": true}")
                .unwrap()
                .root;
        let [list, yes] = root.entries() else {
            panic!("two members")
        };
        assert_eq!(
            (list.name.as_str(), list.at.line, list.at.column),
            ("aä", 2, 2)
        );
        let [one, text, _] = list.node.items() else {
            panic!("three items")
        };
        assert_eq!((one.at.line, one.at.column), (2, 14));
        assert_eq!((text.text(), text.at.line), (Some("\u{1F600}/"), 3));
        assert_eq!((yes.name.as_str(), yes.at.line, yes.at.column), ("é", 4, 2));
        assert_eq!((yes.node.at.line, yes.node.at.column), (4, 7));
    }

    #[test]
    fn a_long_line_is_counted_in_characters() {
        let text = format!("{{\"a\": \"{}\", \"b\": 1}}", "é".repeat(3000));
        let root = parse_json(&text).unwrap().root;
        assert_eq!(
            root.entries()[1].at,
            Mark {
                line: 1,
                column: 3011
            }
        );
    }

    #[test]
    fn the_last_of_a_repeated_key_counts() {
        let parsed = parse_json("{\"a\": 1,\n \"b\": 3, \"a\": 2}").unwrap();
        let names: Vec<&str> = parsed
            .root
            .entries()
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert!(matches!(&parsed.root.get("a").unwrap().value, Value::Number(it) if it == "2"));
        assert_eq!(
            parsed.repeated,
            [(
                "a".to_owned(),
                Mark {
                    line: 2,
                    column: 10
                }
            )]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, line, column, words) in [
            ("{\"a\": 1,\n}", 2, 1, "key must be a string"),
            ("{\n\"a\": \"\\ud83d\"}", 2, 6, ""),
            ("{", 1, 1, "EOF"),
        ] {
            let fault = parse_json(text).unwrap_err();
            assert_eq!((fault.at.line, fault.at.column), (line, column), "{text}");
            assert!(fault.message.contains(words), "{}", fault.message);
        }
        assert!(parse_json(&"[".repeat(100_000)).is_err());
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert!(parse_json(&deep).unwrap_err().message.contains("nested"));
    }
}
