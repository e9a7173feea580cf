//! The header of the document: the answer, and the counts behind it.

use super::detail::Detail;
use super::escape::{escape_sentence, quote_code};
use crate::report::digest::Digest;
use crate::report::digest::summary::{
    account_name, format_time, standard_name, summarize_resources, summarize_rest,
};
use crate::report::digest::view::Section;
use crate::report::{Report, ResourceVerdict};
use crate::text::plural;

/// Returns the answer, with a warning before it if it is incomplete.
pub(super) fn write_header(digest: &Digest<'_>, detail: Detail) -> String {
    let report = digest.report;
    let verdict = match digest.totals.verdict {
        ResourceVerdict::NotReady => "not ready",
        ResourceVerdict::Unknown => "inconclusive",
        ResourceVerdict::AtRisk => "at risk",
        ResourceVerdict::Ready | ResourceVerdict::Exempt => "nothing fails",
    };
    let incomplete = match report.complete {
        true => "",
        false => "INCOMPLETE, ",
    };
    let mut text = format!("## backup-check: {incomplete}{verdict}\n\n");
    text.push_str(&warn_incomplete(digest));
    let answer = summarize_resources(&digest.view);
    text.push_str(&format!("**{}**\n\n", escape_sentence(&answer.sentence)));
    for sentence in summarize_rest(&digest.view) {
        text.push_str(&escape_sentence(&sentence));
        text.push('\n');
    }
    text.push_str(&describe_scan(report));
    if !detail.non_gating {
        let lists = match detail.list_length {
            usize::MAX => String::new(),
            length => format!(" Lists are cut after {}.", plural(length, "line")),
        };
        text.push_str(&format!(
            "\nShortened to fit: resources behind causes that do not gate are omitted.{lists} See `--format json` for the complete report.\n"
        ));
    }
    text
}

fn warn_incomplete(digest: &Digest<'_>) -> String {
    let report = digest.report;
    if report.interrupted {
        return "**INCOMPLETE:** scan interrupted; results are partial.\n\n".to_owned();
    }
    if report.complete {
        return String::new();
    }
    let services = match digest.gaps.name_services() {
        none if none.is_empty() => none,
        services => format!(" ({})", escape_sentence(&services)),
    };
    format!("**INCOMPLETE:** some data could not be read{services}.\n\n")
}

/// Returns the account, the time, the standard, the regions and the selection.
fn describe_scan(report: &Report) -> String {
    let account = account_name(report, quote_code);
    let time = match format_time(&report.started_at) {
        time if time.is_empty() => time,
        time => format!(", read {}", escape_sentence(&time)),
    };
    let regions: Vec<String> = report.regions.iter().map(|it| quote_code(it)).collect();
    let mut text = format!(
        "\n{account}{time}, standard: {}; {}{}{}.\n",
        standard_name(report.standard),
        plural(regions.len(), "region"),
        if regions.is_empty() { "" } else { ": " },
        regions.join(", ")
    );
    if let Some(selected) = report.selection.describe() {
        text.push_str(&format!(
            "\n**Only** {}: the rest of the account was not checked.\n",
            escape_sentence(&selected)
        ));
    }
    text
}

/// Returns the number of resources with each verdict by section, and the number of gating findings.
pub(super) fn write_counts(digest: &Digest<'_>) -> String {
    let mut rows = String::new();
    for (section, name) in [
        (Section::Counted, "to be backed up"),
        (Section::Untagged, "without a valid tag, as if tagged"),
        (Section::Exempt, "exempt by their tag"),
        (Section::Setting, "network and account settings"),
    ] {
        let counts = digest.view.count_verdicts(section);
        if counts.total == 0 {
            continue;
        }
        rows.push_str(&format!("| {name} |"));
        for (_, number) in counts.worst_first() {
            let number = match number {
                0 => "-".to_owned(),
                number => number.to_string(),
            };
            rows.push_str(&format!(" {number} |"));
        }
        rows.push_str(&format!(" {} |\n", counts.total));
    }
    let head = match rows.is_empty() {
        true => "",
        false => {
            "\n| | not ready | unknown | at risk | ready | exempt | all |\n|---|--:|--:|--:|--:|--:|--:|\n"
        }
    };
    let totals = &digest.totals;
    format!(
        "{head}{rows}\nGating findings: {} fail, {} unknown, {} warn. Waived: {}.\n",
        totals.failed, totals.unknown, totals.warned, totals.waived
    )
}
