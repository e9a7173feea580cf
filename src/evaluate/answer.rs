//! What checks answered, shared by the resources of which it is true.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::fast::RandomState;

use crate::analysis::encryption::EncryptionState;
use crate::analysis::proof::ExpectedByPlans;
use crate::analysis::{Outcome, Remedy};
use crate::report::Explanation;
use crate::rule::Rule;

/// The outcome of a check.
pub(super) enum Answer {
    /// Of one resource.
    Own(Outcome),
    /// Of every resource with the same encryption.
    Shared(Arc<SharedOutcome>),
}

/// An outcome that is true of many resources.
pub(super) struct SharedOutcome {
    outcome: Outcome,
    explanation: OnceLock<Arc<Explanation>>,
}

impl Answer {
    pub(super) fn outcome(&self) -> &Outcome {
        match self {
            Answer::Own(outcome) => outcome,
            Answer::Shared(shared) => &shared.outcome,
        }
    }

    pub(super) fn into_explanation(self) -> Arc<Explanation> {
        match self {
            Answer::Own(outcome) => Arc::new(Explanation::from(outcome)),
            Answer::Shared(shared) => {
                let explain = || Arc::new(Explanation::from(shared.outcome.clone()));
                Arc::clone(shared.explanation.get_or_init(explain))
            }
        }
    }
}

/// The answers of a region that are shared.
#[derive(Default)]
pub(super) struct SharedAnswers<'a> {
    known: RwLock<KnownOutcomes<'a>>,
    pub(super) expected: ExpectedByPlans<'a>,
}

type KnownOutcomes<'a> =
    HashMap<(&'static str, EncryptionState<'a>), Arc<SharedOutcome>, RandomState>;

impl<'a> SharedAnswers<'a> {
    /// Returns the outcome of a rule for resources with an encryption, computed where it is not known; `None` where
    /// the rule is not about them. What names the resource is not shared.
    pub(super) fn find(
        &self,
        rule: &Rule,
        state: EncryptionState<'a>,
        check: impl FnOnce() -> Option<Outcome>,
    ) -> Option<Answer> {
        let key = (rule.id, state);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&key) {
            return Some(Answer::Shared(Arc::clone(known)));
        }
        drop(known);
        let outcome = check()?;
        let mut remedies = outcome.causes.iter().flat_map(|it| &it.remedies);
        if !remedies.all(Remedy::is_of_key) {
            return Some(Answer::Own(outcome));
        }
        let shared = Arc::new(SharedOutcome {
            outcome,
            explanation: OnceLock::new(),
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Some(Answer::Shared(Arc::clone(
            known.entry(key).or_insert(shared),
        )))
    }
}
