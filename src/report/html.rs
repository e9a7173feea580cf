//! The report for people with a browser: one file that loads nothing and sends nothing.
//!
//! Templates are in `templates/html`; they escape every value. Two texts alone go into the page as they
//! are, its own style and its own script, and the page's policy names both by their hashes: whatever
//! else came to stand in it could neither run nor load.
//!
//! Without its script the page tells the same; the script filters, and copies commands.

mod answer;
mod causes;
mod markup;
mod matrix;
mod reading;
mod resources;
mod rules;
mod waived;

use std::collections::BTreeSet;
use std::io::{self, Write};

use askama::Template;
use sha2::{Digest, Sha256};

use crate::exit::FailOn;
use crate::model::snapshot::Source;
use crate::settings::Standard;

use super::table::summary::moment;
use super::table::view::View;
use super::{Report, Status, WriteError};
use crate::text::{escape_invisible, truncate_middle};
use answer::Answer;
use causes::Causes;
use markup::{Block, Piece};
use matrix::Matrix;
use reading::Reading;
use resources::{Listed, Resources};
use rules::{RuleSheet, Skipped};
use waived::{Compared, Stale, Waived};

const STYLE: &str = include_str!("html/templates/style.css");
const SCRIPT: &str = include_str!("html/templates/script.js");

/// A name is cut in its middle beyond this.
const LONGEST_NAME: usize = 120;

/// Writes a report as an HTML page.
///
/// # Errors
/// The writer failed.
pub fn write(
    report: &Report,
    show_skipped: bool,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let view = View::new(report);
    let listed = Listed::new(&view);
    let causes = Causes::new(&view, &listed);
    let resources = Resources::new(&view, &listed, &causes);
    let page = Page {
        head: Head::new(report),
        answer: Answer::new(&view, &causes, gate),
        matrix: Matrix::new(&view),
        reading: Reading::new(report),
        waived: Waived::new(report, &listed),
        stale: Stale::new(report),
        compared: Compared::new(report),
        rules: rules::sheets(report),
        skipped: show_skipped.then(|| Skipped::new(report)),
        filter: Filter::new(report),
        causes,
        resources,
    };
    let mut out = io::BufWriter::new(out);
    page.write_into(&mut out)?;
    out.flush()?;
    Ok(())
}

#[derive(Template)]
#[template(
    config = "src/report/html/askama.toml",
    path = "page.html",
    whitespace = "minimize"
)]
struct Page<'a> {
    head: Head,
    answer: Answer,
    matrix: Matrix,
    reading: Reading<'a>,
    causes: Causes<'a>,
    resources: Resources<'a>,
    waived: Waived<'a>,
    stale: Vec<Stale>,
    compared: Option<Compared>,
    rules: Vec<RuleSheet>,
    skipped: Option<Skipped>,
    filter: Filter,
}

impl Page<'_> {
    /// What the page may do: nothing but what it brings itself.
    fn policy(&self) -> String {
        format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
            hash(SCRIPT),
            hash(STYLE)
        )
    }

    fn style(&self) -> &'static str {
        STYLE
    }

    fn script(&self) -> &'static str {
        SCRIPT
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// Whose report it is, of when, and by what it was judged.
struct Head {
    account: String,
    central: String,
    source: &'static str,
    when: String,
    standard: &'static str,
    regions: Vec<String>,
    only: Option<String>,
    rules: String,
    places: String,
    calls: String,
}

impl Head {
    fn new(report: &Report) -> Self {
        Head {
            account: report
                .account_id
                .as_deref()
                .map_or("Account not known".to_owned(), |id| {
                    format!("Account {}", escape_invisible(id))
                }),
            central: escape_invisible(&report.central_account_id).into_owned(),
            source: match report.source {
                Source::Aws => "Live account",
                Source::Snapshot => "Saved snapshot",
                Source::TerraformPlan => "Terraform plan",
                Source::Cloudformation => "CloudFormation template",
            },
            when: escape_invisible(&moment(&report.started_at)).into_owned(),
            standard: match report.standard {
                Standard::Guide => "Company guide",
                Standard::Aws => "What AWS enforces",
            },
            regions: report
                .regions
                .iter()
                .map(|it| escape_invisible(it).into_owned())
                .collect(),
            only: report
                .selection
                .describe()
                .map(|it| escape_invisible(&it).into_owned()),
            rules: many(report.rules, "rule"),
            places: many(report.regions.len(), "region"),
            calls: many(
                usize::try_from(report.stats.api_calls).unwrap_or(usize::MAX),
                "call",
            ),
        }
    }
}

/// What the page can be filtered by.
struct Filter {
    services: Vec<&'static str>,
    regions: Vec<String>,
    rules: Vec<&'static str>,
}

impl Filter {
    fn new(report: &Report) -> Self {
        let services: BTreeSet<&str> = report
            .resources
            .iter()
            .map(|it| resources::service(it.kind))
            .collect();
        let regions: BTreeSet<&str> = report
            .resources
            .iter()
            .map(|it| it.region.as_str())
            .collect();
        let rules: BTreeSet<&str> = report
            .findings
            .iter()
            .filter(|it| it.status.is_trouble())
            .map(|it| it.rule.id)
            .collect();
        Filter {
            services: services.into_iter().collect(),
            regions: regions
                .into_iter()
                .map(|it| escape_invisible(it).into_owned())
                .collect(),
            rules: rules.into_iter().collect(),
        }
    }
}

/// The source expression of a policy that lets one inline text be used.
fn hash(text: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(text)))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0u32, |group, at| {
            group << 8 | u32::from(chunk.get(at).copied().unwrap_or_default())
        });
        for at in 0..4 {
            if at <= chunk.len() {
                let digit = (group >> (18 - 6 * at)) & 63;
                text.push(char::from(DIGITS[digit as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// A name as it is shown.
fn shown(text: &str) -> String {
    truncate_middle(text, LONGEST_NAME)
}

/// A number as people read it: `12,345`.
fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 thing`, `12,345 things`.
fn many(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", number(count))
}

/// The word by which a status is filtered and coloured.
fn tone(status: Status) -> &'static str {
    status.as_str()
}

/// A text as part of a link's fragment.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn base64_as_the_standard_states_it() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(many(1, "cause"), "1 cause");
        assert_eq!(many(999, "cause"), "999 causes");
        assert_eq!(many(1000, "cause"), "1,000 causes");
        assert_eq!(number(1_234_567), "1,234,567");
    }

    #[test]
    fn fragments_hold_no_character_with_a_meaning() {
        assert_eq!(encoded("eu-west-1"), "eu-west-1");
        assert_eq!(encoded("a&b=c #é"), "a%26b%3Dc%20%23%C3%A9");
    }
}
