//! What is computed once per snapshot, however many resources ask for it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

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

/// A schedule and its time zone.
type ScheduleInZone = (String, Option<String>);

/// Parsed key policies and their evaluations, one per key and caller, and the runs of schedules.
#[derive(Debug, Default)]
pub struct PolicyCache {
    documents: RefCell<BTreeMap<String, Result<Rc<Document>, Gap>>>,
    copy_access: RefCell<BTreeMap<KeyPath, Rc<CopyAccess>>>,
    local_access: RefCell<BTreeMap<KeyAndRole, Rc<LocalAccess>>>,
    runs: RefCell<BTreeMap<ScheduleInZone, Result<Rc<Runs>, String>>>,
}

impl PolicyCache {
    /// Returns the policy of a key, parsed at the first call.
    ///
    /// # Errors
    /// Why the policy could not be read or parsed.
    pub(super) fn document(
        &self,
        key_arn: &str,
        parse: impl FnOnce() -> Result<Rc<Document>, Gap>,
    ) -> Result<Rc<Document>, Gap> {
        if let Some(known) = self.documents.borrow().get(key_arn) {
            return known.clone();
        }
        let document = parse();
        let mut documents = self.documents.borrow_mut();
        documents.insert(key_arn.to_owned(), document.clone());
        document
    }

    /// Returns what the central account may do with a key, evaluated at the first call.
    ///
    /// # Errors
    /// Why the key's policy is not known.
    pub(super) fn copy_access(
        &self,
        path: KeyPath,
        evaluate: impl FnOnce() -> Result<CopyAccess, Gap>,
    ) -> Result<Rc<CopyAccess>, Gap> {
        get_or_compute(&self.copy_access, path, evaluate)
    }

    /// Returns what this account may do with a key, evaluated at the first call.
    ///
    /// # Errors
    /// Why the key's policy is not known.
    pub(super) fn local_access(
        &self,
        key: KeyAndRole,
        evaluate: impl FnOnce() -> Result<LocalAccess, Gap>,
    ) -> Result<Rc<LocalAccess>, Gap> {
        get_or_compute(&self.local_access, key, evaluate)
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
    ) -> Result<Rc<Runs>, String> {
        let key = (schedule.to_owned(), timezone.map(str::to_owned));
        if let Some(known) = self.runs.borrow().get(&key) {
            return known.clone();
        }
        let runs = list().map(Rc::new);
        self.runs.borrow_mut().insert(key, runs.clone());
        runs
    }
}

/// A failure is not kept: it comes from the key's policy, whose own result is.
fn get_or_compute<K: Ord, V>(
    cache: &RefCell<BTreeMap<K, Rc<V>>>,
    key: K,
    compute: impl FnOnce() -> Result<V, Gap>,
) -> Result<Rc<V>, Gap> {
    if let Some(known) = cache.borrow().get(&key) {
        return Ok(Rc::clone(known));
    }
    let value = Rc::new(compute()?);
    cache.borrow_mut().insert(key, Rc::clone(&value));
    Ok(value)
}
