//! Whether the principals of a statement include the caller.

use super::document::{Effect, Principal, Select};
use super::request::{ANY_NAME, RolePrincipal};
use super::truth::Truth;
use crate::model::arn::{Arn, is_account_id};

/// How a name under `AWS` is related to the role that makes the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// The account of the role, by its root ARN or its id.
    Account,
    /// The role itself.
    Role,
    /// A session of the role. Whether it is the one that makes the request is not known.
    Session,
    /// A role or a session of one, which may be the one that makes the request: its name is not known.
    Possible,
    /// A role with the same name and another path, which cannot exist.
    OtherPath,
    /// Another role or user of the account, or a session of another role.
    SameAccount,
    /// A wildcard in part of an ARN, which matches nothing.
    Wildcard,
    /// The ARN of a KMS key, which is not a principal.
    KmsKey,
    /// An ARN with the account id in another partition.
    OtherPartition,
    /// None of these.
    Unrelated,
}

/// Returns how a name under `AWS` is related to the role. Names are compared exactly: wildcards do not match.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
pub(super) fn relate_name(name: &str, caller: &RolePrincipal) -> Relation {
    if is_account_id(name) {
        return if name == caller.account {
            Relation::Account
        } else {
            Relation::Unrelated
        };
    }
    let Some(arn) = Arn::parse(name) else {
        return if name.contains(['*', '?']) {
            Relation::Wildcard
        } else {
            Relation::Unrelated
        };
    };
    if name.contains(['*', '?']) {
        return Relation::Wildcard;
    }
    if arn.service == "kms" {
        return Relation::KmsKey;
    }
    if arn.account != caller.account {
        return Relation::Unrelated;
    }
    if arn.partition != caller.partition {
        return Relation::OtherPartition;
    }
    match (arn.service, arn.resource) {
        ("iam", "root") => Relation::Account,
        (_, resource)
            if caller.name == ANY_NAME
                && (resource.starts_with("role/") || resource.starts_with("assumed-role/")) =>
        {
            Relation::Possible
        }
        ("iam", resource) => match resource.strip_prefix("role/") {
            Some(role) => relate_role(role, caller),
            None => Relation::SameAccount,
        },
        ("sts", resource) => match resource
            .strip_prefix("assumed-role/")
            .and_then(|session| session.split_once('/'))
        {
            Some((role, session)) if role == caller.name && !session.is_empty() => {
                Relation::Session
            }
            _ => Relation::SameAccount,
        },
        _ => Relation::Unrelated,
    }
}

/// Returns how a role's path and name are related to the role.
///
/// Role names are unique in an account regardless of the path, and KMS rejects a policy that names a role which does not
/// exist. So if the path is not known, the name is enough.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>.
fn relate_role(role: &str, caller: &RolePrincipal) -> Relation {
    let (path, name) = role
        .rsplit_once('/')
        .map_or(("", role), |(path, name)| (path, name));
    if name != caller.name {
        return Relation::SameAccount;
    }
    match &caller.path {
        Some(known) if known.trim_matches('/') != path => Relation::OtherPath,
        _ => Relation::Role,
    }
}

/// Whether a principal includes the role.
fn matches_role(principal: &Principal, caller: &RolePrincipal) -> Truth {
    match principal {
        Principal::Everyone => Truth::True,
        Principal::Aws(name) => match relate_name(name, caller) {
            Relation::Account | Relation::Role => Truth::True,
            Relation::Session | Relation::Possible => Truth::Unknown,
            _ => Truth::False,
        },
        Principal::Service(_) | Principal::Federated(_) | Principal::CanonicalUser(_) => {
            Truth::False
        }
    }
}

/// Whether a statement's principals include the role.
///
/// `NotPrincipal` with `Deny` exempts a session only if its account, its role and the session itself are all named. The
/// session name is not known, so the answer is unknown if any of them is named. AWS does not support `NotPrincipal`
/// with `Allow`, so that answer is unknown too.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>.
#[must_use]
pub fn includes_role(
    principals: &Select<Principal>,
    effect: Effect,
    caller: &RolePrincipal,
) -> Truth {
    match principals {
        Select::Only(named) => Truth::any(
            named
                .iter()
                .map(|principal| matches_role(principal, caller)),
        ),
        Select::Except(named) if named.contains(&Principal::Everyone) => Truth::False,
        Select::Except(_) if effect == Effect::Allow => Truth::Unknown,
        Select::Except(named) => {
            let may_be_exempt = named
                .iter()
                .any(|principal| matches_role(principal, caller) != Truth::False);
            if may_be_exempt {
                Truth::Unknown
            } else {
                Truth::True
            }
        }
        Select::Missing => Truth::False,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role() -> RolePrincipal {
        RolePrincipal {
            partition: "aws".into(),
            account: "692653576357".into(),
            path: Some("/aws-service-role/backup.amazonaws.com/".into()),
            name: "AWSServiceRoleForBackup".into(),
            title: "the AWS Backup service-linked role",
        }
    }

    fn allow(principal: Principal) -> Truth {
        includes_role(&Select::Only(vec![principal]), Effect::Allow, &role())
    }

    #[test]
    fn principals_match_exact_names() {
        let arn = "arn:aws:iam::692653576357:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup";
        assert_eq!(role().arn(), arn);
        let cases = [
            ("arn:aws:iam::692653576357:root", Truth::True),
            ("692653576357", Truth::True),
            (arn, Truth::True),
            (
                "arn:aws:sts::692653576357:assumed-role/AWSServiceRoleForBackup/AWSBackup-x",
                Truth::Unknown,
            ),
            (
                "arn:aws:sts::692653576357:assumed-role/AWSServiceRoleForBackup/",
                Truth::False,
            ),
            (
                "arn:aws:sts::692653576357:assumed-role/Other/AWSBackup-x",
                Truth::False,
            ),
            (
                "arn:aws:iam::692653576357:role/AWSServiceRoleForBackup",
                Truth::False,
            ),
            ("arn:aws:iam::692653576357:role/Admin", Truth::False),
            ("arn:aws:iam::692653576357:user/root", Truth::False),
            ("arn:aws:iam::*:root", Truth::False),
            ("arn:aws:iam::692653576357:role/*", Truth::False),
            ("arn:aws-cn:iam::692653576357:root", Truth::False),
            ("arn:aws:iam::111122223333:root", Truth::False),
            ("arn:aws:kms:eu-central-1:692653576357:key/1", Truth::False),
            ("AROAEXAMPLE", Truth::False),
            ("69265357635*", Truth::False),
        ];
        for (name, expected) in cases {
            assert_eq!(allow(Principal::Aws(name.into())), expected, "{name}");
        }
        assert_eq!(allow(Principal::Everyone), Truth::True);
        assert_eq!(
            allow(Principal::Service("backup.amazonaws.com".into())),
            Truth::False
        );
        assert_eq!(allow(Principal::Federated("*".into())), Truth::False);
    }

    #[test]
    fn a_role_with_an_unknown_path_is_matched_by_name() {
        let role = RolePrincipal {
            path: None,
            name: "Backup".into(),
            ..role()
        };
        for path in ["", "service-role/", "a/b/"] {
            let name = format!("arn:aws:iam::692653576357:role/{path}Backup");
            assert_eq!(relate_name(&name, &role), Relation::Role, "{name}");
        }
        assert_eq!(
            relate_name("arn:aws:iam::692653576357:role/MyBackup", &role),
            Relation::SameAccount
        );
    }

    #[test]
    fn a_role_with_an_unknown_name_may_be_any_role_of_the_account() {
        let role = RolePrincipal {
            path: None,
            name: ANY_NAME.into(),
            ..role()
        };
        let allow = |name: &str| {
            let principal = Principal::Aws(name.into());
            includes_role(&Select::Only(vec![principal]), Effect::Allow, &role)
        };
        for (name, expected) in [
            ("arn:aws:iam::692653576357:root", Truth::True),
            (
                "arn:aws:iam::692653576357:role/service/Backup",
                Truth::Unknown,
            ),
            (
                "arn:aws:sts::692653576357:assumed-role/Backup/AWSBackup-x",
                Truth::Unknown,
            ),
            ("arn:aws:iam::692653576357:user/admin", Truth::False),
            ("arn:aws:iam::111122223333:role/Backup", Truth::False),
        ] {
            assert_eq!(allow(name), expected, "{name}");
        }
    }

    #[test]
    fn not_principal_never_exempts_a_role_for_certain() {
        let deny = |principals: Vec<Principal>| {
            includes_role(&Select::Except(principals), Effect::Deny, &role())
        };
        assert_eq!(
            deny(vec![Principal::Aws("692653576357".into())]),
            Truth::Unknown
        );
        assert_eq!(deny(vec![Principal::Aws(role().arn())]), Truth::Unknown);
        assert_eq!(
            deny(vec![Principal::Aws("111122223333".into())]),
            Truth::True
        );
        assert_eq!(deny(vec![Principal::Everyone]), Truth::False);
        assert_eq!(
            includes_role(&Select::Except(Vec::new()), Effect::Allow, &role()),
            Truth::Unknown
        );
    }
}
