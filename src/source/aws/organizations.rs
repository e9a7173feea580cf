//! AWS Organizations: the organization, and the effective backup policy of the account.

use aws_sdk_organizations::types::EffectivePolicyType;
use tokio::sync::OnceCell;

use crate::model::Observed;
use crate::model::observed::{Gap, GapKind};
use crate::model::organization::{Document, EffectivePolicy};

use super::operation::Operation;
use super::reader::AccountReader;

const DESCRIBE_ORGANIZATION: Operation = Operation::new("organizations:DescribeOrganization");
const DESCRIBE_EFFECTIVE_POLICY: Operation =
    Operation::new("organizations:DescribeEffectivePolicy");

/// API operations used to read the organization's id.
pub const ID_OPERATIONS: &[Operation] = &[DESCRIBE_ORGANIZATION];
/// API operations used to read the effective backup policy.
pub const POLICY_OPERATIONS: &[Operation] = &[DESCRIBE_EFFECTIVE_POLICY];

/// The account belongs to no organization.
const NO_ORGANIZATION: &str = "AWSOrganizationsNotInUseException";
/// The account has no effective backup policy.
const NO_POLICY: &str = "EffectivePolicyNotFoundException";

/// Returns the id of the account's organization, or `None` if the account belongs to no organization.
pub async fn read_organization_id(reader: &AccountReader<'_>) -> Observed<Option<String>> {
    let calls = reader.begin_global();
    let call = reader
        .session
        .organizations(&reader.session.home)
        .describe_organization()
        .send();
    let found = calls
        .find_optional(DESCRIBE_ORGANIZATION, &[NO_ORGANIZATION], call)
        .await;
    match found {
        Ok(None) => Observed::Known(None),
        Ok(Some(response)) => {
            let organization = response.organization;
            let id = organization.and_then(|organization| organization.id);
            DESCRIBE_ORGANIZATION.require_text(id, "Id").map(Some)
        }
        Err(gap) => Observed::Unknown(gap),
    }
}

/// The effective backup policy of the account. It is read once, on first use.
#[derive(Debug)]
pub struct BackupPolicy<'a> {
    reader: AccountReader<'a>,
    read: OnceCell<Observed<Option<EffectivePolicy>>>,
}

impl<'a> BackupPolicy<'a> {
    /// Returns a policy that has not been read yet.
    #[must_use]
    pub fn new(reader: AccountReader<'a>) -> Self {
        BackupPolicy {
            reader,
            read: OnceCell::new(),
        }
    }

    /// Returns the policy, or `None` if the account has none.
    pub async fn get(&self) -> &Observed<Option<EffectivePolicy>> {
        self.read
            .get_or_init(|| async { self.read_policy().await.into() })
            .await
    }

    // Without a target, the call returns the policy of the account that sends it:
    // https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html
    async fn read_policy(&self) -> Result<Option<EffectivePolicy>, Gap> {
        let session = self.reader.session;
        let call = session
            .organizations(&session.home)
            .describe_effective_policy()
            .policy_type(EffectivePolicyType::BackupPolicy)
            .send();
        let absent = [NO_ORGANIZATION, NO_POLICY];
        let calls = self.reader.begin_global();
        let found = calls
            .find_optional(DESCRIBE_EFFECTIVE_POLICY, &absent, call)
            .await?;
        let Some(response) = found else {
            return Ok(None);
        };
        let content = response
            .effective_policy
            .and_then(|policy| policy.policy_content);
        let content = DESCRIBE_EFFECTIVE_POLICY.require_text(content, "PolicyContent");
        let read = serde_json::from_str::<Document>(content.get()?);
        let read = read.map(EffectivePolicy::from_document);
        read.map(Some).map_err(|error| {
            Gap::new(
                GapKind::Unreadable,
                format!("failed to parse the organization's backup policy: {error}"),
            )
        })
    }
}
