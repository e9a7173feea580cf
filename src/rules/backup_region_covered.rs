use crate::analysis::backup_plans::{Authority, Protection, Target, in_region, tagged};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::snapshot::{Region, Snapshot};
use crate::model::tag::BackupTag;
use crate::model::{Gap, GapKind, Listing, Observed};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::{REGIONS, Severity};

rule! {
    /// Everything that is tagged `backup=enabled` lives in a region that is scanned and backed up.
    ///
    /// The backup policy runs in some regions only. A resource in any other carries the tag, and the
    /// policy does not back it up. This is found with one query on the tag in every other region that is
    /// enabled for the account. Where the policy does cover the other region, the resources there are
    /// backed up but were not judged, which is a warning. Where the policy cannot be read, the account's
    /// backup plans count, and then the regions that the guide names.
    ///
    /// ## Fix
    ///
    /// Move the resource to a region that the policy covers, or ask the platform team to add the region.
    /// Add the region to the scan.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Regions You Must Cover".
    /// - <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>
    RULE = Rule {
        id: "backup-region-covered",
        group: Group::Account,
        owner: Owner::Member,
        title: "What is tagged lives in a region that is backed up",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Account(check),
    }
}

/// How many resources a message names.
const MOST_NAMES: usize = 5;
/// How many resources the evidence names.
const MOST_EVIDENCE: usize = 100;

fn check(cx: &RuleContext<'_>, snapshot: &Snapshot) -> CheckResult {
    let mut found: Vec<Outcome> = Vec::new();
    let mut guided = false;
    for (name, region) in &snapshot.regions {
        if region.disabled {
            continue;
        }
        let (judged, by_guide) = scanned(cx, name, region);
        found.extend(judged);
        guided |= by_guide;
        // What was not listed may be tagged too; the tags alone tell as well.
        let gap = match snapshot.elsewhere.get(name) {
            Some(by_tag) => by_tag.gap.as_ref(),
            None => left_out(snapshot, region),
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
            Some(listing) => found.extend(elsewhere(cx, name, listing)),
            None => found.push(Outcome::unknown(&Gap::not_collected()).part(Some(name))),
        }
    }
    if let Some(gap) = &known.gap {
        found.push(Outcome::unknown(gap));
    }
    let by = match &snapshot.backup_policy {
        Observed::Known(Some(_)) => "the organization's backup policy",
        Observed::Known(None) => "the account's backup plans",
        Observed::Unknown(_) if guided => {
            "the guide's word, as the organization's backup policy was not read"
        }
        Observed::Unknown(_) => "the account's backup plans",
    };
    let clean = format!(
        "nothing tagged {}=enabled is outside the regions that are scanned and backed up by {by} ({} other regions were asked)",
        cx.settings.tag_key,
        others.len()
    );
    Ok(Outcome::worst(found).unwrap_or_else(|| Outcome::pass(clean)))
}

/// What a scanned region holds that nothing there backs up, or that may be so; and whether the guide's
/// word had to count, as nobody knows what backs the region up: `backup-policy-effective` says so.
fn scanned<'a>(cx: &RuleContext<'a>, name: &'a str, region: &'a Region) -> (Vec<Outcome>, bool) {
    let policy = &cx.snapshot.backup_policy;
    let protection = match (in_region(cx, name), policy) {
        (Ok(protection), _) => protection,
        (Err(_), Observed::Unknown(_)) if REGIONS.contains(&name) => return (Vec::new(), true),
        (Err(gap), _) => return (nothing_read(cx, name, region, &gap), false),
    };
    let sorted = Sorted::of(&protection, &protection.enabled(cx));
    let is_guided = policy.gap().is_some() && REGIONS.contains(&name);
    if is_guided {
        return (Vec::new(), sorted.open.is_some());
    }
    let mut found = Vec::new();
    if !sorted.missed.is_empty() {
        found.push(not_selected(cx, name, &sorted, &protection.authority));
    }
    // What has no tags that anybody read, or was not listed, may be tagged.
    let unread = protection.unread(cx).into_iter();
    let mut unread = unread.filter(|(target, _)| protection.chosen(target).by.is_empty());
    let mut probes = protection.probes(cx).into_iter();
    let is_covered = probes.any(|probe| !protection.chosen(&probe).by.is_empty());
    let unlisted = unlisted(cx, name, region).filter(|_| !is_covered);
    let gaps = sorted
        .open
        .into_iter()
        .chain(unread.next().map(|(_, gap)| gap.clone()))
        .chain(unlisted.cloned());
    found.extend(gaps.map(|gap| Outcome::unknown(&gap).part(Some(name))));
    (found, false)
}

/// What is said of a region where neither a policy nor plans were read and the guide does not help.
fn nothing_read<'a>(
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
        || unlisted(cx, name, region).is_some();
    let unknown = is_sought.then(|| Outcome::unknown(gap).part(Some(name)));
    unknown.into_iter().collect()
}

/// Why the lists of a region may lack what is tagged, where the tags alone were not asked for either.
fn unlisted<'a>(cx: &RuleContext<'a>, name: &str, region: &'a Region) -> Option<&'a Gap> {
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

/// Why a region's lists do not hold everything, where the user left some out.
fn left_out<'a>(snapshot: &'a Snapshot, region: &'a Region) -> Option<&'a Gap> {
    let mut gaps = region
        .listing_gaps()
        .into_iter()
        .chain(&snapshot.buckets.gap);
    gaps.find(|gap| gap.kind == GapKind::NotAsked)
}

/// Resources by what is known of their backups.
#[derive(Default)]
struct Sorted {
    taken: Vec<String>,
    missed: Vec<String>,
    /// Whether of one that is missed only the backup tag is known.
    by_tag_alone: bool,
    /// Why nobody knows of others.
    open: Option<Gap>,
}

impl Sorted {
    fn of(protection: &Protection<'_>, targets: &[Target<'_>]) -> Self {
        let mut sorted = Sorted::default();
        for target in targets {
            let chosen = protection.chosen(target);
            match chosen.open {
                _ if !chosen.by.is_empty() => sorted.taken.push(target.arn.clone()),
                Some(gap) => {
                    sorted.open.get_or_insert(gap);
                }
                None => {
                    sorted.missed.push(target.arn.clone());
                    sorted.by_tag_alone |= target.bare;
                }
            }
        }
        sorted
    }
}

/// What is tagged in a region that was not scanned.
fn elsewhere<'a>(cx: &RuleContext<'a>, region: &'a str, by_tag: &Listing<String>) -> Vec<Outcome> {
    let arns = &by_tag.items;
    let unknown = |gap: &Gap| Outcome::unknown(gap).part(Some(region));
    let mut found: Vec<Outcome> = by_tag.gap.iter().map(unknown).collect();
    if arns.is_empty() {
        return found;
    }
    let policy = match &cx.snapshot.backup_policy {
        Observed::Known(Some(_)) => in_region(cx, region).ok(),
        _ => None,
    };
    if let Some(protection) = policy {
        let targets: Vec<Target<'_>> = arns.iter().map(|arn| tagged(cx, arn)).collect();
        let sorted = Sorted::of(&protection, &targets);
        found.extend(sorted.open.iter().map(unknown));
        if !sorted.missed.is_empty() {
            found.push(not_selected(cx, region, &sorted, &protection.authority));
        }
        if !sorted.taken.is_empty() {
            let by = "the organization's backup policy covers";
            found.push(not_scanned(cx, region, &sorted.taken, by));
        }
    } else if REGIONS.contains(&region) {
        found.push(not_scanned(cx, region, arns, "the guide names"));
    } else {
        let message = format!(
            "{} in {region}, which the guide does not cover: {}",
            count(cx, arns),
            named(arns)
        );
        found.push(uncovered(cx, region, arns, message));
    }
    found
}

fn not_scanned(cx: &RuleContext<'_>, region: &str, arns: &[String], by: &str) -> Outcome {
    Outcome::warn(format!(
        "{} in {region}, a region that {by}, but this scan did not look there",
        count(cx, arns)
    ))
    .fix(format!("Scan {region} too."))
    .with("regions", vec![region])
    .with("resources", some(arns))
}

/// Where only the backup tag is known, no more can be said than what that tag does.
fn not_selected(
    cx: &RuleContext<'_>,
    region: &str,
    sorted: &Sorted,
    authority: &Authority<'_>,
) -> Outcome {
    let (missed, key) = (&sorted.missed, &cx.settings.tag_key);
    let by = if sorted.by_tag_alone {
        format!(" by {key}=enabled there")
    } else {
        String::new()
    };
    let message = format!(
        "{} in {region}, and {} {} not select {}{by}: {}{}",
        count(cx, missed),
        authority.words(),
        authority.either("does", "do"),
        them(missed),
        named(missed),
        authority.why()
    );
    uncovered(cx, region, missed, message)
}

fn uncovered(cx: &RuleContext<'_>, region: &str, missed: &[String], message: String) -> Outcome {
    Outcome::breach(message)
        .fix(format!(
            "Move {} to a region that is backed up, or ask {} to add {region}.",
            them(missed),
            cx.settings.contact
        ))
        .with("regions", vec![region])
        .with("resources", some(missed))
}

fn them(arns: &[String]) -> &'static str {
    match arns.len() {
        1 => "it",
        _ => "them",
    }
}

fn count(cx: &RuleContext<'_>, arns: &[String]) -> String {
    let key = &cx.settings.tag_key;
    match arns.len() {
        1 => format!("1 resource is tagged {key}=enabled"),
        number => format!("{number} resources are tagged {key}=enabled"),
    }
}

fn some(arns: &[String]) -> Vec<String> {
    arns.iter().take(MOST_EVIDENCE).cloned().collect()
}

fn named(arns: &[String]) -> String {
    let some: Vec<&str> = arns.iter().take(MOST_NAMES).map(String::as_str).collect();
    match arns.len().saturating_sub(MOST_NAMES) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}
