//! AWS Organizations: the organization, its accounts, and the effective backup policy of an account.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_organizations::types::EffectivePolicyType;
use tokio::sync::OnceCell;

use crate::model::fleet::{Account, AccountState, OuPath};
use crate::model::observed::{Gap, GapKind};
use crate::model::organization::{Document, EffectivePolicy};
use crate::model::{Listing, Observed};

use super::call::{Caller, ServiceCalls};
use super::operation::{Operation, ResponseText, SHARED};
use super::reader::AccountReader;
use super::session::Session;

const DESCRIBE_ORGANIZATION: Operation = Operation::new("organizations:DescribeOrganization");
const DESCRIBE_EFFECTIVE_POLICY: Operation =
    Operation::new("organizations:DescribeEffectivePolicy");

/// Only the management account and delegated administrators may list accounts, so no scan of an account does.
const LIST_ACCOUNTS: Operation = Operation::new("organizations:ListAccounts");

const LIST_ROOTS: Operation = Operation::new("organizations:ListRoots");
const LIST_UNITS: Operation = Operation::new("organizations:ListOrganizationalUnitsForParent");
const LIST_ACCOUNTS_OF_UNIT: Operation = Operation::new("organizations:ListAccountsForParent");

/// API operations used to list the accounts. The last three only find the organizational units of accounts that
/// `ListAccounts` returns without their paths.
pub const LIST_OPERATIONS: &[Operation] =
    &[LIST_ACCOUNTS, LIST_ROOTS, LIST_UNITS, LIST_ACCOUNTS_OF_UNIT];

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
        .clients
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

/// Returns all accounts of the organization, whatever their state.
///
/// `Status` is retired: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>.
///
/// # Errors
/// The gap that a page leaves that cannot be read: a part of the accounts would be lost silently.
pub async fn list_accounts(session: &Session, caller: &Arc<Caller>) -> Result<Vec<Account>, Gap> {
    let calls = caller.begin_service(&session.home, SHARED);
    let client = session.clients.organizations(&session.home);
    let pages = client.list_accounts().into_paginator().send();
    let listing = calls
        .list_items(LIST_ACCOUNTS, pages, |page| {
            // A page may be empty and have a token of the next one.
            let is_last = page.next_token.is_none();
            let accounts = page.accounts.or((!is_last).then(Vec::new))?;
            Some(accounts.iter().map(read_account).collect())
        })
        .await;
    if let Some(gap) = listing.gap {
        return Err(gap);
    }
    let mut accounts: Vec<Account> = listing.items;
    if accounts.iter().any(|it| it.ou.is_none()) {
        match find_units(&calls, &client).await {
            Ok(mut units) => {
                for account in accounts.iter_mut().filter(|it| it.ou.is_none()) {
                    account.ou = units.remove(&account.id);
                }
            }
            Err(gap) => {
                tracing::warn!("the organizational units of some accounts are unknown: {gap}")
            }
        }
    }
    Ok(accounts)
}

/// Walks the tree of the organization and returns the path of each account.
///
/// # Errors
/// The gap that a list leaves.
async fn find_units(
    calls: &ServiceCalls,
    client: &aws_sdk_organizations::Client,
) -> Result<BTreeMap<String, OuPath>, Gap> {
    let roots = client.list_roots().into_paginator().send();
    let roots = calls.list_items(LIST_ROOTS, roots, |page| {
        let roots = page.roots?.into_iter();
        Some(roots.map(|root| root.id.filled()).collect())
    });
    let mut parents = into_result(roots.await)?;
    let mut found = BTreeMap::new();
    // Each unit has one parent, so the walk ends.
    while let Some(path) = parents.pop() {
        let parent = path.rsplit('/').next().unwrap_or_default();
        let accounts = client.list_accounts_for_parent().parent_id(parent);
        let accounts = accounts.into_paginator().send();
        let accounts = calls.list_items(LIST_ACCOUNTS_OF_UNIT, accounts, |page| {
            let accounts = page.accounts?.into_iter();
            Some(accounts.map(|account| account.id.filled()).collect())
        });
        let accounts = into_result(accounts.await)?;
        if let Ok(unit) = path.parse::<OuPath>() {
            found.extend(accounts.into_iter().map(|id| (id, unit.clone())));
        }
        let units = client.list_organizational_units_for_parent();
        let units = units.parent_id(parent).into_paginator().send();
        let units = calls.list_items(LIST_UNITS, units, |page| {
            let units = page.organizational_units?.into_iter();
            Some(units.map(|unit| unit.id.filled()).collect())
        });
        let units = into_result(units.await)?;
        parents.extend(units.into_iter().map(|unit| format!("{path}/{unit}")));
    }
    Ok(found)
}

fn into_result<T>(listing: Listing<T>) -> Result<Vec<T>, Gap> {
    match listing.gap {
        Some(gap) => Err(gap),
        None => Ok(listing.items),
    }
}

fn read_account(account: &aws_sdk_organizations::types::Account) -> Option<Account> {
    let path = account.paths().first();
    Some(Account {
        id: account.id.clone().filled()?,
        name: account.name.clone().filled(),
        ou: path.and_then(|path| path.parse().ok()),
        state: account
            .state()
            .and_then(|state| AccountState::with_name(state.as_str())),
        ..Account::default()
    })
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
            .clients
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
