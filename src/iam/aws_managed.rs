//! AWS managed policies that are known by name: `aws_managed.json` holds their statements about the actions
//! that a backup role needs, with the version and the day on which they were looked up.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use super::document::Document;
use crate::model::arn::Arn;

/// The documents by name; `None` for a policy that says nothing about those actions.
/// AWS publishes a policy in each partition with the ARNs of that partition.
static KNOWN: [(&str, LazyLock<Documents>); 4] = [
    ("aws", LazyLock::new(|| read_for("aws"))),
    ("aws-cn", LazyLock::new(|| read_for("aws-cn"))),
    ("aws-us-gov", LazyLock::new(|| read_for("aws-us-gov"))),
    ("aws-eusc", LazyLock::new(|| read_for("aws-eusc"))),
];

type Documents = BTreeMap<String, Option<Document>>;

#[derive(Deserialize)]
struct Table {
    policies: BTreeMap<String, Policy>,
}

#[derive(Deserialize)]
struct Policy {
    statements: Vec<Value>,
}

/// An AWS managed policy that is known by its name.
#[derive(Debug, Clone, Copy)]
pub struct AwsManaged {
    /// Its statements about the actions that a backup role needs; `None` where it has none.
    pub document: Option<&'static Document>,
}

/// Whether a policy is managed by AWS: `arn:aws:iam::aws:policy/...`.
#[must_use]
pub fn is_aws_managed(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.account == "aws")
}

/// Returns what is known about an AWS managed policy.
#[must_use]
pub fn find_known(arn: &str) -> Option<AwsManaged> {
    let name = arn.rsplit('/').next().filter(|_| is_aws_managed(arn))?;
    let partition = Arn::parse(arn)?.partition;
    let (_, documents) = KNOWN.iter().find(|(it, _)| *it == partition)?;
    let document = documents.get(name)?.as_ref();
    Some(AwsManaged { document })
}

/// Reads the table with the ARNs of a partition.
fn read_for(partition: &str) -> Documents {
    let text = include_str!("aws_managed.json");
    let text = text.replace("\"arn:aws:", &format!("\"arn:{partition}:"));
    read_table(&text).unwrap_or_default()
}

/// Reads the table. A table that cannot be read leaves every policy unknown, and a test fails.
fn read_table(text: &str) -> Result<Documents, String> {
    let table: Table = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let documents = table.policies.into_iter().map(|(name, policy)| {
        if policy.statements.is_empty() {
            return Ok((name, None));
        }
        let text = serde_json::json!({"Version": "2012-10-17", "Statement": policy.statements})
            .to_string();
        match Document::parse_identity(&text) {
            Ok(document) => Ok((name, Some(document))),
            Err(error) => Err(format!("{name}: {error}")),
        }
    });
    documents.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = read_table(include_str!("aws_managed.json")).unwrap();
        assert!(table.len() > 40, "{}", table.len());
    }

    #[test]
    fn only_policies_of_aws_are_known_by_name() {
        let known = |arn: &str| find_known(arn).map(|it| it.document.is_some());
        for (arn, want) in [
            (
                "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
                Some(true),
            ),
            ("arn:aws:iam::aws:policy/AWSBackupAuditAccess", Some(true)),
            (
                "arn:aws-cn:iam::aws:policy/AWSBackupAuditAccess",
                Some(true),
            ),
            ("arn:aws-iso:iam::aws:policy/AWSBackupAuditAccess", None),
            (
                "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
                Some(false),
            ),
            ("arn:aws:iam::aws:policy/AWSNewAccess", None),
            (
                "arn:aws:iam::111122223333:policy/AWSBackupServiceRolePolicyForBackup",
                None,
            ),
            ("AWSBackupServiceRolePolicyForBackup", None),
        ] {
            assert_eq!(known(arn), want, "{arn}");
        }
    }
}
