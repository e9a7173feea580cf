//! The sections about resources: what counts, what is exempt, the settings around them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::{ResourceVerdict, Status};

use super::reasons::{Link, Reasons, Told, references};
use super::view::{Place, Row, View, by_kind, label, noun};
use crate::report::page::{Page, Tone};
use crate::text::{and_more, display_width, pad_to_width, plural};

/// Resources with the same causes that are listed one by one; of more, one less and a count.
const HANDFUL: usize = 5;
/// Other causes that are referred to beside a resource.
const MOST_REFERENCES: usize = 3;
/// Members of a cause that are named.
const MOST_MEMBERS: usize = 12;
/// Resources named again under a second cause.
const MOST_NAMED_AGAIN: usize = 4;
/// Blanks between columns.
const GAP: usize = 2;
/// A label in a sentence is cut to this.
const LABEL: usize = 48;

/// What the exit code hangs on, worst first. Each resource stands under its widest cause, and each
/// cause is told once.
pub(super) fn counted<'a>(page: &mut Page, view: &View<'a>, reasons: &mut Reasons<'a>) {
    let rows: Vec<&Row<'a>> = view.placed(Place::Counted).collect();
    if rows.is_empty() {
        return;
    }
    page.title(
        &format!("TO BE BACKED UP: {}", plural(rows.len(), "resource")),
        &tags(view, &rows),
    );
    let mut causes = Vec::new();
    for row in &rows {
        // That a tag is missing is told with all the others that have none.
        let untagged = row.line.backup_tag == BackupTag::None;
        let links = reasons.of(&row.line.arn).iter();
        let telling =
            links.filter(|link| !(untagged && link.tagging && link.status == Status::Warn));
        causes.extend(telling.map(|link| link.reason));
    }
    let causes = reasons.number_new(causes);
    for (verdict, status) in [
        (ResourceVerdict::NotReady, Status::Fail),
        (ResourceVerdict::Unknown, Status::Unknown),
        (ResourceVerdict::AtRisk, Status::Warn),
    ] {
        let number = rows.iter().filter(|row| row.verdict == verdict).count();
        let causes: Vec<usize> = causes
            .iter()
            .copied()
            .filter(|&index| reasons.get(index).status == status)
            .collect();
        if number == 0 && causes.is_empty() {
            continue;
        }
        page.blank();
        let head = if number == 0 {
            format!("{}, on resources listed above", status.as_str())
        } else {
            format!("{}: {number}", verdict.as_str())
        };
        page.flow(0, 2, &[(Tone::of(verdict), &head)]);
        for index in causes {
            page.blank();
            let (here, again): (Vec<&Row<'a>>, Vec<&Row<'a>>) = rows
                .iter()
                .filter(|row| reasons.get(index).members.contains(row.line.arn.as_str()))
                .partition(|row| main_cause(row, reasons) == Some(index));
            let more = told_above(&again, !here.is_empty());
            let indent = reasons.tell(
                page,
                view,
                Told {
                    index,
                    more: &more,
                    weigh: true,
                },
            );
            list(page, indent, &here, index, reasons);
        }
    }
    let ready: Vec<&Row<'a>> = rows
        .iter()
        .copied()
        .filter(|row| row.verdict <= ResourceVerdict::Ready)
        .collect();
    if !ready.is_empty() {
        page.blank();
        let head = format!("{}: {}", ResourceVerdict::Ready.as_str(), ready.len());
        let kinds = format!("({})", by_kind(ready.iter().copied()));
        page.flow(0, 2, &[(Tone::Good, &head), (Tone::Plain, &kinds)]);
    }
}

/// The cause that a resource is listed under: of those that make its verdict the first told.
fn main_cause(row: &Row<'_>, reasons: &Reasons<'_>) -> Option<usize> {
    let links = reasons.of(&row.line.arn);
    let worst = links.iter().map(|link| link.status).max()?;
    links
        .iter()
        .filter(|link| link.status == worst)
        .map(|link| link.reason)
        .min_by_key(|&index| reasons.number(index))
}

/// Resources that stand under another cause, beside some that do not.
fn told_above(rows: &[&Row<'_>], some_here: bool) -> String {
    if rows.is_empty() {
        return String::new();
    }
    if rows.len() > MOST_NAMED_AGAIN && !some_here {
        return "all listed above".to_owned();
    }
    let who = if rows.len() > MOST_NAMED_AGAIN {
        format!("{} of them", rows.len())
    } else {
        let names: Vec<String> = rows.iter().map(|row| label(row.line, LABEL)).collect();
        names.join(", ")
    };
    format!("listed above: {who}")
}

/// How the resources came to count, where it is not all by their tag.
fn tags(view: &View<'_>, rows: &[&Row<'_>]) -> String {
    let with = |tag: BackupTag| rows.iter().filter(|row| row.line.backup_tag == tag).count();
    let key = &view.report.tag_key;
    let enabled = with(BackupTag::Enabled);
    if enabled == rows.len() {
        return format!("tagged {key}=enabled");
    }
    let texts: Vec<String> = [
        (enabled, format!("tagged {key}=enabled")),
        (
            with(BackupTag::Unknown),
            "whose tags could not be read".to_owned(),
        ),
        (with(BackupTag::Invalid), "with an invalid tag".to_owned()),
        (with(BackupTag::None), "without a tag".to_owned()),
        (
            with(BackupTag::Disabled) + with(BackupTag::Custom),
            format!("tagged {key}=disabled or custom"),
        ),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    format!("({})", texts.join(", "))
}

/// The resources under a cause, those that differ in nothing but their name as a few and a count.
fn list(page: &mut Page, indent: usize, rows: &[&Row<'_>], index: usize, reasons: &Reasons<'_>) {
    type Group<'k> = (&'k str, &'k str, String);
    let mut groups: Vec<(Group<'_>, Vec<&Row<'_>>)> = Vec::new();
    for row in rows {
        let group = (
            noun(row.line.kind),
            row.line.region.as_str(),
            others(row, index, reasons),
        );
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, members)) => members.push(row),
            None => groups.push((group, vec![row])),
        }
    }
    let things = groups
        .iter()
        .map(|(group, _)| display_width(group.0))
        .max()
        .unwrap_or_default();
    let regions = groups
        .iter()
        .map(|(group, _)| display_width(group.1))
        .max()
        .unwrap_or_default();
    for ((thing, region, others), members) in &groups {
        let tail = if others.is_empty() {
            0
        } else {
            display_width(others) + GAP
        };
        let room = page
            .width()
            .saturating_sub(indent + things + regions + 2 * GAP + tail)
            .max(12);
        let shown = if members.len() > HANDFUL {
            HANDFUL - 1
        } else {
            members.len()
        };
        for row in &members[..shown] {
            let text = format!(
                "{}  {}  {}  {others}",
                pad_to_width(thing, things),
                pad_to_width(region, regions),
                label(row.line, room)
            );
            page.flow(indent, indent + GAP, &[(Tone::Plain, &text)]);
        }
        if members.len() > shown {
            let more = format!(
                "+ {} more {thing}s in {region}  {others}",
                members.len() - shown
            );
            page.flow(indent, indent + GAP, &[(Tone::Plain, &more)]);
        }
    }
}

/// The other causes of the same weight.
fn others(row: &Row<'_>, index: usize, reasons: &Reasons<'_>) -> String {
    let status = reasons.get(index).status;
    let numbers: BTreeSet<usize> = reasons
        .of(&row.line.arn)
        .iter()
        .filter(|link| link.status == status && link.reason != index)
        .map(|link| reasons.number(link.reason))
        .collect();
    match references(&numbers, MOST_REFERENCES) {
        none if none.is_empty() => none,
        list => format!("also {list}"),
    }
}

/// What is kept out by its tag: a count, and what is wrong with that.
pub(super) fn exempt<'a>(page: &mut Page, view: &View<'a>, reasons: &mut Reasons<'a>) {
    let rows: Vec<&Row<'_>> = view.placed(Place::Exempt).collect();
    if rows.is_empty() {
        return;
    }
    let key = &view.report.tag_key;
    let tagged: Vec<(BackupTag, usize)> = [BackupTag::Disabled, BackupTag::Custom]
        .into_iter()
        .map(|tag| {
            (
                tag,
                rows.iter().filter(|row| row.line.backup_tag == tag).count(),
            )
        })
        .filter(|(_, number)| *number > 0)
        .collect();
    let how = match tagged.as_slice() {
        [(tag, _)] => format!("tagged {key}={}", tag.as_str()),
        several => {
            let texts: Vec<String> = several
                .iter()
                .map(|(tag, number)| format!("{number} tagged {key}={}", tag.as_str()))
                .collect();
            format!("({})", texts.join(", "))
        }
    };
    page.title(&format!("EXEMPT: {}", plural(rows.len(), "resource")), &how);
    told_with_members(page, view, reasons, &rows, false);
}

/// VPCs and the account's settings, where something is wrong with them.
pub(super) fn settings<'a>(page: &mut Page, view: &View<'a>, reasons: &mut Reasons<'a>) {
    let rows: Vec<&Row<'_>> = view
        .placed(Place::Setting)
        .filter(|row| causes(row, reasons).next().is_some())
        .collect();
    if rows.is_empty() {
        return;
    }
    page.title("NETWORK AND ACCOUNT SETTINGS", "");
    told_with_members(page, view, reasons, &rows, true);
}

/// What there is to tell of a resource. Nobody needs to tag what stands among the settings.
fn causes(row: &Row<'_>, reasons: &Reasons<'_>) -> impl Iterator<Item = usize> {
    let links = reasons.of(&row.line.arn).iter();
    let told = move |link: &&Link| !(link.tagging && row.place == Place::Setting);
    links.filter(told).map(|link| link.reason)
}

/// Each cause with what is behind it, for what is looked at by cause rather than by resource.
fn told_with_members<'a>(
    page: &mut Page,
    view: &View<'a>,
    reasons: &mut Reasons<'a>,
    rows: &[&Row<'a>],
    weigh: bool,
) {
    let indexes: BTreeSet<usize> = rows.iter().flat_map(|row| causes(row, reasons)).collect();
    let fresh = reasons.number_new(indexes.iter().copied());
    let members = |index: usize, reasons: &Reasons<'_>| {
        let of_cause: Vec<&Row<'_>> = rows
            .iter()
            .copied()
            .filter(|row| reasons.get(index).members.contains(row.line.arn.as_str()))
            .collect();
        names(&of_cause)
    };
    for &index in &fresh {
        page.blank();
        let more = members(index, reasons);
        reasons.tell(
            page,
            view,
            Told {
                index,
                more: &more,
                weigh,
            },
        );
    }
    for index in indexes.into_iter().filter(|index| !fresh.contains(index)) {
        let number = format!("[{}]", reasons.number(index));
        let tone = Tone::of_status(reasons.get(index).status);
        page.blank();
        page.flow(
            2,
            6,
            &[
                (tone, &number),
                (Tone::Plain, "(see above)"),
                (Tone::Plain, &members(index, reasons)),
            ],
        );
    }
}

/// Resources by region: `in eu-west-1: vpc-1 (main), vpc-2; in us-east-1: vpc-3; account 111122223333`.
fn names(rows: &[&Row<'_>]) -> String {
    let mut regions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut accounts: Vec<String> = Vec::new();
    for row in rows.iter().take(MOST_MEMBERS) {
        if row.line.kind == ResourceKind::Account {
            accounts.push(format!("account {}", label(row.line, LABEL)));
            continue;
        }
        let names = regions.entry(&row.line.region).or_default();
        if row.line.kind != ResourceKind::Region {
            names.push(label(row.line, LABEL));
        }
    }
    let mut texts: Vec<String> = if regions.is_empty() {
        Vec::new()
    } else if regions.values().all(Vec::is_empty) {
        vec![format!(
            "in {}",
            and_more(regions.keys().copied(), MOST_MEMBERS)
        )]
    } else {
        let named = regions.iter().map(|(region, names)| match names.len() {
            0 => format!("in {region}"),
            _ => format!("in {region}: {}", names.join(", ")),
        });
        named.collect()
    };
    texts.extend(accounts);
    let mut text = texts.join("; ");
    if rows.len() > MOST_MEMBERS {
        text.push_str(&format!("; and {} more", rows.len() - MOST_MEMBERS));
    }
    text
}
