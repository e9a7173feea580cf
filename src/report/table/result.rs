//! The last lines: the answer with its numbers, and the exit code with its reason.

use crate::exit::{Exit, FailOn};
use crate::report::digest::Digest;
use crate::report::digest::summary::{summarize_account, summarize_baseline, summarize_resources};
use crate::report::page::{Page, Tone};
use crate::text::plural;

/// Writes the result.
pub(super) fn write_result(page: &mut Page, digest: &Digest<'_>, gate: FailOn) {
    let report = digest.report;
    page.blank();
    if let Some(sentence) = summarize_baseline(report) {
        page.flow(0, 2, &[(Tone::Plain, &sentence)]);
    }
    let stale = report.stale_waivers.len();
    if stale > 0 {
        let text = format!("{} expired or unused:", plural(stale, "waiver"));
        page.flow(0, 2, &[(Tone::Risk, &text)]);
        let command = format!("backup-check scan --view causes{}", report.arguments);
        page.add_command(2, &command);
    }
    let answer = summarize_resources(&digest.view);
    let exit = explain_exit(digest, gate);
    if let Some(sentence) = summarize_account(&digest.view) {
        page.flow(0, 2, &[(Tone::Plain, &sentence)]);
    }
    let pieces = [
        (Tone::Strong, "Result:"),
        (Tone::for_verdict(answer.verdict), answer.sentence.as_str()),
        (Tone::Plain, &exit),
    ];
    page.flow(0, 2, &pieces);
}

/// Returns the exit code and its reason.
fn explain_exit(digest: &Digest<'_>, gate: FailOn) -> String {
    let (report, totals) = (digest.report, &digest.totals);
    let exit = report.exit(gate);
    let reason = match exit {
        Exit::Failed if gate == FailOn::New => plural(totals.new_failures, "new failure"),
        Exit::Failed if totals.failed == 0 => {
            format!(
                "{} with --fail-on warn",
                plural(totals.warned, "gating warning")
            )
        }
        Exit::Failed => plural(totals.failed, "gating failure"),
        Exit::Unknown if totals.unknown > 0 => plural(totals.unknown, "inconclusive gating check"),
        Exit::Unknown if report.interrupted => "the scan was interrupted".to_owned(),
        Exit::Unknown => "a list that may contain more resources could not be read".to_owned(),
        _ if gate == FailOn::Never => "--fail-on never".to_owned(),
        _ if totals.failed > 0 => "no new failures".to_owned(),
        _ => "no gating check fails".to_owned(),
    };
    format!("Exit code {}: {reason}.", exit.code())
}
