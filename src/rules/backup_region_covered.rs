use crate::model::snapshot::{Region, Snapshot};
use crate::model::{Gap, GapKind, Observed};
use crate::rule::protection::{Protection, Target, in_region, tagged};
use crate::rule::{Check, Cx, Group, Judgement, Outcome, Owner, rule};
use crate::settings::{REGIONS, Severity};

rule! {
    /// Everything that is tagged `backup=enabled` lives in a region that is scanned and backed up.
    ///
    /// The backup policy runs in some regions only. A resource in any other carries the tag, and nobody
    /// backs it up. This is found with one query on the tag in every other region that is enabled for
    /// the account. Where the policy does cover the other region, the resources there are backed up but
    /// were not judged, which is a warning.
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

fn check(cx: &Cx<'_>, snapshot: &Snapshot) -> Judgement {
    let mut found: Vec<Outcome> = Vec::new();
    for (name, region) in &snapshot.regions {
        if region.disabled {
            continue;
        }
        found.extend(scanned(cx, name));
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
        let outcome = match snapshot.elsewhere.get(*name) {
            Some(listing) => elsewhere(cx, name, &listing.items, listing.gap.as_ref()),
            None => Some(Outcome::unknown(&Gap::not_collected()).part(Some(name))),
        };
        found.extend(outcome);
    }
    if let Some(gap) = &known.gap {
        found.push(Outcome::unknown(gap));
    }
    let by = match &snapshot.backup_policy {
        Observed::Known(Some(_)) => "the organization's backup policy",
        Observed::Known(None) => "the account's backup plans",
        Observed::Unknown(_) => "the guide, as the organization's backup policy was not read",
    };
    let clean = format!(
        "nothing tagged {}=enabled is outside the regions that are scanned and backed up by {by} ({} other regions were asked)",
        cx.settings.tag_key,
        others.len()
    );
    Ok(Outcome::worst(found).unwrap_or_else(|| Outcome::pass(clean)))
}

/// What a scanned region holds that nothing there backs up. Where nobody knows what backs it up, the
/// guide's word counts; `backup-policy-effective` says so.
fn scanned<'a>(cx: &Cx<'a>, region: &'a str) -> Option<Outcome> {
    let protection = in_region(cx, region).ok()?;
    let missed = missed(&protection, &protection.enabled(cx));
    (!missed.is_empty()).then(|| uncovered(cx, region, &missed, &protection.authority.words()))
}

/// Why a region's lists do not hold everything, where the user left some out.
fn left_out<'a>(snapshot: &'a Snapshot, region: &'a Region) -> Option<&'a Gap> {
    let mut gaps = region.gaps().into_iter().chain(&snapshot.buckets.gap);
    gaps.find(|gap| gap.kind == GapKind::NotAsked)
}

fn missed(protection: &Protection<'_>, targets: &[Target<'_>]) -> Vec<String> {
    let missed = targets.iter().filter(|target| {
        let chosen = protection.chosen(target);
        chosen.by.is_empty() && chosen.open.is_none()
    });
    missed.map(|target| target.arn.clone()).collect()
}

/// What is tagged in a region that was not scanned.
fn elsewhere<'a>(
    cx: &Cx<'a>,
    region: &'a str,
    arns: &[String],
    gap: Option<&Gap>,
) -> Option<Outcome> {
    if arns.is_empty() {
        return gap.map(|gap| Outcome::unknown(gap).part(Some(region)));
    }
    let policy = match &cx.snapshot.backup_policy {
        Observed::Known(Some(_)) => in_region(cx, region).ok(),
        _ => None,
    };
    let (missed, words) = match &policy {
        Some(protection) => {
            let targets: Vec<Target<'_>> = arns.iter().map(|arn| tagged(cx, arn)).collect();
            (missed(protection, &targets), protection.authority.words())
        }
        None if REGIONS.contains(&region) => (Vec::new(), String::new()),
        None => (arns.to_vec(), "the guide".to_owned()),
    };
    Some(if missed.is_empty() {
        let by = if policy.is_some() {
            "the organization's backup policy covers"
        } else {
            "the guide names"
        };
        Outcome::warn(format!(
            "{} in a region that {by}, but this scan did not look there",
            count(cx, arns)
        ))
        .fix(format!("Scan {region} too."))
        .with("regions", vec![region])
        .with("resources", some(arns))
    } else {
        uncovered(cx, region, &missed, &words)
    })
}

fn uncovered(cx: &Cx<'_>, region: &str, missed: &[String], words: &str) -> Outcome {
    Outcome::breach(format!(
        "{} in {region}, which {words} does not cover: nobody backs them up ({})",
        count(cx, missed),
        named(missed)
    ))
    .fix(format!(
        "Move them to a region that is backed up, or ask {} to add {region}.",
        cx.settings.contact
    ))
    .with("regions", vec![region])
    .with("resources", some(missed))
}

fn count(cx: &Cx<'_>, arns: &[String]) -> String {
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
