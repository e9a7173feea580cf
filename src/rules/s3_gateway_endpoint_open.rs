use serde_json::Value;

use crate::analysis::s3_routing::{InUse, endpoints_in_use};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Gap;
use crate::model::observed::GapKind;
use crate::model::vpc::{Vpc, VpcEndpoint};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The S3 gateway endpoint's policy is full access.
    ///
    /// A narrower policy may be meant. But it blocks every bucket that nobody thought of, those of
    /// package mirrors and AWS's own among them.
    ///
    /// ## Fix
    ///
    /// Reset the endpoint's policy, or make sure that it names all buckets in use.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Important Notes" on endpoints.
    /// - <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>
    RULE = Rule {
        id: "s3-gateway-endpoint-open",
        group: Group::Network,
        owner: Owner::Member,
        title: "The S3 gateway endpoint's policy is full access",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Vpc(check),
    }
}

fn check(cx: &RuleContext<'_>, vpc: &Vpc) -> CheckResult {
    let InUse {
        network,
        running,
        endpoints,
    } = match endpoints_in_use(cx, vpc)? {
        Ok(in_use) => in_use,
        Err(skip) => return Ok(skip),
    };
    if let (false, Some(gap)) = (running.any, running.gap) {
        return Err(gap.clone());
    }
    let outcomes = endpoints
        .into_iter()
        .map(|endpoint| judge(cx.region, endpoint).unwrap_or_else(|gap| Outcome::unknown(&gap)))
        .chain(network.endpoints.gap.as_ref().map(Outcome::unknown));
    Ok(Outcome::worst(outcomes).unwrap_or_else(|| Outcome::skip("has no gateway endpoint for S3")))
}

fn judge(region: &str, endpoint: &VpcEndpoint) -> CheckResult {
    let policy: Value = serde_json::from_str(endpoint.policy.get()?).map_err(|error| {
        let message = format!(
            "the policy of {} cannot be understood: {error}",
            endpoint.id
        );
        Gap::new(GapKind::Unreadable, message)
    })?;
    Ok(if is_full_access(&policy) {
        Outcome::pass(format!("{} lets everything through", endpoint.id))
    } else {
        Outcome::breach(format!("the policy of {} is not full access: buckets it does not name are cut off", endpoint.id))
            .fix(format!("Run `aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --reset-policy`, or check that it names all buckets in use.", endpoint.id))
            .with("endpoint", endpoint.id.as_str())
    })
}

/// Some statement allows all of S3 to everybody without a condition, and none denies anything.
fn is_full_access(policy: &Value) -> bool {
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let denies = statements
        .iter()
        .any(|statement| statement["Effect"] == "Deny");
    let opens = statements.iter().any(|statement| {
        let holds = |element: &str, all: &[&str]| one_of(&statement[element], all);
        let everybody =
            holds("Principal", &["*"]) || one_of(&statement["Principal"]["AWS"], &["*"]);
        statement["Effect"] == "Allow"
            && everybody
            && holds("Action", &["*", "s3:*"])
            && holds("Resource", &["*", "arn:aws:s3:::*"])
            && statement["Condition"]
                .as_object()
                .is_none_or(serde_json::Map::is_empty)
    });
    opens && !denies
}

fn one_of(value: &Value, all: &[&str]) -> bool {
    match value {
        Value::String(text) => all.contains(&text.as_str()),
        Value::Array(list) => list.iter().any(|item| one_of(item, all)),
        _ => false,
    }
}
