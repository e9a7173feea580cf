use std::collections::BTreeSet;

use crate::analysis::backup_plans::{Protection, in_region};
use crate::analysis::backup_target::{Target, describe_selected, tagged};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::arn::Arn;
use crate::model::fact::Fact;
use crate::model::kind::kind_of_arn;
use crate::model::snapshot::{Region, Snapshot};
use crate::model::tag::BackupTag;
use crate::model::{Gap, GapKind, Listing, Observed};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::{REGIONS, Severity};
use crate::text::{and_more, plural};

rule! {
    /// Every resource tagged `backup=enabled` is in a region that is scanned and backed up.
    ///
    /// Other regions that are enabled for the account are searched with one tag query each. A region
    /// that the policy covers but the scan did not include is a warning. The organization's backup policy
    /// and the backup plans of the account both count. If neither can be read, the result is unknown, even
    /// if nothing is tagged yet. The regions of the company guide show which other regions should be scanned,
    /// not that a tagged resource is backed up there.
    ///
    /// A resource that no plan selects although plans run in its region is a violation too: the plans may
    /// leave out its type.
    ///
    /// Of a plan or template, the regions of the config count, by default those of the company guide.
    ///
    /// ## Why it matters
    ///
    /// The backup policy runs in some regions only. A tagged resource in another region is not backed
    /// up, although its tag suggests it.
    ///
    /// ## Fix
    ///
    /// Move the resource to a region that the policy covers, or ask the platform team to add the
    /// region. If the policy covers it already, add the region to the scan. If the plans that run in the
    /// region leave the resource out, ask the platform team to select its type.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Regions You Must Cover".
    /// - <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>
    RULE = Rule {
        id: "backup-region-covered",
        group: Group::Account,
        owner: Owner::Member,
        title: "Tagged resources are in regions that are backed up",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Account(check_account),
        reads: &[Fact::OtherRegions, Fact::Plans, Fact::TagsInScannedRegions],
    }
}

/// The number of resources that a message names.
const MOST_NAMES: usize = 5;
/// The number of resources that the evidence lists.
const MOST_EVIDENCE: usize = 100;

fn check_account(cx: &RuleContext<'_>, snapshot: &Snapshot) -> CheckResult {
    if snapshot.has_no_account() {
        return Ok(check_planned_regions(cx, snapshot));
    }
    let mut found: Vec<Outcome> = Vec::new();
    for (name, region) in &snapshot.regions {
        if region.disabled {
            continue;
        }
        found.extend(check_scanned_region(cx, name, region));
        // A resource that was not listed may be tagged too. The list by tag also shows it.
        let gap = match snapshot.elsewhere.get(name) {
            Some(by_tag) => by_tag.gap.as_ref(),
            None => find_excluded_list(snapshot, region),
        };
        found.extend(gap.map(|gap| Outcome::unknown(gap).part(Some(name))));
    }
    let known = &snapshot.enabled_regions;
    let others: Vec<&String> = known
        .items
        .iter()
        .filter(|name| !snapshot.regions.contains_key(*name))
        .collect();
    for name in &others {
        match snapshot.elsewhere.get(*name) {
            Some(listing) => found.extend(check_other_region(cx, name, listing)),
            None => found.push(Outcome::unknown(&Gap::not_collected()).part(Some(name))),
        }
    }
    if let Some(gap) = &known.gap {
        found.push(Outcome::unknown(gap));
    }
    // Where neither was read, that nothing is tagged in the wrong place is hearsay.
    let scanned = snapshot.regions.iter().filter(|(_, it)| !it.disabled);
    let mut unread = scanned.map(|(name, _)| in_region(cx, name).err());
    if let (true, Some(Some(gap))) = (found.is_empty(), unread.next())
        && unread.all(|it| it.is_some())
    {
        found.push(Outcome::unknown(&gap));
    }
    let by = match &snapshot.backup_policy {
        Observed::Known(Some(_)) => {
            "the organization's backup policy and the account's backup plans"
        }
        Observed::Known(None) | Observed::Unknown(_) => "the account's backup plans",
    };
    let clean = format!(
        "no resource tagged {}=enabled is outside the regions that are scanned and backed up according to {by}; {} searched",
        cx.settings.tag_key,
        plural(others.len(), "other region")
    );
    Ok(Outcome::worst(found).unwrap_or_else(|| Outcome::pass(clean)))
}

/// Checks the regions of a plan or template: those of the config are backed up.
fn check_planned_regions(cx: &RuleContext<'_>, snapshot: &Snapshot) -> Outcome {
    let mut found = Vec::new();
    for name in snapshot.regions_outside(&cx.settings.backup_regions) {
        let mut enabled = Vec::new();
        let mut open = None;
        for resource in snapshot
            .resources_in(name)
            .filter(|it| it.kind().has_backups())
        {
            match (resource.tags(), resource.arn_and_id()) {
                (Some(Observed::Unknown(gap)), _) => open = Some(gap),
                (Some(tags), Some((arn, _))) if cx.backup_tag(tags) == BackupTag::Enabled => {
                    enabled.push(arn.to_owned());
                }
                _ => {}
            }
        }
        let region = snapshot.regions.get(name);
        let unlisted = region.and_then(|region| find_list_gap(cx, name, region));
        if !enabled.is_empty() {
            let message = format!(
                "{} in {name}, which is not one of the regions that are backed up ({}): {}",
                count_tagged(cx, &enabled),
                and_more(
                    cx.settings.backup_regions.iter().map(String::as_str),
                    MOST_NAMES
                ),
                name_some(&enabled)
            );
            found.push(report_not_covered(cx, name, &enabled, message));
        } else if let Some(gap) = open.or(unlisted) {
            found.push(Outcome::unknown(gap).part(Some(name)));
        }
    }
    let clean = "every resource that is tagged for backup is in a region that is backed up";
    Outcome::worst(found).unwrap_or_else(|| Outcome::pass(clean))
}

/// Returns the tagged resources of a scanned region that are not backed up or may not be.
fn check_scanned_region<'a>(
    cx: &RuleContext<'a>,
    name: &'a str,
    region: &'a Region,
) -> Vec<Outcome> {
    let protection = match in_region(cx, name) {
        Ok(protection) => protection,
        Err(gap) => return check_without_plans(cx, name, region, &gap),
    };
    let sorted = Sorted::by_backup(&protection, &protection.enabled(cx));
    let mut found = Vec::new();
    if !sorted.missed.is_empty() {
        found.push(report_not_selected(cx, name, &sorted, &protection));
    }
    // A resource whose tags were not read, or that was not listed, may be tagged.
    let unread = protection.unread(cx).into_iter();
    let mut unread = unread.filter(|(target, _)| protection.chosen(target).by.is_empty());
    let mut probes = protection.probes(cx).into_iter();
    let is_covered = probes.any(|probe| !protection.chosen(&probe).by.is_empty());
    let unlisted = match is_covered {
        // The list by tag shows what other lists lack.
        true if cx.snapshot.elsewhere.contains_key(name) => None,
        true => {
            let mut types = protection.unlisted(cx).into_iter();
            let missed = types.find(|(target, _)| protection.chosen(target).by.is_empty());
            missed.map(|(_, gap)| gap)
        }
        false => find_list_gap(cx, name, region),
    };
    let gaps = sorted
        .open
        .into_iter()
        .chain(unread.next().map(|(_, gap)| gap.clone()))
        .chain(unlisted.cloned());
    found.extend(gaps.map(|gap| Outcome::unknown(&gap).part(Some(name))));
    found
}

/// Checks a region for which neither a policy nor plans could be read.
fn check_without_plans<'a>(
    cx: &RuleContext<'a>,
    name: &'a str,
    region: &'a Region,
    gap: &Gap,
) -> Vec<Outcome> {
    let mut resources = cx.snapshot.resources_in(name).filter(|resource| {
        let tag = resource.tags().map(|tags| cx.backup_tag(tags));
        let is_sought = matches!(tag, Some(BackupTag::Enabled | BackupTag::Unknown));
        is_sought && resource.kind().has_backups()
    });
    let is_sought = resources.next().is_some()
        || !cx.enabled_by_tag(name).is_empty()
        || find_list_gap(cx, name, region).is_some();
    let unknown = is_sought.then(|| Outcome::unknown(gap).part(Some(name)));
    unknown.into_iter().collect()
}

/// Returns why the lists of a region may lack a tagged resource, unless the region was searched by tag.
fn find_list_gap<'a>(cx: &RuleContext<'a>, name: &str, region: &'a Region) -> Option<&'a Gap> {
    let is_left_out = |gap: &&Gap| matches!(gap.kind, GapKind::NotAsked | GapKind::RegionDisabled);
    if cx.snapshot.elsewhere.contains_key(name) {
        return None;
    }
    let mut gaps = region
        .listing_gaps()
        .into_iter()
        .chain(&cx.snapshot.buckets.gap);
    gaps.find(|gap| !is_left_out(gap))
}

/// Returns why a list of the region is incomplete if the user excluded it from the scan.
///
/// In a scan of everything, such lists are of types that an older version found by their tag.
fn find_excluded_list<'a>(snapshot: &'a Snapshot, region: &'a Region) -> Option<&'a Gap> {
    if snapshot.selection.is_everything() {
        return None;
    }
    let mut gaps = region
        .listing_gaps()
        .into_iter()
        .chain(&snapshot.buckets.gap);
    gaps.find(|gap| gap.kind == GapKind::NotAsked)
}

/// Resources by whether they are backed up.
#[derive(Default)]
struct Sorted {
    selected: Vec<String>,
    missed: Vec<String>,
    /// Whether only the backup tag is known of a resource that is not selected.
    by_tag_alone: bool,
    /// Why it is unknown for others.
    open: Option<Gap>,
}

impl Sorted {
    fn by_backup(protection: &Protection<'_>, targets: &[Target<'_>]) -> Self {
        let mut sorted = Sorted::default();
        for target in targets {
            let chosen = protection.chosen(target);
            match chosen.open {
                _ if !chosen.by.is_empty() => sorted.selected.push(target.arn.to_string()),
                Some(gap) => {
                    sorted.open.get_or_insert(gap);
                }
                None => {
                    sorted.missed.push(target.arn.to_string());
                    sorted.by_tag_alone |= target.bare;
                }
            }
        }
        sorted
    }
}

/// Checks the tagged resources of a region that was not scanned.
fn check_other_region<'a>(
    cx: &RuleContext<'a>,
    region: &'a str,
    by_tag: &Listing<String>,
) -> Vec<Outcome> {
    let (unsupported, arns): (Vec<String>, Vec<String>) =
        (by_tag.items.iter().cloned()).partition(|arn| is_never_backed_up(arn));
    let arns = &arns;
    let unknown = |gap: &Gap| Outcome::unknown(gap).part(Some(region));
    let mut found: Vec<Outcome> = by_tag.gap.iter().map(unknown).collect();
    if !unsupported.is_empty() {
        found.push(report_unsupported(cx, region, &unsupported));
    }
    if arns.is_empty() {
        return found;
    }
    let policy = match &cx.snapshot.backup_policy {
        Observed::Known(Some(_)) => in_region(cx, region).ok(),
        _ => None,
    };
    if let Some(protection) = policy {
        let targets: Vec<Target<'_>> = arns.iter().map(|arn| tagged(cx, arn)).collect();
        let sorted = Sorted::by_backup(&protection, &targets);
        found.extend(sorted.open.iter().map(unknown));
        if !sorted.missed.is_empty() {
            found.push(report_not_selected(cx, region, &sorted, &protection));
        }
        if !sorted.selected.is_empty() {
            let by = "the organization's backup policy covers";
            found.push(report_not_scanned(cx, region, &sorted.selected, by));
        }
    } else if REGIONS.contains(&region) {
        // That the guide names the region does not show that a plan backs them up there.
        let message = format!(
            "whether {} in {region} is backed up is unknown: this scan did not include the region",
            count_tagged(cx, arns)
        );
        let open = Outcome::unknown(&Gap::new(GapKind::Open, message)).part(Some(region));
        found.push(
            open.fix(format!("Add {region} to the scan."))
                .with("regions", vec![region])
                .with("resources", as_evidence(arns)),
        );
    } else if let Some(gap) = (cx.snapshot.backup_policy.gap()).filter(|it| it.is_failed_call()) {
        // The policy may cover it, whatever the guide says.
        let message = format!(
            "whether {} in {region} is backed up is unknown",
            count_tagged(cx, arns)
        );
        let open = Outcome::unknown(gap).after(&message).part(Some(region));
        found.push(
            open.with("regions", vec![region])
                .with("resources", as_evidence(arns)),
        );
    } else {
        let message = format!(
            "{} in {region}, which the company guide does not cover: {}",
            count_tagged(cx, arns),
            name_some(arns)
        );
        found.push(report_not_covered(cx, region, arns, message));
    }
    found
}

/// Whether AWS Backup backs up no resources of this type, in any region.
fn is_never_backed_up(arn: &str) -> bool {
    let row = Arn::parse(arn).and_then(|arn| kind_of_arn(&arn));
    row.is_some_and(|row| !row.kind.has_backups())
}

fn report_unsupported(cx: &RuleContext<'_>, region: &str, arns: &[String]) -> Outcome {
    Outcome::breach(format!(
        "{} in {region}, of a type that AWS Backup backs up in no region: {}",
        count_tagged(cx, arns),
        name_some(arns)
    ))
    .fix("Follow `backup-check explain cross-account-copy-supported`.")
    .with("regions", vec![region])
    .with("resources", as_evidence(arns))
}

fn report_not_scanned(cx: &RuleContext<'_>, region: &str, arns: &[String], by: &str) -> Outcome {
    Outcome::warn(format!(
        "{} in {region}, a region that {by} but this scan did not include",
        count_tagged(cx, arns)
    ))
    .fix(format!("Add {region} to the scan."))
    .with("regions", vec![region])
    .with("resources", as_evidence(arns))
}

/// Reports tagged resources that no plan selects. If only the backup tag is known, the message is limited to that tag.
fn report_not_selected(
    cx: &RuleContext<'_>,
    region: &str,
    sorted: &Sorted,
    protection: &Protection<'_>,
) -> Outcome {
    let (missed, key) = (&sorted.missed, &cx.settings.tag_key);
    let authority = &protection.authority;
    let by = if sorted.by_tag_alone {
        format!(" by {key}=enabled there")
    } else {
        String::new()
    };
    let (runs_here, types) = (
        !protection.plans.is_empty(),
        list_selected_types(protection),
    );
    let here = match (runs_here, types.is_empty()) {
        (false, _) => String::new(),
        (true, true) => format!("; {} plans run there", authority.either("its", "their")),
        (true, false) => format!(
            "; {} plans run there and select {}",
            authority.either("its", "their"),
            and_more(types.iter().map(String::as_str), MOST_NAMES)
        ),
    };
    let message = format!(
        "{} in {region}, but {} {} not select {}{by}: {}{here}{}",
        count_tagged(cx, missed),
        authority.words(),
        authority.either("does", "do"),
        it_or_them(missed),
        name_some(missed),
        authority.why()
    );
    let outcome = report_not_covered(cx, region, missed, message);
    match runs_here {
        true => outcome.fix(format!(
            "Ask {} to select {} in the backup plan: the plan runs in {region}, so another region would not help.",
            cx.settings.contact,
            it_or_them(missed),
        )),
        false => outcome,
    }
}

/// Returns what the selections of the region select.
fn list_selected_types(protection: &Protection<'_>) -> BTreeSet<String> {
    let plans = protection.plans.iter();
    let selections = plans.flat_map(|plan| &plan.selections.items);
    selections.flat_map(describe_selected).collect()
}

fn report_not_covered(
    cx: &RuleContext<'_>,
    region: &str,
    missed: &[String],
    message: String,
) -> Outcome {
    Outcome::breach(message)
        .fix(format!(
            "Move {} to a region that is backed up, or ask {} to add {region} to the backup policy.",
            it_or_them(missed),
            cx.settings.contact
        ))
        .with("regions", vec![region])
        .with("resources", as_evidence(missed))
}

fn it_or_them(arns: &[String]) -> &'static str {
    match arns.len() {
        1 => "it",
        _ => "them",
    }
}

fn count_tagged(cx: &RuleContext<'_>, arns: &[String]) -> String {
    let key = &cx.settings.tag_key;
    format!("{} tagged {key}=enabled", plural(arns.len(), "resource"))
}

fn as_evidence(arns: &[String]) -> Vec<String> {
    arns.iter().take(MOST_EVIDENCE).cloned().collect()
}

fn name_some(arns: &[String]) -> String {
    and_more(arns.iter().map(String::as_str), MOST_NAMES)
}
