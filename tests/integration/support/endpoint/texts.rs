//! Answers in which a text is empty or left out, or everything.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;
use serde_json::Value;

use super::{Answer, Request, Shared};

/// The members that hold the token of the next page.
const NEXT_TOKENS: [&str; 8] = [
    "nextToken",
    "NextToken",
    "Marker",
    "NextMarker",
    "LastEvaluatedTableName",
    "PaginationToken",
    "ContinuationToken",
    "NextContinuationToken",
];

impl Answer {
    /// Returns the answer with only a part of its body.
    pub(super) fn truncated(mut self, part: usize, of: usize) -> Self {
        self.body.truncate(self.body.len() * part / of);
        self
    }

    /// Returns a page with another token of the next one.
    pub(super) fn with_another_token(self, number: usize) -> Self {
        let mut body = String::from_utf8(self.body).expect("fixtures are text");
        for name in NEXT_TOKENS {
            let (json, xml) = (format!("\"{name}\": \""), format!("<{name}>"));
            for (open, close) in [(json, '"'), (xml, '<')] {
                if let Some(at) = body.find(&open) {
                    let start = at + open.len();
                    let length = body[start..].find(close).expect("the token ends");
                    body.replace_range(start..start + length, &format!("token-{number}"));
                }
            }
        }
        Answer {
            body: body.into_bytes(),
            ..self
        }
    }

    /// Returns the answer without its fields.
    pub(super) fn without_fields(self) -> Self {
        let body = String::from_utf8(self.body).expect("fixtures are text");
        let start = body.rfind("?>").map_or(0, |at| at + 2);
        let hollow = match body[start..].trim_start().strip_prefix('<') {
            Some(root) => {
                let tag = root.split('>').next().unwrap_or_default();
                let name = tag.split(' ').next().unwrap_or_default();
                format!("<{tag}></{name}>")
            }
            None => "{}".to_owned(),
        };
        Answer {
            body: hollow.into_bytes(),
            ..self
        }
    }
}

/// How a text is missing from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// It is there, and empty.
    Empty,
    /// It is left out.
    Absent,
}

impl Shared {
    /// Returns the usual answer with one of its text members changed. The identity of the caller is kept.
    pub(super) fn answer_without_text(&self, request: &Request, at: usize, blank: Blank) -> Answer {
        let mut answer = self.usual_answer(request);
        if answer.status != 200 || request.operation.starts_with("sts:") {
            return answer;
        }
        let body = String::from_utf8(answer.body).expect("fixtures are text");
        let changed = match serde_json::from_str(&body) {
            Ok(document) => change_json(document, at, blank),
            Err(_) => change_xml(&body, at, blank),
        };
        answer.body = match changed {
            Some((name, changed)) => {
                let text = format!("{} {name}", request.operation);
                self.changed_texts.lock().unwrap().insert(text);
                changed.into_bytes()
            }
            None => body.into_bytes(),
        };
        answer
    }
}

fn is_text_value(value: &Value) -> bool {
    value.as_str().is_some_and(is_text)
}

fn is_text(value: &str) -> bool {
    let is_other = ["", "true", "false"].contains(&value)
        || value.parse::<f64>().is_ok()
        || value.parse::<Timestamp>().is_ok();
    !is_other
}

fn change_json(mut document: Value, at: usize, blank: Blank) -> Option<(String, String)> {
    let mut names = BTreeSet::new();
    visit_objects(&mut document, &mut |object| {
        let texts = object.iter().filter(|(_, value)| is_text_value(value));
        names.extend(texts.map(|(name, _)| name.clone()));
    });
    let name = names.into_iter().nth(at)?;
    visit_objects(&mut document, &mut |object| {
        if !object.get(&name).is_some_and(is_text_value) {
            return;
        }
        match blank {
            Blank::Empty => object.insert(name.clone(), Value::from("")),
            Blank::Absent => object.remove(&name),
        };
    });
    Some((name, document.to_string()))
}

fn visit_objects(value: &mut Value, visit: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|it| visit_objects(it, visit)),
        Value::Object(object) => {
            visit(object);
            object.values_mut().for_each(|it| visit_objects(it, visit));
        }
        _ => {}
    }
}

/// An element that contains only text: its name, the element, and the text.
type Leaf<'a> = (&'a str, Range<usize>, Range<usize>);

fn change_xml(body: &str, at: usize, blank: Blank) -> Option<(String, String)> {
    let leaves = find_leaves(body);
    let names: BTreeSet<&str> = leaves.iter().map(|it| it.0).collect();
    let name = *names.iter().nth(at)?;
    let mut changed = String::new();
    let mut end = 0;
    for (_, element, text) in leaves.into_iter().filter(|it| it.0 == name) {
        let removed = match blank {
            Blank::Empty => text,
            Blank::Absent => element,
        };
        changed += &body[end..removed.start];
        end = removed.end;
    }
    changed += &body[end..];
    Some((name.to_owned(), changed))
}

fn find_leaves(body: &str) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    for (start, _) in body.match_indices('<') {
        let Some((name, rest)) = body[start + 1..].split_once('>') else {
            break;
        };
        let text_start = start + 1 + name.len() + 1;
        let text = rest.split('<').next().unwrap_or_default();
        let text_end = text_start + text.len();
        let close = format!("</{name}>");
        // An item of a list has no name.
        let is_member = !["item", "member"].contains(&name);
        if is_member && is_text(text.trim()) && body[text_end..].starts_with(&close) {
            found.push((name, start..text_end + close.len(), text_start..text_end));
        }
    }
    found
}
