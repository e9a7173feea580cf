//! Notifications: inconclusive findings, incomplete listings and coverage, and stale waivers.

use std::collections::BTreeSet;

use super::model::{Level, Message, Notification, RuleReference};
use super::result::{Frame, MAX_NAME, MAX_TEXT, new_properties};
use super::text::{clean_text, escape_markup};
use crate::model::coverage::{Coverage, CoverageState};
use crate::report::{Finding, Report, StaleState, StaleWaiver, Unread};
use crate::text::{escape_invisible, plural};

/// The maximum number of notifications. GitHub documents no limit, but they add to the size of the file.
const MAX_NOTIFICATIONS: usize = 2_500;

/// Returns what could not be read, the inconclusive findings, and how many results were omitted.
pub(super) fn execution_notifications(
    report: &Report,
    frame: &Frame<'_>,
    unknown: &[&Finding],
    omitted: usize,
) -> Vec<Notification> {
    let mut notifications = Vec::new();
    if report.interrupted {
        let text = "The scan was interrupted: resources that were not read by then are missing.";
        notifications.push(new_notification(Level::Error, text));
    }
    if omitted > 0 {
        let text = format!(
            "{} omitted to stay within GitHub's size limit; gating failures are kept first. See --format json for all.",
            count_with_verb(omitted, "result")
        );
        notifications.push(new_notification(Level::Warning, &text));
    }
    // Several listings of a service may be incomplete for the same reason.
    let unread: BTreeSet<String> = report.unread.iter().map(describe_unread).collect();
    notifications.extend(unread.iter().map(|it| new_notification(Level::Warning, it)));
    let not_scanned = |row: &&Coverage| row.state != CoverageState::Scanned;
    let coverage = report.coverage.iter().filter(not_scanned);
    notifications.extend(coverage.map(coverage_notification));

    let room = MAX_NOTIFICATIONS.saturating_sub(notifications.len() + 1);
    let kept = unknown.len().min(room);
    if kept < unknown.len() {
        let text = format!(
            "{} omitted; see --format json for all.",
            count_with_verb(unknown.len() - kept, "further unknown finding")
        );
        notifications.push(new_notification(Level::Warning, &text));
    }
    let unknown = unknown[..kept].iter();
    notifications.extend(unknown.map(|it| finding_notification(it, frame)));
    notifications
}

/// Returns the stale waivers of the config.
pub(super) fn configuration_notifications(report: &Report) -> Vec<Notification> {
    let waivers = report.stale_waivers.iter().take(MAX_NOTIFICATIONS);
    waivers.map(stale_waiver_notification).collect()
}

fn finding_notification(finding: &Finding, frame: &Frame<'_>) -> Notification {
    Notification {
        level: Level::from_finding(finding, frame.gate),
        message: frame.new_message(finding),
        associated_rule: Some(RuleReference {
            id: finding.rule.id,
            index: frame.rule_index(finding.rule),
        }),
        locations: vec![frame.new_location(finding)],
        properties: Some(new_properties(finding)),
    }
}

fn count_with_verb(number: usize, noun: &str) -> String {
    let verb = if number == 1 { "was" } else { "were" };
    format!("{} {verb}", plural(number, noun))
}

fn new_notification(level: Level, text: &str) -> Notification {
    Notification {
        level,
        message: Message {
            text: escape_markup(text),
        },
        associated_rule: None,
        locations: Vec::new(),
        properties: None,
    }
}

fn describe_unread(unread: &Unread) -> String {
    let region = match &unread.region {
        Some(region) => format!(" in {}", escape_invisible(region)),
        None => String::new(),
    };
    format!(
        "Resources tagged for backup may be missing: the {} listing{region} is incomplete: {}",
        unread.service,
        clean_text(&unread.reason, MAX_TEXT)
    )
}

fn coverage_notification(row: &Coverage) -> Notification {
    let mut text = format!(
        "{} in {}: ",
        escape_invisible(&row.service),
        escape_invisible(&row.region)
    );
    text.push_str(match row.state {
        CoverageState::Disabled => "the region is not enabled for the account",
        CoverageState::Partial => "some calls failed or pages are missing",
        CoverageState::Denied => "access denied",
        CoverageState::Error | CoverageState::Scanned => "calls failed",
    });
    if let Some(error) = &row.error {
        let answer = format!("; {}: {} {}", error.operation, error.code, error.message);
        text.push_str(&clean_text(answer.trim_end(), MAX_TEXT));
    }
    new_notification(Level::Note, &text)
}

fn stale_waiver_notification(waiver: &StaleWaiver) -> Notification {
    let reason = match waiver.state {
        StaleState::Expired => "it has expired",
        StaleState::Unused => "it matches no finding that fails, warns or is unknown",
    };
    let text = format!(
        "The waiver for {} on {} (config line {}, owner {}, expires {}) has no effect: {reason}",
        clean_text(&waiver.rule, MAX_NAME),
        clean_text(&waiver.resource, MAX_TEXT),
        waiver.line,
        clean_text(&waiver.owner, MAX_NAME),
        escape_invisible(&waiver.expires),
    );
    new_notification(Level::Note, &text)
}
