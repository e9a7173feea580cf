//! The report of an organization as one HTML page without a script.
//!
//! The template escapes every value; the content security policy allows the style of the page alone.

use std::io::{self, Write};

use askama::Template;

use super::heat_map::{HeatMap, rank_account, unit_name};
use super::summary::{AccountLine, FleetCause, FleetReport};
use super::table::{describe_result, summarize_verdicts};
use crate::report::html::hash_source;
use crate::report::{ResourceVerdict, Status, WriteError};
use crate::text::{escape_invisible, plural};

const STYLE: &str = include_str!("../html/templates/fleet.css");

/// The number of causes.
const MOST_CAUSES: usize = 50;
/// The number of accounts in the table of accounts: the page stays below 2 MB.
const MOST_ACCOUNTS: usize = 2_000;

/// Writes a report as an HTML page.
pub(super) fn write_report(report: &FleetReport, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut ranked: Vec<&AccountLine> = report.accounts.iter().collect();
    ranked.sort_by_key(|it| rank_account(it));
    let (unseen, seen): (Vec<&AccountLine>, Vec<&AccountLine>) =
        ranked.into_iter().partition(|it| it.outcome.is_unseen());
    let more_accounts = seen.len().saturating_sub(MOST_ACCOUNTS);
    let shown_causes = report.causes.len().min(MOST_CAUSES);
    let page = Page {
        answer: summarize_verdicts(report),
        result: describe_result(report),
        tone: tone_of(report.verdict),
        report,
        unseen,
        seen: &seen[..seen.len() - more_accounts],
        more_accounts,
        causes: &report.causes[..shown_causes],
        more_causes: report.causes.len() - shown_causes + report.more_causes,
        map: HeatMap::new(report),
    };
    let mut out = io::BufWriter::new(out);
    page.write_into(&mut out)?;
    out.flush()?;
    Ok(())
}

#[derive(Template)]
#[template(
    config = "src/report/html/askama.toml",
    path = "fleet.html",
    whitespace = "minimize"
)]
struct Page<'r> {
    report: &'r FleetReport,
    answer: String,
    result: String,
    tone: &'static str,
    unseen: Vec<&'r AccountLine>,
    seen: &'r [&'r AccountLine],
    more_accounts: usize,
    causes: &'r [FleetCause],
    more_causes: usize,
    map: HeatMap,
}

impl Page<'_> {
    fn security_policy(&self) -> String {
        format!(
            "default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'",
            hash_source(STYLE)
        )
    }

    fn style_text(&self) -> &'static str {
        STYLE
    }

    fn tool_version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn show_text(&self, text: &str) -> String {
        escape_invisible(text).into_owned()
    }

    fn show_option(&self, text: &Option<String>) -> String {
        self.show_text(text.as_deref().unwrap_or_default())
    }

    fn show_unit(&self, account: &AccountLine) -> String {
        unit_name(account)
    }

    fn show_label(&self, account: &AccountLine) -> String {
        self.show_text(&account.label())
    }

    fn show_verdict(&self, account: &AccountLine) -> &'static str {
        account.verdict.map_or("", ResourceVerdict::as_str)
    }

    fn count_noun(&self, number: usize, noun: &str) -> String {
        plural(number, noun)
    }

    fn tone_of_status(&self, status: &Status) -> &'static str {
        tone_of(ResourceVerdict::of(*status))
    }

    fn tone_of_account(&self, account: &AccountLine) -> &'static str {
        account.verdict.map_or("", tone_of)
    }
}

fn tone_of(verdict: ResourceVerdict) -> &'static str {
    match verdict {
        ResourceVerdict::Exempt => "",
        ResourceVerdict::Ready => "p",
        ResourceVerdict::AtRisk => "w",
        ResourceVerdict::Unknown => "u",
        ResourceVerdict::NotReady => "f",
    }
}
