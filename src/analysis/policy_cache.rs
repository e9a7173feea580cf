//! What is computed once per snapshot, however many resources ask for it.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::iam::document::{Document, ParseError};
use crate::key_sharing::copy::CopyAccess;
use crate::key_sharing::facts::{KeyFacts, ViaService};
use crate::key_sharing::local_use::LocalAccess;
use crate::model::Gap;

use super::schedule::Runs;
use super::selection_arns::SelectionArns;

/// What the answer of a key policy depends on. Keys that have it in common, as those of one template do, have the answer
/// in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct PolicyUse {
    /// The address of the parsed policy, which the cache keeps.
    policy: usize,
    facts: KeyFacts,
    via: ViaService,
}

impl PolicyUse {
    fn new(policy: &Arc<Document>, facts: &KeyFacts, via: ViaService) -> Self {
        let mut facts = facts.clone();
        if policy.is_about_any_resource() {
            facts.forget_id();
        }
        PolicyUse {
            policy: Arc::as_ptr(policy).addr(),
            facts,
            via,
        }
    }
}

/// Values by what they are computed from.
type Cache<K, V> = RwLock<BTreeMap<K, Arc<OnceLock<V>>>>;

/// A schedule and its time zone.
type ScheduleInZone = (String, Option<String>);

/// The positions of the plans of a region and of their selections that select something, and why there may be more.
pub(super) type SelectionsInUse = (Vec<(usize, usize)>, Option<Gap>);

/// Parsed key policies and their evaluations, the runs of schedules, and what the plans of a region select. The central
/// account, the organization and the selected resources are those of one evaluation of a snapshot.
#[derive(Debug, Default)]
pub struct PolicyCache {
    documents: Cache<String, Result<Arc<Document>, ParseError>>,
    copy_access: Cache<PolicyUse, Arc<CopyAccess>>,
    // By the name of the backup role too.
    local_access: Cache<(PolicyUse, String), Arc<LocalAccess>>,
    runs: Cache<ScheduleInZone, Result<Arc<Runs>, String>>,
    // By region.
    in_use: Cache<String, Arc<SelectionsInUse>>,
    // By region, plan and selection.
    selection_arns: Cache<String, Arc<Vec<Vec<SelectionArns>>>>,
}

impl PolicyCache {
    /// Returns the policy with a text, parsed at the first call.
    ///
    /// # Errors
    /// The text is not a policy.
    pub(super) fn document(&self, text: &str) -> Result<Arc<Document>, ParseError> {
        let parse = || Document::parse(text).map(Arc::new);
        get_or_compute(&self.documents, text, || text.to_owned(), parse)
    }

    /// Returns the selections of a region that select something, found at the first call.
    pub(super) fn selections_in_use(
        &self,
        region: &str,
        find: impl FnOnce() -> SelectionsInUse,
    ) -> Arc<SelectionsInUse> {
        let find = || Arc::new(find());
        get_or_compute(&self.in_use, region, || region.to_owned(), find)
    }

    /// Returns the ARNs of the selections of the plans of a region, listed at the first call.
    pub(super) fn selection_arns(
        &self,
        region: &str,
        list: impl FnOnce() -> Vec<Vec<SelectionArns>>,
    ) -> Arc<Vec<Vec<SelectionArns>>> {
        let list = || Arc::new(list());
        get_or_compute(&self.selection_arns, region, || region.to_owned(), list)
    }

    /// Returns what the central account may do with a key under a policy of this cache, evaluated at the first call.
    pub(super) fn copy_access(
        &self,
        policy: &Arc<Document>,
        facts: &KeyFacts,
        via: ViaService,
        evaluate: impl FnOnce() -> CopyAccess,
    ) -> Arc<CopyAccess> {
        let key = PolicyUse::new(policy, facts, via);
        let evaluate = || Arc::new(evaluate());
        get_or_compute(&self.copy_access, &key, || key.clone(), evaluate)
    }

    /// Returns what a backup role may do with a key under a policy of this cache, evaluated at the first call.
    pub(super) fn local_access(
        &self,
        policy: &Arc<Document>,
        facts: &KeyFacts,
        via: ViaService,
        role: &str,
        evaluate: impl FnOnce() -> LocalAccess,
    ) -> Arc<LocalAccess> {
        let key = (PolicyUse::new(policy, facts, via), role.to_owned());
        let evaluate = || Arc::new(evaluate());
        get_or_compute(&self.local_access, &key, || key.clone(), evaluate)
    }

    /// Returns the runs of a schedule, listed at the first call.
    ///
    /// # Errors
    /// Why they are not known.
    pub(super) fn runs(
        &self,
        schedule: &str,
        timezone: Option<&str>,
        list: impl FnOnce() -> Result<Runs, String>,
    ) -> Result<Arc<Runs>, String> {
        let key = (schedule.to_owned(), timezone.map(str::to_owned));
        let list = || list().map(Arc::new);
        get_or_compute(&self.runs, &key, || key.clone(), list)
    }
}

/// Returns the value of a key, computed where it is not known. Other threads that need it wait.
fn get_or_compute<K, Q, V>(
    cache: &Cache<K, V>,
    key: &Q,
    own_key: impl FnOnce() -> K,
    compute: impl FnOnce() -> V,
) -> V
where
    K: Ord + Borrow<Q>,
    Q: Ord + ?Sized,
    V: Clone,
{
    let find_known = || {
        let known = cache.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key).cloned()
    };
    let value = find_known().unwrap_or_else(|| {
        let mut cache = cache.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cache.entry(own_key()).or_default())
    });
    value.get_or_init(compute).clone()
}

#[cfg(test)]
mod tests {
    use crate::key_sharing::copy::{CentralAccount, evaluate_copy_access};

    use super::*;

    fn key(region: &str, id: &str) -> KeyFacts {
        KeyFacts {
            key_arn: Some(format!("arn:aws:kms:{region}:111122223333:key/{id}")),
            key_account: "111122223333".to_owned(),
            ..KeyFacts::default()
        }
    }

    /// Returns how often the cache evaluates the policy of some keys.
    fn count_evaluations(resource: &str, keys: &[KeyFacts]) -> usize {
        let central = CentralAccount {
            account_id: "692653576357".to_owned(),
            org_id: None,
        };
        let cache = PolicyCache::default();
        let text = format!(
            r#"{{"Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "692653576357"}},
                "Action": "kms:*", "Resource": "{resource}"}}]}}"#
        );
        let mut count = 0;
        for key in keys {
            // Each key comes with another copy of the text.
            let policy = cache.document(&text.clone()).expect("a policy");
            let evaluate = || {
                count += 1;
                evaluate_copy_access(&policy, key, &central, ViaService::Ec2)
            };
            cache.copy_access(&policy, key, ViaService::Ec2, evaluate);
        }
        count
    }

    #[test]
    fn keys_with_one_policy_are_evaluated_once_unless_it_names_one_of_them() {
        let one = key("eu-central-1", "1");
        let unlike = KeyFacts {
            origin: Some("EXTERNAL".to_owned()),
            ..one.clone()
        };
        let elsewhere = key("eu-west-1", "1");
        let keys = [one.clone(), key("eu-central-1", "2"), one];
        assert_eq!(count_evaluations("*", &keys), 1);
        let named = "arn:aws:kms:eu-central-1:111122223333:key/1";
        assert_eq!(count_evaluations(named, &keys), 2);
        let [one, other, _] = keys;
        assert_eq!(
            count_evaluations("*", &[one, unlike, elsewhere, other]),
            3,
            "other facts, and another region"
        );
    }
}
