//! The policies of an identity together: its identity-based policies and its permissions boundary.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.

use super::document::{Document, Effect};
use super::request::Request;
use super::statement_match::check_statement;
use super::truth::Truth;

/// What the statements of one policy say about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effects {
    /// Whether a statement allows it.
    pub allows: Truth,
    /// Whether a statement denies it.
    pub denies: Truth,
}

impl Effects {
    /// A policy that was not read: it may say anything.
    pub const UNREAD: Effects = Effects {
        allows: Truth::Unknown,
        denies: Truth::Unknown,
    };

    /// Returns what a policy says about a request.
    #[must_use]
    pub fn of(document: &Document, request: &Request) -> Self {
        let applies = |effect: Effect| {
            let statements = document.statements.iter();
            let of_effect = statements.filter(move |statement| statement.effect == effect);
            Truth::any(of_effect.map(|it| check_statement(it, document.version, request)))
        };
        Effects {
            allows: applies(Effect::Allow),
            denies: applies(Effect::Deny),
        }
    }
}

/// Whether an identity may make a request: a policy allows it, the permissions boundary allows it too, and
/// none of them denies it. The boundary alone allows nothing.
#[must_use]
pub fn is_allowed(policies: &[Effects], boundary: Option<Effects>) -> Truth {
    let allowed = Truth::any(policies.iter().map(|it| it.allows));
    let within = boundary.map_or(Truth::True, |it| it.allows);
    let denied = Truth::any(policies.iter().chain(&boundary).map(|it| it.denies));
    allowed.and(within).and(!denied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::request::{Context, RolePrincipal};

    fn effects(statements: &str, action: &str) -> Effects {
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        let request = Request {
            principal: RolePrincipal {
                partition: "aws".to_owned(),
                account: "111122223333".to_owned(),
                path: Some("/".to_owned()),
                name: "Backup".to_owned(),
                title: "the role",
            },
            action: action.to_owned(),
            resource: "arn:aws:ec2:eu-central-1:111122223333:volume/*".to_owned(),
            context: Context::default(),
        };
        Effects::of(&Document::parse_identity(&text).unwrap(), &request)
    }

    fn allow(action: &str) -> String {
        format!(r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}"#)
    }

    // The table of the documentation: an explicit deny wins, and a boundary limits but never grants.
    #[test]
    fn a_boundary_limits_and_a_deny_wins() {
        let create = "ec2:CreateSnapshot";
        let all = effects(&allow("ec2:*"), create);
        let none = effects(&allow("s3:*"), create);
        let deny = effects(
            r#"{"Effect": "Deny", "Action": "ec2:Create*", "Resource": "*"}"#,
            create,
        );
        for (policies, boundary, want) in [
            (&[all][..], None, Truth::True),
            (&[none, all], None, Truth::True),
            (&[none], None, Truth::False),
            (&[], None, Truth::False),
            (&[all, deny], None, Truth::False),
            (&[all], Some(all), Truth::True),
            (&[all], Some(none), Truth::False),
            (&[none], Some(all), Truth::False),
            (&[all], Some(deny), Truth::False),
            (&[all], Some(Effects::UNREAD), Truth::Unknown),
            (&[none], Some(Effects::UNREAD), Truth::False),
            (&[all, Effects::UNREAD], None, Truth::Unknown),
            (&[none, Effects::UNREAD], None, Truth::Unknown),
            (&[deny, Effects::UNREAD], None, Truth::False),
        ] {
            assert_eq!(
                is_allowed(policies, boundary),
                want,
                "{policies:?} {boundary:?}"
            );
        }
    }

    #[test]
    fn a_policy_for_some_resources_may_cover_others() {
        let some = |resource: &str| {
            let statement = format!(
                r#"{{"Effect": "Allow", "Action": "ec2:CreateSnapshot", "Resource": "{resource}"}}"#
            );
            effects(&statement, "ec2:CreateSnapshot").allows
        };
        assert_eq!(some("arn:aws:ec2:*:*:volume/*"), Truth::True);
        assert_eq!(
            some("arn:aws:ec2:*:111122223333:volume/vol-1"),
            Truth::Unknown
        );
        assert_eq!(some("arn:aws:ec2:us-east-1:*:volume/*"), Truth::False);
    }

    #[test]
    fn an_identity_based_policy_names_no_principal() {
        let text = r#"{"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}"#;
        let error = Document::parse_identity(text).unwrap_err();
        assert!(error.message.contains("no Principal"), "{error}");
    }
}
