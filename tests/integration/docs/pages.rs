//! The pages, their code blocks, their anchors and their links.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::support::command::repository;

/// A Markdown file.
#[derive(Debug)]
pub struct Page {
    /// Relative to the repository, with `/`.
    pub path: String,
    pub text: String,
}

/// A fenced code block.
#[derive(Debug)]
pub struct CodeBlock {
    /// The line before the fence.
    pub before: String,
    pub text: String,
}

impl Page {
    pub fn read(path: &str) -> Self {
        let text = fs::read_to_string(repository().join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        Page {
            path: path.to_owned(),
            text,
        }
    }

    /// The fenced code blocks of a language.
    pub fn code_blocks(&self, language: &str) -> Vec<CodeBlock> {
        let mut blocks = Vec::new();
        let mut open: Option<(String, bool)> = None;
        let mut text = String::new();
        let mut before = "";
        for line in self.text.lines() {
            match (&open, line.trim_start().strip_prefix("```")) {
                (None, Some(name)) => {
                    open = Some((before.trim().to_owned(), name == language));
                    text.clear();
                }
                (Some((before, wanted)), Some("")) => {
                    if *wanted {
                        blocks.push(CodeBlock {
                            before: before.clone(),
                            text: text.clone(),
                        });
                    }
                    open = None;
                }
                (Some(_), _) => {
                    text.push_str(line);
                    text.push('\n');
                }
                (None, None) => {}
            }
            before = line;
        }
        assert!(open.is_none(), "{}: a code block has no end", self.path);
        blocks
    }

    /// The lines outside code blocks.
    fn prose(&self) -> Vec<&str> {
        let mut inside = false;
        self.text
            .lines()
            .filter(|line| {
                let fence = line.trim_start().starts_with("```");
                inside ^= fence;
                !inside && !fence
            })
            .collect()
    }

    /// The anchors of the headings, as GitHub and mdBook make them.
    fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let headings = self.prose().into_iter().filter_map(|line| {
            let title = line.trim_start_matches('#');
            (title.len() < line.len()).then(|| title.trim())
        });
        headings
            .map(|title| {
                let anchor = slug(title);
                let count = seen.entry(anchor.clone()).or_default();
                *count += 1;
                match *count {
                    1 => anchor,
                    more => format!("{anchor}-{}", more - 1),
                }
            })
            .collect()
    }

    /// The targets of links and images.
    fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for line in self.prose() {
            let mut rest = line;
            while let Some((_, after)) = rest.split_once("](") {
                let (target, after) = after.split_once(')').unwrap_or((after, ""));
                links.push(target.to_owned());
                rest = after;
            }
        }
        links
    }
}

/// The anchor of a heading: lower case, `-` for spaces, no punctuation.
fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The pages of the guide, in no order.
pub fn guide() -> Vec<Page> {
    let mut names: Vec<String> = fs::read_dir(repository().join("docs/src"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.sort();
    names
        .iter()
        .map(|name| Page::read(&format!("docs/src/{name}")))
        .collect()
}

/// Every page that people read.
pub fn all() -> Vec<Page> {
    let mut pages: Vec<Page> = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "docs/ARCHITECTURE.md",
        "docs/RELEASING.md",
    ]
    .map(Page::read)
    .into();
    pages.extend(guide());
    pages
}

/// The names of all test functions under `tests/` and `src/`.
pub fn test_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![repository().join("tests"), repository().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(path).unwrap();
                let after_test = text.split("#[test]\n").skip(1);
                names.extend(after_test.filter_map(|rest| {
                    let name = rest.split("fn ").nth(1)?.split('(').next()?;
                    Some(name.to_owned())
                }));
            }
        }
    }
    names
}

/// A path without `.` and `..`.
fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

#[test]
fn every_link_leads_to_a_page_and_an_anchor() {
    let pages = all();
    let anchors: BTreeMap<PathBuf, BTreeSet<String>> = pages
        .iter()
        .map(|page| (PathBuf::from(&page.path), page.anchors()))
        .collect();
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in &pages {
        let here = Path::new(&page.path);
        for link in page.links() {
            if link.contains("://") {
                continue;
            }
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => here.to_owned(),
                file => normalize(&here.parent().unwrap().join(file)),
            };
            if !repository().join(&target).exists() {
                wrong.push(format!("{}: no file {link}", page.path));
            } else if here.starts_with("docs/src") && !target.starts_with("docs/src") {
                wrong.push(format!("{}: {link} is not part of the book", page.path));
            } else if !anchor.is_empty()
                && !anchors.get(&target).is_some_and(|it| it.contains(anchor))
            {
                wrong.push(format!("{}: no anchor {link}", page.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 40, "only {count} links were found");
}

#[test]
fn the_summary_lists_every_page_once() {
    let summary = Page::read("docs/src/SUMMARY.md");
    let mut listed = summary.links();
    listed.sort();
    let pages: Vec<String> = guide()
        .into_iter()
        .filter_map(|page| page.path.strip_prefix("docs/src/").map(str::to_owned))
        .filter(|name| name != "SUMMARY.md")
        .collect();
    assert_eq!(listed, pages);
}

#[test]
fn anchors_are_those_of_github() {
    assert_eq!(slug("Exit codes"), "exit-codes");
    assert_eq!(slug("`fix` and CI: a run"), "fix-and-ci-a-run");
    assert_eq!(slug("s3-versioning-enabled"), "s3-versioning-enabled");
}

#[test]
fn every_page_of_the_guide_opens_with_its_command() {
    for page in guide() {
        let opening = page.text.split("\n## ").next().unwrap();
        assert!(
            page.path == "docs/src/SUMMARY.md" || opening.contains("\n```sh\n"),
            "{} does not open with a command",
            page.path
        );
    }
}
