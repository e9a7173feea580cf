//! JUnit reports, parsed again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::FailOn;
use backup_check::model::Snapshot;
use backup_check::model::place::Place;
use backup_check::report::{Finding, Report, Status, Waiver};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{hostile, render, render_skipped, report, snapshot};
use crate::support::command::repository;

/// An element with its attributes, children and text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn new(tag: &BytesStart<'_>) -> Self {
        let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().to_owned();
        Element {
            name: utf8(tag.name().as_ref()),
            attributes: tag
                .attributes()
                .map(|it| {
                    let it = it.unwrap();
                    let value = quick_xml::escape::unescape(&utf8(&it.value))
                        .unwrap()
                        .into_owned();
                    (utf8(it.key.as_ref()), value)
                })
                .collect(),
            ..Element::default()
        }
    }

    fn get(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", String::as_str)
    }

    fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|it| it.name == name)
    }

    fn children(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |it| it.name == name)
    }
}

fn parse(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => open.push(Element::new(&tag)),
            Event::Empty(tag) => open.last_mut().unwrap().children.push(Element::new(&tag)),
            Event::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
            }
            Event::Text(text) => {
                let text = text.decode().unwrap();
                open.last_mut().unwrap().text.push_str(&text);
            }
            Event::GeneralRef(name) => {
                let text = format!("&{};", name.decode().unwrap());
                let text = quick_xml::escape::unescape(&text).unwrap();
                open.last_mut().unwrap().text.push_str(&text);
            }
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let mut document = open.pop().unwrap();
    assert!(open.is_empty());
    assert_eq!(document.children.len(), 1);
    document.children.remove(0)
}

fn junit(report: &Report) -> Element {
    parse(&render("junit", report))
}

fn with_skipped(report: &Report) -> Element {
    parse(&render_skipped("junit", report))
}

fn waived(mut report: Report) -> Report {
    for finding in &mut report.findings {
        if finding.status.is_trouble() {
            finding.gating = false;
            finding.waiver = Some(Box::new(Waiver {
                reason: "moves <soon> \u{1}\u{ffff}".to_owned(),
                owner: "team-payments".to_owned(),
                expires: "2026-06-30".to_owned(),
            }));
        }
    }
    report
}

fn reports() -> Vec<(&'static str, Report)> {
    let default = Options::default();
    let preflight = Options {
        preflight: true,
        ..Options::default()
    };
    vec![
        ("mixed", report(snapshot("mixed"), &default)),
        ("clean", report(snapshot("clean"), &default)),
        ("no-access", report(snapshot("no-access"), &default)),
        ("hostile", report(hostile(), &preflight)),
        ("waived", waived(report(hostile(), &preflight))),
    ]
}

fn cases(suites: &Element) -> BTreeMap<(String, String), &Element> {
    let mut cases = BTreeMap::new();
    for suite in suites.children("testsuite") {
        for case in suite.children("testcase") {
            let key = (
                case.get("classname").to_owned(),
                case.get("name").to_owned(),
            );
            assert!(!key.0.is_empty() && !key.1.is_empty());
            let twice = format!("{key:?} twice");
            assert!(cases.insert(key, case).is_none(), "{twice}");
        }
    }
    cases
}

fn case_of<'a>(cases: &BTreeMap<(String, String), &'a Element>, of: &Finding) -> &'a Element {
    let key = (of.resource.clone(), of.rule.id.to_owned());
    cases[&key]
}

/// The children and attributes that `fixtures/schema/junit-10.xsd` allows for an element.
#[derive(Debug, Default)]
struct Shape {
    children: BTreeSet<String>,
    attributes: BTreeSet<String>,
    needed: BTreeSet<String>,
}

impl Shape {
    fn read(&mut self, declaration: &Element) {
        for part in &declaration.children {
            let name = part.get("name").to_owned();
            match part.name.as_str() {
                "xs:element" => {
                    self.children.insert(part.get("ref").to_owned());
                }
                "xs:attribute" => {
                    if part.get("use") == "required" {
                        self.needed.insert(name.clone());
                    }
                    self.attributes.insert(name);
                }
                _ => self.read(part),
            }
        }
    }
}

/// Returns the elements of the schema. The report uses only its string type.
fn shapes() -> BTreeMap<String, Shape> {
    let file = repository().join("fixtures/schema/junit-10.xsd");
    let schema = parse(&fs::read_to_string(file).unwrap());
    let mut shapes = BTreeMap::new();
    for declaration in schema.children("xs:element") {
        let mut shape = Shape::default();
        shape.read(declaration);
        shapes.insert(declaration.get("name").to_owned(), shape);
    }
    // The schema has this count for each suite but lacks the sum, which readers know.
    let all = shapes.get_mut("testsuites").unwrap();
    assert!(all.attributes.insert("skipped".to_owned()));
    shapes
}

fn check(element: &Element, shapes: &BTreeMap<String, Shape>) {
    let shape = &shapes[&element.name];
    for child in &element.children {
        assert!(shape.children.contains(&child.name), "{child:?}");
        check(child, shapes);
    }
    for name in element.attributes.keys() {
        assert!(shape.attributes.contains(name), "{name} in {element:?}");
    }
    for name in &shape.needed {
        assert!(!element.get(name).is_empty(), "no {name} in {element:?}");
    }
    // The characters that a document may contain: <https://www.w3.org/TR/xml/#charsets>.
    let texts = element.attributes.values().chain([&element.text]);
    for text in texts {
        let forbidden = |c: char| {
            matches!(c, '\u{fffe}' | '\u{ffff}') || (c.is_control() && !matches!(c, '\n' | '\t'))
        };
        assert!(!text.contains(forbidden), "{text:?}");
    }
    // A parser would replace a line break in an attribute with a blank.
    assert!(element.attributes.values().all(|it| !it.contains('\n')));
}

#[test]
fn every_report_has_the_form_of_the_schema() {
    let shapes = shapes();
    assert!(shapes["testcase"].needed.contains("name"));
    for (_, report) in reports() {
        for suites in [junit(&report), with_skipped(&report)] {
            assert_eq!(suites.name, "testsuites");
            check(&suites, &shapes);
        }
    }
}

#[test]
fn the_counts_are_those_of_the_elements() {
    for (name, report) in reports() {
        let suites = with_skipped(&report);
        let mut all = [0; 4];
        let mut names = BTreeSet::new();
        for suite in suites.children("testsuite") {
            assert!(names.insert(suite.get("name").to_owned()), "{name}");
            let with = |result: &str| {
                suite
                    .children("testcase")
                    .filter(|case| case.child(result).is_some())
                    .count()
            };
            let counts = [
                suite.children("testcase").count(),
                with("failure"),
                with("error"),
                with("skipped"),
            ];
            let reported = ["tests", "failures", "errors", "skipped"]
                .map(|it| suite.get(it).parse::<usize>().unwrap());
            assert_eq!(reported, counts, "{name}: {}", suite.get("name"));
            assert!(counts[0] > 0, "{name}: an empty suite");
            for (sum, count) in all.iter_mut().zip(counts) {
                *sum += count;
            }
            let started = report.started_at.replace('Z', ".000+00:00");
            assert_eq!(suite.get("timestamp"), started);
        }
        let reported = ["tests", "failures", "errors", "skipped"]
            .map(|it| suites.get(it).parse::<usize>().unwrap());
        assert_eq!(reported, all, "{name}");
    }
}

#[test]
fn a_case_fails_where_it_changes_the_exit_code() {
    for account in ["mixed", "no-access"] {
        let mut report = report(snapshot(account), &Options::default());
        // Waive one gating finding of each status.
        let mut waived_once = BTreeSet::new();
        for finding in &mut report.findings {
            if finding.gating && finding.status.is_trouble() && waived_once.insert(finding.status) {
                finding.gating = false;
                finding.waiver = Some(Box::new(Waiver {
                    reason: "moves".to_owned(),
                    owner: "team".to_owned(),
                    expires: "2026-06-30".to_owned(),
                }));
            }
        }
        let suites = with_skipped(&report);
        let cases = cases(&suites);
        for finding in &report.findings {
            let case = case_of(&cases, finding);
            let results: Vec<&str> = case.children.iter().map(|it| it.name.as_str()).collect();
            let expected: &[&str] = match (finding.status, finding.gating, &finding.waiver) {
                (_, _, Some(_)) | (Status::Skip, ..) => &["skipped"],
                (Status::Pass, ..) => &[],
                (Status::Fail, true, _) => &["failure"],
                (Status::Unknown, true, _) => &["error"],
                (Status::Warn, true, _) => &["system-out"],
                (_, false, _) => &["skipped"],
            };
            assert_eq!(
                results, expected,
                "{} {}",
                finding.rule.id, finding.resource
            );
            if let Some(result) = case.children.first() {
                assert!(
                    result.text.contains(&finding.explanation.message),
                    "{result:?}"
                );
                let fix = finding.explanation.fix.as_deref().unwrap_or_default();
                assert!(result.text.contains(fix), "{result:?}");
            }
            if finding.waiver.is_some() {
                let message = case.children[0].get("message");
                assert!(message.starts_with("waived by team until 2026-06-30: moves; "));
                assert_eq!(case.children[0].get("type"), "waived");
            }
        }
        let unread: BTreeSet<_> = report
            .unread
            .iter()
            .map(|it| (it.region.as_deref().unwrap_or("global"), it.service))
            .collect();
        assert_eq!(cases.len(), report.findings.len() + unread.len());
        for (region, service) in unread {
            let name = format!("{region} {service}");
            let suite = suites
                .children("testsuite")
                .find(|it| it.get("name") == name);
            let case = suite
                .unwrap()
                .children("testcase")
                .find(|it| it.get("name") == "all listings are complete");
            assert!(case.unwrap().child("error").is_some());
        }
    }
}

#[test]
fn a_report_fails_where_the_scan_fails() {
    let mut interrupted = report(snapshot("clean"), &Options::default());
    interrupted.interrupted = true;
    for (name, report) in reports().into_iter().chain([("interrupted", interrupted)]) {
        let exit = report.exit(FailOn::Fail).code();
        let suites = junit(&report);
        let has = |it: &str| suites.get(it) != "0";
        let expected = if has("failures") {
            1
        } else if has("errors") {
            3
        } else {
            0
        };
        assert_eq!(exit, expected, "{name}");
    }
}

#[test]
fn suites_are_regions_and_services() {
    let report = report(snapshot("mixed"), &Options::default());
    let suites = with_skipped(&report);
    assert_eq!(suites.get("name"), "backup-check 111122223333");
    let names: BTreeSet<&str> = suites
        .children("testsuite")
        .map(|it| it.get("name"))
        .collect();
    for name in [
        "eu-central-1 s3",
        "eu-central-1 ebs",
        "eu-central-1 region",
        "global account",
    ] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
}

#[test]
fn rules_that_do_not_apply_are_shown_on_request() {
    let report = report(snapshot("mixed"), &Options::default());
    let skips = |it: &&Finding| it.status == Status::Skip;
    let skipped = report.findings.iter().filter(skips).count();
    assert!(skipped > 0);
    let without = cases(&junit(&report)).len();
    assert_eq!(cases(&with_skipped(&report)).len(), without + skipped);
}

#[test]
fn a_case_has_the_location_of_its_finding() {
    let mut report = report(snapshot("mixed"), &Options::default());
    let found = report
        .findings
        .iter_mut()
        .find(|it| it.gating && it.status == Status::Fail);
    let finding = found.unwrap();
    finding.place = Some(Box::new(Place {
        file: "infra/a.yaml".to_owned(),
        line: Some(12),
        column: Some(3),
        address: None,
        condition: None,
        loop_body: None,
        own_condition: None,
    }));
    let finding = finding.clone();
    let suites = junit(&report);
    let failure = case_of(&cases(&suites), &finding).child("failure").unwrap();
    assert!(failure.text.ends_with("\nAt infra/a.yaml:12:3"));
}

#[test]
fn hostile_texts_stay_text() {
    let mut report = report(snapshot("mixed"), &Options::default());
    let found = report
        .findings
        .iter_mut()
        .find(|it| it.gating && it.status == Status::Fail);
    let finding = found.unwrap();
    Arc::make_mut(&mut finding.explanation).message =
        "]]> </failure> <a b=\"c\"> & &amp; 'x' \u{0}\u{1b}[31m\r\n\u{85}\u{ffff}\u{fffe} \u{1F4A3}"
            .to_owned();
    let finding = finding.clone();
    let suites = junit(&report);
    let failure = case_of(&cases(&suites), &finding).child("failure").unwrap();
    let expected = "]]> </failure> <a b=\"c\"> & &amp; 'x' \\u{0}\\u{1b}[31m\\r\\n\\u{85}\\u{ffff}\\u{fffe} \u{1F4A3}";
    assert_eq!(failure.get("message"), expected);
    assert!(failure.text.starts_with(expected), "{}", failure.text);
}

#[test]
fn a_report_without_a_valid_time_has_no_timestamp() {
    let mut snapshot = snapshot("mixed");
    snapshot["started_at"] = "no time".into();
    let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
    let report = evaluate(&snapshot, &Settings::default(), &Options::default(), &ALL);
    let xml = render("junit", &report);
    assert!(!xml.contains("timestamp"));
    assert!(!xml.contains("uuid"));
}
