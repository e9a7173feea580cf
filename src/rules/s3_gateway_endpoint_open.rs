use serde_json::Value;

use crate::analysis::s3_routing::{InUse, endpoints_in_use};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext, Verdict};
use crate::model::Gap;
use crate::model::observed::GapKind;
use crate::model::vpc::{Vpc, VpcEndpoint};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The policy of the S3 gateway endpoint allows full access.
    ///
    /// ## Why it matters
    ///
    /// A narrower policy may be intended. But it blocks every bucket that it does not allow. That often
    /// includes package repositories and buckets that AWS owns.
    ///
    /// ## Fix
    ///
    /// Reset the endpoint policy, or make sure that it allows every bucket in use.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Important Notes" on endpoints.
    /// - <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>
    RULE = Rule {
        id: "s3-gateway-endpoint-open",
        group: Group::Network,
        owner: Owner::Member,
        title: "The policy of the S3 gateway endpoint allows full access",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Vpc(check_vpc),
    }
}

fn check_vpc(cx: &RuleContext<'_>, vpc: &Vpc) -> CheckResult {
    let InUse {
        network,
        running,
        endpoints,
    } = match endpoints_in_use(cx, vpc)? {
        Ok(in_use) => in_use,
        Err(skip) => return Ok(skip),
    };
    let outcomes = endpoints
        .into_iter()
        .map(|endpoint| Outcome::from(check_endpoint(cx.region, vpc, endpoint)))
        .chain(network.endpoints_gap(vpc).map(Outcome::unknown));
    let outcome = Outcome::worst(outcomes);
    match (running.any, running.gap, outcome) {
        (_, _, Some(outcome)) if outcome.verdict == Verdict::Pass => Ok(outcome),
        // A policy that is not open matters only if something runs in the VPC.
        (false, Some(gap), _) => Err(gap),
        (_, _, outcome) => {
            Ok(outcome.unwrap_or_else(|| Outcome::skip("no gateway endpoint for S3")))
        }
    }
}

fn check_endpoint(region: &str, vpc: &Vpc, endpoint: &VpcEndpoint) -> CheckResult {
    let policy: Value = serde_json::from_str(endpoint.policy.get()?).map_err(|error| {
        let message = format!("failed to parse the policy of {}: {error}", endpoint.id);
        Gap::new(GapKind::Unreadable, message)
    })?;
    Ok(if is_full_access(&policy) {
        Outcome::pass(format!("the policy of {} allows full access", endpoint.id))
    } else {
        Outcome::breach(format!("the policy of {} does not allow full access: it can block requests to buckets in use", endpoint.id))
            .fix(format!("Run `aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --reset-policy`, or make sure that it allows every request to the buckets in use.", endpoint.id))
            .remedy(Remedy::ResetEndpointPolicy {
                vpc_id: vpc.id.clone(),
                region: region.to_owned(),
                endpoint_id: endpoint.id.clone(),
            })
            .with("endpoint", endpoint.id.as_str())
    })
}

/// Whether a statement allows all S3 actions to every principal unconditionally, and no statement denies.
fn is_full_access(policy: &Value) -> bool {
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let denies = statements
        .iter()
        .any(|statement| statement["Effect"] == "Deny");
    let opens = statements.iter().any(|statement| {
        let holds = |element: &str, all: &[&str]| has_one_of(&statement[element], all);
        let any_principal =
            holds("Principal", &["*"]) || has_one_of(&statement["Principal"]["AWS"], &["*"]);
        statement["Effect"] == "Allow"
            && any_principal
            && holds("Action", &["*", "s3:*"])
            && holds("Resource", &["*", "arn:aws:s3:::*"])
            && statement["Condition"]
                .as_object()
                .is_none_or(serde_json::Map::is_empty)
    });
    opens && !denies
}

fn has_one_of(value: &Value, all: &[&str]) -> bool {
    match value {
        Value::String(text) => all.contains(&text.as_str()),
        Value::Array(list) => list.iter().any(|item| has_one_of(item, all)),
        _ => false,
    }
}
