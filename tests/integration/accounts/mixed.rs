//! The account `mixed`: what a person who knows it says of every resource, in `expected/mixed.json`.

use std::collections::{BTreeMap, BTreeSet};

use backup_check::model::tag::BackupTag::{Invalid, None as Untagged};
use serde::Deserialize;

use super::*;

/// Resources of which the same is said.
#[derive(Debug, Deserialize)]
struct Expected {
    tag: String,
    /// `Name` tags, or else ids.
    resources: Vec<String>,
    /// Every finding that is neither passed nor skipped, such as `fail kms-key-shared`.
    #[serde(default)]
    findings: Vec<String>,
    /// The same under the standard `aws`, where that is more than what [`under_aws`] knows.
    findings_under_aws: Option<Vec<String>>,
}

impl Expected {
    fn read() -> Vec<Expected> {
        serde_json::from_str(&text_of("expected/mixed")).unwrap()
    }

    fn reasons(&self, standard: Standard) -> Vec<Reason> {
        let stated = match (standard, &self.findings_under_aws) {
            (Standard::Aws, Some(stated)) => return read_reasons(stated),
            _ => read_reasons(&self.findings),
        };
        match standard {
            Standard::Guide => stated,
            Standard::Aws => stated.into_iter().filter_map(under_aws).collect(),
        }
    }
}

fn read_reasons(findings: &[String]) -> Vec<Reason> {
    let reasons = findings.iter().map(|finding| {
        let (status, rule) = finding.split_once(' ').unwrap();
        let mut statuses = [Status::Fail, Status::Warn, Status::Unknown].into_iter();
        let status = statuses.find(|it| it.as_str() == status).unwrap();
        (find(rule).unwrap().id, status)
    });
    reasons.collect()
}

/// What a reason becomes when only what AWS enforces counts, as the table of rules says.
fn under_aws(reason: Reason) -> Option<Reason> {
    match reason.0 {
        "backup-decision-made"
        | "backup-tag-not-custom"
        | "encryption-customer-key-recommended"
        | "kms-key-fully-shared"
        | "kms-key-not-central"
        | "rds-automated-backups-enabled" => None,
        "encryption-at-rest"
        | "s3-gateway-endpoint-present"
        | "s3-gateway-endpoint-routed"
        | "stack-resources-ready"
            if reason.1 == Status::Fail =>
        {
            Some((reason.0, Status::Warn))
        }
        _ => Some(reason),
    }
}

/// Worst first: fail, unknown, warn.
fn verdict(tag: BackupTag, reasons: &[Reason]) -> ResourceVerdict {
    let has = |status| reasons.iter().any(|reason| reason.1 == status);
    match tag {
        Disabled | Custom => ResourceVerdict::Exempt,
        _ if has(Status::Fail) => ResourceVerdict::NotReady,
        _ if has(Status::Unknown) => ResourceVerdict::Unknown,
        _ if has(Status::Warn) => ResourceVerdict::AtRisk,
        _ => ResourceVerdict::Ready,
    }
}

#[test]
fn mixed_holds_what_it_was_designed_to_hold() {
    let report = judge(&snapshot("mixed"), Standard::Guide);
    let kinds = [
        ("account", 1),
        ("aurora-cluster", 5),
        // Of five, one region is not in the policy.
        ("backup-vault", 4),
        ("cloudformation-stack", 5),
        ("dynamodb-table", 14),
        // Two volumes and instances more are on their way out.
        ("ebs-volume", 93),
        ("ec2-instance", 61),
        ("efs-file-system", 5),
        ("other", 1),
        ("rds-cluster", 1),
        ("rds-instance", 16),
        // One more is on its way out.
        ("redshift-cluster", 3),
        ("redshift-namespace", 2),
        ("region", 5),
        ("s3-bucket", 26),
        ("secret", 1),
        ("ssm-parameter", 1),
        ("storage-gateway", 6),
        ("storage-gateway-volume", 5),
        ("vpc", 13),
    ];
    assert_eq!(by_kind(&report), BTreeMap::from(kinds));
    let tags = [
        ("enabled", 110),
        ("disabled", 35),
        ("custom", 2),
        ("none", 89),
        ("invalid", 5),
        ("unknown", 4),
    ];
    assert_eq!(by_tag(&report), BTreeMap::from(tags));
    assert_eq!(report.regions, REGIONS);
}

#[test]
fn every_resource_of_mixed_is_judged_as_its_owner_would() {
    let snapshot = snapshot("mixed");
    for standard in STANDARDS {
        let report = judge(&snapshot, standard);
        let mut wanted = BTreeMap::new();
        for expected in Expected::read() {
            let tags = [Enabled, Disabled, Custom, Untagged, Invalid, Unknown];
            let mut tags = tags.into_iter();
            let tag = tags.find(|it| it.as_str() == expected.tag).unwrap();
            let mut reasons = expected.reasons(standard);
            reasons.sort_unstable();
            for name in expected.resources {
                let known = wanted.insert(
                    name.clone(),
                    (tag.as_str(), verdict(tag, &reasons), reasons.clone()),
                );
                assert!(known.is_none(), "{name} is stated twice");
            }
        }
        let mut found = BTreeMap::new();
        for resource in &report.resources {
            let findings = report
                .findings
                .iter()
                .filter(|finding| finding.resource == resource.arn);
            let mut reasons: Vec<Reason> = findings
                .filter(|finding| !matches!(finding.status, Status::Pass | Status::Skip))
                .map(|finding| (finding.rule.id, finding.status))
                .collect();
            reasons.sort_unstable();
            let name = name(&snapshot, resource);
            let known = found.insert(
                name.clone(),
                (resource.backup_tag.as_str(), resource.verdict, reasons),
            );
            assert!(known.is_none(), "{name:?} is there twice");
        }
        let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
        let differences: Vec<String> = names
            .into_iter()
            .filter(|name| wanted.get(*name) != found.get(*name))
            .map(|name| {
                format!(
                    "{name:?}\n  wanted {:?}\n  found  {:?}",
                    wanted.get(name),
                    found.get(name)
                )
            })
            .collect();
        assert!(
            differences.is_empty(),
            "{}:\n{}",
            standard.as_str(),
            differences.join("\n")
        );
    }
}

#[test]
fn mixed_fails_and_is_incomplete_under_both_standards() {
    let snapshot = snapshot("mixed");
    for standard in STANDARDS {
        let report = judge(&snapshot, standard);
        assert_eq!(code(&report, FailOn::Fail), 1, "{}", standard.as_str());
        assert_eq!(code(&report, FailOn::Warn), 1, "{}", standard.as_str());
        assert_eq!(code(&report, FailOn::Never), 0, "{}", standard.as_str());
        assert!(!report.complete);
        let unread: Vec<(Option<&str>, &str)> = report
            .unread
            .iter()
            .map(|it| (it.region.as_deref(), it.service))
            .collect();
        assert_eq!(
            unread,
            [
                (Some("ap-southeast-1"), "dynamodb"),
                (Some("ap-southeast-1"), "redshift"),
                (Some("ap-southeast-1"), "backup"),
            ]
        );
    }
    let incomplete: Vec<(&str, &str, CoverageState, &str)> = snapshot
        .coverage
        .iter()
        .filter_map(|row| {
            let operation = row.error.as_ref()?.operation.as_str();
            Some((
                row.region.as_str(),
                row.service.as_str(),
                row.state,
                operation,
            ))
        })
        .collect();
    let wanted = [
        (
            "ap-southeast-1",
            "backup",
            CoverageState::Partial,
            "tag:GetResources",
        ),
        (
            "ap-southeast-1",
            "dynamodb",
            CoverageState::Denied,
            "dynamodb:ListTables",
        ),
        (
            "ap-southeast-1",
            "kms",
            CoverageState::Partial,
            "kms:GetKeyPolicy",
        ),
        (
            "ap-southeast-1",
            "rds",
            CoverageState::Partial,
            "tag:GetResources",
        ),
        (
            "ap-southeast-1",
            "redshift",
            CoverageState::Denied,
            "redshift-serverless:ListNamespaces",
        ),
        (
            "ap-southeast-1",
            "s3",
            CoverageState::Partial,
            "tag:GetResources",
        ),
        (
            "ap-southeast-1",
            "storagegateway",
            CoverageState::Partial,
            "tag:GetResources",
        ),
        (
            "eu-west-1",
            "s3",
            CoverageState::Partial,
            "s3:GetBucketVersioning",
        ),
        (
            "global",
            "backup",
            CoverageState::Denied,
            "organizations:DescribeOrganization",
        ),
    ];
    assert_eq!(incomplete, wanted);
}

#[test]
fn what_is_tagged_enabled_gates_in_mixed() {
    let report = judge(&snapshot("mixed"), Standard::Guide);
    for finding in &report.findings {
        // Every region of it holds a bucket that is tagged enabled, or may be.
        let stated = match finding.kind.as_str() {
            "vpc" | "region" | "backup-vault" | "account" => finding.rule.owner == Owner::Member,
            _ => {
                matches!(finding.backup_tag, Enabled | Unknown)
                    || finding.rule.group == Group::Tagging
            }
        };
        let wanted = stated && finding.status != Status::Skip;
        assert_eq!(
            finding.gating, wanted,
            "{} on {}",
            finding.rule.id, finding.resource
        );
    }
}

#[test]
fn mixed_shows_every_status_verdict_tag_and_both_sides_of_every_rule() {
    let report = judge(&snapshot("mixed"), Standard::Guide);
    let statuses: BTreeSet<Status> = report
        .findings
        .iter()
        .map(|finding| finding.status)
        .collect();
    assert_eq!(statuses.len(), 5, "{statuses:?}");
    let verdicts: BTreeSet<ResourceVerdict> = report
        .resources
        .iter()
        .map(|resource| resource.verdict)
        .collect();
    assert_eq!(verdicts, BTreeSet::from(ResourceVerdict::WORST_FIRST));
    let clean = judge(&snapshot("clean"), Standard::Guide);
    for rule in ALL {
        let shows = |status| {
            // An account passes or fails as a whole.
            let is_of_account = matches!(rule.check, Check::Account(_)) && status == Status::Pass;
            let report = if is_of_account { &clean } else { &report };
            report
                .findings
                .iter()
                .any(|it| it.rule.id == rule.id && it.status == status)
        };
        assert!(shows(Status::Pass), "{} never passes", rule.id);
        // An account outside any organization has no policy of one either.
        assert!(
            shows(Status::Fail) || shows(Status::Warn) || rule.id == "organization-member",
            "{} is never broken",
            rule.id
        );
    }
}

#[test]
fn one_key_that_nobody_shared_is_behind_a_whole_platform() {
    let snapshot = snapshot("mixed");
    let report = judge(&snapshot, Standard::Guide);
    let default = snapshot.regions["eu-central-1"]
        .ebs_defaults
        .kms_key
        .known()
        .unwrap();
    let behind = |kind: &str| {
        let of_kind = report.findings.iter().filter(|it| {
            it.kind.as_str() == kind && it.rule.id == ("kms-key-shared", Status::Fail).0
        });
        of_kind
            .filter(|it| {
                it.status == Status::Fail && it.explanation.evidence["key_arn"] == default.as_str()
            })
            .count()
    };
    // 20 disks of the twelve instances and three loose ones, but for two that are tagged disabled.
    assert_eq!(
        (
            behind("ec2-instance"),
            behind("ebs-volume"),
            behind("rds-instance")
        ),
        (12, 21, 1)
    );
    let causes: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|it| it.rule.id == ("kms-key-shared", Status::Fail).0 && it.status == Status::Fail)
        .flat_map(|it| {
            it.explanation
                .causes
                .iter()
                .filter_map(|cause| cause.about.as_deref())
        })
        .collect();
    // The replica in eu-west-1 and the key that waits to be deleted are the other two.
    assert_eq!(causes.len(), 3, "{causes:?}");
}

#[test]
fn the_organization_id_settles_the_key_that_is_open_to_it() {
    let snapshot = snapshot("mixed");
    let verdict_with = |org_id: &str| {
        let settings = Settings {
            org_id: Some(org_id.to_owned()),
            ..Settings::default()
        };
        let report = evaluate(&snapshot, &settings, &Options::default(), &ALL);
        let resource = report
            .resources
            .into_iter()
            .find(|it| it.name.as_deref() == Some("mobile-push-1"));
        resource.unwrap().verdict
    };
    assert_eq!(verdict_with("o-a1b2c3d4e5"), ResourceVerdict::Ready);
    assert_eq!(verdict_with("o-zzzzzzzzzz"), ResourceVerdict::NotReady);
}
