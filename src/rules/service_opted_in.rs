use std::collections::BTreeMap;

use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::kind::KINDS;
use crate::model::observed::GapKind;
use crate::model::s3::Bucket;
use crate::model::snapshot::Region;
use crate::model::tag::BackupTag;
use crate::model::{Gap, Resource};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// AWS Backup is opted in for every service that has resources in the region.
    ///
    /// ## Why it matters
    ///
    /// A plan that selects by tag skips services that are not opted in. If the plan comes from an
    /// organization policy, the opt-in settings of the management account apply instead. A member
    /// account cannot read them, so this is only a warning.
    ///
    /// ## Fix
    ///
    /// Opt the services in, or ask the platform team whether the settings of the organization include
    /// them.
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
        check: Check::Region(check_region),
    }
}

fn check_region(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let in_use = services_in_use(cx, region);
    if in_use.is_empty() {
        return Ok(Outcome::skip("no service in use"));
    }
    let settings = region.backup_settings.get()?;
    let is_planned = cx.snapshot.source.is_planned();
    let opted_in = |service: &&str| settings.opt_in.get(*service).copied().unwrap_or(false);
    // A plan sets the opt-in of some services and leaves the others unchanged.
    let is_left = |service: &&str| is_planned && !settings.opt_in.contains_key(*service);
    let off: Vec<&'static str> = in_use
        .iter()
        .filter(|(service, gap)| gap.is_none() && !opted_in(service) && !is_left(service))
        .map(|(service, _)| *service)
        .collect();
    if !off.is_empty() {
        return Ok(Outcome::breach(format!(
            "AWS Backup is not opted in for {} in {}: selection by tag skips their resources, unless an organization policy overrides it",
            off.join(", "),
            cx.region
        ))
        .fix(format!(
            "Run `aws backup update-region-settings --region {} --resource-type-opt-in-preference {}`, or ask {} whether the settings of the organization override it.",
            cx.region,
            as_cli_argument(&off),
            cx.settings.contact
        ))
        .remedy(Remedy::UpdateBackupSettings {
            region: cx.region.to_owned(),
            opt_in: off.clone(),
            management: Vec::new(),
        })
        .with("services", off));
    }
    if let Some(service) = in_use.keys().find(|service| is_left(service)) {
        let message = format!("the plan does not set the AWS Backup opt-in for {service}");
        return Err(Gap::new(GapKind::Unplanned, message));
    }
    // A service whose list could not be read may be in use. That matters only if it is not opted in.
    match in_use
        .iter()
        .find(|(service, gap)| gap.is_some() && !opted_in(service))
    {
        Some((_, Some(gap))) => Err((*gap).clone()),
        _ => Ok(Outcome::pass("opted in for every service in use")
            .with("services", in_use.keys().copied().collect::<Vec<_>>())),
    }
}

/// Returns the services that have resources in the region, and those that may have some, with the gap in their list.
fn services_in_use<'a>(
    cx: &RuleContext<'a>,
    region: &'a Region,
) -> BTreeMap<&'static str, Option<&'a Gap>> {
    let mut services = BTreeMap::new();
    for row in &KINDS {
        let gap = cx.snapshot.listing_gap(row, region);
        // Services that were excluded from the scan are not checked.
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
    // Almost every account has stacks but few back them up, so only tagged stacks count.
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

/// Returns the services as an argument of the AWS CLI. Its shorthand does not accept names with spaces.
fn as_cli_argument(services: &[&str]) -> String {
    let separated = |each: fn(&&str) -> String, with: &str| {
        services.iter().map(each).collect::<Vec<_>>().join(with)
    };
    if services.iter().any(|service| service.contains(' ')) {
        format!("'{{{}}}'", separated(|it| format!("\"{it}\": true"), ", "))
    } else {
        separated(|it| format!("{it}=true"), ",")
    }
}
