//! Whether the trust policy of a role allows an AWS service to assume it.

use super::document::{Document, Effect, Principal, Select, Version};
use super::matching;
use super::request::Context;
use super::statement_match::match_entries;
use super::truth::Truth;

const ASSUME_ROLE: &str = "sts:AssumeRole";

/// Whether a trust policy allows a service to assume the role. Unknown if that depends on a condition key that the
/// context does not hold.
///
/// A trust policy has no `Resource`: it applies to its role.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html>.
#[must_use]
pub fn trusts_service(document: &Document, service: &str, context: &Context) -> Truth {
    let applying = |effect: Effect| {
        let statements = document.statements.iter();
        let of_effect = statements.filter(move |statement| statement.effect == effect);
        Truth::any(of_effect.map(|statement| {
            let action = match_entries(&statement.action, |pattern| {
                matching::matches_action(pattern, ASSUME_ROLE).into()
            });
            let variables = document.version == Version::V2012;
            let conditions = statement.conditions.iter();
            includes_service(&statement.principal, effect, service)
                .and(action)
                .and(Truth::all(
                    conditions.map(|condition| condition.holds(variables, context)),
                ))
        }))
    };
    applying(Effect::Allow).and(!applying(Effect::Deny))
}

fn includes_service(principals: &Select<Principal>, effect: Effect, service: &str) -> Truth {
    let named = |principals: &[Principal]| {
        principals.iter().any(|principal| match principal {
            Principal::Everyone => true,
            Principal::Service(name) => name == service,
            _ => false,
        })
    };
    match principals {
        Select::Only(principals) => named(principals).into(),
        Select::Except(principals) if named(principals) => Truth::False,
        // AWS supports NotPrincipal only with Deny.
        Select::Except(_) if effect == Effect::Allow => Truth::Unknown,
        Select::Except(_) => Truth::True,
        Select::Missing => Truth::False,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::request::Value;

    fn trust(statements: &str) -> Truth {
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        let mut context = Context::default();
        context.set("aws:SourceAccount", Value::one("111122223333"));
        let document = Document::parse(&text).unwrap();
        trusts_service(&document, "backup.amazonaws.com", &context)
    }

    #[test]
    fn only_the_service_itself_is_trusted() {
        let allow = |principal: &str| {
            trust(&format!(
                r#"{{"Effect": "Allow", "Principal": {principal}, "Action": "sts:AssumeRole"}}"#
            ))
        };
        for (principal, want) in [
            (r#"{"Service": "backup.amazonaws.com"}"#, Truth::True),
            (
                r#"{"Service": ["ec2.amazonaws.com", "backup.amazonaws.com"]}"#,
                Truth::True,
            ),
            (r#"{"Service": "ec2.amazonaws.com"}"#, Truth::False),
            (r#"{"AWS": "111122223333"}"#, Truth::False),
        ] {
            assert_eq!(allow(principal), want, "{principal}");
        }
    }

    #[test]
    fn actions_denials_and_conditions_count() {
        let service = r#""Principal": {"Service": "backup.amazonaws.com"}"#;
        let allow = format!(r#"{{"Effect": "Allow", {service}, "Action": "sts:*"}}"#);
        assert_eq!(trust(&allow), Truth::True);
        let tag = format!(r#"{{"Effect": "Allow", {service}, "Action": "sts:TagSession"}}"#);
        assert_eq!(trust(&tag), Truth::False);
        let deny = format!(r#"{{"Effect": "Deny", {service}, "Action": "sts:AssumeRole"}}"#);
        assert_eq!(trust(&format!("{allow}, {deny}")), Truth::False);
        for (key, value, want) in [
            ("aws:SourceAccount", "111122223333", Truth::True),
            ("aws:SourceAccount", "444455556666", Truth::False),
            ("aws:SourceOrgID", "o-a1b2c3d4e5", Truth::Unknown),
        ] {
            let condition = format!(r#""Condition": {{"StringEquals": {{"{key}": "{value}"}}}}"#);
            let statement = format!(
                r#"{{"Effect": "Allow", {service}, "Action": "sts:AssumeRole", {condition}}}"#
            );
            assert_eq!(trust(&statement), want, "{key} {value}");
        }
    }

    // Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>.
    #[test]
    fn not_principal_exempts_what_it_names() {
        let statement = |effect: &str, service: &str| {
            format!(
                r#"{{"Effect": "{effect}", "NotPrincipal": {{"Service": "{service}"}}, "Action": "sts:AssumeRole"}}"#
            )
        };
        let allow = r#"{"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}"#;
        for (service, denied, allowed) in [
            ("backup.amazonaws.com", Truth::True, Truth::False),
            ("ec2.amazonaws.com", Truth::False, Truth::Unknown),
        ] {
            let deny = statement("Deny", service);
            assert_eq!(trust(&format!("{allow}, {deny}")), denied, "{service}");
            assert_eq!(trust(&statement("Allow", service)), allowed, "{service}");
        }
    }

    // Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>.
    #[test]
    fn only_the_newer_version_has_variables() {
        let mut context = Context::default();
        context.set("aws:SourceAccount", Value::one("111122223333"));
        for (version, want) in [("2012-10-17", Truth::True), ("2008-10-17", Truth::False)] {
            let text = serde_json::json!({"Version": version, "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": "backup.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": "${aws:SourceAccount}"}},
            }});
            let document = Document::parse(&text.to_string()).unwrap();
            let found = trusts_service(&document, "backup.amazonaws.com", &context);
            assert_eq!(found, want, "{version}");
        }
    }
}
