//! Findings in the AWS Security Finding Format, as requests to AWS Security Hub.
//!
//! A line is the input of one `BatchImportFindings` call: at most 100 findings of one region. The call is
//! made in the region of the product.
//!
//! Sources: <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html>,
//! <https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html>,
//! <https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-asff-mapping.html>.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use super::line::write_in_line;
use super::severity::ConsoleSeverity;
use super::{
    Finding, FindingSource, OmittedChecks, Report, ResourceLine, Shown, Status, WriteError,
    cause_id_of,
};
use crate::model::ResourceKind;
use crate::model::arn::is_account_id;
use crate::settings::is_region_name;
use crate::text::escape_invisible;

const TOOL: &str = env!("CARGO_PKG_NAME");

/// The maximum number of findings in a request.
const BATCH: usize = 100;

/// Maximum lengths of texts, in bytes. AWS counts characters for some fields and bytes for others.
mod max_bytes {
    pub(super) const ID: usize = 512;
    pub(super) const TITLE: usize = 256;
    pub(super) const DESCRIPTION: usize = 1024;
    pub(super) const FIX: usize = 512;
    pub(super) const FIELD: usize = 1023;
}

/// The finding type. The namespace and category are Security Hub's; the classifier is this tool's.
///
/// Source: <https://docs.aws.amazon.com/securityhub/latest/userguide/asff-type-taxonomy.html>.
const TYPE: &str = "Software and Configuration Checks/AWS Security Best Practices/AWS Backup";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SecurityFinding<'a> {
    schema_version: &'static str,
    id: String,
    product_arn: String,
    product_name: &'static str,
    generator_id: String,
    aws_account_id: &'a str,
    types: [&'static str; 1],
    created_at: &'a str,
    updated_at: &'a str,
    severity: Severity,
    title: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remediation: Option<Remediation>,
    product_fields: BTreeMap<&'static str, String>,
    resources: [Resource<'a>; 1],
    compliance: Compliance,
    record_state: &'static str,
    finding_provider_fields: ProviderFields,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Severity {
    label: &'static str,
    original: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Remediation {
    recommendation: Recommendation,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Recommendation {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    id: String,
    partition: &'a str,
    region: &'a str,
    details: Details,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    other: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Compliance {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reasons: Option<[StatusReason; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusReason {
    reason_code: String,
    description: String,
}

/// The fields that a provider may update later. The top-level fields of the same names can be set only once.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProviderFields {
    severity: Severity,
    types: [&'static str; 1],
}

/// The account and region that Security Hub stores a finding under.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Destination<'a> {
    account: &'a str,
    region: &'a str,
}

impl<'a> Destination<'a> {
    fn from_finding(report: &'a Report, finding: &'a Finding) -> Result<Self, WriteError> {
        Destination::find(report, finding.account_id.as_deref(), &finding.region)
    }

    /// Returns the account and region of findings on a resource.
    fn find(
        report: &'a Report,
        account_id: Option<&'a str>,
        region: &'a str,
    ) -> Result<Self, WriteError> {
        let accounts = [account_id, report.account_id.as_deref()];
        let mut accounts = accounts.into_iter().flatten();
        let account = accounts.find(|account| is_account_id(account));
        // A finding without a region goes to the first region that was scanned.
        let regions = report.regions.iter().map(String::as_str);
        let mut regions = [region].into_iter().chain(regions);
        let region = regions.find(|region| is_region_name(region));
        match (account, region) {
            (Some(account), Some(region)) => Ok(Destination { account, region }),
            (None, _) => Err(missing_value(
                "no account id; ASFF is not available for plans and templates",
            )),
            (_, None) => Err(missing_value(
                "no region; Security Hub stores findings by region",
            )),
        }
    }
}

fn missing_value(reason: &str) -> WriteError {
    WriteError::Unfit {
        format: "asff",
        reason: reason.to_owned(),
    }
}
/// Writes the findings of a source, one request per line. Where a finding has no account or region, nothing is
/// written.
pub(super) fn write_findings(
    report: &Report,
    source: &dyn FindingSource,
    shown: Shown,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    for finding in report.shown(shown) {
        Destination::from_finding(report, finding)?;
    }
    let is_shown = |line: &&ResourceLine| {
        let OmittedChecks { passes, skips, .. } = line.omitted;
        (passes > 0 && shown.includes_status(Status::Pass))
            || (skips > 0 && shown.includes_status(Status::Skip))
    };
    for line in report.resources.iter().filter(is_shown) {
        Destination::find(report, line.account_id.as_deref(), &line.region)?;
    }
    let mut batch = Batch::default();
    source.visit_all(&mut |finding, line| match shown.includes(finding) {
        true => batch.add_finding(report, finding, line, out),
        false => Ok(()),
    })?;
    batch.write_request(out)
}

/// The findings of a request, as JSON.
#[derive(Default)]
struct Batch {
    findings: Vec<u8>,
    number: usize,
    account: String,
    region: String,
}

impl Batch {
    /// Adds a finding, after a request with those before it where it does not fit into theirs.
    fn add_finding(
        &mut self,
        report: &Report,
        finding: &Finding,
        line: Option<&ResourceLine>,
        out: &mut dyn Write,
    ) -> Result<(), WriteError> {
        let destination = Destination::from_finding(report, finding)?;
        let Destination { account, region } = destination;
        if self.number == BATCH || self.account != account || self.region != region {
            self.write_request(out)?;
            account.clone_into(&mut self.account);
            region.clone_into(&mut self.region);
        }
        if self.number > 0 {
            self.findings.push(b',');
        }
        self.number += 1;
        let finding = new_finding(report, finding, line, destination);
        write_in_line(&finding, &mut self.findings)
    }

    /// Writes the findings, if any, as one request.
    fn write_request(&mut self, out: &mut dyn Write) -> Result<(), WriteError> {
        if self.number > 0 {
            out.write_all(b"{\"Findings\":[")?;
            out.write_all(&self.findings)?;
            out.write_all(b"]}\n")?;
        }
        self.findings.clear();
        self.number = 0;
        Ok(())
    }
}

fn new_finding<'a>(
    report: &'a Report,
    finding: &'a Finding,
    resource: Option<&ResourceLine>,
    destination: Destination<'a>,
) -> SecurityFinding<'a> {
    let Destination { account, region } = destination;
    let partition = finding.partition();
    let rule = finding.rule;
    let severity = Severity {
        label: severity_label(ConsoleSeverity::from_finding(finding)),
        original: finding.status.as_str(),
    };
    let title = format!(
        "{}: {} {}",
        rule.title,
        finding.kind.as_str(),
        finding.resource_id
    );
    let needs_reason = finding.status != Status::Pass;
    SecurityFinding {
        schema_version: "2018-10-08",
        id: format!("{region}/{account}/{TOOL}/{}/{}", rule.id, finding.id()),
        product_arn: format!(
            "arn:{partition}:securityhub:{region}:{account}:product/{account}/default"
        ),
        product_name: TOOL,
        generator_id: format!("{TOOL}/{}", rule.id),
        aws_account_id: account,
        types: [TYPE],
        created_at: &report.finished_at,
        updated_at: &report.finished_at,
        severity,
        title: truncate_bytes(&title, max_bytes::TITLE),
        description: truncate_bytes(&finding.explanation.message, max_bytes::DESCRIPTION),
        remediation: finding.explanation.fix.as_deref().map(|fix| Remediation {
            recommendation: Recommendation {
                text: truncate_bytes(fix, max_bytes::FIX),
            },
        }),
        product_fields: product_fields(report, finding),
        resources: [Resource {
            kind: resource_type(finding.kind),
            id: match finding.kind {
                ResourceKind::Region | ResourceKind::Account => {
                    format!("AWS::::Account:{account}")
                }
                _ => truncate_bytes(&finding.resource, max_bytes::ID),
            },
            partition,
            region,
            details: Details {
                other: other_details(finding, resource),
            },
        }],
        compliance: Compliance {
            status: compliance_status(finding.status),
            status_reasons: needs_reason.then(|| {
                [StatusReason {
                    reason_code: rule.id.replace('-', "_").to_uppercase(),
                    description: truncate_bytes(
                        &finding.explanation.message,
                        max_bytes::DESCRIPTION,
                    ),
                }]
            }),
        },
        record_state: record_state(finding),
        finding_provider_fields: ProviderFields {
            severity,
            types: [TYPE],
        },
    }
}

fn severity_label(severity: ConsoleSeverity) -> &'static str {
    match severity {
        ConsoleSeverity::Informational => "INFORMATIONAL",
        ConsoleSeverity::Low => "LOW",
        ConsoleSeverity::Medium => "MEDIUM",
        ConsoleSeverity::High => "HIGH",
    }
}

fn compliance_status(status: Status) -> &'static str {
    match status {
        Status::Pass => "PASSED",
        Status::Warn => "WARNING",
        Status::Fail => "FAILED",
        Status::Unknown | Status::Skip => "NOT_AVAILABLE",
    }
}

/// Returns the record state. A waived finding is archived, not suppressed.
///
/// `BatchImportFindings` updates the record state of an existing finding but never its workflow status:
/// a suppressed finding would stay hidden after its waiver expires.
///
/// Source: <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html>.
fn record_state(finding: &Finding) -> &'static str {
    if finding.waiver.is_some() || finding.status == Status::Skip {
        "ARCHIVED"
    } else {
        "ACTIVE"
    }
}

fn product_fields(report: &Report, finding: &Finding) -> BTreeMap<&'static str, String> {
    let rule = finding.rule;
    let waiver = finding.waiver.as_deref();
    text_map([
        ("backup-check/version", Some(env!("CARGO_PKG_VERSION"))),
        ("backup-check/finding", Some(&finding.id())),
        ("backup-check/cause", cause_id_of(finding).as_deref()),
        ("backup-check/rule", Some(rule.id)),
        ("backup-check/group", Some(rule.group.as_str())),
        ("backup-check/owner", Some(rule.owner.as_str())),
        ("backup-check/standard", Some(report.standard.as_str())),
        ("backup-check/status", Some(finding.status.as_str())),
        (
            "backup-check/gating",
            Some(if finding.gating { "true" } else { "false" }),
        ),
        (
            "backup-check/waiver/reason",
            waiver.map(|it| it.reason.as_str()),
        ),
        (
            "backup-check/waiver/owner",
            waiver.map(|it| it.owner.as_str()),
        ),
        (
            "backup-check/waiver/expires",
            waiver.map(|it| it.expires.as_str()),
        ),
    ])
}

fn other_details(
    finding: &Finding,
    resource: Option<&ResourceLine>,
) -> BTreeMap<&'static str, String> {
    text_map([
        ("Type", Some(finding.kind.as_str())),
        ("ResourceId", Some(&finding.resource_id)),
        ("BackupTag", Some(finding.backup_tag.as_str())),
        ("Verdict", resource.map(|it| it.verdict.as_str())),
        ("Name", resource.and_then(|it| it.name.as_deref())),
        ("AwsType", resource.and_then(|it| it.aws_type.as_deref())),
    ])
}

/// Returns the pairs without empty values, which Security Hub rejects.
fn text_map<'a, const N: usize>(
    pairs: [(&'static str, Option<&'a str>); N],
) -> BTreeMap<&'static str, String> {
    let known = |(key, value): (&'static str, Option<&'a str>)| Some((key, value?));
    pairs
        .into_iter()
        .filter_map(known)
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(key, value)| (key, truncate_bytes(value, max_bytes::FIELD)))
        .collect()
}

/// Returns Security Hub's name of a resource type, `Other` where it has none.
///
/// Sources: <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ResourceDetails.html>; for
/// `AwsAccount` the examples of
/// <https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html>.
fn resource_type(kind: ResourceKind) -> &'static str {
    kind.facts().security_hub_type
}

/// Returns the text truncated to a number of bytes, with an ellipsis where it was cut.
///
/// Line breaks are escaped: Security Hub's pattern for texts matches a single line.
fn truncate_bytes(text: &str, most: usize) -> String {
    const ELLIPSIS: char = '\u{2026}';
    let text = escape_invisible(text);
    if text.len() <= most {
        return text.into_owned();
    }
    let end = text.floor_char_boundary(most - ELLIPSIS.len_utf8());
    format!("{}{ELLIPSIS}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::truncate_bytes;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(truncate_bytes("abcdef", 6), "abcdef");
        assert_eq!(truncate_bytes("abcdefg", 6), "abc\u{2026}");
        // Of a character of three bytes, only one and a half would fit.
        assert_eq!(
            truncate_bytes("\u{20ac}\u{20ac}\u{20ac}", 8),
            "\u{20ac}\u{2026}"
        );
        assert_eq!(truncate_bytes("a\nb", 9), "a\\nb");
    }
}
