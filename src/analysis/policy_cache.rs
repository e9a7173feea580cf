//! What is computed once per snapshot, however many resources ask for it.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::iam::document::Document;
use crate::key_sharing::copy::CopyAccess;
use crate::key_sharing::facts::ViaService;
use crate::key_sharing::local_use::LocalAccess;
use crate::model::observed::Gap;

use super::schedule::Runs;

/// A key's ARN, the service that calls KMS, and the region.
pub(super) type KeyPath = (String, &'static str, String);

/// A key's ARN, the service that calls KMS, and the name of a backup role.
pub(super) type KeyAndRole = (String, ViaService, String);

/// Values by what they are computed from.
type Cache<K, V> = RwLock<BTreeMap<K, Arc<OnceLock<V>>>>;

/// A schedule and its time zone.
type ScheduleInZone = (String, Option<String>);

/// Parsed key policies and their evaluations, one per key and caller, and the runs of schedules.
#[derive(Debug, Default)]
pub struct PolicyCache {
    documents: Cache<String, Result<Arc<Document>, Gap>>,
    copy_access: Cache<KeyPath, Result<Arc<CopyAccess>, Gap>>,
    local_access: Cache<KeyAndRole, Result<Arc<LocalAccess>, Gap>>,
    runs: Cache<ScheduleInZone, Result<Arc<Runs>, String>>,
}

impl PolicyCache {
    /// Returns the policy of a key, parsed at the first call.
    ///
    /// # Errors
    /// Why the policy could not be read or parsed.
    pub(super) fn document(
        &self,
        key_arn: &str,
        parse: impl FnOnce() -> Result<Arc<Document>, Gap>,
    ) -> Result<Arc<Document>, Gap> {
        get_or_compute(&self.documents, key_arn, || key_arn.to_owned(), parse)
    }

    /// Returns what the central account may do with a key, evaluated at the first call.
    ///
    /// # Errors
    /// Why the key's policy is not known.
    pub(super) fn copy_access(
        &self,
        path: KeyPath,
        evaluate: impl FnOnce() -> Result<CopyAccess, Gap>,
    ) -> Result<Arc<CopyAccess>, Gap> {
        let evaluate = || evaluate().map(Arc::new);
        get_or_compute(&self.copy_access, &path, || path.clone(), evaluate)
    }

    /// Returns what this account may do with a key, evaluated at the first call.
    ///
    /// # Errors
    /// Why the key's policy is not known.
    pub(super) fn local_access(
        &self,
        key: KeyAndRole,
        evaluate: impl FnOnce() -> Result<LocalAccess, Gap>,
    ) -> Result<Arc<LocalAccess>, Gap> {
        let evaluate = || evaluate().map(Arc::new);
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
