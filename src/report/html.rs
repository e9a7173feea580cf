//! The report as an HTML page: one file that loads nothing and sends nothing.
//!
//! The templates in `html/templates` escape every value. Only the page's own style and script are inserted
//! as they are, and the content security policy of the page names both by their hashes. Anything else that
//! got into the page could neither run nor load.
//!
//! Without the script the page shows the same; the script filters and copies commands.

mod answer;
mod card;
mod causes;
mod coverage;
mod evidence;
mod filter;
mod markup;
mod matrix;
mod resources;
mod rules;
mod text;
mod waived;

use std::io::{self, Write};

use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest as _, Sha256};

use crate::exit::FailOn;
use crate::model::snapshot::Source;
use crate::settings::Standard;

use super::cost::CostView;
use super::digest::Digest;
use super::digest::summary::{account_name, format_time};
use super::{Report, WriteError};
use crate::text::escape_invisible;
use answer::GateAnswer;
use causes::Causes;
use coverage::CoverageTable;
use filter::FilterOptions;
use markup::{Block, Piece};
use matrix::Matrix;
use resources::{ListedResources, Resources};
use rules::{RuleSheet, SkippedFindings};
use text::count_of;
use waived::{BaselineChanges, StaleRow, WaivedFindings};

const STYLE: &str = include_str!("html/templates/style.css");
const SCRIPT: &str = include_str!("html/templates/script.js");

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
    let digest = Digest::new(report);
    let listed = ListedResources::new(&digest.view);
    let causes = Causes::new(&digest, &listed);
    let page = Page {
        head: Head::new(report),
        answer: GateAnswer::new(&digest, &causes, gate),
        matrix: Matrix::new(&digest.view),
        coverage: CoverageTable::new(&digest),
        resources: Resources::new(&digest, &listed),
        waived: WaivedFindings::new(report, &listed),
        stale: StaleRow::collect(report),
        compared: BaselineChanges::new(report),
        rules: rules::describe_rules(report, show_skipped),
        skipped: show_skipped.then(|| SkippedFindings::new(report)),
        filter: FilterOptions::new(report),
        cost: report.cost.as_ref().map(CostView::new),
        causes,
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
struct Page<'d> {
    head: Head,
    answer: GateAnswer,
    matrix: Matrix,
    coverage: CoverageTable<'d>,
    causes: Causes<'d>,
    resources: Resources<'d>,
    waived: WaivedFindings<'d>,
    stale: Vec<StaleRow>,
    compared: Option<BaselineChanges>,
    rules: Vec<RuleSheet>,
    skipped: Option<SkippedFindings>,
    filter: FilterOptions,
    cost: Option<CostView>,
}

impl Page<'_> {
    /// Returns the content security policy: nothing but the page's own style and script.
    fn security_policy(&self) -> String {
        format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
            hash_source(SCRIPT),
            hash_source(STYLE)
        )
    }

    fn style_text(&self) -> &'static str {
        STYLE
    }

    fn script_text(&self) -> &'static str {
        SCRIPT
    }

    fn tool_version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// The account, the time of the scan and the standard.
struct Head {
    account: String,
    central: String,
    source: &'static str,
    time: String,
    standard: &'static str,
    regions: Vec<String>,
    selection: Option<String>,
    rule_count: String,
    region_count: String,
    call_count: String,
}

impl Head {
    fn new(report: &Report) -> Self {
        let escape = |text: &str| escape_invisible(text).into_owned();
        let calls = usize::try_from(report.stats.api_calls).unwrap_or(usize::MAX);
        Head {
            account: account_name(report, escape),
            central: escape(&report.central_account_id),
            source: match report.source {
                Source::Aws => "Live account",
                Source::Snapshot => "Saved snapshot",
                Source::TerraformPlan => "Terraform plan",
                Source::TerraformState => "Terraform state",
                Source::Cloudformation => "CloudFormation template",
            },
            time: escape(&format_time(&report.started_at)),
            standard: match report.standard {
                Standard::Guide => "Company guide",
                Standard::Aws => "AWS standard",
            },
            regions: report.regions.iter().map(|it| escape(it)).collect(),
            selection: report.selection.describe().map(|it| escape(&it)),
            rule_count: count_of(report.rules, "rule"),
            region_count: count_of(report.regions.len(), "region"),
            call_count: count_of(calls, "API call"),
        }
    }
}

/// Returns the source expression that allows one inline text in a content security policy.
pub(super) fn hash_source(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::text::{encode_fragment, format_number};
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(count_of(1, "cause"), "1 cause");
        assert_eq!(count_of(999, "cause"), "999 causes");
        assert_eq!(count_of(2, "policy"), "2 policies");
        assert_eq!(count_of(1000, "cause"), "1,000 causes");
        assert_eq!(format_number(1_234_567), "1,234,567");
    }

    #[test]
    fn fragments_contain_no_reserved_character() {
        assert_eq!(encode_fragment("eu-west-1"), "eu-west-1");
        assert_eq!(encode_fragment("a&b=c #é"), "a%26b%3Dc%20%23%C3%A9");
    }
}
