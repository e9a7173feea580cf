//! The estimate of several accounts, added up.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ResourceKind;
use crate::model::fleet::{Account, Outcome};
use crate::model::snapshot::Source;
use crate::settings::Settings;

use super::counted::{Notes, add_note};
use super::estimate::{AccountEstimate, Estimate, Missing, Question, UsedPrice};
use super::line::Line;
use super::prices::Price;

/// Adds up accounts. What it holds of an account are its lines.
#[derive(Debug)]
pub struct AccountSum {
    estimate: Estimate,
    lines: BTreeMap<(ResourceKind, String), Line>,
    notes: Notes,
    prices: BTreeMap<(String, String), Price>,
}

impl AccountSum {
    /// Begins the sum of accounts that are read from AWS or from snapshots.
    #[must_use]
    pub fn new(source: Source, settings: &Settings, question: &Question<'_>) -> Self {
        AccountSum {
            estimate: Estimate {
                source,
                lacks_account: false,
                account_id: None,
                accounts: Vec::new(),
                central_account_id: settings.central_account.clone(),
                tag_key: settings.tag_key.clone(),
                collected_at: String::new(),
                preflight: question.preflight,
                change_rate: question.change_rate,
                lines: Vec::new(),
                notes: Vec::new(),
                prices: Vec::new(),
                unread_plans: None,
                unread_sizes: None,
                lacks_metrics: false,
            },
            lines: BTreeMap::new(),
            notes: Notes::new(),
            prices: BTreeMap::new(),
        }
    }

    /// Adds an account of which nothing was seen, or that was left out.
    pub fn add_unseen(&mut self, account: &Account, outcome: Outcome, reason: Option<String>) {
        self.estimate.accounts.push(AccountEstimate {
            id: account.id.clone(),
            name: account.name.clone(),
            outcome,
            reason,
            lines: Vec::new(),
            missing: Missing::default(),
        });
    }

    /// Adds the estimate of an account.
    pub fn add_account(&mut self, account: &Account, outcome: Outcome, own: Estimate) {
        let sum = &mut self.estimate;
        let missing = own.missing();
        for line in &own.lines {
            let entry = self.lines.entry((line.kind, line.region.clone()));
            let known = entry.and_modify(|known| known.add(line));
            known.or_insert_with(|| line.clone());
        }
        for (note, number) in &own.notes {
            add_note(&mut self.notes, *note, *number);
        }
        for used in own.prices {
            self.prices.insert((used.item, used.region), used.price);
        }
        // RFC 3339 in UTC: the later one is the greater text.
        if own.collected_at > sum.collected_at {
            sum.collected_at = own.collected_at;
        }
        let name_account = |reason| format!("{}: {reason}", account.id);
        let (plans, sizes) = (own.unread_plans, own.unread_sizes);
        sum.unread_plans = sum.unread_plans.take().or(plans.map(name_account));
        sum.unread_sizes = sum.unread_sizes.take().or(sizes.map(name_account));
        sum.lacks_metrics |= own.lacks_metrics;
        sum.accounts.push(AccountEstimate {
            id: account.id.clone(),
            name: account.name.clone(),
            outcome,
            reason: None,
            lines: own.lines,
            missing,
        });
    }

    /// Adds those of some accounts that were not added: the run ended before them.
    pub fn add_missing(&mut self, accounts: &[&Account]) {
        let added: BTreeSet<String> = self
            .estimate
            .accounts
            .iter()
            .map(|it| it.id.clone())
            .collect();
        for account in accounts.iter().filter(|it| !added.contains(&it.id)) {
            let reason = "the run ended before it".to_owned();
            self.add_unseen(account, Outcome::Missing, Some(reason));
        }
    }

    /// Returns the estimate of all accounts.
    #[must_use]
    pub fn finish(self) -> Estimate {
        let mut estimate = self.estimate;
        estimate.accounts.sort_by(|a, b| a.id.cmp(&b.id));
        estimate.lines = self.lines.into_values().collect();
        estimate.notes = self.notes.into_iter().collect();
        let prices = self.prices.into_iter();
        let prices = prices.map(|((item, region), price)| UsedPrice {
            item,
            region,
            price,
        });
        estimate.prices = prices.collect();
        estimate
    }
}
