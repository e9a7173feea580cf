//! The sections of counted resources, exempt resources and settings.

use std::collections::{BTreeMap, BTreeSet};

use super::causes::{CauseList, Shown};
use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::digest::names::{count_by_kind, resource_label};
use crate::report::digest::root_causes::Link;
use crate::report::digest::view::{Row, Section};
use crate::report::page::{Page, Tone};
use crate::report::{ResourceVerdict, Status};
use crate::text::{and_more, count_more, display_width, pad_to_width, plural, plural_noun};

/// The number of resources with the same causes that are listed one by one. Of more, one less is listed and
/// the rest is counted.
const HANDFUL: usize = 5;
/// The number of other causes that the line of a resource refers to.
const MOST_REFERENCES: usize = 3;
/// The number of resources of a cause that are named in a sentence.
const MOST_MEMBERS: usize = 12;
/// The number of resources that are named again under a second cause.
const MOST_NAMED_AGAIN: usize = 4;
/// The gap between columns.
const GAP: usize = 2;
/// The width to which a resource is truncated in a sentence.
const LABEL_WIDTH: usize = 48;
/// The least number of columns for a name.
const NARROWEST_NAME: usize = 12;

/// Writes the resources that count for the exit code, worst first. Each resource is listed under one cause,
/// and each cause is shown once.
pub(super) fn write_counted(page: &mut Page, causes: &mut CauseList<'_, '_>) {
    let view = &causes.digest.view;
    let rows: Vec<&Row<'_>> = view.rows_in(Section::Counted).collect();
    if rows.is_empty() {
        return;
    }
    page.title(
        &format!("TO BE BACKED UP: {}", plural(rows.len(), "resource")),
        &describe_tags(&view.report.tag_key, &rows),
    );
    let numbers = causes_of_counted(&rows, causes);
    let numbers = causes.mark_shown(numbers);
    for (verdict, status) in [
        (ResourceVerdict::NotReady, Status::Fail),
        (ResourceVerdict::Unknown, Status::Unknown),
        (ResourceVerdict::AtRisk, Status::Warn),
    ] {
        let count = rows.iter().filter(|row| row.verdict == verdict).count();
        let of_status = |number: &&usize| causes.digest.causes.get(**number).status == status;
        let numbers: Vec<usize> = numbers.iter().filter(of_status).copied().collect();
        if count == 0 && numbers.is_empty() {
            continue;
        }
        page.blank();
        let head = match count {
            0 => format!("{}, on resources listed above", status.as_str()),
            _ => format!("{}: {count}", verdict.as_str()),
        };
        page.flow(0, 2, &[(Tone::for_verdict(verdict), &head)]);
        for number in numbers {
            page.blank();
            write_with_rows(page, causes, number, &rows);
        }
    }
    let is_ready = |row: &&&Row<'_>| row.verdict <= ResourceVerdict::Ready;
    let ready: Vec<&Row<'_>> = rows.iter().filter(is_ready).copied().collect();
    if !ready.is_empty() {
        page.blank();
        let head = format!("{}: {}", ResourceVerdict::Ready.as_str(), ready.len());
        let kinds = format!("({})", count_by_kind(ready.iter().copied()));
        page.flow(0, 2, &[(Tone::Good, &head), (Tone::Plain, &kinds)]);
    }
}

/// Returns the causes of counted resources. A missing tag is a cause of the untagged resources only.
fn causes_of_counted(rows: &[&Row<'_>], causes: &CauseList<'_, '_>) -> Vec<usize> {
    let mut numbers = Vec::new();
    for row in rows {
        let is_untagged = row.line.backup_tag == BackupTag::None;
        let links = causes.digest.causes.links_of(&row.line.arn).iter();
        let counted =
            links.filter(|link| !(is_untagged && link.is_tagging && link.status == Status::Warn));
        numbers.extend(counted.map(|link| link.number));
    }
    numbers
}

/// Writes a cause and under it the resources that are not listed under another one.
fn write_with_rows(
    page: &mut Page,
    causes: &mut CauseList<'_, '_>,
    number: usize,
    rows: &[&Row<'_>],
) {
    let cause = causes.digest.causes.get(number);
    let (here, above): (Vec<&Row<'_>>, Vec<&Row<'_>>) = rows
        .iter()
        .copied()
        .filter(|row| cause.affects(&row.line.arn))
        .partition(|row| main_cause(row, causes) == Some(number));
    let note = name_rows_above(&above, !here.is_empty());
    let shown = Shown {
        number,
        note: &note,
        with_gating: true,
    };
    let indent = causes.write_cause(page, shown);
    write_rows(page, indent, &here, number, causes);
}

/// Returns the cause that a resource is listed under: the first one with its worst status.
fn main_cause(row: &Row<'_>, causes: &CauseList<'_, '_>) -> Option<usize> {
    let links = causes.digest.causes.links_of(&row.line.arn);
    let worst = links.iter().map(|link| link.status).max()?;
    let decisive = links.iter().filter(|link| link.status == worst);
    let numbers = decisive.map(|link| link.number);
    numbers.filter(|number| causes.is_shown(*number)).min()
}

/// Returns the resources of a cause that are listed under another one.
fn name_rows_above(rows: &[&Row<'_>], some_here: bool) -> String {
    if rows.is_empty() {
        return String::new();
    }
    if rows.len() > MOST_NAMED_AGAIN && !some_here {
        return "all listed above".to_owned();
    }
    let names = match rows.len() > MOST_NAMED_AGAIN {
        true => format!("{} of them", rows.len()),
        false => {
            let names = rows.iter().map(|row| resource_label(row.line, LABEL_WIDTH));
            names.collect::<Vec<_>>().join(", ")
        }
    };
    format!("listed above: {names}")
}

/// Returns the tags of the resources, counted if they differ.
fn describe_tags(key: &str, rows: &[&Row<'_>]) -> String {
    let count = |tag: BackupTag| rows.iter().filter(|row| row.line.backup_tag == tag).count();
    let enabled = count(BackupTag::Enabled);
    if enabled == rows.len() {
        return format!("tagged {key}=enabled");
    }
    let texts: Vec<String> = [
        (enabled, format!("tagged {key}=enabled")),
        (
            count(BackupTag::Unknown),
            "whose tags could not be read".to_owned(),
        ),
        (count(BackupTag::Invalid), "with an invalid tag".to_owned()),
        (count(BackupTag::None), "without a tag".to_owned()),
        (
            count(BackupTag::Disabled) + count(BackupTag::Custom),
            format!("tagged {key}=disabled or custom"),
        ),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, tags)| format!("{number} {tags}"))
    .collect();
    format!("({})", texts.join(", "))
}

/// Writes the resources under a cause. Those that differ only in their name are listed as a few and a count.
fn write_rows(
    page: &mut Page,
    indent: usize,
    rows: &[&Row<'_>],
    number: usize,
    causes: &CauseList<'_, '_>,
) {
    let groups = group_rows(rows, number, causes);
    let widest = |width: &dyn Fn(&Alike<'_>) -> usize| {
        let widths = groups.iter().map(|(alike, _)| width(alike));
        widths.max().unwrap_or_default()
    };
    let nouns = widest(&|alike| display_width(alike.noun));
    let regions = widest(&|alike| display_width(alike.region));
    for (alike, members) in &groups {
        let Alike {
            noun,
            region,
            others,
        } = alike;
        let tail = match others.is_empty() {
            true => 0,
            false => display_width(others) + GAP,
        };
        let room = page
            .width()
            .saturating_sub(indent + nouns + regions + 2 * GAP + tail)
            .max(NARROWEST_NAME);
        let listed = match members.len() > HANDFUL {
            true => HANDFUL - 1,
            false => members.len(),
        };
        for row in &members[..listed] {
            let text = format!(
                "{}  {}  {}  {others}",
                pad_to_width(noun, nouns),
                pad_to_width(region, regions),
                resource_label(row.line, room)
            );
            page.flow(indent, indent + GAP, &[(Tone::Plain, &text)]);
        }
        let rest = members.len() - listed;
        if rest > 0 {
            let nouns = plural_noun(rest, noun);
            let text = format!("+ {rest} more {nouns} in {region}  {others}");
            page.flow(indent, indent + GAP, &[(Tone::Plain, &text)]);
        }
    }
}

/// What resources have in common that differ only in their name.
#[derive(Debug, PartialEq, Eq)]
struct Alike<'a> {
    noun: &'static str,
    region: &'a str,
    /// References to their other causes.
    others: String,
}

fn group_rows<'r>(
    rows: &[&'r Row<'r>],
    number: usize,
    causes: &CauseList<'_, '_>,
) -> Vec<(Alike<'r>, Vec<&'r Row<'r>>)> {
    let mut groups: Vec<(Alike<'r>, Vec<&'r Row<'r>>)> = Vec::new();
    for row in rows {
        let alike = Alike {
            noun: row.line.kind.noun(),
            region: &row.line.region,
            others: refer_to_others(row, number, causes),
        };
        match groups.iter_mut().find(|(known, _)| *known == alike) {
            Some((_, members)) => members.push(row),
            None => groups.push((alike, vec![row])),
        }
    }
    groups
}

/// Returns references to the other causes of a resource with the same status.
fn refer_to_others(row: &Row<'_>, number: usize, causes: &CauseList<'_, '_>) -> String {
    let status = causes.digest.causes.get(number).status;
    let links = causes.digest.causes.links_of(&row.line.arn).iter();
    let others = links.filter(|link| link.status == status && link.number != number);
    let numbers = others.map(|link| link.number).collect();
    match causes.write_references(&numbers, MOST_REFERENCES) {
        none if none.is_empty() => none,
        list => format!("also {list}"),
    }
}

/// Writes the number of exempt resources, and the causes of their findings.
pub(super) fn write_exempt(page: &mut Page, causes: &mut CauseList<'_, '_>) {
    let view = &causes.digest.view;
    let rows: Vec<&Row<'_>> = view.rows_in(Section::Exempt).collect();
    if rows.is_empty() {
        return;
    }
    let key = &view.report.tag_key;
    let tagged: Vec<(BackupTag, usize)> = [BackupTag::Disabled, BackupTag::Custom]
        .into_iter()
        .map(|tag| {
            let of_tag = rows.iter().filter(|row| row.line.backup_tag == tag);
            (tag, of_tag.count())
        })
        .filter(|(_, number)| *number > 0)
        .collect();
    let tags = match tagged.as_slice() {
        [(tag, _)] => format!("tagged {key}={}", tag.as_str()),
        several => {
            let texts: Vec<String> = several
                .iter()
                .map(|(tag, number)| format!("{number} tagged {key}={}", tag.as_str()))
                .collect();
            format!("({})", texts.join(", "))
        }
    };
    let heading = format!("EXEMPT: {}", plural(rows.len(), "resource"));
    page.title(&heading, &tags);
    write_with_members(page, causes, &rows, false);
}

/// Writes the causes of findings on VPCs and on the settings of the account and its regions.
pub(super) fn write_settings(page: &mut Page, causes: &mut CauseList<'_, '_>) {
    let view = &causes.digest.view;
    let rows: Vec<&Row<'_>> = view
        .rows_in(Section::Setting)
        .filter(|row| causes_of_section(row, causes).next().is_some())
        .collect();
    if rows.is_empty() {
        return;
    }
    page.title("NETWORK AND ACCOUNT SETTINGS", "");
    write_with_members(page, causes, &rows, true);
}

/// Returns the causes of a resource's findings. Settings need no tag, so their tags are left out.
fn causes_of_section(row: &Row<'_>, causes: &CauseList<'_, '_>) -> impl Iterator<Item = usize> {
    let links = causes.digest.causes.links_of(&row.line.arn).iter();
    let is_shown = move |link: &&Link| !(link.is_tagging && row.section == Section::Setting);
    links.filter(is_shown).map(|link| link.number)
}

/// Writes the causes of some resources, each with the names of its resources.
fn write_with_members(
    page: &mut Page,
    causes: &mut CauseList<'_, '_>,
    rows: &[&Row<'_>],
    with_gating: bool,
) {
    let numbers = rows.iter().flat_map(|row| causes_of_section(row, causes));
    let numbers: BTreeSet<usize> = numbers.collect();
    let new = causes.mark_shown(numbers.iter().copied());
    let members = |number: usize, causes: &CauseList<'_, '_>| {
        let cause = causes.digest.causes.get(number);
        let is_member = |row: &&&Row<'_>| cause.affects(&row.line.arn);
        let members: Vec<&Row<'_>> = rows.iter().filter(is_member).copied().collect();
        name_members(&members)
    };
    for &number in &new {
        page.blank();
        let note = members(number, causes);
        let shown = Shown {
            number,
            note: &note,
            with_gating,
        };
        causes.write_cause(page, shown);
    }
    for number in numbers.into_iter().filter(|number| !new.contains(number)) {
        let tone = Tone::for_status(causes.digest.causes.get(number).status);
        page.blank();
        page.flow(
            2,
            6,
            &[
                (tone, &format!("[{number}]")),
                (Tone::Plain, "(see above)"),
                (Tone::Plain, &members(number, causes)),
            ],
        );
    }
}

/// Returns resources by region: `in eu-west-1: vpc-1 (main), vpc-2; in us-east-1: vpc-3; account 111122223333`.
fn name_members(rows: &[&Row<'_>]) -> String {
    let mut regions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut accounts: Vec<String> = Vec::new();
    for row in rows.iter().take(MOST_MEMBERS) {
        let label = || resource_label(row.line, LABEL_WIDTH);
        if row.line.kind == ResourceKind::Account {
            accounts.push(format!("account {}", label()));
            continue;
        }
        let names = regions.entry(&row.line.region).or_default();
        if row.line.kind != ResourceKind::Region {
            names.push(label());
        }
    }
    let mut texts: Vec<String> = if regions.is_empty() {
        Vec::new()
    } else if regions.values().all(Vec::is_empty) {
        let regions = and_more(regions.keys().copied(), MOST_MEMBERS);
        vec![format!("in {regions}")]
    } else {
        let named = regions.iter().map(|(region, names)| match names.len() {
            0 => format!("in {region}"),
            _ => format!("in {region}: {}", names.join(", ")),
        });
        named.collect()
    };
    texts.extend(accounts);
    if rows.len() > MOST_MEMBERS {
        texts.push(count_more(rows.len() - MOST_MEMBERS));
    }
    texts.join("; ")
}
