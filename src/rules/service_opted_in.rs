use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::backup_plans::{Choice, Protection, in_region, is_failure};
use crate::analysis::backup_target::{Target, any_tagged, as_if_tagged, tagged, target};
use crate::analysis::backup_types::{BackupType, opt_in_name, type_of, type_of_arn, types_of_kind};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::iam::truth::Truth;
use crate::model::fact::Fact;
use crate::model::kind::KINDS;
use crate::model::observed::GapKind;
use crate::model::s3::Bucket;
use crate::model::snapshot::Region;
use crate::model::tag::BackupTag;
use crate::model::{Gap, Resource};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;
use crate::text::and_more;

rule! {
    /// AWS Backup is opted in for every service that has resources in the region.
    ///
    /// ## Why it matters
    ///
    /// A selection by tag, or of all resources, skips services that are not opted in: nothing is backed up,
    /// and no job reports it. A selection that names a type of resource includes it regardless of the opt-in.
    /// Aurora, Multi-AZ DB clusters, DocumentDB, Neptune and FSx file systems share their ARNs with other
    /// types and always need the opt-in.
    ///
    /// If the plan comes from an organization policy, the opt-in settings of the management account apply
    /// instead. A member account cannot read them, so the finding is only a warning then. It is a warning too
    /// if no resource of the service is tagged for backup.
    ///
    /// ## Fix
    ///
    /// Opt the services in, or ask the platform team whether the settings of the organization include
    /// them:
    ///
    /// ```sh
    /// aws backup update-region-settings --region eu-central-1 --resource-type-opt-in-preference EBS=true
    /// ```
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/getting-started.html#service-opt-in>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/manage-cross-account.html>
    RULE = Rule {
        id: "service-opted-in",
        group: Group::Service,
        owner: Owner::Member,
        title: "AWS Backup is opted in for the services in use",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Region(check_region),
        reads: &[Fact::BackupSettings, Fact::Plans, Fact::TagsInScannedRegions],
    }
}

/// The number of resources that a message names.
const MOST_RESOURCES: usize = 3;

/// The resources of a service in the region.
#[derive(Default)]
struct Usage<'a> {
    /// Those that are tagged `enabled`, with the type that a selection may name.
    enabled: Vec<(&'static BackupType, Target<'a>)>,
    /// Another one, as if it were tagged.
    other: Option<(&'static BackupType, Target<'a>)>,
    /// Those that may be tagged, as if they were: their tags, or the list of their type, was not read.
    unread: Vec<(&'static BackupType, Target<'a>, &'a Gap)>,
    /// Why there may be some, if none was found.
    gap: Option<&'a Gap>,
}

/// What happens to resources of a service that is not opted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    /// A selection names their type.
    Included,
    /// They are skipped, unless something that is not known includes them.
    MaybeSkipped,
    Skipped,
}

fn check_region(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let in_use = services_in_use(cx);
    if in_use.is_empty() {
        return Ok(Outcome::skip("no service in use"));
    }
    let settings = region.backup_settings.get()?;
    let is_planned = cx.snapshot.source.is_planned();
    let opt_in = |service: &str| settings.opt_in.get(service).copied();
    // A plan sets the opt-in of some services and leaves the others unchanged.
    let is_left = |service: &str| is_planned && opt_in(service).is_none();
    let is_off = |service: &str| opt_in(service) != Some(true) && !is_left(service);
    let protection = in_region(cx, cx.region);
    let unread_plans = find_unread_plans(cx, &protection);
    let protection = protection.ok();
    let mut open = None;
    let mut skipped = Vec::new();
    let mut maybe_skipped = Vec::new();
    let mut resources = BTreeSet::new();
    for (service, usage) in in_use.iter().filter(|(service, _)| is_off(service)) {
        match usage.find_effect(protection.as_ref()) {
            None | Some(Effect::Included) => {}
            // AWS Backup lists every type that it supports in the region.
            Some(Effect::Skipped) if opt_in(service) == Some(false) => {
                skipped.push(*service);
                resources.extend(usage.enabled.iter().map(|(_, target)| target.name));
            }
            Some(_) => maybe_skipped.push(*service),
        }
        if opt_in(service) == Some(false) {
            let gap = usage.find_gap(protection.as_ref(), unread_plans.as_ref());
            open = open.or(gap);
        }
    }
    if !skipped.is_empty() {
        let message = format!(
            "AWS Backup is not opted in for {} in {}, which the selections of the account's plans need: no backups are made of {}",
            skipped.join(", "),
            cx.region,
            and_more(resources.iter().copied(), MOST_RESOURCES)
        );
        let outcome = Outcome::breach(message);
        return Ok(ask_to_opt_in(cx, outcome, &skipped, ""));
    }
    // The organization's policy may override the opt-in.
    let policy = cx.snapshot.backup_policy.gap();
    let policy = policy.filter(|gap| is_failure(gap) && !maybe_skipped.is_empty());
    if let Some(gap) = open.or(policy.cloned()) {
        return Err(gap);
    }
    if !maybe_skipped.is_empty() {
        let message = format!(
            "AWS Backup is not opted in for {} in {}: selection by tag skips their resources, {}",
            maybe_skipped.join(", "),
            cx.region,
            name_exception(cx, protection.as_ref())
        );
        let ask = match cx.snapshot.backup_policy.known() {
            Some(None) => String::new(),
            _ => format!(
                ", or ask {} whether the settings of the organization override it",
                cx.settings.contact
            ),
        };
        let outcome = Outcome::warn(message);
        return Ok(ask_to_opt_in(cx, outcome, &maybe_skipped, &ask));
    }
    // A service whose list could not be read may be in use. That matters only if it is not opted in.
    let mut unread = in_use
        .iter()
        .filter(|(service, _)| is_off(service) || is_left(service));
    let unread = unread.find_map(|(_, usage)| usage.find_unread(protection.as_ref()));
    if let Some(gap) = unread {
        return Err(gap.clone());
    }
    if let Some(service) = in_use.keys().find(|service| is_left(service)) {
        let message = format!("the plan does not set the AWS Backup opt-in for {service}");
        return Err(Gap::new(GapKind::Unplanned, message));
    }
    let seen = in_use.iter().filter(|(_, usage)| usage.gap.is_none());
    let seen: Vec<&str> = seen.map(|(service, _)| *service).collect();
    Ok(Outcome::pass("opted in for every service in use").with("services", seen))
}

/// Returns why the account may have plans and selections that were not read. Where the organization's policy was not
/// read either, it may override the opt-in, whatever they select.
fn find_unread_plans(
    cx: &RuleContext<'_>,
    protection: &Result<Protection<'_>, Gap>,
) -> Option<Gap> {
    cx.snapshot.backup_policy.known()?;
    match protection {
        Ok(protection) => protection.unread_selections(),
        Err(gap) => Some(gap.clone()).filter(is_failure),
    }
}

/// Returns what may include the resources of services that are not opted in.
fn name_exception(cx: &RuleContext<'_>, protection: Option<&Protection<'_>>) -> String {
    let policy = &cx.snapshot.backup_policy;
    match (policy.known(), protection) {
        (Some(None), Some(_)) => "unless a plan names their type".to_owned(),
        _ => "unless an organization policy overrides it".to_owned(),
    }
}

fn ask_to_opt_in(
    cx: &RuleContext<'_>,
    outcome: Outcome,
    services: &[&'static str],
    alternative: &str,
) -> Outcome {
    outcome
        .fix(format!(
            "Run `aws backup update-region-settings --region {} --resource-type-opt-in-preference {}`{alternative}.",
            cx.region,
            as_cli_argument(services)
        ))
        .remedy(Remedy::UpdateBackupSettings {
            region: cx.region.to_owned(),
            opt_in: services.to_vec(),
            management: Vec::new(),
        })
        .with("services", services.to_vec())
}

impl Usage<'_> {
    /// Returns what the missing opt-in does to the worst of the resources; `None` if there are none.
    fn find_effect(&self, protection: Option<&Protection<'_>>) -> Option<Effect> {
        let effect = |(row, target): &(&'static BackupType, Target<'_>)| match protection {
            Some(protection) => effect_on(protection, row, target),
            None => Effect::MaybeSkipped,
        };
        let of_enabled = self.enabled.iter().map(effect).max();
        // Other tags than the one that was not read may decide.
        let is_certain = |target: &Target<'_>| {
            let chosen = protection.map(|it| it.chosen(target)).unwrap_or_default();
            !target.is_unread || (chosen.by.is_empty() && chosen.unclear.is_none())
        };
        // What is not tagged is not backed up anyway.
        let other = self.other.as_ref().filter(|(_, it)| is_certain(it));
        let of_other = other.map(effect);
        of_enabled.max(of_other.map(|it| it.min(Effect::MaybeSkipped)))
    }

    /// Returns why it is not known whether there are resources, or whether the selections of those that may be tagged
    /// name their type.
    fn find_unread(&self, protection: Option<&Protection<'_>>) -> Option<&Gap> {
        let is_included = |row: &BackupType, target: &Target<'_>| {
            protection.is_some_and(|it| effect_on(it, row, target) == Effect::Included)
        };
        let mut unread = self.unread.iter();
        let unread = unread.find(|(row, target, _)| !is_included(row, target));
        self.gap.or(unread.map(|(.., gap)| *gap))
    }

    /// Returns why it is not known whether a plan of the account skips a resource that is, or may be, tagged.
    fn find_gap(
        &self,
        protection: Option<&Protection<'_>>,
        unread_plans: Option<&Gap>,
    ) -> Option<Gap> {
        let is_skipped = |row: &BackupType, target: &Target<'_>| {
            protection.is_some_and(|it| match effect_on(it, row, target) {
                Effect::Skipped => true,
                Effect::MaybeSkipped => it.chosen(target).unclear.is_some(),
                Effect::Included => false,
            })
        };
        let mut unread = self.unread.iter();
        if let Some((.., gap)) = unread.find(|(row, target, _)| is_skipped(row, target)) {
            return Some((*gap).clone());
        }
        let is_open = |row: &BackupType, target: &Target<'_>| {
            protection.is_none_or(|it| {
                let mut by = it.chosen(target).by.into_iter();
                effect_on(it, row, target) == Effect::MaybeSkipped
                    && !by.any(|choice| it.is_of_policy(choice.plan))
            })
        };
        let gap = unread_plans?;
        let enabled = self.enabled.iter().map(|(row, target)| (*row, target));
        let unread = self.unread.iter().map(|(row, target, _)| (*row, target));
        let mut targets = enabled.chain(unread);
        let is_unknown = targets.any(|(row, target)| is_open(row, target));
        is_unknown.then(|| gap.clone())
    }
}

/// Returns what the missing opt-in of a type does to a resource.
fn effect_on(protection: &Protection<'_>, row: &BackupType, target: &Target<'_>) -> Effect {
    let chosen = protection.chosen(target);
    let names = |choice: &Choice<'_>| row.is_optional_if_named && names_type(choice, target);
    if chosen.by.iter().any(names) {
        return Effect::Included;
    }
    let by_policy = |choice: &Choice<'_>| protection.is_of_policy(choice.plan);
    let is_certain =
        chosen.open.is_none() && !chosen.by.is_empty() && !chosen.by.iter().any(by_policy);
    match is_certain {
        true => Effect::Skipped,
        false => Effect::MaybeSkipped,
    }
}

/// Whether a selection names the type of a resource, and not only its service: `arn:aws:ec2:*:*:volume/*`. The
/// ARNs of buckets have no type.
fn names_type(choice: &Choice<'_>, target: &Target<'_>) -> bool {
    let names = |pattern: &&String| {
        let mut parts = pattern.splitn(6, ':').skip(2);
        let (service, resource) = (parts.next(), parts.nth(2));
        resource.is_some_and(|it| service == Some("s3") || !it.starts_with('*'))
    };
    let covers = |pattern: &String| target.is_named_by(pattern) == Truth::True;
    choice.selection.resources.iter().filter(names).any(covers)
}

/// Returns the services that have resources in the region, and those that may have some.
fn services_in_use<'a>(cx: &RuleContext<'a>) -> BTreeMap<&'static str, Usage<'a>> {
    let mut services: BTreeMap<&'static str, Usage<'a>> = BTreeMap::new();
    for row in &KINDS {
        let Some(gap) = cx.gap_of_kind(row, cx.region) else {
            continue;
        };
        // Types that only their tag shows have other names.
        let of_types = types_of_kind(row.kind).map(|it| it.name);
        let of_types = of_types.filter(|_| row.opt_in_name.is_none());
        for service in row.opt_in_name.into_iter().chain(of_types) {
            services.entry(service).or_default().gap = Some(gap);
        }
        // A complete search by tag shows what the list lacks.
        let by_tag = cx.snapshot.elsewhere.get(cx.region);
        let is_unread = is_failure(gap) && by_tag.is_none_or(|it| it.gap.is_some());
        for of_kind in types_of_kind(row.kind).filter(|_| is_unread) {
            let usage = services.entry(row.opt_in_name.unwrap_or(of_kind.name));
            let target = any_tagged(cx, of_kind, cx.region);
            usage.or_default().unread.push((of_kind, target, gap));
        }
    }
    let mut unplaced = cx.snapshot.buckets_without_region();
    let judged = |it: &(&Bucket, &Gap)| cx.is_selected(Resource::Bucket(it.0));
    if let Some((_, gap)) = unplaced.find(judged) {
        services.entry("S3").or_default().gap = Some(gap);
    }
    for resource in cx.snapshot.resources_in(cx.region) {
        if cx.is_selected(resource) {
            add_resource(&mut services, cx, resource);
        }
    }
    // Of a resource that was not listed only the tag is known.
    for arn in cx.enabled_by_tag(cx.region) {
        if let Some(row) = type_of_arn(arn) {
            let usage = services.entry(row.name).or_default();
            if !usage.enabled.iter().any(|(_, it)| it.arn == *arn) {
                usage.gap = None;
                usage.enabled.push((row, tagged(cx, arn)));
            }
        }
    }
    services
}

fn add_resource<'a>(
    services: &mut BTreeMap<&'static str, Usage<'a>>,
    cx: &RuleContext<'a>,
    resource: Resource<'a>,
) {
    let (Some(service), Some(row)) = (opt_in_name(resource), type_of(resource)) else {
        return;
    };
    let (Some(tags), Some((arn, id))) = (resource.tags(), resource.arn_and_id()) else {
        return;
    };
    let tag = cx.backup_tag(tags);
    // Almost every account has stacks but few back them up, so only tagged stacks count.
    let is_stack = matches!(resource, Resource::Stack(_));
    if is_stack && !matches!(tag, BackupTag::Enabled | BackupTag::Unknown) {
        return;
    }
    let usage = services.entry(service).or_default();
    let unread = tags.gap().or(resource.deletion_gap());
    let unread = unread.filter(|_| matches!(tag, BackupTag::Enabled | BackupTag::Unknown));
    if let (Some(gap), Some(target)) = (unread, as_if_tagged(cx, resource)) {
        usage.unread.push((row, target, gap));
    }
    // It may not count, or be gone soon.
    let doubt = tags.gap().filter(|_| is_stack).or(resource.deletion_gap());
    if let Some(gap) = doubt {
        if usage.enabled.is_empty() && usage.other.is_none() {
            usage.gap.get_or_insert(gap);
        }
        return;
    }
    usage.gap = None;
    match target(cx, resource) {
        Some(target) if tag == BackupTag::Enabled => usage.enabled.push((row, target)),
        _ if usage.other.as_ref().is_none_or(|(_, it)| it.is_unread) => {
            let unread = as_if_tagged(cx, resource).filter(|it| it.is_unread);
            let mut target = unread.unwrap_or_else(|| tagged(cx, arn));
            target.name = id;
            usage.other = Some((row, target));
        }
        _ => {}
    }
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
