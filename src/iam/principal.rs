//! Whether a statement's principals include the one that asks.

use super::document::{Effect, Principal, Select};
use super::request::RolePrincipal;
use super::truth::Truth;
use crate::model::arn::{Arn, is_account_id};

/// How one name under `AWS` relates to the role that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kinship {
    /// The role's account: its root ARN or its bare id.
    Account,
    /// The role itself.
    Role,
    /// A session of the role, by a name that may be another session's.
    Session,
    /// A role of the same name under another path, so no role that exists.
    RoleElsewhere,
    /// Another role or user of the account, or one of its sessions.
    Sibling,
    /// A wildcard inside an ARN, which names nobody.
    Wildcard,
    /// The ARN of a KMS key, which names nobody.
    Key,
    /// An ARN of the account in another partition.
    Partition,
    /// Somebody else.
    Stranger,
}

/// Relates a name under `AWS` to the role. Names are compared exactly: a wildcard is none here.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
pub(super) fn kinship(name: &str, who: &RolePrincipal) -> Kinship {
    if is_account_id(name) {
        return if name == who.account {
            Kinship::Account
        } else {
            Kinship::Stranger
        };
    }
    let Some(arn) = Arn::parse(name) else {
        return if name.contains(['*', '?']) {
            Kinship::Wildcard
        } else {
            Kinship::Stranger
        };
    };
    if name.contains(['*', '?']) {
        return Kinship::Wildcard;
    }
    if arn.service == "kms" {
        return Kinship::Key;
    }
    if arn.account != who.account {
        return Kinship::Stranger;
    }
    if arn.partition != who.partition {
        return Kinship::Partition;
    }
    match (arn.service, arn.resource) {
        ("iam", "root") => Kinship::Account,
        ("iam", resource) => match resource.strip_prefix("role/") {
            Some(role) => kinship_of_role(role, who),
            None => Kinship::Sibling,
        },
        ("sts", resource) => match resource
            .strip_prefix("assumed-role/")
            .and_then(|session| session.split_once('/'))
        {
            Some((role, session)) if role == who.name && !session.is_empty() => Kinship::Session,
            _ => Kinship::Sibling,
        },
        _ => Kinship::Stranger,
    }
}

/// A role's name is unique in its account whatever its path, and KMS takes no policy that names a role which does not
/// exist. So where the path is not known, the name decides.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>.
fn kinship_of_role(role: &str, who: &RolePrincipal) -> Kinship {
    let (path, name) = role
        .rsplit_once('/')
        .map_or(("", role), |(path, name)| (path, name));
    if name != who.name {
        return Kinship::Sibling;
    }
    match &who.path {
        Some(known) if known.trim_matches('/') != path => Kinship::RoleElsewhere,
        _ => Kinship::Role,
    }
}

/// Whether one principal is the one that asks.
fn is_asker(principal: &Principal, who: &RolePrincipal) -> Truth {
    match principal {
        Principal::Everyone => Truth::True,
        Principal::Aws(name) => match kinship(name, who) {
            Kinship::Account | Kinship::Role => Truth::True,
            Kinship::Session => Truth::Unknown,
            _ => Truth::False,
        },
        Principal::Service(_) | Principal::Federated(_) | Principal::CanonicalUser(_) => {
            Truth::False
        }
    }
}

/// Whether a statement is about the one that asks.
///
/// `NotPrincipal` with `Deny` spares who is named by account, role and session, all three; the session's name is not
/// known, so naming some of them leaves it open. With `Allow` AWS does not support it, so nothing is sure.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>.
#[must_use]
pub fn includes(principals: &Select<Principal>, effect: Effect, who: &RolePrincipal) -> Truth {
    match principals {
        Select::Only(named) => Truth::any(named.iter().map(|principal| is_asker(principal, who))),
        Select::Except(named) if named.contains(&Principal::Everyone) => Truth::False,
        Select::Except(_) if effect == Effect::Allow => Truth::Unknown,
        Select::Except(named) => {
            let spared = named
                .iter()
                .any(|principal| is_asker(principal, who) != Truth::False);
            if spared { Truth::Unknown } else { Truth::True }
        }
        Select::Missing => Truth::False,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who() -> RolePrincipal {
        RolePrincipal {
            partition: "aws".into(),
            account: "692653576357".into(),
            path: Some("/aws-service-role/backup.amazonaws.com/".into()),
            name: "AWSServiceRoleForBackup".into(),
            title: "the AWS Backup service-linked role",
        }
    }

    fn allow(principal: Principal) -> Truth {
        includes(&Select::Only(vec![principal]), Effect::Allow, &who())
    }

    #[test]
    fn principals_are_named_exactly() {
        let role = "arn:aws:iam::692653576357:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup";
        assert_eq!(who().arn(), role);
        let cases = [
            ("arn:aws:iam::692653576357:root", Truth::True),
            ("692653576357", Truth::True),
            (role, Truth::True),
            (
                "arn:aws:sts::692653576357:assumed-role/AWSServiceRoleForBackup/AWSBackup-x",
                Truth::Unknown,
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
    fn an_unknown_path_leaves_the_name_to_decide() {
        let who = RolePrincipal {
            path: None,
            name: "Backup".into(),
            ..who()
        };
        for path in ["", "service-role/", "a/b/"] {
            let name = format!("arn:aws:iam::692653576357:role/{path}Backup");
            assert_eq!(kinship(&name, &who), Kinship::Role, "{name}");
        }
        assert_eq!(
            kinship("arn:aws:iam::692653576357:role/MyBackup", &who),
            Kinship::Sibling
        );
    }

    #[test]
    fn not_principal_spares_nobody_for_sure() {
        let deny = |principals: Vec<Principal>| {
            includes(&Select::Except(principals), Effect::Deny, &who())
        };
        assert_eq!(
            deny(vec![Principal::Aws("692653576357".into())]),
            Truth::Unknown
        );
        assert_eq!(deny(vec![Principal::Aws(who().arn())]), Truth::Unknown);
        assert_eq!(
            deny(vec![Principal::Aws("111122223333".into())]),
            Truth::True
        );
        assert_eq!(deny(vec![Principal::Everyone]), Truth::False);
        assert_eq!(
            includes(&Select::Except(Vec::new()), Effect::Allow, &who()),
            Truth::Unknown
        );
    }
}
