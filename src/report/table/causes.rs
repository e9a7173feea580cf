//! What must change: the causes that free most resources, or all of them with their fixes.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::marks::mark_of;
use crate::exit::FailOn;
use crate::report::Status;
use crate::report::digest::Digest;
use crate::report::digest::root_causes::RootCause;
use crate::report::digest::wording::Wording;
use crate::report::page::{Page, Tone};
use crate::text::{and_more, count_more};

/// The number of causes of the summary.
const MOST_FIRST: usize = 8;
/// The number of causes of the summary that rows of resources cannot displace.
const LEAST_FIRST: usize = 3;
/// The lines around the causes: a blank line, the title, and how many are left out.
const LINES_AROUND: usize = 3;
/// The number of rules of a cause that are named.
const MOST_RULES: usize = 3;
/// The number of resources of a cause that are named.
const MOST_RESOURCES: usize = 12;
/// The number of messages and fixes of a cause that are shown.
const MOST_TEXTS: usize = 3;

/// Causes that are fixed the same way: one key or setting, or the same rule on several resources.
struct Twins<'d, 'a> {
    causes: Vec<&'d RootCause<'a>>,
    resources: BTreeSet<&'a str>,
}

impl Twins<'_, '_> {
    /// Returns the number of resources with findings that are not in the baseline.
    fn count_new(&self) -> usize {
        let members = self.causes.iter().flat_map(|it| it.open_members());
        let new = members.filter(|(_, member)| member.is_new);
        new.map(|(arn, _)| arn).collect::<BTreeSet<&str>>().len()
    }
}

/// Writes the causes to fix first: of the worst status, by the number of resources that they affect. `lines` is the
/// room for them. Where the gate is about new failures, those come first.
pub(super) fn write_first_causes(
    page: &mut Page,
    digest: &Digest<'_>,
    ascii: bool,
    lines: usize,
    gate: FailOn,
) {
    let most = (lines.saturating_sub(LINES_AROUND) / 2).clamp(LEAST_FIRST, MOST_FIRST);
    let any_new = gate == FailOn::New && digest.causes.open().any(RootCause::has_new);
    // A new symptom is shown: what explains it may not be new.
    let open = || {
        let causes = digest.causes.open();
        causes.filter(move |it| !it.is_symptom() || (any_new && it.has_new()))
    };
    let Some(worst) = open()
        .filter(|it| !any_new || it.has_new())
        .map(|it| (it.gating, it.status))
        .max()
    else {
        return;
    };
    let is_worst = |cause: &&RootCause<'_>| cause.status == worst.1 && (cause.gating || !worst.0);
    let mut twins: Vec<Twins<'_, '_>> = Vec::new();
    for cause in open().filter(is_worst) {
        let same = twins.iter_mut().find(|it| are_twins(it.causes[0], cause));
        let arns = cause.open_members().map(|(arn, _)| arn);
        match same {
            Some(known) => {
                known.causes.push(cause);
                known.resources.extend(arns);
            }
            None => twins.push(Twins {
                causes: vec![cause],
                resources: arns.collect(),
            }),
        }
    }
    // Stable: causes of the same size keep the order of the report.
    twins.sort_by_key(|it| Reverse((any_new && it.count_new() > 0, it.resources.len())));
    let title = match worst.1 {
        Status::Fail => "FIX FIRST",
        Status::Unknown => "UNKNOWN",
        Status::Warn | Status::Pass | Status::Skip => "AT RISK",
    };
    page.title(title, "");
    for twins in twins.iter().take(most) {
        write_twins(page, digest, twins, ascii);
    }
    if twins.len() > most {
        let more = count_more(twins.len() - most);
        let arguments = &digest.report.arguments;
        page.add_command(
            2,
            &format!("{more}: backup-check scan --view causes{arguments}"),
        );
    }
}

/// Whether two causes are of the same rule, and neither is about something that several resources share.
fn are_twins(a: &RootCause<'_>, b: &RootCause<'_>) -> bool {
    let rule = |cause: &RootCause<'_>| cause.rules.first().map(|rule| rule.id);
    a.about.is_none() && b.about.is_none() && rule(a) == rule(b)
}

/// Writes the id, the number of resources and the message of a cause, and the command that prints its fix.
fn write_twins(page: &mut Page, digest: &Digest<'_>, twins: &Twins<'_, '_>, ascii: bool) {
    let cause = twins.causes[0];
    let message = cause.messages().first().map_or("", |it| it.example());
    let texts = twins.causes.iter().flat_map(|it| it.messages());
    let is_example = texts.map(|it| it.text()).any(|it| it != message);
    let resources = digest.view.describe_kinds(twins.resources.iter().copied());
    let new = match twins.count_new() {
        0 => String::new(),
        number => format!(", {number} new"),
    };
    let example = if is_example { ", for example" } else { "" };
    let mark = mark_of(Some(cause.status), ascii);
    page.headline(
        &[
            (Tone::for_status(cause.status), mark),
            (Tone::Dim, cause.short_id()),
            (Tone::Strong, &format!("{resources}{new}{example}:")),
        ],
        &shorten_ids(message),
    );
    page.add_command(4, &command_of(digest, cause, twins.causes.len() == 1));
}

/// Returns a sentence with UUIDs cut to their first eight digits: the id of the cause leads to the rest.
pub(super) fn shorten_ids(text: &str) -> String {
    const PARTS: [usize; 5] = [8, 4, 4, 4, 12];
    const AROUND: [char; 6] = [',', ';', ':', '.', '(', ')'];
    let words = text.split(' ').map(|word| {
        let id = word.trim_matches(AROUND);
        let parts: Vec<&str> = id.split('-').collect();
        let is_uuid = parts.len() == PARTS.len()
            && parts.iter().zip(PARTS).all(|(part, length)| {
                part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
        match is_uuid {
            true => Cow::Owned(word.replace(id, parts[0])),
            false => Cow::Borrowed(word),
        }
    });
    words.collect::<Vec<Cow<'_, str>>>().join(" ")
}

/// Returns the command that prints the fix of a cause, or explains it.
fn command_of(digest: &Digest<'_>, cause: &RootCause<'_>, is_alone: bool) -> String {
    let rule = cause.rules.first().map_or("", |rule| rule.id);
    match (cause.status, cause.has_fix()) {
        (Status::Fail | Status::Warn, true) if is_alone => {
            cause.fix_command(&digest.report.arguments)
        }
        (Status::Fail | Status::Warn, true) => {
            format!("backup-check fix {rule}{}", digest.report.arguments)
        }
        _ => format!("backup-check explain {rule}"),
    }
}

/// Writes every cause with its messages, its fixes and its resources.
pub(super) fn write_all_causes(page: &mut Page, digest: &Digest<'_>, ascii: bool, gate: FailOn) {
    let mut any = false;
    let mut causes: Vec<&RootCause<'_>> = digest.causes.open().collect();
    if gate == FailOn::New {
        // Stable: otherwise the order remains.
        causes.sort_by_key(|it| Reverse(it.has_new()));
    }
    for cause in causes {
        page.blank();
        any = true;
        let resources = cause.describe_open(&digest.view);
        let gates = if cause.gating { "" } else { "does not gate" };
        page.flow(
            0,
            2,
            &[
                (
                    Tone::for_status(cause.status),
                    mark_of(Some(cause.status), ascii),
                ),
                (Tone::Dim, cause.short_id()),
                (Tone::Strong, &resources),
                (Tone::Plain, &cause.rule_ids(MOST_RULES)),
                (Tone::Dim, gates),
            ],
        );
        for message in cause.messages().iter().take(MOST_TEXTS) {
            let similar = if message.has_placeholders() {
                "(and similar)"
            } else {
                ""
            };
            page.flow(
                2,
                4,
                &[(Tone::Plain, message.example()), (Tone::Dim, similar)],
            );
        }
        // A command for one of several resources would be taken for the command for all of them.
        let fixes = cause.fixes().iter().filter(|it| !it.has_placeholders());
        let mut fixes: Vec<&str> = fixes.map(Wording::text).take(MOST_TEXTS).collect();
        if fixes.is_empty() && cause.has_fix() {
            fixes.push("Make one change for each resource, which this command prints:");
        }
        for fix in fixes {
            page.flow(2, 4, &[(Tone::Good, "fix:"), (Tone::Plain, fix)]);
        }
        page.add_command(2, &command_of(digest, cause, true));
        let names: Vec<&str> = cause
            .open_members()
            .filter_map(|(arn, _)| Some(digest.view.row_of(arn)?.line.id.as_str()))
            .collect();
        let names = and_more(names.iter().copied(), MOST_RESOURCES);
        page.flow(2, 4, &[(Tone::Dim, &names)]);
    }
    if !any {
        page.blank();
        page.flow(
            0,
            0,
            &[(Tone::Good, "No check fails, warns or is unknown.")],
        );
    }
}
