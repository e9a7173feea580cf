//! Many accounts: the list, which of them are scanned, and what became of each.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::arn::is_account_id;

mod list;

/// The state of an account in its organization.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>, checked 2026-11-29.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountState {
    /// It is being created.
    PendingActivation,
    /// It is in use.
    Active,
    /// AWS has suspended it: no call succeeds.
    Suspended,
    /// It is being closed. Calls still succeed.
    PendingClosure,
    /// It is closed: no call succeeds.
    Closed,
}

impl AccountState {
    /// Every state with its name in the API, and whether an account in it can be scanned.
    const ALL: [(AccountState, &'static str, bool); 5] = [
        (AccountState::PendingActivation, "PENDING_ACTIVATION", false),
        (AccountState::Active, "ACTIVE", true),
        (AccountState::Suspended, "SUSPENDED", false),
        (AccountState::PendingClosure, "PENDING_CLOSURE", true),
        (AccountState::Closed, "CLOSED", false),
    ];

    /// Returns the state with a name of the API. A name that is not known is no state: its account is entered.
    #[must_use]
    pub fn with_name(name: &str) -> Option<AccountState> {
        let mut all = AccountState::ALL.iter();
        all.find(|(_, known, _)| *known == name).map(|it| it.0)
    }

    fn describe(self) -> (&'static str, bool) {
        let mut all = AccountState::ALL.iter();
        let found = all.find(|(state, ..)| *state == self);
        found.map_or(("", true), |(_, name, usable)| (name, *usable))
    }
}

/// The place of an account in its organization: the root, then the organizational units down to its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct OuPath(Vec<String>);

impl OuPath {
    /// Whether the account is in a root or an organizational unit, directly or in one of its children.
    #[must_use]
    pub fn is_within(&self, unit: &str) -> bool {
        self.0.iter().any(|it| it == unit)
    }
}

impl FromStr for OuPath {
    type Err = String;

    /// Reads a path such as `o-a1b2c3d4e5/r-abcd/ou-abcd-11112222/123456789012/`. The organization and the account
    /// may be left out.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts: Vec<&str> = text.split('/').filter(|it| !it.is_empty()).collect();
        if parts.first().is_some_and(|it| it.starts_with("o-")) {
            parts.remove(0);
        }
        if parts.last().is_some_and(|it| is_account_id(it)) {
            parts.pop();
        }
        if parts.is_empty() || !parts.iter().all(|it| is_unit_id(it)) {
            return Err(format!(
                "invalid path {text:?}; expected r-.../ou-.../ou-..."
            ));
        }
        Ok(OuPath(parts.into_iter().map(str::to_owned).collect()))
    }
}

impl TryFrom<String> for OuPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<OuPath> for String {
    fn from(path: OuPath) -> String {
        path.to_string()
    }
}

impl fmt::Display for OuPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("/"))
    }
}

/// Whether a text is the id of a root or of an organizational unit.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html>.
#[must_use]
pub fn is_unit_id(text: &str) -> bool {
    let rest = text.strip_prefix("ou-").or_else(|| text.strip_prefix("r-"));
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain))
}

/// One account of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its id: 12 digits; the name of the file for a snapshot whose account cannot be read.
    pub id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its place in the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ou: Option<OuPath>,
    /// Its state in the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AccountState>,
    /// The role to assume in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The external ID for the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The snapshot file that it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Why it is not scanned; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

impl Account {
    /// Returns an account of which only the id is known.
    #[must_use]
    pub fn with_id(id: &str) -> Self {
        Account {
            id: id.to_owned(),
            ..Account::default()
        }
    }
}

/// The accounts of an organization, sorted by id. Accounts that are left out stay in the list, with the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    accounts: BTreeMap<String, Account>,
}

/// Why a list of accounts cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RosterError {
    /// A line is not an account.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An account is in the list twice.
    #[error("account {id} is listed twice: {first} and {second}")]
    Twice {
        /// The account.
        id: String,
        /// Where it is first.
        first: String,
        /// Where it is again.
        second: String,
    },
    /// The list has no account.
    #[error("the list has no account")]
    Empty,
    /// A selection names something that is not in the list.
    #[error("{0}")]
    Selection(String),
}

/// Which accounts of a list are scanned. Without `ou` and `account` all are; `skip_ou` and `skip_account` win.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountSelection {
    /// Roots and organizational units, with all their children.
    pub ou: Vec<String>,
    /// Roots and organizational units to leave out, with all their children.
    pub skip_ou: Vec<String>,
    /// Accounts.
    pub account: Vec<String>,
    /// Accounts to leave out.
    pub skip_account: Vec<String>,
}

impl Roster {
    /// Adds an account.
    ///
    /// # Errors
    /// It is in the list already.
    pub fn add_account(&mut self, account: Account) -> Result<(), RosterError> {
        let place = |account: &Account| account.file.clone().unwrap_or_default();
        if let Some(first) = self.accounts.get(&account.id) {
            return Err(RosterError::Twice {
                id: account.id.clone(),
                first: place(first),
                second: place(&account),
            });
        }
        self.accounts.insert(account.id.clone(), account);
        Ok(())
    }

    /// Returns the accounts, sorted by id, those that are left out included.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// Returns the account with an id.
    #[must_use]
    pub fn find_account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// Returns the account with an id, to change it.
    pub fn find_account_mut(&mut self, id: &str) -> Option<&mut Account> {
        self.accounts.get_mut(id)
    }

    /// Returns the accounts to scan in a shard, sorted by id; in all of them without one.
    pub fn to_scan(&self, shard: Option<Shard>) -> impl Iterator<Item = &Account> {
        self.iter()
            .filter(move |it| it.left_out.is_none() && shard.is_none_or(|s| s.includes(&it.id)))
    }

    /// Returns the list as one JSON object per line.
    ///
    /// # Errors
    /// An account cannot be serialized.
    pub fn to_lines(&self) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        for account in self.iter() {
            text.push_str(&serde_json::to_string(account)?);
            text.push('\n');
        }
        Ok(text)
    }

    /// Leaves out every account that a selection or its state excludes.
    ///
    /// # Errors
    /// The selection names an account or an organizational unit that is not in the list, or an account whose
    /// organizational unit is needed has none.
    pub fn select_accounts(&mut self, selection: &AccountSelection) -> Result<(), RosterError> {
        self.check_selection(selection)
            .map_err(RosterError::Selection)?;
        for account in self.accounts.values_mut() {
            if account.left_out.is_none() {
                account.left_out = find_exclusion(account, selection);
            }
        }
        match self.to_scan(None).next() {
            Some(_) => Ok(()),
            None => Err(RosterError::Selection(
                "no account is left to scan: all are left out by their state or by the selection"
                    .to_owned(),
            )),
        }
    }

    fn check_selection(&self, selection: &AccountSelection) -> Result<(), String> {
        for (flag, ids) in [
            ("--account", &selection.account),
            ("--skip-account", &selection.skip_account),
        ] {
            if let Some(id) = ids.iter().find(|id| !self.accounts.contains_key(*id)) {
                return Err(format!(
                    "{flag} {id}: the list of accounts does not have it; correct the ID or remove it"
                ));
            }
        }
        let units = [("--ou", &selection.ou), ("--skip-ou", &selection.skip_ou)];
        for (flag, names) in units {
            let Some(first) = names.first() else {
                continue;
            };
            if let Some(account) = self
                .iter()
                .find(|it| it.ou.is_none() && it.left_out.is_none())
            {
                return Err(format!(
                    "{flag} {first}: the list does not have the organizational unit of account {}; add \"ou\" to its line, or with --org allow organizations:ListRoots, organizations:ListOrganizationalUnitsForParent and organizations:ListAccountsForParent",
                    account.id
                ));
            }
            let holds = |unit: &str| {
                let mut paths = self.iter().filter_map(|it| it.ou.as_ref());
                paths.any(|path| path.is_within(unit))
            };
            if let Some(unit) = names.iter().find(|unit| !holds(unit)) {
                return Err(format!(
                    "{flag} {unit}: no account of the list is in it; correct the ID or remove it"
                ));
            }
        }
        Ok(())
    }
}

/// Returns why an account is not scanned.
fn find_exclusion(account: &Account, selection: &AccountSelection) -> Option<String> {
    if let Some((name, false)) = account.state.map(AccountState::describe) {
        return Some(format!("its state is {name}"));
    }
    let unit_among = |units: &[String]| {
        let path = account.ou.as_ref()?;
        units.iter().find(|unit| path.is_within(unit)).cloned()
    };
    if selection.skip_account.contains(&account.id) {
        return Some("excluded by --skip-account".to_owned());
    }
    if let Some(unit) = unit_among(&selection.skip_ou) {
        return Some(format!("excluded by --skip-ou {unit}"));
    }
    let selects_some = !selection.ou.is_empty() || !selection.account.is_empty();
    let is_selected =
        selection.account.contains(&account.id) || unit_among(&selection.ou).is_some();
    (selects_some && !is_selected).then(|| "not selected by --ou or --account".to_owned())
}

/// A part of the accounts, the same whichever list they come from: 1/4 to 4/4 have each account once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// Returns a shard by its position from 1.
    ///
    /// # Errors
    /// There is no such shard.
    pub fn new(index: u32, count: u32) -> Result<Self, String> {
        match index >= 1 && index <= count {
            true => Ok(Shard { index, count }),
            false => Err(format!(
                "there is no shard {index} of {count}; expected 1/{count} to {count}/{count}"
            )),
        }
    }

    /// Whether an account is in the shard.
    #[must_use]
    pub fn includes(self, id: &str) -> bool {
        hash_id(id) % u64::from(self.count) == u64::from(self.index - 1)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("invalid shard {text:?}; expected I/N such as 3/40");
        let (index, count) = text.split_once('/').ok_or_else(invalid)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| invalid());
        let (index, count) = (number(index)?, number(count)?);
        match count {
            0 => Err(invalid()),
            _ => Shard::new(index, count),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.index, self.count)
    }
}

/// Returns the hash of an id: FNV-1a, mixed as in SplitMix64. It never changes, so that a run can be resumed by
/// another version.
fn hash_id(id: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// What became of an account.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its role could not be assumed, the session is of another account, or its snapshot cannot be read.
    NotEntered,
    /// Reading it exceeded the time limit.
    TimedOut,
    /// A signal came first.
    Interrupted,
    /// It is in the list and has no result.
    Missing,
    /// Some of it could not be read.
    Partial,
    /// It was read completely.
    Scanned,
    /// It was not to be scanned.
    LeftOut,
}

impl Outcome {
    /// Every outcome, those without an answer first.
    pub const ALL: [Outcome; 7] = [
        Outcome::NotEntered,
        Outcome::TimedOut,
        Outcome::Interrupted,
        Outcome::Missing,
        Outcome::Partial,
        Outcome::Scanned,
        Outcome::LeftOut,
    ];

    /// Returns the name in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::NotEntered => "not-entered",
            Outcome::TimedOut => "timed-out",
            Outcome::Interrupted => "interrupted",
            Outcome::Missing => "missing",
            Outcome::Partial => "partial",
            Outcome::Scanned => "scanned",
            Outcome::LeftOut => "left-out",
        }
    }

    /// Whether the account was to be scanned and nothing of it was seen: its verdict is unknown.
    #[must_use]
    pub fn is_unseen(self) -> bool {
        matches!(
            self,
            Outcome::NotEntered | Outcome::TimedOut | Outcome::Interrupted | Outcome::Missing
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_in_a_child_of_an_organizational_unit_is_in_it() {
        let path: OuPath = "o-a1b2c3d4e5/r-ab12/ou-ab12-1/ou-ab12-2/111122223333/"
            .parse()
            .unwrap();
        for unit in ["r-ab12", "ou-ab12-1", "ou-ab12-2"] {
            assert!(path.is_within(unit));
        }
        assert!(!path.is_within("ou-ab12"));
        assert!("Root/Prod".parse::<OuPath>().is_err());
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!("3/40".parse::<Shard>().unwrap().to_string(), "3/40");
        for wrong in ["0/4", "5/4", "1/0", "1", "a/4", "-1/4", "1/4/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_shard_of_an_account_never_changes() {
        // A run must be resumable by another version.
        for (id, index) in [
            ("111122223333", 23),
            ("444455556666", 17),
            ("000011112222", 23),
        ] {
            assert!(Shard::new(index, 40).unwrap().includes(id), "{id}");
        }
    }
}
