//! Answers without one of their members.

use std::collections::BTreeSet;

use quick_xml::events::Event;
use quick_xml::{Reader, Writer};
use serde_json::Value;

use super::{Answer, Request, Shared};

/// Elements that are items of a list, not members.
const ITEMS: [&str; 2] = ["item", "member"];

impl Shared {
    /// Returns the usual answer and notes its members.
    pub(super) fn answer_with_members(&self, request: &Request) -> Answer {
        let answer = self.usual_answer(request);
        if answer.status == 200 {
            let body = str::from_utf8(&answer.body).expect("fixtures are text");
            let mut paths = BTreeSet::new();
            match serde_json::from_str(body) {
                Ok(document) => list_json_paths(&document, "", &mut paths),
                Err(_) => list_xml_paths(body, &mut paths),
            }
            let members = paths.into_iter().map(|it| (request.operation.clone(), it));
            self.members.lock().unwrap().extend(members);
        }
        answer
    }
}

impl Answer {
    /// Returns the answer without a member.
    pub(super) fn without_member(self, member: &str) -> Self {
        let body = String::from_utf8(self.body).expect("fixtures are text");
        let body = match serde_json::from_str::<Value>(&body) {
            Ok(mut document) => {
                let names: Vec<&str> = member.split('/').skip(1).collect();
                remove_json_path(&mut document, &names);
                document.to_string()
            }
            Err(_) => copy_xml(&body, &mut |path| join_path(path) != member),
        };
        Answer {
            body: body.into_bytes(),
            ..self
        }
    }
}

fn list_json_paths(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| list_json_paths(it, path, paths)),
        Value::Object(members) => {
            for (name, value) in members {
                let path = format!("{path}/{name}");
                list_json_paths(value, &path, paths);
                paths.insert(path);
            }
        }
        _ => {}
    }
}

fn remove_json_path(value: &mut Value, names: &[&str]) {
    match (value, names) {
        (Value::Array(items), _) => items.iter_mut().for_each(|it| remove_json_path(it, names)),
        (Value::Object(members), [name]) => {
            members.remove(*name);
        }
        (Value::Object(members), [name, rest @ ..]) => {
            if let Some(value) = members.get_mut(*name) {
                remove_json_path(value, rest);
            }
        }
        _ => {}
    }
}

fn list_xml_paths(body: &str, paths: &mut BTreeSet<String>) {
    copy_xml(body, &mut |path| {
        // The root is the response itself.
        if path.len() > 1 && path.last().is_some_and(|it| !ITEMS.contains(&it.as_str())) {
            paths.insert(join_path(path));
        }
        true
    });
}

/// Joins the names below the root. Items of lists have none.
fn join_path(path: &[String]) -> String {
    let names = path.iter().skip(1);
    let names = names.filter(|it| !ITEMS.contains(&it.as_str()));
    names.map(|it| format!("/{it}")).collect()
}

/// Copies a document but the elements of which `is_kept`, which is given the names down to each, says no.
fn copy_xml(body: &str, is_kept: &mut dyn FnMut(&[String]) -> bool) -> String {
    let mut reader = Reader::from_str(body);
    let mut writer = Writer::new(Vec::new());
    let mut path: Vec<String> = Vec::new();
    // The depth of the element that is left out.
    let mut skipped = None;
    loop {
        let event = reader.read_event().expect("fixtures are XML");
        match &event {
            Event::Eof => break,
            Event::Start(start) | Event::Empty(start) => {
                let name = start.name();
                path.push(String::from_utf8_lossy(name.as_ref()).into_owned());
                if skipped.is_none() && !is_kept(&path) {
                    skipped = Some(path.len());
                }
            }
            _ => {}
        }
        if skipped.is_none() {
            writer.write_event(event.borrow()).expect("memory");
        }
        if matches!(event, Event::End(_) | Event::Empty(_)) {
            if skipped == Some(path.len()) {
                skipped = None;
            }
            path.pop();
        }
    }
    String::from_utf8(writer.into_inner()).expect("text")
}
