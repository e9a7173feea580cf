//! A fact that was read, or the reason it was not.

use std::fmt;

use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
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
}

/// What sort of failure left something unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

impl Gap {
    /// Returns the gap of a fact that is not in the snapshot.
    #[must_use]
    pub fn not_collected() -> Self {
        Gap::new(GapKind::NotCollected, "not in the snapshot")
    }

    /// Returns the gap of a fact that the user excluded.
    #[must_use]
    pub fn not_asked() -> Self {
        Gap::new(
            GapKind::NotAsked,
            "not evaluated: --service or --resource excluded the data this rule needs",
        )
    }

    /// Creates a gap that is not caused by a failed operation.
    pub fn new(kind: GapKind, message: impl Into<String>) -> Self {
        Gap {
            kind,
            operation: String::new(),
            action: String::new(),
            code: None,
            message: message.into(),
        }
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
