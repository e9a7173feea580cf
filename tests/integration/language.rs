//! The language of the project, as far as a machine can hold it: see CONTRIBUTING.md, "Language".

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::command::repository;

/// Words that a reader who knows AWS and Rust does not expect, each with what to write instead.
const BANNED: [(&str, &str); 32] = [
    ("told", "reported, listed"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("nobody knows", "it is not known"),
    ("nobody can know", "it cannot be known"),
    ("lets in", "allows"),
    ("let in", "allow"),
    ("stands", "is"),
    ("stands for", "means, represents"),
    ("beside", "next to, in addition to"),
    ("of its own", "its own"),
    ("of their own", "their own"),
    ("any more", "no longer"),
    ("may go", "can be removed"),
    ("lapsed", "expired"),
    ("lapse", "expire"),
    ("hangs on", "depends on"),
    ("the own account", "this account"),
    ("judgement", "evaluation"),
    ("judged", "checked, evaluated"),
    ("judges", "checks, evaluates"),
    ("behaviour", "behavior"),
    ("cancelled", "canceled"),
    ("catalogue", "catalog"),
    ("colour", "color"),
    ("coloured", "colored"),
    ("colours", "colors"),
    ("licence", "license"),
    ("neighbour", "neighbor"),
    ("recognise", "recognize"),
    ("whole", "complete, entire"),
];

/// Texts that quote somebody else, or need a banned word for what it means: the file's end and the text.
const QUOTED: [(&str, &str); 3] = [
    ("CHANGELOG.md", "`lapsed` is now `expired`"),
    // Names in saved snapshots.
    ("src/model/s3.rs", "whole"),
    ("src/model/selection.rs", "beside"),
];

/// A piece of text that a person reads, with its line.
struct Prose {
    line: usize,
    text: String,
    is_comment: bool,
}

/// Reads the comments and string literals of Rust code, without its unit tests.
fn prose_of_rust(code: &str) -> Vec<Prose> {
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap();
    let chars: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let rest = |text: &str| {
            text.chars()
                .enumerate()
                .all(|(i, c)| chars.get(at + i) == Some(&c))
        };
        if rest("//") {
            let end = (at..chars.len()).find(|i| chars[*i] == '\n');
            let end = end.unwrap_or(chars.len());
            let text: String = chars[at..end].iter().collect();
            found.push(Prose {
                line,
                text: text.trim_start_matches(['/', '!', ' ']).to_owned(),
                is_comment: true,
            });
            at = end;
        } else if rest("r\"") || rest("r#\"") {
            let hashes = if rest("r\"") { "" } else { "#" };
            let start = at + 2 + hashes.len();
            let close: Vec<char> = format!("\"{hashes}").chars().collect();
            let end = (start..chars.len()).find(|i| chars[*i..].starts_with(&close));
            let end = end.unwrap_or(chars.len());
            let text: String = chars[start..end].iter().collect();
            let lines = text.matches('\n').count();
            found.push(Prose {
                line,
                text,
                is_comment: false,
            });
            line += lines;
            at = end + close.len();
        } else if rest("'\"'") || rest("'\\\"'") {
            at += 3;
        } else if chars[at] == '"' {
            let mut end = at + 1;
            while end < chars.len() && chars[end] != '"' {
                end += if chars[end] == '\\' { 2 } else { 1 };
            }
            let text: String = chars[at + 1..end.min(chars.len())].iter().collect();
            let lines = text.matches('\n').count();
            found.push(Prose {
                line,
                text,
                is_comment: false,
            });
            line += lines;
            at = end + 1;
        } else {
            line += usize::from(chars[at] == '\n');
            at += 1;
        }
    }
    found
}

/// Reads the lines of a text file.
fn prose_of_text(text: &str) -> Vec<Prose> {
    let lines = text.lines().enumerate();
    let prose = lines.map(|(at, text)| Prose {
        line: at + 1,
        text: text.to_owned(),
        is_comment: true,
    });
    prose.collect()
}

fn files_below(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|it| it.to_str());
            if path.is_dir() {
                folders.push(path);
            } else if extension.is_some_and(|it| extensions.contains(&it)) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn rust_files() -> Vec<PathBuf> {
    files_below(&repository().join("src"), &["rs"])
}

/// Every text that a person reads: the program's, its comments', the guide's.
fn all_prose() -> Vec<(PathBuf, Prose)> {
    let root = repository();
    let mut texts = files_below(&root.join("src"), &["html", "js", "sh", "toml"]);
    texts.extend(files_below(&root.join("docs"), &["md"]));
    texts.extend(files_below(&root.join(".github"), &["md", "yml"]));
    let shelf = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "justfile",
    ];
    texts.extend(shelf.map(|name| root.join(name)));
    let read = |path: &PathBuf| fs::read_to_string(path).unwrap_or_default();
    let mut prose = Vec::new();
    for path in rust_files() {
        prose.extend(
            prose_of_rust(&read(&path))
                .into_iter()
                .map(|it| (path.clone(), it)),
        );
    }
    for path in texts {
        prose.extend(
            prose_of_text(&read(&path))
                .into_iter()
                .map(|it| (path.clone(), it)),
        );
    }
    prose
}

/// Whether a text contains some words, without regard to case and not as part of a longer word.
fn contains_words(text: &str, words: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(words).any(|(at, _)| {
        let part =
            |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        !part(text[..at].chars().next_back()) && !part(text[at + words.len()..].chars().next())
    })
}

#[test]
fn no_text_uses_a_banned_word() {
    let mut wrong = Vec::new();
    for (path, prose) in all_prose() {
        // The list of banned words in the contributors' guide.
        if path.ends_with("CONTRIBUTING.md") && prose.text.starts_with("- Not ") {
            continue;
        }
        let quoted = QUOTED
            .iter()
            .any(|(file, text)| path.ends_with(file) && prose.text.contains(text));
        for (word, instead) in BANNED {
            if !quoted && contains_words(&prose.text, word) {
                wrong.push(format!(
                    "{}:{}: {word:?} (write {instead}): {}",
                    path.strip_prefix(repository()).unwrap().display(),
                    prose.line,
                    prose.text.trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn plurals_and_long_lists_are_made_in_one_place() {
    let mut wrong = Vec::new();
    for path in rust_files() {
        if path.ends_with("src/text.rs") {
            continue;
        }
        for prose in prose_of_rust(&fs::read_to_string(&path).unwrap()) {
            let text = &prose.text;
            let by_hand =
                text == "s" || text == "ies" || text.contains("}s ") || text.contains("(s)");
            let cut = text.contains("} more") && text.contains("and {");
            if !prose.is_comment && (by_hand || cut) {
                wrong.push(format!("{}:{}: {text}", path.display(), prose.line));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "use text::plural and text::and_more:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn errors_are_fragments_and_fixes_are_sentences() {
    let mut wrong = Vec::new();
    for path in rust_files() {
        let code = fs::read_to_string(&path).unwrap();
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (at, line) in code.lines().enumerate() {
            let line = line.trim();
            let text = |open: &str| {
                line.strip_prefix(open)?
                    .strip_suffix("\")]")
                    .map(str::to_owned)
            };
            if let Some(error) = text("#[error(\"")
                && (error.ends_with('.') || error.starts_with(|c: char| c.is_uppercase()))
                && !error.starts_with("AWS")
                && !error.starts_with("STS ")
            {
                wrong.push(format!("{}:{}: {error}", path.display(), at + 1));
            }
            let fix = line
                .strip_prefix(".fix(\"")
                .and_then(|rest| rest.rsplit_once("\")").map(|(text, _)| text));
            if let Some(fix) = fix
                && (!fix.ends_with('.') || !fix.starts_with(|c: char| c.is_uppercase()))
            {
                wrong.push(format!("{}:{}: {fix}", path.display(), at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn functions_are_named_by_verb_and_object() {
    let (mut one_word, mut all) = (Vec::new(), 0);
    for path in rust_files() {
        let code = fs::read_to_string(&path).unwrap();
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in code.lines() {
            let Some((before, rest)) = line.split_once("fn ") else {
                continue;
            };
            let declares = before
                .split_whitespace()
                .all(|word| matches!(word, "const" | "async") || word.starts_with("pub"));
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if !declares || name.is_empty() {
                continue;
            }
            all += 1;
            if !name.trim_matches('_').contains('_') {
                one_word.push(name);
            }
        }
    }
    let share = one_word.len() * 100 / all;
    assert!(
        share < 40,
        "{share} % of {all} functions have a name of one word: {one_word:?}"
    );
}

#[test]
fn prose_is_told_from_code() {
    let code = "// A comment.\nlet a = \"one \\\" two\"; // after\nlet b = r#\"raw \"x\"\"#; let c = '\"'; let d = \"end\";\n#[cfg(test)]\nmod tests { \"hidden\" }";
    let prose: Vec<(usize, String)> = prose_of_rust(code)
        .into_iter()
        .map(|it| (it.line, it.text))
        .collect();
    let expected = [
        (1, "A comment."),
        (2, "one \\\" two"),
        (2, "after"),
        (3, "raw \"x\""),
        (3, "end"),
    ];
    assert_eq!(prose, expected.map(|(line, text)| (line, text.to_owned())));
    assert!(contains_words("The whole file", "whole"));
    assert!(!contains_words("wholesale", "whole"));
}
