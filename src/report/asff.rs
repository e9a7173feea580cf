//! Findings in the AWS Security Finding Format, in requests that Security Hub takes.
//!
//! A line is the input of one `BatchImportFindings`: at most 100 findings of one region, as a request
//! goes to the region that its product belongs to.
//!
//! Sources: <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html>,
//! <https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html>,
//! <https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-asff-mapping.html>.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use super::severity::Gravity;
use super::{Finding, Report, ResourceLine, Status, WriteError, line};
use crate::model::ResourceKind;
use crate::model::arn::is_account_id;
use crate::settings::is_region_name;
use crate::text::escape_invisible;

const TOOL: &str = env!("CARGO_PKG_NAME");

/// How many findings a request may hold.
const BATCH: usize = 100;

/// How long texts may be. AWS counts characters in one place and bytes in another, so bytes it is.
mod most {
    pub(super) const ID: usize = 512;
    pub(super) const TITLE: usize = 256;
    pub(super) const DESCRIPTION: usize = 1024;
    pub(super) const FIX: usize = 512;
    pub(super) const FIELD: usize = 1023;
}

/// The namespace and category are Security Hub's, the classifier is ours.
///
/// Source: <https://docs.aws.amazon.com/securityhub/latest/userguide/asff-type-taxonomy.html>.
const TYPE: &str = "Software and Configuration Checks/AWS Security Best Practices/AWS Backup";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    findings: &'a [SecurityFinding<'a>],
}

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

/// What a provider may change later; the fields of the same names at the top it may only set once.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProviderFields {
    severity: Severity,
    types: [&'static str; 1],
}

/// Where a finding goes: Security Hub keeps it by account and region.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Desk<'a> {
    account: &'a str,
    region: &'a str,
}

impl<'a> Desk<'a> {
    fn of(report: &'a Report, finding: &'a Finding) -> Result<Self, WriteError> {
        let accounts = [&finding.account_id, &report.account_id];
        let mut accounts = accounts.into_iter().flatten();
        let account = accounts.find(|account| is_account_id(account));
        // What is in no region is told in the first one that was asked.
        let regions = report.regions.iter().map(String::as_str);
        let mut regions = finding.own_region().into_iter().chain(regions);
        let region = regions.find(|region| is_region_name(region));
        match (account, region) {
            (Some(account), Some(region)) => Ok(Desk { account, region }),
            (None, _) => Err(unfit(
                "Security Hub keeps findings by account, and nothing says which account this is about; \
                 a plan or a template is for another format",
            )),
            (_, None) => Err(unfit(
                "Security Hub keeps findings by region, and no region was asked",
            )),
        }
    }
}

fn unfit(reason: &str) -> WriteError {
    WriteError::Unfit {
        format: "asff",
        reason: reason.to_owned(),
    }
}

/// Writes a request a line.
///
/// # Errors
/// The writer failed, or the account is not known; then nothing is written.
pub fn write(report: &Report, show_skipped: bool, out: &mut dyn Write) -> Result<(), WriteError> {
    for finding in report.shown(show_skipped) {
        Desk::of(report, finding)?;
    }
    let resources: BTreeMap<&str, &ResourceLine> = report
        .resources
        .iter()
        .map(|it| (it.arn.as_str(), it))
        .collect();
    let mut batch = Vec::new();
    let mut last = None;
    for finding in report.shown(show_skipped) {
        let desk = Desk::of(report, finding)?;
        if batch.len() == BATCH || last != Some(desk) {
            flush(&mut batch, out)?;
        }
        last = Some(desk);
        let resource = resources.get(finding.resource.as_str()).copied();
        batch.push(security_finding(report, finding, resource, desk));
    }
    flush(&mut batch, out)
}

fn flush(batch: &mut Vec<SecurityFinding<'_>>, out: &mut dyn Write) -> Result<(), WriteError> {
    if !batch.is_empty() {
        line::write(&Request { findings: batch }, out)?;
        batch.clear();
    }
    Ok(())
}

fn security_finding<'a>(
    report: &'a Report,
    finding: &'a Finding,
    resource: Option<&ResourceLine>,
    desk: Desk<'a>,
) -> SecurityFinding<'a> {
    let Desk { account, region } = desk;
    let partition = finding.partition();
    let rule = finding.rule;
    let severity = Severity {
        label: label(Gravity::of(finding)),
        original: finding.status.as_str(),
    };
    let title = format!(
        "{}: {} {}",
        rule.title,
        finding.kind.as_str(),
        finding.resource_id
    );
    let troubled = finding.status != Status::Pass;
    SecurityFinding {
        schema_version: "2018-10-08",
        id: format!("{region}/{account}/{TOOL}/{}/{}", rule.id, finding.id),
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
        title: fit(&title, most::TITLE),
        description: fit(&finding.message, most::DESCRIPTION),
        remediation: finding.fix.as_deref().map(|fix| Remediation {
            recommendation: Recommendation {
                text: fit(fix, most::FIX),
            },
        }),
        product_fields: product_fields(report, finding),
        resources: [Resource {
            kind: kind(finding.kind),
            id: match finding.kind {
                ResourceKind::Region | ResourceKind::Account => {
                    format!("AWS::::Account:{account}")
                }
                _ => fit(&finding.resource, most::ID),
            },
            partition,
            region,
            details: Details {
                other: details(finding, resource),
            },
        }],
        compliance: Compliance {
            status: compliance(finding.status),
            status_reasons: troubled.then(|| {
                [StatusReason {
                    reason_code: rule.id.replace('-', "_").to_uppercase(),
                    description: fit(&finding.message, most::DESCRIPTION),
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

fn label(gravity: Gravity) -> &'static str {
    match gravity {
        Gravity::Informational => "INFORMATIONAL",
        Gravity::Low => "LOW",
        Gravity::Medium => "MEDIUM",
        Gravity::High => "HIGH",
    }
}

fn compliance(status: Status) -> &'static str {
    match status {
        Status::Pass => "PASSED",
        Status::Warn => "WARNING",
        Status::Fail => "FAILED",
        Status::Unknown | Status::Skip => "NOT_AVAILABLE",
    }
}

/// A waived finding is archived, and not suppressed in its workflow: of a finding that it knows,
/// `BatchImportFindings` changes the record state and never the workflow, so a waiver that expires would
/// go on to hide it.
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
    let waiver = finding.waiver.as_ref();
    texts([
        ("backup-check/version", Some(env!("CARGO_PKG_VERSION"))),
        ("backup-check/finding", Some(&finding.id)),
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

fn details(finding: &Finding, resource: Option<&ResourceLine>) -> BTreeMap<&'static str, String> {
    texts([
        ("Type", Some(finding.kind.as_str())),
        ("ResourceId", Some(&finding.resource_id)),
        ("BackupTag", Some(finding.backup_tag.as_str())),
        ("Verdict", resource.map(|it| it.verdict.as_str())),
        ("Name", resource.and_then(|it| it.name.as_deref())),
        ("AwsType", resource.and_then(|it| it.aws_type.as_deref())),
    ])
}

/// A map without empty values, which Security Hub refuses.
fn texts<'a, const N: usize>(
    pairs: [(&'static str, Option<&'a str>); N],
) -> BTreeMap<&'static str, String> {
    let known = |(key, value): (&'static str, Option<&'a str>)| Some((key, value?));
    pairs
        .into_iter()
        .filter_map(known)
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(key, value)| (key, fit(value, most::FIELD)))
        .collect()
}

/// Security Hub's name of a resource's type, where it has one.
///
/// Source: <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ResourceDetails.html>; the
/// account is in the examples of
/// <https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html>.
fn kind(kind: ResourceKind) -> &'static str {
    kind.facts().security_hub_type
}

/// The text in so many bytes, with an ellipsis where it was cut. What breaks a line is made visible:
/// Security Hub's pattern for texts matches one line.
fn fit(text: &str, most: usize) -> String {
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
    use super::fit;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdefg", 6), "abc\u{2026}");
        // Of a character of three bytes, only one and a half would fit.
        assert_eq!(fit("\u{20ac}\u{20ac}\u{20ac}", 8), "\u{20ac}\u{2026}");
        assert_eq!(fit("a\nb", 9), "a\\nb");
    }
}
