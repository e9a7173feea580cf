//! The evaluation logic: which statements of a policy apply to a request, and the decision they make.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>.

use super::decision::{BlockingDeny, Decision};
use super::document::{Document, Effect, Label, Statement};
use super::explain;
use super::request::Request;
use super::statement_match::StatementMatch;
use super::truth::Truth;

/// Evaluates a policy for a request.
///
/// An explicit deny overrides every allow. A Deny that may apply, or an Allow that only may apply, makes the
/// decision conditional. A request that no statement allows is implicitly denied. The verdict does not
/// depend on the order of the statements.
#[must_use]
pub fn evaluate(document: &Document, request: &Request) -> Decision {
    let matches: Vec<StatementMatch> = document
        .statements
        .iter()
        .map(|statement| StatementMatch::new(statement, document.version, request))
        .collect();
    let first = |effect: Effect, truth: Truth| {
        let statements = document.statements.iter().zip(&matches).enumerate();
        statements
            .filter(|(_, (statement, matched))| {
                statement.effect == effect && matched.applies() == truth
            })
            .map(|(index, (statement, _))| (index, statement))
            .next()
    };
    let conditional = |(index, statement): (usize, &Statement)| {
        let by = Label::new(index, statement);
        let version = document.version;
        let because = explain::explain_unknown(&by, statement, matches[index], version, request);
        Decision::Conditional {
            by,
            effect: statement.effect,
            because,
        }
    };
    if let Some((index, statement)) = first(Effect::Deny, Truth::True) {
        let by = Label::new(index, statement);
        let explanation = explain::explain_deny(&by, statement, document.version, request);
        return Decision::ExplicitDeny { by, explanation };
    }
    let possible_deny = first(Effect::Deny, Truth::Unknown);
    let possible_allow = first(Effect::Allow, Truth::Unknown);
    match (first(Effect::Allow, Truth::True), possible_deny) {
        (Some((index, statement)), None) => Decision::Allowed {
            by: Label::new(index, statement),
        },
        (Some(_), Some(deny)) => conditional(deny),
        (None, _) => possible_allow.map_or_else(
            || Decision::ImplicitDeny {
                nearest: explain::find_near_miss(document, &matches, request),
            },
            conditional,
        ),
    }
}

/// Returns the first Deny statement that applies to a request, or else the first that may apply, even if no
/// statement allows the request. A statement that is added to the policy cannot override it.
#[must_use]
pub fn find_blocking_deny(document: &Document, request: &Request) -> Option<BlockingDeny> {
    let denies = || {
        let statements = document.statements.iter().enumerate();
        statements
            .filter(|(_, statement)| statement.effect == Effect::Deny)
            .map(|(index, statement)| {
                let matched = StatementMatch::new(statement, document.version, request);
                (index, statement, matched)
            })
    };
    let with_truth = |truth| denies().find(|(_, _, matched)| matched.applies() == truth);
    let (is_certain, (index, statement, matched)) = match with_truth(Truth::True) {
        Some(found) => (true, found),
        None => (false, with_truth(Truth::Unknown)?),
    };
    let label = Label::new(index, statement);
    let explanation = if is_certain {
        explain::explain_deny(&label, statement, document.version, request)
    } else {
        explain::explain_unknown(&label, statement, matched, document.version, request)
    };
    Some(BlockingDeny {
        statement: label,
        is_certain,
        explanation,
    })
}
