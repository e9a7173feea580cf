//! AWS Organizations: the organization, and its backup policy as it holds for the account.

use std::sync::Arc;

use aws_sdk_organizations::types::EffectivePolicyType;
use tokio::sync::OnceCell;

use crate::model::Observed;
use crate::model::observed::{Gap, GapKind};
use crate::model::organization::{Document, EffectivePolicy};
use crate::model::snapshot::GLOBAL;

use super::call::{Caller, Operation};
use super::session::Session;

const DESCRIBE_ORGANIZATION: Operation = Operation::new("organizations:DescribeOrganization");
const DESCRIBE_EFFECTIVE_POLICY: Operation =
    Operation::new("organizations:DescribeEffectivePolicy");

/// What reading the organization's id takes.
pub const ID_OPERATIONS: &[Operation] = &[DESCRIBE_ORGANIZATION];
/// What reading its policy takes.
pub const POLICY_OPERATIONS: &[Operation] = &[DESCRIBE_EFFECTIVE_POLICY];

/// The account is in no organization.
const NO_ORGANIZATION: &str = "AWSOrganizationsNotInUseException";
/// No backup policy holds for the account.
const NO_POLICY: &str = "EffectivePolicyNotFoundException";

/// The id of the account's organization; none where it is in none.
pub async fn id(session: &Session, caller: &Arc<Caller>) -> Observed<Option<String>> {
    let scope = caller.scope(GLOBAL, "backup");
    let call = session
        .organizations(&session.home)
        .describe_organization()
        .send();
    let found = scope
        .find(DESCRIBE_ORGANIZATION, &[NO_ORGANIZATION], call)
        .await;
    match found {
        Ok(None) => Observed::Known(None),
        Ok(Some(answer)) => {
            let id = answer.organization.and_then(|organization| organization.id);
            DESCRIBE_ORGANIZATION.field(id, "Id").map(Some)
        }
        Err(gap) => Observed::Unknown(gap),
    }
}

/// The backup policy that holds for the account. It is asked for once, by whoever wants it first.
#[derive(Debug)]
pub struct Policy<'a> {
    session: &'a Session,
    caller: &'a Arc<Caller>,
    read: OnceCell<Observed<Option<EffectivePolicy>>>,
}

impl<'a> Policy<'a> {
    /// A policy that nobody has asked for yet.
    #[must_use]
    pub fn new(session: &'a Session, caller: &'a Arc<Caller>) -> Self {
        Policy {
            session,
            caller,
            read: OnceCell::new(),
        }
    }

    /// The policy; none where there is none.
    pub async fn get(&self) -> &Observed<Option<EffectivePolicy>> {
        self.read
            .get_or_init(|| async { self.ask().await.into() })
            .await
    }

    // Without a target the policy is the one for the account that asks:
    // https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html
    async fn ask(&self) -> Result<Option<EffectivePolicy>, Gap> {
        let scope = self.caller.scope(GLOBAL, "backup");
        let call = self
            .session
            .organizations(&self.session.home)
            .describe_effective_policy()
            .policy_type(EffectivePolicyType::BackupPolicy)
            .send();
        let absent = [NO_ORGANIZATION, NO_POLICY];
        let found = scope.find(DESCRIBE_EFFECTIVE_POLICY, &absent, call).await?;
        let Some(answer) = found else {
            return Ok(None);
        };
        let content = answer
            .effective_policy
            .and_then(|policy| policy.policy_content);
        let content = DESCRIBE_EFFECTIVE_POLICY.field(content, "PolicyContent");
        let read = serde_json::from_str::<Document>(content.get()?)
            .map_err(|error| error.to_string())
            .and_then(EffectivePolicy::from_document);
        read.map(Some).map_err(|what| {
            Gap::new(
                GapKind::Unreadable,
                format!("the organization's backup policy cannot be understood: {what}"),
            )
        })
    }
}
