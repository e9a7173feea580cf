//! Compliance Findings of the Open Cybersecurity Schema Framework, a line each, with the profile
//! `cloud`.
//!
//! Source: <https://schema.ocsf.io/1.5.0/classes/compliance_finding?profiles=cloud>.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::severity::Gravity;
use super::{Baseline, Finding, Report, ResourceLine, Status, Waiver, WriteError, line};
use crate::analysis::Evidence;
use crate::model::place::Place;
use crate::model::snapshot::Source;
use crate::model::tag::BackupTag;

/// The version of the framework.
pub const VERSION: &str = "1.5.0";

const TOOL: &str = env!("CARGO_PKG_NAME");
const CLASS: u32 = 2003;

#[derive(Serialize)]
struct Event<'a> {
    activity_id: u32,
    activity_name: &'static str,
    category_name: &'static str,
    category_uid: u32,
    class_name: &'static str,
    class_uid: u32,
    cloud: Cloud<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    compliance: Compliance,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidences: Option<[Evidences<'a>; 1]>,
    finding_info: FindingInfo<'a>,
    message: &'a str,
    metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<Remediation<'a>>,
    resources: [Resource<'a>; 1],
    severity: &'static str,
    severity_id: u32,
    status: &'static str,
    status_code: &'static str,
    status_id: u32,
    time: i64,
    type_name: String,
    type_uid: u32,
    unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
struct Cloud<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Account<'a>>,
    cloud_partition: &'a str,
    provider: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
}

#[derive(Serialize)]
struct Account<'a> {
    uid: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    type_id: u32,
}

#[derive(Serialize)]
struct Compliance {
    category: &'static str,
    control: &'static str,
    requirements: [&'static str; 1],
    standards: [String; 1],
    status: &'static str,
    status_code: &'static str,
    status_details: Vec<String>,
    status_id: u32,
}

#[derive(Serialize)]
struct Evidences<'a> {
    data: &'a Evidence,
}

#[derive(Serialize)]
struct FindingInfo<'a> {
    analytic: Analytic,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_time: Option<i64>,
    desc: &'a str,
    last_seen_time: i64,
    title: &'static str,
    types: [&'static str; 1],
    uid: &'a str,
}

#[derive(Serialize)]
struct Analytic {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    type_id: u32,
    uid: &'static str,
}

#[derive(Serialize)]
struct Metadata {
    event_code: &'static str,
    product: Product,
    profiles: [&'static str; 1],
    uid: String,
    version: &'static str,
}

#[derive(Serialize)]
struct Product {
    name: &'static str,
    vendor_name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Remediation<'a> {
    desc: &'a str,
}

#[derive(Serialize)]
struct Resource<'a> {
    cloud_partition: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<[Tag<'a>; 1]>,
    #[serde(rename = "type")]
    kind: &'a str,
    uid: &'a str,
}

#[derive(Serialize)]
struct Tag<'a> {
    name: &'a str,
    value: &'static str,
}

/// What the framework has no attribute for, under the names of the JSON report.
#[derive(Serialize)]
struct Unmapped<'a> {
    backup_tag: BackupTag,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
    gating: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a Place>,
    owner: &'static str,
    source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<&'a Waiver>,
}

/// What happened to a finding: the first report of one creates it, a later one that is held against a
/// baseline updates it, and closes it once it is mended.
#[derive(Clone, Copy)]
enum Activity {
    Create,
    Update,
    Close,
}

impl Activity {
    fn of(finding: &Finding, fixed: &BTreeSet<&str>) -> Self {
        match finding.baseline {
            Some(Baseline::Unchanged) => Activity::Update,
            Some(Baseline::New) => Activity::Create,
            None if fixed.contains(finding.id.as_str()) => Activity::Close,
            None => Activity::Create,
        }
    }

    fn id(self) -> (u32, &'static str) {
        match self {
            Activity::Create => (1, "Create"),
            Activity::Update => (2, "Update"),
            Activity::Close => (3, "Close"),
        }
    }
}

/// Writes an event a line.
///
/// # Errors
/// The writer failed, or the report does not say when it was made.
pub fn write(report: &Report, show_skipped: bool, out: &mut dyn Write) -> Result<(), WriteError> {
    let time = report.finished_at.parse::<Timestamp>();
    let time = time.map_err(|_| WriteError::Unfit {
        format: "ocsf",
        reason: format!("{:?} is no time in RFC 3339", report.finished_at),
    })?;
    let resources: BTreeMap<&str, &ResourceLine> = report
        .resources
        .iter()
        .map(|it| (it.arn.as_str(), it))
        .collect();
    let comparison = report.comparison.iter();
    let fixed: BTreeSet<&str> = comparison
        .flat_map(|it| &it.fixed)
        .map(|it| it.id.as_str())
        .collect();
    for finding in report.shown(show_skipped) {
        let resource = resources.get(finding.resource.as_str()).copied();
        let activity = Activity::of(finding, &fixed);
        line::write(&event(report, finding, resource, activity, time), out)?;
    }
    Ok(())
}

fn event<'a>(
    report: &'a Report,
    finding: &'a Finding,
    resource: Option<&'a ResourceLine>,
    activity: Activity,
    time: Timestamp,
) -> Event<'a> {
    let time = time.as_millisecond();
    let rule = finding.rule;
    let (activity_id, activity_name) = activity.id();
    let (severity_id, severity) = severity(Gravity::of(finding));
    let (status_id, status) = status(finding);
    let (result_id, result) = result(finding.status);
    let account = finding.account_id.as_deref();
    Event {
        activity_id,
        activity_name,
        category_name: "Findings",
        category_uid: 2,
        class_name: "Compliance Finding",
        class_uid: CLASS,
        cloud: Cloud {
            account: account.map(|uid| Account {
                uid,
                kind: "AWS Account",
                type_id: 10,
            }),
            cloud_partition: finding.partition(),
            provider: "AWS",
            region: finding.own_region(),
        },
        comment: finding.waiver.as_ref().map(|waiver| {
            let Waiver {
                reason,
                owner,
                expires,
            } = waiver;
            format!("waived by {owner} until {expires}: {reason}")
        }),
        compliance: Compliance {
            category: rule.group.as_str(),
            control: rule.id,
            requirements: [rule.title],
            standards: [format!("{TOOL} {}", report.standard.as_str())],
            status: result,
            status_code: finding.status.as_str(),
            status_details: finding.causes.iter().map(|it| it.sentence()).collect(),
            status_id: result_id,
        },
        evidences: (!finding.evidence.is_empty()).then_some([Evidences {
            data: &finding.evidence,
        }]),
        finding_info: FindingInfo {
            analytic: Analytic {
                name: rule.title,
                kind: "Rule",
                type_id: 1,
                uid: rule.id,
            },
            created_time: matches!(activity, Activity::Create).then_some(time),
            desc: &finding.message,
            last_seen_time: time,
            title: rule.title,
            types: [rule.group.as_str()],
            uid: &finding.id,
        },
        message: &finding.message,
        metadata: Metadata {
            event_code: rule.id,
            product: Product {
                name: TOOL,
                vendor_name: TOOL,
                version: env!("CARGO_PKG_VERSION"),
            },
            profiles: ["cloud"],
            uid: format!("{}-{time}", finding.id),
            version: VERSION,
        },
        remediation: finding.fix.as_deref().map(|desc| Remediation { desc }),
        resources: [Resource {
            cloud_partition: finding.partition(),
            name: resource
                .and_then(|it| it.name.as_deref())
                .unwrap_or(&finding.resource_id),
            region: finding.own_region(),
            tags: tag(report, finding.backup_tag).map(|tag| [tag]),
            kind: resource
                .and_then(|it| it.aws_type.as_deref())
                .unwrap_or(finding.kind.as_str()),
            uid: &finding.resource,
        }],
        severity,
        severity_id,
        status,
        status_code: finding.status.as_str(),
        status_id,
        time,
        type_name: format!("Compliance Finding: {activity_name}"),
        type_uid: CLASS * 100 + activity_id,
        unmapped: Unmapped {
            backup_tag: finding.backup_tag,
            baseline: finding.baseline,
            gating: finding.gating,
            location: finding.place.as_ref(),
            owner: rule.owner.as_str(),
            source: report.source,
            waiver: finding.waiver.as_ref(),
        },
    }
}

fn severity(gravity: Gravity) -> (u32, &'static str) {
    match gravity {
        Gravity::Informational => (1, "Informational"),
        Gravity::Low => (2, "Low"),
        Gravity::Medium => (3, "Medium"),
        Gravity::High => (4, "High"),
    }
}

/// What is left to do about a finding. One that passes leaves nothing.
fn status(finding: &Finding) -> (u32, &'static str) {
    match (&finding.waiver, finding.status) {
        (Some(_), _) => (3, "Suppressed"),
        (None, Status::Pass | Status::Skip) => (4, "Resolved"),
        (None, Status::Fail | Status::Warn | Status::Unknown) => (1, "New"),
    }
}

/// What came of the rule.
fn result(status: Status) -> (u32, &'static str) {
    match status {
        Status::Unknown => (0, "Unknown"),
        Status::Pass => (1, "Pass"),
        Status::Warn => (2, "Warning"),
        Status::Fail => (3, "Fail"),
        Status::Skip => (99, "Not applicable"),
    }
}

/// The backup tag, where its value is one that the report keeps.
fn tag(report: &Report, tag: BackupTag) -> Option<Tag<'_>> {
    match tag {
        BackupTag::Enabled | BackupTag::Disabled | BackupTag::Custom => Some(Tag {
            name: &report.tag_key,
            value: tag.as_str(),
        }),
        BackupTag::None | BackupTag::Invalid | BackupTag::Unknown => None,
    }
}
