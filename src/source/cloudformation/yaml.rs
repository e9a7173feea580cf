//! YAML with the line and column of every value; CloudFormation's short forms are expanded.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::flow::{Shifted, indent_flow};
use super::node::{DEEPEST, Entry, Fault, MOST_VALUES, Mark, Node, Parsed, Value};

/// The most flow collections whose lines are indented less than their parent.
const MOST_SHIFTS: usize = 200;

/// The most bytes that are parsed for them: the text is parsed once more for each.
const MOST_SHIFTED_BYTES: usize = 256 << 20;

/// Parses a text with a single document.
///
/// The parser follows YAML 1.2, where the lines of a flow collection are indented more than its parent.
/// CloudFormation and the AWS CLI read them with any indentation, so such lines are indented first.
pub(super) fn parse_yaml(text: &str) -> Result<Parsed, Fault> {
    let mut shifted = Shifted::new(text);
    let most = MOST_SHIFTS
        .min(MOST_SHIFTED_BYTES / text.len().max(1))
        .max(1);
    for _ in 0..most {
        let (fault, open) = match build_document(&shifted) {
            Ok(parsed) => return Ok(parsed),
            Err(failed) => failed,
        };
        match open {
            Some(start) if fault.message.contains("invalid indentation") => {
                if !indent_flow(&mut shifted, start, fault.at.line) {
                    return Err(fault);
                }
            }
            _ => return Err(fault),
        }
    }
    Err(Fault {
        at: Mark { line: 1, column: 1 },
        message: format!(
            "more than {most} flow collections have lines that are indented less than their parent"
        ),
    })
}

/// Parses a document; an error comes with the place of the outermost flow collection around it.
fn build_document(shifted: &Shifted<'_>) -> Result<Parsed, (Fault, Option<usize>)> {
    let mut parser = Parser::new_from_str(shifted.text());
    let mut builder = Builder::new(shifted);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let fault = Fault {
                at: shifted.original(mark_of(*error.marker())),
                message: error.info().to_owned(),
            };
            (fault, builder.outermost_flow())
        })?;
        builder.last_end = span.end.index();
        builder.take(event, span).map_err(|fault| (fault, None))?;
    }
    let repeated = builder.repeated;
    let root = builder.root.ok_or_else(|| {
        let fault = Fault {
            at: Mark { line: 1, column: 1 },
            message: "the file is empty".to_owned(),
        };
        (fault, None)
    })?;
    Ok(Parsed { root, repeated })
}

fn mark_of(marker: saphyr_parser::Marker) -> Mark {
    let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Mark {
        line: short(marker.line()).max(1),
        column: short(marker.col()).saturating_add(1),
    }
}

struct Builder<'t> {
    shifted: &'t Shifted<'t>,
    open: Vec<Frame>,
    anchors: BTreeMap<usize, (Node, usize)>,
    /// The number of values so far, including those that aliases expand to.
    count: usize,
    root: Option<Node>,
    repeated: Vec<(String, Mark)>,
    /// The end of the last event, in characters.
    last_end: usize,
}

/// A list or mapping whose end was not reached yet.
struct Frame {
    at: Mark,
    /// The place in the text where it begins, in characters.
    start: usize,
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
        seen: BTreeMap<String, usize>,
        /// The keys that a merge (`<<`) added: the mapping's own replace them.
        merged: BTreeSet<String>,
        key: Option<(String, Mark)>,
    },
}

impl<'t> Builder<'t> {
    fn new(shifted: &'t Shifted<'t>) -> Self {
        Builder {
            shifted,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            count: 0,
            root: None,
            repeated: Vec::new(),
            last_end: 0,
        }
    }

    /// Returns the place of the outermost flow collection whose end was not reached yet, in bytes.
    fn outermost_flow(&self) -> Option<usize> {
        let text = self.shifted.text();
        let mut characters = text.char_indices().map(|(at, _)| at).enumerate();
        let mut starts = self.open.iter().map(|frame| frame.start);
        let opened = starts.find_map(|start| {
            let (_, at) = characters.find(|(index, _)| *index == start)?;
            find_flow_start(text, at, &[])
        });
        // The parser reports the start of a collection that may be a key only at its end.
        opened.or_else(|| {
            let (at, _) = text.char_indices().nth(self.last_end)?;
            find_flow_start(text, at, &['-', ':', '?', ','])
        })
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let at = self.shifted.original(mark_of(span.start));
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
                if self.count.saturating_add(*size) > MOST_VALUES {
                    return fault(&format!(
                        "its aliases expand to more than {MOST_VALUES} values"
                    ));
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
                self.begin(span, anchor, tag, Inside::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let inside = Inside::Map {
                    entries: Vec::new(),
                    seen: BTreeMap::new(),
                    merged: BTreeSet::new(),
                    key: None,
                };
                self.begin(span, anchor, tag, inside)
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
        span: Span,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        inside: Inside,
    ) -> Result<(), Fault> {
        let at = self.shifted.original(mark_of(span.start));
        let awaits_key = |frame: &Frame| matches!(frame.inside, Inside::Map { key: None, .. });
        let message = if self.open.len() >= DEEPEST {
            return Err(Fault {
                at,
                message: format!("nested more than {DEEPEST} levels deep"),
            });
        } else if self.open.last().is_some_and(awaits_key) {
            "a key must be a plain scalar"
        } else {
            let tag = short_form(tag.as_ref());
            let before = self.count;
            self.count += 1;
            self.open.push(Frame {
                at,
                start: span.start.index(),
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
        if self.count > MOST_VALUES {
            return fault(format!("it has more than {MOST_VALUES} values"));
        }
        if anchor != 0 {
            let size = self.count - before;
            self.count += size;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut().map(|frame| &mut frame.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Map {
                entries,
                seen,
                merged,
                key,
            }) => match key.take() {
                Some((name, at)) if name == "<<" => {
                    let Some(added) = entries_to_merge(&node) else {
                        let message = "a merge key (<<) needs a mapping or a list of mappings";
                        return fault(message.to_owned());
                    };
                    for entry in added {
                        if !seen.contains_key(&entry.name) {
                            seen.insert(entry.name.clone(), entries.len());
                            merged.insert(entry.name.clone());
                            entries.push(Entry { at, ..entry });
                        }
                    }
                }
                Some((name, at)) => {
                    let entry = Entry { name, at, node };
                    match seen
                        .get(&entry.name)
                        .and_then(|index| entries.get_mut(*index))
                    {
                        Some(earlier) => {
                            if !merged.remove(&entry.name) {
                                self.repeated.push((entry.name.clone(), at));
                            }
                            *earlier = entry;
                        }
                        None => {
                            seen.insert(entry.name.clone(), entries.len());
                            entries.push(entry);
                        }
                    }
                }
                None => {
                    let Some(name) = node.text().map(str::to_owned) else {
                        return fault("a key must be a plain scalar".to_owned());
                    };
                    *key = Some((name, at));
                }
            },
        }
        Ok(())
    }
}

/// Returns the entries that a merge key adds: of several mappings the first that has a key counts.
///
/// `aws cloudformation package` and AWS SAM expand merge keys before CloudFormation reads the template.
/// Source: <https://yaml.org/type/merge.html>.
fn entries_to_merge(node: &Node) -> Option<Vec<Entry>> {
    match &node.value {
        Value::Map(entries) => Some(entries.clone()),
        Value::List(items) => {
            let each = items.iter().map(|item| match &item.value {
                Value::Map(entries) => Some(entries.clone()),
                _ => None,
            });
            Some(each.collect::<Option<Vec<_>>>()?.concat())
        }
        _ => None,
    }
}

/// Returns the place of the flow collection that comes next, after a tag, an anchor, comments and some
/// indicators; none where something else comes.
fn find_flow_start(text: &str, at: usize, indicators: &[char]) -> Option<usize> {
    let mut rest = text.get(at..)?;
    loop {
        rest = rest.trim_start();
        let end = match rest.chars().next()? {
            '[' | '{' => return Some(text.len() - rest.len()),
            '!' | '&' => rest.find(char::is_whitespace)?,
            '#' if !indicators.is_empty() => rest.find('\n')?,
            c if indicators.contains(&c) => 1,
            _ => return None,
        };
        rest = &rest[end..];
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
                .unwrap()
                .root;
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
            "[yes, 'yes', 012, 2012-10-17, 1.5, 10.0.0.0/16, ~, Off, -1, 1e3, 12:30, !!str 5, 012345678901, 1_000, 0x1F, 03:00, '010']",
        )
        .unwrap()
        .root;
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
            "number 10",
            "text 2012-10-17",
            "number 1.5",
            "text 10.0.0.0/16",
            "null",
            "bool false",
            "number -1",
            "number 1e3",
            "number 750",
            "text 5",
            "text 012345678901",
            "number 1000",
            "number 31",
            "text 03:00",
            "text 010",
        ];
        assert_eq!(shapes, want);
    }

    #[test]
    fn an_alias_is_what_it_stands_for_within_bounds() {
        let root = parse_yaml("a: &x {b: 1}\nc: *x\n").unwrap().root;
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
                .contains("more than 300000 values")
        );
    }

    #[test]
    fn the_last_of_a_repeated_key_counts() {
        let parsed = parse_yaml("a: 1\nb: 3\na: 2\n").unwrap();
        assert_eq!(parsed.root.get("a").unwrap().text(), Some("2"));
        assert_eq!(parsed.root.entries().len(), 2);
        assert_eq!(
            parsed.repeated,
            [("a".to_owned(), Mark { line: 3, column: 1 })]
        );
    }

    #[test]
    fn a_merge_adds_what_the_mapping_lacks() {
        let text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*y, *x]\n  c: 3\nw: {b: 4, <<: *x}\n";
        let parsed = parse_yaml(text).unwrap();
        let value = |map: &str, key: &str| {
            let node = parsed.root.get(map).and_then(|it| it.get(key));
            node.and_then(Node::text).map(str::to_owned)
        };
        assert_eq!(value("z", "a").as_deref(), Some("1"));
        assert_eq!(value("z", "b").as_deref(), Some("2"));
        assert_eq!(value("z", "c").as_deref(), Some("3"));
        assert_eq!(value("w", "b").as_deref(), Some("4"));
        assert!(parsed.repeated.is_empty());
    }

    #[test]
    fn lines_of_a_flow_collection_have_any_indentation() {
        let text = "a:\n  - b:\n      c: [\n      'x', # ]\n    \"y\n  ]z\",\n  {d: e}\n      ]\n      f: {\n}\n  - g: |\n      [\n     h: 1\n";
        let parsed = parse_yaml(text);
        // The block scalar at the end is indented wrongly in any version of YAML.
        assert!(parsed.is_err());
        let text = text.replace("     h: 1", "      h: 1");
        let parsed = parse_yaml(&text).unwrap();
        let items = parsed.root.get("a").unwrap().items();
        let list = items[0].get("b").unwrap().get("c").unwrap().items();
        assert_eq!(list[0].text(), Some("x"));
        assert_eq!(list[0].at, Mark { line: 4, column: 7 });
        assert_eq!(list[1].text(), Some("y ]z"));
        assert_eq!(list[2].get("d").and_then(Node::text), Some("e"));
        assert_eq!(list[2].at, Mark { line: 7, column: 3 });
        assert!(items[0].get("b").unwrap().get("f").is_some());
        assert_eq!(items[1].get("g").and_then(Node::text), Some("[\nh: 1\n"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, line, words) in [
            ("a: 1\n---\nb: 2\n", 2, "second document"),
            ("a:\n  <<: *x\n", 2, ""),
            ("a: &x [b]\nc:\n  <<: *x\n", 3, "merge key"),
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
