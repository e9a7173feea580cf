//! YAML with the line and column of every value; CloudFormation's short forms are expanded.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::node::{DEEPEST, Entry, Fault, Mark, Node, Value};

/// The most values that a text may contain after its aliases are expanded.
const MOST: usize = 1_000_000;

/// Parses a text with a single document.
pub(super) fn parse_yaml(text: &str) -> Result<Node, Fault> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Fault {
            at: mark_of(*error.marker()),
            message: error.info().to_owned(),
        })?;
        builder.take(event, span)?;
    }
    builder.root.ok_or_else(|| Fault {
        at: Mark { line: 1, column: 1 },
        message: "the file is empty".to_owned(),
    })
}

fn mark_of(marker: saphyr_parser::Marker) -> Mark {
    let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Mark {
        line: short(marker.line()).max(1),
        column: short(marker.col()).saturating_add(1),
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    anchors: BTreeMap<usize, (Node, usize)>,
    /// The number of values so far, including those that aliases expand to.
    count: usize,
    root: Option<Node>,
}

/// A list or mapping whose end was not reached yet.
struct Frame {
    at: Mark,
    tag: Option<String>,
    anchor: usize,
    /// The number of values when it began.
    before: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        seen: BTreeSet<String>,
        key: Option<(String, Mark)>,
    },
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let at = mark_of(span.start);
        let fault = |message: &str| {
            Err(Fault {
                at,
                message: message.to_owned(),
            })
        };
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                fault("a second document begins; a template is a single document")
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return fault("the alias refers to a value that contains it");
                };
                if self.count.saturating_add(*size) > MOST {
                    return fault("its aliases expand to too many values");
                }
                let node = node.clone();
                self.count += size;
                self.put(node, 0, self.count)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let short = short_form(tag.as_ref());
                let value = match &tag {
                    Some(tag) if tag.is_yaml_core_schema() => match tag.suffix.as_str() {
                        "str" => Value::Text(text.into_owned()),
                        _ => Value::Plain(text.into_owned()),
                    },
                    _ if style == ScalarStyle::Plain => Value::Plain(text.into_owned()),
                    _ => Value::Text(text.into_owned()),
                };
                let before = self.count;
                self.count += 1;
                self.put(written_out(short, Node { at, value }), anchor, before)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(at, anchor, tag, Inside::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Map {
                    entries: Vec::new(),
                    seen: BTreeSet::new(),
                    key: None,
                };
                self.begin(at, anchor, tag, inside)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.open.pop() else {
                    return Ok(());
                };
                let value = match frame.inside {
                    Inside::List(items) => Value::List(items),
                    Inside::Map { entries, .. } => Value::Map(entries),
                };
                let node = Node {
                    at: frame.at,
                    value,
                };
                self.put(written_out(frame.tag, node), frame.anchor, frame.before)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(
        &mut self,
        at: Mark,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        inside: Inside,
    ) -> Result<(), Fault> {
        let awaits_key = |frame: &Frame| matches!(frame.inside, Inside::Map { key: None, .. });
        let message = if self.open.len() >= DEEPEST {
            "too deeply nested"
        } else if self.open.last().is_some_and(awaits_key) {
            "a key must be a plain scalar"
        } else {
            let tag = short_form(tag.as_ref());
            let before = self.count;
            self.count += 1;
            self.open.push(Frame {
                at,
                tag,
                anchor,
                before,
                inside,
            });
            return Ok(());
        };
        Err(Fault {
            at,
            message: message.to_owned(),
        })
    }

    /// Adds a complete value to its parent.
    fn put(&mut self, node: Node, anchor: usize, before: usize) -> Result<(), Fault> {
        let at = node.at;
        let fault = |message: String| Err(Fault { at, message });
        if anchor != 0 {
            let size = self.count - before;
            self.count += size;
            if self.count > MOST {
                return fault("its aliases expand to too many values".to_owned());
            }
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut().map(|frame| &mut frame.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Map { entries, seen, key }) => match key.take() {
                Some((name, at)) => entries.push(Entry { name, at, node }),
                None => {
                    let Some(name) = node.text().map(str::to_owned) else {
                        return fault("a key must be a plain scalar".to_owned());
                    };
                    if name == "<<" {
                        return fault("CloudFormation does not support merge keys (<<)".to_owned());
                    }
                    if !seen.insert(name.clone()) {
                        return fault(format!("{name:?} is given twice"));
                    }
                    *key = Some((name, at));
                }
            },
        }
        Ok(())
    }
}

/// Returns the function of a CloudFormation tag: `Ref` for `!Ref`, `Fn::Sub` for `!Sub`.
fn short_form(tag: Option<&Cow<'_, Tag>>) -> Option<String> {
    let tag = tag.filter(|tag| !tag.is_yaml_core_schema() && !tag.suffix.is_empty())?;
    let name = tag.suffix.trim_start_matches('!');
    Some(match name {
        // The non-specific tag changes nothing.
        "" => return None,
        "Ref" | "Condition" => name.to_owned(),
        _ => format!("Fn::{name}"),
    })
}

fn written_out(name: Option<String>, node: Node) -> Node {
    let at = node.at;
    match name {
        None => node,
        Some(name) => Node {
            at,
            value: Value::Map(vec![Entry { name, at, node }]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let root =
            parse_yaml("a: !Ref B\nc:\n  - !GetAtt D.Arn\n  - !Sub\n    - '${x}'\n    - x: 1\n")
                .unwrap();
        assert_eq!(root.get("a").unwrap().function_call().unwrap().0, "Ref");
        let items = root.get("c").unwrap().items();
        let (name, argument) = items[0].function_call().unwrap();
        assert_eq!((name, argument.text()), ("Fn::GetAtt", Some("D.Arn")));
        let (name, argument) = items[1].function_call().unwrap();
        assert_eq!((name, argument.items().len()), ("Fn::Sub", 2));
        assert_eq!(root.entries()[1].at, Mark { line: 2, column: 1 });
    }

    #[test]
    fn unquoted_scalars_are_what_yaml_1_1_says() {
        let root = parse_yaml(
            "[yes, 'yes', 012, 2012-10-17, 1.5, 10.0.0.0/16, ~, Off, -1, 1e3, 12:30, !!str 5]",
        )
        .unwrap();
        let shapes: Vec<String> = root
            .items()
            .iter()
            .map(|it| match it.meaning() {
                Value::Null => "null".to_owned(),
                Value::Bool(yes) => format!("bool {yes}"),
                Value::Number(text) => format!("number {text}"),
                Value::Text(text) => format!("text {text}"),
                _ => "other".to_owned(),
            })
            .collect();
        let want = [
            "bool true",
            "text yes",
            "number 012",
            "text 2012-10-17",
            "number 1.5",
            "text 10.0.0.0/16",
            "null",
            "bool false",
            "number -1",
            "number 1e3",
            "text 12:30",
            "text 5",
        ];
        assert_eq!(shapes, want);
    }

    #[test]
    fn an_alias_is_what_it_stands_for_within_bounds() {
        let root = parse_yaml("a: &x {b: 1}\nc: *x\n").unwrap();
        assert!(root.get("c").unwrap().get("b").is_some());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let list = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{list}]\n"));
        }
        assert!(
            parse_yaml(&bomb)
                .unwrap_err()
                .message
                .contains("too many values")
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, line, words) in [
            ("a: 1\na: 2\n", 2, "given twice"),
            ("a: 1\n---\nb: 2\n", 2, "second document"),
            ("a:\n  <<: *x\n", 2, ""),
            ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge keys"),
            ("? [a]\n: b\n", 1, "a key must be"),
            ("a: 'b\n", 2, ""),
            ("a: [b\nc: d\n", 2, ""),
            ("", 1, "the file is empty"),
            ("a: *nowhere\n", 1, ""),
            ("a: &x [*x]\n", 1, ""),
        ] {
            let fault = parse_yaml(text).unwrap_err();
            assert!(fault.message.contains(words), "{text}: {}", fault.message);
            assert!(fault.at.line <= line, "{text}: {:?}", fault.at);
        }
        assert!(parse_yaml(&"- ".repeat(5000)).is_err());
        assert!(parse_yaml(&"[".repeat(5000)).is_err());
    }
}
