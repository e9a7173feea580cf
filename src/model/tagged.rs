//! What carries the backup tag although neither the guide nor this program knows its kind.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::arn::Arn;
use super::resource::ResourceKind;
use super::tag::Tags;

/// A resource that is tagged `backup=enabled`, found by its tag alone. Source: `GetResources`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggedResource {
    /// Its ARN.
    pub arn: String,
    /// What stands in the ARN after its type.
    pub id: String,
    /// `AWS::FSx::FileSystem`
    pub aws_type: String,
    /// Its tags.
    pub tags: Observed<Tags>,
}

impl TaggedResource {
    /// What it is to a report.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        match self.aws_type.as_str() {
            SECRET => ResourceKind::Secret,
            PARAMETER => ResourceKind::SsmParameter,
            _ => ResourceKind::Other,
        }
    }
}

const SECRET: &str = "AWS::SecretsManager::Secret";
const PARAMETER: &str = "AWS::SSM::Parameter";

/// A type that `GetResources` is asked for, beside those that have their own lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaggedType {
    /// As `GetResources` names it: the service and the type in its ARNs.
    pub filter: &'static str,
    /// As CloudFormation names it, or would.
    pub aws_type: &'static str,
    /// Whether AWS Backup backs it up.
    pub is_backed_up: bool,
}

const fn tagged(filter: &'static str, aws_type: &'static str, is_backed_up: bool) -> TaggedType {
    TaggedType {
        filter,
        aws_type,
        is_backed_up,
    }
}

/// Two types that people tag and AWS Backup does not know; then what it backs up and the guide does not cover.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>; the ARNs:
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
pub const TAGGED_TYPES: [TaggedType; 10] = [
    tagged("secretsmanager:secret", SECRET, false),
    tagged("ssm:parameter", PARAMETER, false),
    tagged("fsx:file-system", "AWS::FSx::FileSystem", true),
    tagged("fsx:volume", "AWS::FSx::Volume", true),
    tagged("eks:cluster", "AWS::EKS::Cluster", true),
    tagged("dsql:cluster", "AWS::DSQL::Cluster", true),
    tagged("timestream:database", "AWS::Timestream::Database", true),
    tagged(
        "backup-gateway:vm",
        "AWS::BackupGateway::VirtualMachine",
        true,
    ),
    tagged("ssm-sap:HANA", "AWS::SystemsManagerSAP::Application", true),
    tagged("rds:cluster", "AWS::RDS::DBCluster", true),
];

/// The type of what has this ARN.
#[must_use]
pub fn tagged_type(arn: &str) -> Option<&'static TaggedType> {
    let arn = Arn::parse(arn)?;
    TAGGED_TYPES.iter().find(|it| {
        it.filter.split_once(':').is_some_and(|(service, kind)| {
            let rest = arn.resource.strip_prefix(kind);
            arn.service == service && rest.is_some_and(|rest| rest.starts_with([':', '/']))
        })
    })
}

/// What CloudFormation calls the type of what has this ARN, among [`TAGGED_TYPES`].
///
/// A Timestream table stands under its database: `database/sensors/table/daily`.
#[must_use]
pub fn type_of(arn: &str) -> Option<&'static str> {
    let found = tagged_type(arn)?;
    let is_table = found.filter == "timestream:database" && arn.contains("/table/");
    Some(if is_table {
        "AWS::Timestream::Table"
    } else {
        found.aws_type
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_tells_the_type() {
        for (arn, expected) in [
            (
                "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-1-a1b2c3",
                Some("AWS::SecretsManager::Secret"),
            ),
            (
                "arn:aws:ssm:eu-west-1:111122223333:parameter/app/url",
                Some("AWS::SSM::Parameter"),
            ),
            (
                "arn:aws:fsx:eu-west-1:111122223333:file-system/fs-1",
                Some("AWS::FSx::FileSystem"),
            ),
            (
                "arn:aws:timestream:eu-west-1:111122223333:database/a/table/b",
                Some("AWS::Timestream::Table"),
            ),
            ("arn:aws:fsx:eu-west-1:111122223333:backup/backup-1", None),
            ("arn:aws:ssm:eu-west-1:111122223333:document/x", None),
            (
                "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:x",
                None,
            ),
            ("x", None),
        ] {
            assert_eq!(type_of(arn), expected, "{arn}");
        }
    }
}
