//! Recognizes the policy of an AWS managed key, which nobody can change.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key>.

use super::facts::ViaService;
use crate::iam::document::{Document, Effect, Principal, Select, Statement};
use crate::iam::matching::matches_action;

/// Returns what to call the AWS managed key of an account that has a policy: `aws/ebs`, else `an AWS managed key`. `None`
/// if the policy is that of a customer managed key.
///
/// AWS names such a policy `auto-ebs-2`. It allows everyone in the account the use of the key through one service, and
/// the root of the account to read about it. Nobody may change it, which KMS does not accept in the policy of a customer
/// managed key: <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>.
#[must_use]
pub fn find_aws_managed_key(document: &Document, account: &str) -> Option<&'static str> {
    let allows = || {
        let statements = document.statements.iter();
        statements.filter(|statement| statement.effect == Effect::Allow)
    };
    let may_change_policy = allows().any(|it| !excludes_action(it, "kms:PutKeyPolicy"));
    let through_service = allows().find(|it| is_for_service_users(it, account))?;
    let for_readers = || allows().any(is_for_readers);
    let is_named = document.id.as_deref().is_some_and(is_generated_id);
    if may_change_policy || !(is_named || for_readers()) {
        return None;
    }
    let services = values_of(through_service, "kms:ViaService");
    let names = services.filter_map(|service| service.split('.').next());
    let key = names.filter_map(ViaService::find_aws_managed_key).next();
    Some(key.unwrap_or("an AWS managed key"))
}

/// Whether a policy's `Id` is one that AWS generates: `auto-ebs-2`.
fn is_generated_id(id: &str) -> bool {
    let parts = id.strip_prefix("auto-").and_then(|it| it.rsplit_once('-'));
    parts.is_some_and(|(service, version)| !service.is_empty() && version.parse::<u32>().is_ok())
}

fn excludes_action(statement: &Statement, action: &str) -> bool {
    match &statement.action {
        Select::Only(actions) => !actions.iter().any(|it| matches_action(it, action)),
        Select::Except(actions) => actions.iter().any(|it| matches_action(it, action)),
        Select::Missing => true,
    }
}

/// Whether a statement is for everyone in the account who uses a service.
fn is_for_service_users(statement: &Statement, account: &str) -> bool {
    let is_for_everyone = match &statement.principal {
        Select::Only(principals) => principals == &[Principal::Everyone],
        Select::Except(_) | Select::Missing => false,
    };
    let mut callers = values_of(statement, "kms:CallerAccount");
    is_for_everyone
        && callers.next().is_some_and(|it| it == account)
        && callers.next().is_none()
        && values_of(statement, "kms:ViaService").next().is_some()
}

/// Whether a statement allows the root of an account to read about the key, and nothing more but to revoke grants.
fn is_for_readers(statement: &Statement) -> bool {
    let Select::Only(actions) = &statement.action else {
        return false;
    };
    let is_root = |principal: &Principal| match principal {
        Principal::Aws(name) => name.ends_with(":root"),
        _ => false,
    };
    let is_reading = |action: &String| {
        let starts = ["kms:Describe", "kms:Get", "kms:List", "kms:RevokeGrant"];
        starts.iter().any(|it| action.starts_with(it))
    };
    let principals = match &statement.principal {
        Select::Only(principals) => principals.as_slice(),
        Select::Except(_) | Select::Missing => &[],
    };
    !principals.is_empty()
        && principals.iter().all(is_root)
        && statement.conditions.is_empty()
        && actions.iter().all(is_reading)
}

/// Returns the values that a statement requires of a condition key.
fn values_of<'a>(statement: &'a Statement, key: &str) -> impl Iterator<Item = &'a str> {
    let conditions = statement.conditions.iter();
    let of_key = conditions.filter(move |it| it.key.eq_ignore_ascii_case(key));
    let required = of_key.filter(|it| !it.operator.negated);
    required.flat_map(|it| it.values.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROOT: &str = "arn:aws:iam::111122223333:root";
    const ROLE: &str = "arn:aws:iam::111122223333:role/Reader";

    /// Returns the name of the key of a policy as AWS makes it, with changes at JSON pointers.
    fn find(changes: &[(&str, Value)]) -> Option<&'static str> {
        let mut policy = json!({"Version": "2012-10-17", "Id": "auto-ebs-2", "Statement": [
            {
                "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["kms:Decrypt", "kms:CreateGrant"], "Resource": "*",
                "Condition": {"StringEquals": {
                    "kms:CallerAccount": "111122223333", "kms:ViaService": "ec2.eu-central-1.amazonaws.com"
                }}
            },
            {
                "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": ["kms:Describe*", "kms:RevokeGrant"],
                "Resource": "*", "Condition": {}
            },
            {"Effect": "Allow", "Principal": {"AWS": ROLE}, "NotAction": "kms:Put*", "Resource": "*"}
        ]});
        for (pointer, value) in changes {
            *policy.pointer_mut(pointer).unwrap() = value.clone();
        }
        let document = Document::parse(&policy.to_string()).unwrap();
        find_aws_managed_key(&document, "111122223333")
    }

    #[test]
    fn the_generated_id_is_enough() {
        let readers = ("/Statement/1/Principal/AWS", json!(ROLE));
        for (id, expected) in [
            ("auto-ebs-2", Some("aws/ebs")),
            ("auto-ebs-x", None),
            ("auto--2", None),
            ("key-default-1", None),
        ] {
            assert_eq!(
                find(&[readers.clone(), ("/Id", json!(id))]),
                expected,
                "{id}"
            );
        }
    }

    #[test]
    fn the_readers_are_enough() {
        let id = ("/Id", json!("key-default-1"));
        assert_eq!(find(std::slice::from_ref(&id)), Some("aws/ebs"));
        for change in [
            ("/Statement/1/Principal/AWS", json!(ROLE)),
            ("/Statement/1/Principal/AWS", json!([])),
            ("/Statement/1/Action/0", json!("kms:CreateGrant")),
            (
                "/Statement/1/Condition",
                json!({"Bool": {"aws:SecureTransport": "true"}}),
            ),
        ] {
            assert_eq!(find(&[id.clone(), change.clone()]), None, "{change:?}");
        }
    }

    #[test]
    fn others_than_users_of_the_service_make_it_a_customer_key() {
        let condition = |operator: &str, caller: Value, via: Value| {
            json!({
                "StringEquals": {"kms:CallerAccount": caller},
                operator: {"kms:ViaService": via},
            })
        };
        let (own, ec2) = ("111122223333", "ec2.eu-central-1.amazonaws.com");
        let like = condition("StringLike", json!(own), json!(ec2));
        assert_eq!(find(&[("/Statement/0/Condition", like)]), Some("aws/ebs"));
        for change in [
            ("/Statement/0/Effect", json!("Deny")),
            ("/Statement/0/Principal/AWS", json!(ROOT)),
            ("/Statement/0/Principal/AWS", json!(["*", ROOT])),
            (
                "/Statement/0/Condition",
                condition("StringLike", json!("444455556666"), json!(ec2)),
            ),
            (
                "/Statement/0/Condition",
                condition("StringLike", json!([own, "444455556666"]), json!(ec2)),
            ),
            (
                "/Statement/0/Condition",
                condition("StringNotLike", json!(own), json!(ec2)),
            ),
            (
                "/Statement/0/Condition",
                json!({"StringEquals": {"kms:CallerAccount": own}}),
            ),
            ("/Statement/2/NotAction", json!("kms:Decrypt")),
        ] {
            assert_eq!(find(std::slice::from_ref(&change)), None, "{change:?}");
        }
    }
}
