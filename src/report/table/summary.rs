//! The header, the summary and the next commands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::Source;
use crate::report::digest::Digest;
use crate::report::digest::summary::{
    account_name, format_time, standard_name, summarize_resources, summarize_rest,
};
use crate::report::digest::view::Section;
use crate::report::page::{Page, Tone};
use crate::report::{Report, Status};
use crate::rule::Rule;
use crate::settings::Severity;
use crate::text::plural;

/// The number of commands that are proposed.
const MOST_STEPS: usize = 3;

/// Writes the account, the time, the regions, and whether the report is complete.
pub(super) fn write_header(page: &mut Page, digest: &Digest<'_>) {
    let report = digest.report;
    if report.interrupted {
        write_incomplete(page, "scan interrupted; results are partial.");
    }
    let account = format!("{},", account_name(report, str::to_owned));
    let pieces = [
        (Tone::Strong, account.as_str()),
        (Tone::Plain, &describe_source(report)),
    ];
    page.flow(0, 2, &pieces);
    if !report.regions.is_empty() {
        let regions = format!(
            "{}: {}",
            plural(report.regions.len(), "region"),
            report.regions.join(", ")
        );
        page.flow(0, 2, &[(Tone::Plain, &regions)]);
    }
    if let Some(selected) = report.selection.describe() {
        let text = format!("{selected}: the rest of the account was not checked.");
        page.flow(0, 2, &[(Tone::Strong, "Only"), (Tone::Plain, &text)]);
    }
    if !report.complete && !report.interrupted {
        // Without a gap in the coverage, only details of single resources are missing.
        let services = digest.gaps.name_services();
        write_incomplete(
            page,
            &match services.is_empty() {
                true => "some data could not be read; see the unknown findings.".to_owned(),
                false => {
                    format!("some data could not be read ({services}); see COULD NOT BE READ.")
                }
            },
        );
    }
}

fn write_incomplete(page: &mut Page, text: &str) {
    page.flow(0, 2, &[(Tone::Unknown, "INCOMPLETE:"), (Tone::Plain, text)]);
}

/// Returns where the data comes from, the time, and the standard.
fn describe_source(report: &Report) -> String {
    let source = match report.source {
        Source::Aws => "read",
        Source::Snapshot => "saved",
        Source::TerraformPlan => "a Terraform plan of",
        Source::Cloudformation => "a CloudFormation template of",
    };
    let standard = format!("standard: {}", standard_name(report.standard));
    match format_time(&report.started_at) {
        time if time.is_empty() => standard,
        time => format!("{source} {time}, {standard}"),
    }
}

/// Writes the result in a few sentences, and the next commands.
pub(super) fn write_summary(page: &mut Page, digest: &Digest<'_>) {
    page.title("SUMMARY", "");
    let answer = summarize_resources(&digest.view);
    page.flow(
        2,
        2,
        &[(Tone::for_verdict(answer.verdict), &answer.sentence)],
    );
    for sentence in summarize_rest(&digest.view) {
        page.flow(2, 2, &[(Tone::Plain, &sentence)]);
    }
    let steps = next_steps(digest);
    if !steps.is_empty() {
        page.title("NEXT", "");
        page.add_pairs(2, &steps);
    }
}

/// Returns the commands that help most: about the rule with the most failing resources, missing permissions
/// and missing tags.
fn next_steps(digest: &Digest<'_>) -> Vec<(String, String)> {
    let mut steps = Vec::new();
    let mut propose = |command: &str, about: String| steps.push((command.to_owned(), about));
    let report = digest.report;
    if let Some((rule, number)) = rank_rules(digest, Status::Fail).first() {
        let about = format!("{} failing", plural(*number, "resource"));
        propose(&explain_command(rule), about);
        if !report.source.is_planned() {
            propose("backup-check fix", "generate the fixes".to_owned());
        }
    }
    if digest.gaps.has_denials() {
        let about = "print the permissions that a scan needs";
        propose("backup-check iam-policy", about.to_owned());
    } else if !report.interrupted
        && let Some((rule, number)) = rank_rules(digest, Status::Unknown).first()
    {
        let about = format!("{} unknown", plural(*number, "resource"));
        propose(&explain_command(rule), about);
    }
    if digest.view.rows_in(Section::Untagged).next().is_some() {
        let command = "backup-check explain backup-decision-made";
        propose(command, "how to tag resources".to_owned());
    }
    steps.truncate(MOST_STEPS);
    steps
}

fn explain_command(rule: &Rule) -> String {
    format!("backup-check explain {}", rule.id)
}

/// Returns the rules with gating findings of a status and their number of resources, most first.
fn rank_rules(digest: &Digest<'_>, status: Status) -> Vec<(&'static Rule, usize)> {
    let view = &digest.view;
    let is_untagged = |arn: &str| {
        let row = view.row_of(arn);
        row.is_none_or(|row| row.section == Section::Untagged)
    };
    let mut rules: BTreeMap<&'static str, (&'static Rule, BTreeSet<&str>)> = BTreeMap::new();
    let causes = digest.causes.iter();
    for cause in causes.filter(|it| it.gating && it.status == status) {
        for rule in &cause.rules {
            let (_, arns) = rules
                .entry(rule.id)
                .or_insert_with(|| (rule, BTreeSet::new()));
            arns.extend(cause.arns().filter(|arn| !is_untagged(arn)));
        }
    }
    let mut rules: Vec<(&'static Rule, usize)> = rules
        .into_values()
        .map(|(rule, arns)| (rule, arns.len()))
        .collect();
    let standard = digest.report.standard;
    // Of rules that lack the same fact, one that could fail comes first.
    rules.sort_by_key(|&(rule, number)| {
        (
            Reverse(number),
            rule.severity(standard) != Severity::Fail,
            rule.id,
        )
    });
    rules
}
