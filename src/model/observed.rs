//! A fact that was read, or the reason it was not.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A fact: known, or the reason it is not.
///
/// A fact that a snapshot does not mention is [`GapKind::NotCollected`], never a default: a rule
/// that reads it answers `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Observed<T> {
    /// The fact as it was read.
    Known(T),
    /// Why it could not be read.
    Unknown(Gap),
}

impl<T> Observed<T> {
    /// Returns the fact, or the gap: a rule applies `?` to the result.
    ///
    /// # Errors
    /// The gap, if the fact is not known.
    pub fn get(&self) -> Result<&T, Gap> {
        match self {
            Observed::Known(fact) => Ok(fact),
            Observed::Unknown(gap) => Err(gap.clone()),
        }
    }

    /// Returns the fact, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Observed::Known(fact) => Some(fact),
            Observed::Unknown(_) => None,
        }
    }

    /// Returns the gap, if there is one.
    pub fn gap(&self) -> Option<&Gap> {
        match self {
            Observed::Known(_) => None,
            Observed::Unknown(gap) => Some(gap),
        }
    }

    /// Whether the snapshot does not have the fact. Facts that were added later are then not written either, so
    /// that an older snapshot stays as it is.
    #[must_use]
    pub fn is_not_collected(&self) -> bool {
        self.gap() == Some(&Gap::not_collected())
    }

    /// Applies a function to the fact, if it is known.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Observed::Known(fact) => Observed::Known(change(fact)),
            Observed::Unknown(gap) => Observed::Unknown(gap),
        }
    }
}

impl<T> Default for Observed<T> {
    fn default() -> Self {
        Observed::Unknown(Gap::not_collected())
    }
}

impl<T> From<Result<T, Gap>> for Observed<T> {
    fn from(result: Result<T, Gap>) -> Self {
        match result {
            Ok(fact) => Observed::Known(fact),
            Err(gap) => Observed::Unknown(gap),
        }
    }
}

/// The items of a list, and why it may be incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing<T> {
    /// What was read before any gap.
    pub items: Vec<T>,
    /// Why the list may be longer: a page that failed, a call that was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

impl<T> Listing<T> {
    /// Creates a list that is complete.
    #[must_use]
    pub fn complete(items: Vec<T>) -> Self {
        Listing { items, gap: None }
    }

    /// Whether the snapshot does not have the list. Lists that were added later are then not written either.
    #[must_use]
    pub fn is_not_collected(&self) -> bool {
        self.items.is_empty() && self.gap == Some(Gap::not_collected())
    }

    /// Returns the first item that matches. `None` only if the list is complete.
    ///
    /// # Errors
    /// The gap, if no item matches and the list may be incomplete.
    pub fn find(&self, fits: impl Fn(&T) -> bool) -> Result<Option<&T>, Gap> {
        match (self.items.iter().find(|item| fits(item)), &self.gap) {
            (Some(item), _) => Ok(Some(item)),
            (None, None) => Ok(None),
            (None, Some(gap)) => Err(gap.clone()),
        }
    }

    /// Returns all items, if the list is complete.
    ///
    /// # Errors
    /// The gap, if the list may be incomplete.
    pub fn all_items(&self) -> Result<&[T], Gap> {
        match &self.gap {
            None => Ok(&self.items),
            Some(gap) => Err(gap.clone()),
        }
    }
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Listing {
            items: Vec::new(),
            gap: Some(Gap::not_collected()),
        }
    }
}

/// Why something is not known.
///
/// A pointer: most facts of a large account are known, and each of them has room for a gap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Gap(Arc<GapDetails>);

/// What is known about a gap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapDetails {
    /// What sort of failure it was.
    pub kind: GapKind,
    /// The operation as AWS names it, `kms:GetKeyPolicy`; empty where none was sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operation: String,
    /// The IAM action that allows it, which S3 names differently: `s3:GetEncryptionConfiguration`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// AWS's error code, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What AWS, or the network, said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The fact about the account that would close the gap, in a plan or template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Box<AccountFact>>,
    /// The keys of which it is one, where a plan or template leaves open which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// A fact about an account on which a resource of a plan or template depends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountFact {
    /// Whether new EBS volumes of the region are encrypted by default.
    EbsEncryption,
    /// The same, if the volume is not made from an encrypted snapshot.
    EbsEncryptionOrSnapshot,
    /// The default key of new EBS volumes of the region.
    EbsKey,
    /// The DB instance with an identifier, which another one has its key from.
    DbInstance(String),
    /// The DB cluster with an identifier, which another one has its key from.
    DbCluster(String),
    /// The VPC of a subnet.
    Subnet(String),
}

/// What sort of failure left something unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// The credentials may not do it.
    Denied,
    /// AWS asked for fewer calls until the retries were used up.
    Throttled,
    /// Any other failure: network, timeout, an invalid response.
    Error,
    /// The region is not enabled for the account.
    RegionDisabled,
    /// The scan was stopped before it was read.
    Interrupted,
    /// The snapshot does not hold it.
    NotCollected,
    /// The user left it out: `--service` or `--resource` asked for something else.
    NotAsked,
    /// It was read and contradicts itself or cannot be understood.
    Unreadable,
    /// It belongs to another account, where only that account can read it.
    Foreign,
    /// A plan or template leaves it open until it is applied.
    AfterApply,
    /// A plan or template does not hold it: it exists outside of it, if at all.
    Unplanned,
    /// It was read, but its effect depends on something that is not known here.
    Open,
}

impl GapKind {
    /// Whether reading something that was requested failed. False for facts that cannot be read from here.
    #[must_use]
    pub fn is_read_failure(self) -> bool {
        !matches!(
            self,
            GapKind::Foreign
                | GapKind::Open
                | GapKind::NotAsked
                | GapKind::AfterApply
                | GapKind::Unplanned
        )
    }
}

impl GapKind {
    /// Whether the source does not hold the fact at all: an older snapshot, or a plan or template.
    #[must_use]
    pub fn is_absent(self) -> bool {
        matches!(
            self,
            GapKind::NotCollected | GapKind::AfterApply | GapKind::Unplanned
        )
    }
}

impl Deref for Gap {
    type Target = GapDetails;

    fn deref(&self) -> &GapDetails {
        &self.0
    }
}

impl DerefMut for Gap {
    fn deref_mut(&mut self) -> &mut GapDetails {
        Arc::make_mut(&mut self.0)
    }
}

impl Serialize for Gap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Gap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        GapDetails::deserialize(deserializer).map(Gap::from_details)
    }
}

impl Gap {
    /// Returns the gap of a fact that is not in the snapshot.
    #[must_use]
    pub fn not_collected() -> Self {
        static SHARED: LazyLock<Gap> =
            LazyLock::new(|| Gap::new(GapKind::NotCollected, "not in the snapshot"));
        SHARED.clone()
    }

    /// Returns the gap of a fact that the user excluded.
    #[must_use]
    pub fn not_asked() -> Self {
        Gap::new(
            GapKind::NotAsked,
            "not evaluated: the selection excluded the data this rule needs",
        )
    }

    /// Whether reading it was tried and failed.
    #[must_use]
    pub fn is_failed_call(&self) -> bool {
        self.kind.is_read_failure() && !self.kind.is_absent()
    }

    /// Returns the policy that denied the operation, if AWS named one that the permissions of the credentials
    /// do not outweigh.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        (self.kind == GapKind::Denied)
            .then(|| Denial::from_message(&self.message))
            .flatten()
    }

    /// Creates a gap.
    #[must_use]
    pub fn from_details(details: GapDetails) -> Self {
        Gap(Arc::new(details))
    }

    /// Creates a gap that is not caused by a failed operation.
    pub fn new(kind: GapKind, message: impl Into<String>) -> Self {
        Gap::from_details(GapDetails {
            kind,
            operation: String::new(),
            action: String::new(),
            code: None,
            message: message.into(),
            needs: None,
            keys: Vec::new(),
        })
    }

    /// Names the fact about the account that would close the gap.
    #[must_use]
    pub fn needing(mut self, fact: AccountFact) -> Self {
        self.needs = Some(Box::new(fact));
        self
    }
}

/// A policy that denied a call, whatever other policies allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// The policy, with its article.
    pub policy: &'static str,
    /// Whether it belongs to the organization, so that nothing in the account can change it.
    pub is_organization: bool,
}

/// How AWS names the policy that denied a call: a part of its message, the policy, and whether it belongs to the
/// organization. As documented in November 2026.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.
#[rustfmt::skip]
const DENIALS: [(&str, &str, bool); 9] = [
    ("explicit deny in a service control policy", "an explicit deny in a service control policy", true),
    ("explicit deny in a resource control policy", "an explicit deny in a resource control policy", true),
    ("no service control policy allows", "the service control policies, none of which allows it", true),
    ("no resource control policy allows", "the resource control policies, none of which allows it", true),
    ("explicit deny in a permissions boundary", "an explicit deny in a permissions boundary", false),
    ("explicit deny in a session policy", "an explicit deny in a session policy", false),
    ("explicit deny in a vpc endpoint policy", "an explicit deny in a VPC endpoint policy", false),
    ("explicit deny in an identity-based policy", "an explicit deny in an identity-based policy", false),
    ("explicit deny in a resource-based policy", "an explicit deny in a resource-based policy", false),
];

impl Denial {
    /// Reads which policy a message of AWS names.
    #[must_use]
    pub fn from_message(message: &str) -> Option<Self> {
        let message = message.to_lowercase();
        let found = DENIALS.iter().find(|(part, ..)| message.contains(part));
        found.map(|(_, policy, is_organization)| Denial {
            policy,
            is_organization: *is_organization,
        })
    }
}

impl fmt::Display for Gap {
    /// Writes which operation failed, how, and which IAM action is missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = &self.operation;
        let code = match &self.code {
            Some(code) => format!(" ({code})"),
            None => String::new(),
        };
        match self.kind {
            GapKind::Denied if self.denial().is_some() => {
                let policy = self.denial().map_or("a policy", |it| it.policy);
                write!(f, "{operation} was denied{code} by {policy}")?;
                // <https://docs.aws.amazon.com/aws-backup/latest/devguide/troubleshooting.html>
                if operation == "tag:GetResources" {
                    f.write_str(
                        "; if it applies to the backup role too, AWS Backup cannot select resources by tag",
                    )?;
                }
                Ok(())
            }
            GapKind::Denied => {
                write!(
                    f,
                    "{operation} was denied{code}: these credentials need {}",
                    self.action
                )?;
                if operation == "kms:GetKeyPolicy" {
                    f.write_str(", and the key policy must delegate to IAM in this account")?;
                }
                Ok(())
            }
            GapKind::Throttled => {
                write!(
                    f,
                    "{operation} was throttled{code} until the retries ran out"
                )
            }
            GapKind::Error => write!(f, "{operation} failed{code}: {}", self.message),
            GapKind::Interrupted => write!(f, "{operation} was not completed: {}", self.message),
            GapKind::RegionDisabled => f.write_str("the region is not enabled for this account"),
            GapKind::NotCollected
            | GapKind::NotAsked
            | GapKind::Unreadable
            | GapKind::Foreign
            | GapKind::AfterApply
            | GapKind::Unplanned
            | GapKind::Open => f.write_str(&self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_fact_is_a_gap() {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(default)]
            encrypted: Observed<bool>,
            #[serde(default)]
            volumes: Listing<String>,
        }
        let holder: Holder = serde_json::from_str("{}").unwrap();
        assert_eq!(holder.encrypted.get(), Err(Gap::not_collected()));
        assert_eq!(holder.volumes.find(|_| true), Err(Gap::not_collected()));
    }

    #[test]
    fn a_denial_that_no_permission_outweighs_names_its_policy() {
        let denied = |message: &str| {
            let mut gap = Gap::new(GapKind::Denied, message);
            gap.operation = "tag:GetResources".to_owned();
            gap.action = "tag:GetResources".to_owned();
            gap
        };
        for (message, part, is_organization) in [
            (
                "User: x is not authorized to perform: tag:GetResources with an explicit deny in a service control policy",
                "in a service control policy",
                Some(true),
            ),
            (
                "User: x is not authorized to perform: tag:GetResources because no service control policy allows the tag:GetResources action",
                "none of which allows it",
                Some(true),
            ),
            (
                "... with an explicit deny in a permissions boundary",
                "permissions boundary",
                Some(false),
            ),
            (
                "... because no identity-based policy allows the tag:GetResources action",
                "these credentials need tag:GetResources",
                None,
            ),
        ] {
            let gap = denied(message);
            assert!(gap.to_string().contains(part), "{gap}");
            assert_eq!(
                gap.denial().map(|it| it.is_organization),
                is_organization,
                "{message}"
            );
        }
        let mut error = denied("explicit deny in a service control policy");
        error.kind = GapKind::Error;
        assert_eq!(error.denial(), None);
    }

    #[test]
    fn an_item_of_an_incomplete_list_is_found() {
        let listing = Listing {
            items: vec![1],
            gap: Some(Gap::new(GapKind::Error, "cut")),
        };
        assert_eq!(listing.find(|item| *item == 1), Ok(Some(&1)));
        assert!(listing.find(|item| *item == 2).is_err());
        assert!(listing.all_items().is_err());
    }
}
