use std::collections::BTreeMap;

use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::kind::KINDS;
use crate::model::observed::GapKind;
use crate::model::s3::Bucket;
use crate::model::snapshot::Region;
use crate::model::tag::BackupTag;
use crate::model::{Gap, Resource};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// AWS Backup is opted in, in the region, for every service that has resources there.
    ///
    /// A plan that selects by tag leaves out services that are not opted in. Where the plan comes
    /// from an organization policy, the management account's settings count instead of the member's;
    /// a member cannot read those, so this only warns.
    ///
    /// ## Fix
    ///
    /// Opt the services in, or ask the platform team whether the organization does.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/manage-cross-account.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources.html>
    RULE = Rule {
        id: "service-opted-in",
        group: Group::Service,
        owner: Owner::Member,
        title: "AWS Backup is opted in for the services in use",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Region(check),
    }
}

fn check(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let in_use = services(cx, region);
    if in_use.is_empty() {
        return Ok(Outcome::skip("no service in use here"));
    }
    let settings = region.backup_settings.get()?;
    let is_planned = cx.snapshot.source.is_planned();
    let opted_in = |service: &&str| settings.opt_in.get(*service).copied().unwrap_or(false);
    // A plan sets some services and leaves the others as they are.
    let is_left = |service: &&str| is_planned && !settings.opt_in.contains_key(*service);
    let off: Vec<&str> = in_use
        .iter()
        .filter(|(service, gap)| gap.is_none() && !opted_in(service) && !is_left(service))
        .map(|(service, _)| *service)
        .collect();
    if !off.is_empty() {
        return Ok(Outcome::breach(format!(
            "AWS Backup is not opted in for {} in {}: tags select none of their resources there, unless an organization policy overrides it",
            off.join(", "),
            cx.region
        ))
        .fix(format!(
            "Run `aws backup update-region-settings --region {} --resource-type-opt-in-preference {}`, or ask {} whether the organization's settings override it.",
            cx.region,
            preference(&off),
            cx.settings.contact
        ))
        .with("services", off));
    }
    if let Some(service) = in_use.keys().find(|service| is_left(service)) {
        let message = format!("the plan does not set whether AWS Backup is opted in for {service}");
        return Err(Gap::new(GapKind::Unplanned, message));
    }
    // A service whose list could not be read may be in use; that matters only where it is off.
    match in_use
        .iter()
        .find(|(service, gap)| gap.is_some() && !opted_in(service))
    {
        Some((_, Some(gap))) => Err((*gap).clone()),
        _ => Ok(Outcome::pass("opted in for every service in use")
            .with("services", in_use.keys().copied().collect::<Vec<_>>())),
    }
}

/// Services with resources in the region, and those that may have some: with the gap in their list.
fn services<'a>(
    cx: &RuleContext<'a>,
    region: &'a Region,
) -> BTreeMap<&'static str, Option<&'a Gap>> {
    let mut services = BTreeMap::new();
    for row in &KINDS {
        let gap = cx.snapshot.listing_gap(row, region);
        // A list that was not requested is not part of the question.
        let gap = gap.filter(|gap| gap.kind != GapKind::NotAsked);
        if let (Some(service), Some(gap), true) = (row.opt_in_name, gap, cx.selects(row.kind)) {
            services.insert(service, Some(gap));
        }
    }
    let mut unplaced = cx.snapshot.buckets_without_region();
    let judged = |it: &(&Bucket, &Gap)| cx.is_selected(Resource::Bucket(it.0));
    if let Some((_, gap)) = unplaced.find(judged) {
        services.insert("S3", Some(gap));
    }
    // Every account has stacks, and few back them up: only what is tagged counts.
    let counts = |resource: &Resource<'_>| match resource {
        Resource::Stack(stack) => matches!(
            cx.backup_tag(&stack.tags),
            BackupTag::Enabled | BackupTag::Unknown
        ),
        _ => true,
    };
    let judged = cx.snapshot.resources_in(cx.region);
    for resource in judged.filter(|it| cx.is_selected(*it)).filter(counts) {
        if let Some(service) = resource.kind().opt_in_name() {
            services.insert(service, None);
        }
    }
    services
}

/// The services as an argument of the AWS CLI, whose shorthand takes no name with a blank.
fn preference(services: &[&str]) -> String {
    let separated = |each: fn(&&str) -> String, with: &str| {
        services.iter().map(each).collect::<Vec<_>>().join(with)
    };
    if services.iter().any(|service| service.contains(' ')) {
        format!("'{{{}}}'", separated(|it| format!("\"{it}\": true"), ", "))
    } else {
        separated(|it| format!("{it}=true"), ",")
    }
}
