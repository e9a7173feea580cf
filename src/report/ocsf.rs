//! Compliance Findings of the Open Cybersecurity Schema Framework, one per line, with the profile `cloud`.
//!
//! Source: <https://schema.ocsf.io/1.5.0/classes/compliance_finding?profiles=cloud>.

use std::collections::BTreeSet;
use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::line::write_line;
use super::severity::ConsoleSeverity;
use super::{
    Baseline, Finding, FindingSource, Report, ResourceLine, Shown, Status, Waiver, WriteError,
    cause_id_of,
};
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
    uid: String,
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

/// Fields that the framework has no attribute for, under their names in the JSON report.
#[derive(Serialize)]
struct Unmapped<'a> {
    backup_tag: BackupTag,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    gating: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a Place>,
    owner: &'static str,
    source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<&'a Waiver>,
}

/// The activity of a finding. The first report creates it; a later report with a baseline updates it,
/// and closes it once it is fixed.
#[derive(Clone, Copy)]
enum Activity {
    Create,
    Update,
    Close,
}

impl Activity {
    fn from_finding(finding: &Finding, fixed: &BTreeSet<&str>) -> Self {
        match finding.baseline {
            Some(Baseline::Unchanged) => Activity::Update,
            Some(Baseline::New) => Activity::Create,
            None if fixed.contains(finding.id().as_str()) => Activity::Close,
            None => Activity::Create,
        }
    }

    /// Returns the framework's id and name.
    fn id_and_name(self) -> (u32, &'static str) {
        match self {
            Activity::Create => (1, "Create"),
            Activity::Update => (2, "Update"),
            Activity::Close => (3, "Close"),
        }
    }
}
/// Writes the findings of a source, one event per line.
pub(super) fn write_findings(
    report: &Report,
    source: &dyn FindingSource,
    shown: Shown,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let time = report.finished_at.parse::<Timestamp>();
    let time = time.map_err(|_| WriteError::Unfit {
        format: "ocsf",
        reason: format!("{:?} is not an RFC 3339 timestamp", report.finished_at),
    })?;
    let comparison = report.comparison.iter();
    let fixed: BTreeSet<&str> = comparison
        .flat_map(|it| &it.fixed)
        .map(|it| it.id.as_str())
        .collect();
    source.visit_all(&mut |finding, line| {
        if !shown.includes(finding) {
            return Ok(());
        }
        let activity = Activity::from_finding(finding, &fixed);
        write_line(&new_event(report, finding, line, activity, time), out)
    })
}

fn new_event<'a>(
    report: &'a Report,
    finding: &'a Finding,
    resource: Option<&'a ResourceLine>,
    activity: Activity,
    time: Timestamp,
) -> Event<'a> {
    let time = time.as_millisecond();
    let (activity_id, activity_name) = activity.id_and_name();
    let (severity_id, severity) = severity_id(ConsoleSeverity::from_finding(finding));
    let (status_id, status) = status_id(finding);
    Event {
        activity_id,
        activity_name,
        category_name: "Findings",
        category_uid: 2,
        class_name: "Compliance Finding",
        class_uid: CLASS,
        cloud: new_cloud(finding),
        comment: finding.waiver.as_deref().map(|waiver| {
            let Waiver {
                reason,
                owner,
                expires,
            } = waiver;
            format!("waived by {owner} until {expires}: {reason}")
        }),
        compliance: new_compliance(report, finding),
        evidences: (!finding.explanation.evidence.is_empty()).then_some([Evidences {
            data: &finding.explanation.evidence,
        }]),
        finding_info: new_finding_info(finding, activity, time),
        message: &finding.explanation.message,
        metadata: new_metadata(finding, time),
        remediation: finding
            .explanation
            .fix
            .as_deref()
            .map(|desc| Remediation { desc }),
        resources: [new_resource(report, finding, resource)],
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
            cause: cause_id_of(finding),
            gating: finding.gating,
            location: finding.place.as_deref(),
            owner: finding.rule.owner.as_str(),
            source: report.source,
            waiver: finding.waiver.as_deref(),
        },
    }
}

fn new_cloud(finding: &Finding) -> Cloud<'_> {
    Cloud {
        account: finding.account_id.as_deref().map(|uid| Account {
            uid,
            kind: "AWS Account",
            type_id: 10,
        }),
        cloud_partition: finding.partition(),
        provider: "AWS",
        region: finding.own_region(),
    }
}

fn new_compliance(report: &Report, finding: &Finding) -> Compliance {
    let (status_id, status) = result_id(finding.status);
    Compliance {
        category: finding.rule.group.as_str(),
        control: finding.rule.id,
        requirements: [finding.rule.title],
        standards: [format!("{TOOL} {}", report.standard.as_str())],
        status,
        status_code: finding.status.as_str(),
        status_details: match finding.status.is_trouble() {
            true => finding
                .explanation
                .causes
                .iter()
                .map(|it| it.sentence())
                .collect(),
            false => vec![finding.explanation.message.clone()],
        },
        status_id,
    }
}

fn new_finding_info(finding: &Finding, activity: Activity, time: i64) -> FindingInfo<'_> {
    FindingInfo {
        analytic: Analytic {
            name: finding.rule.title,
            kind: "Rule",
            type_id: 1,
            uid: finding.rule.id,
        },
        created_time: matches!(activity, Activity::Create).then_some(time),
        desc: &finding.explanation.message,
        last_seen_time: time,
        title: finding.rule.title,
        types: [finding.rule.group.as_str()],
        uid: finding.id(),
    }
}

fn new_metadata(finding: &Finding, time: i64) -> Metadata {
    Metadata {
        event_code: finding.rule.id,
        product: Product {
            name: TOOL,
            vendor_name: TOOL,
            version: env!("CARGO_PKG_VERSION"),
        },
        profiles: ["cloud"],
        uid: format!("{}-{time}", finding.id()),
        version: VERSION,
    }
}

fn new_resource<'a>(
    report: &'a Report,
    finding: &'a Finding,
    resource: Option<&'a ResourceLine>,
) -> Resource<'a> {
    Resource {
        cloud_partition: finding.partition(),
        name: resource
            .and_then(|it| it.name.as_deref())
            .unwrap_or(&finding.resource_id),
        region: finding.own_region(),
        tags: backup_tag(report, finding.backup_tag).map(|tag| [tag]),
        kind: resource
            .and_then(|it| it.aws_type.as_deref())
            .unwrap_or(finding.kind.as_str()),
        uid: &finding.resource,
    }
}

/// Returns the framework's id and name of a severity.
fn severity_id(severity: ConsoleSeverity) -> (u32, &'static str) {
    match severity {
        ConsoleSeverity::Informational => (1, "Informational"),
        ConsoleSeverity::Low => (2, "Low"),
        ConsoleSeverity::Medium => (3, "Medium"),
        ConsoleSeverity::High => (4, "High"),
    }
}

/// Returns the framework's id and name of a finding's status: a pass is resolved.
fn status_id(finding: &Finding) -> (u32, &'static str) {
    match (&finding.waiver, finding.status) {
        (Some(_), _) => (3, "Suppressed"),
        (None, Status::Pass | Status::Skip) => (4, "Resolved"),
        (None, Status::Fail | Status::Warn | Status::Unknown) => (1, "New"),
    }
}

/// Returns the framework's id and name of a rule's result.
fn result_id(status: Status) -> (u32, &'static str) {
    match status {
        Status::Unknown => (0, "Unknown"),
        Status::Pass => (1, "Pass"),
        Status::Warn => (2, "Warning"),
        Status::Fail => (3, "Fail"),
        Status::Skip => (99, "Not applicable"),
    }
}

/// Returns the backup tag if the report has its value.
fn backup_tag(report: &Report, tag: BackupTag) -> Option<Tag<'_>> {
    match tag {
        BackupTag::Enabled | BackupTag::Disabled | BackupTag::Custom => Some(Tag {
            name: &report.tag_key,
            value: tag.as_str(),
        }),
        BackupTag::None | BackupTag::Invalid | BackupTag::Unknown => None,
    }
}
