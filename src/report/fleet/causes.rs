//! Causes across accounts: the same cause in several accounts is one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex_lite::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::arn::is_account_id;
use crate::report::{CauseLine, Status};
use crate::settings::is_region_name;
use crate::text::replace_word;

/// The number of causes that a report lists.
pub(super) const MOST_CAUSES: usize = 200;
/// The number of causes that are counted at a time. Beyond it the smallest half is dropped.
const MOST_COUNTED: usize = 4_000;
/// A shorter name of a resource could be a common word of the message.
const SHORTEST_NAME: usize = 4;

/// Ids that AWS generates: UUIDs, multi-Region keys, and resources of EC2 and others.
static GENERATED_ID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}|[a-z]{1,8}-(?:[0-9a-f]{17}|[0-9a-f]{8}))\b",
    )
    .ok()
});

/// The hexadecimal digits in a row that each of them has.
const SHORTEST_ID: usize = 8;

/// A cause across accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FleetCause {
    /// The rules; several if they are unknown for the same missing fact.
    pub rules: Vec<String>,
    /// The worst status of its findings.
    pub status: Status,
    /// Whether any of its findings counts toward the exit code.
    pub gating: bool,
    /// What was found. `<account>` and `<id>` replace what differs between accounts.
    pub message: String,
    /// How to fix it; null where there is nothing to fix.
    pub fix: Option<String>,
    /// The number of accounts that have it.
    pub accounts: usize,
    /// The number of resources that it affects.
    pub resources: usize,
    /// The first account that has it.
    pub example: String,
}

/// What makes two causes the same: a missing fact is the same whichever rules need it.
type Key = (Status, Option<String>, String);

#[derive(Debug)]
struct Counted {
    rules: BTreeSet<String>,
    gating: bool,
    fix: Option<String>,
    accounts: usize,
    resources: usize,
    first: String,
    last: String,
}

/// Causes that are collected account by account.
#[derive(Debug, Default)]
pub(super) struct FleetCauses {
    counted: BTreeMap<Key, Counted>,
    dropped: usize,
}

impl FleetCauses {
    pub(super) fn add_cause(&mut self, account: &str, cause: &CauseLine<'_>) {
        let message = generalize_text(&cause.message, account, cause);
        let rule = (cause.status != Status::Unknown).then(|| cause.rule.clone());
        let counted = self
            .counted
            .entry((cause.status, rule, message))
            .or_insert_with(|| Counted {
                rules: BTreeSet::new(),
                gating: false,
                fix: cause
                    .fix
                    .as_ref()
                    .map(|fix| generalize_text(fix, account, cause)),
                accounts: 0,
                resources: 0,
                first: account.to_owned(),
                last: String::new(),
            });
        counted.rules.insert(cause.rule.clone());
        counted.gating |= cause.gating;
        counted.resources += cause.resources.len();
        if counted.last != account {
            counted.accounts += 1;
            account.clone_into(&mut counted.last);
        }
        if self.counted.len() > MOST_COUNTED {
            self.drop_smallest();
        }
    }

    fn drop_smallest(&mut self) {
        let counted = std::mem::take(&mut self.counted);
        let mut ranked: Vec<(Key, Counted)> = counted.into_iter().collect();
        ranked.sort_by_cached_key(|(key, counted)| rank_cause(key.0, counted));
        self.dropped += ranked.len() - MOST_COUNTED / 2;
        ranked.truncate(MOST_COUNTED / 2);
        self.counted = ranked.into_iter().collect();
    }

    /// Returns the largest causes, and the number of the others.
    pub(super) fn into_largest(self) -> (Vec<FleetCause>, usize) {
        let mut ranked: Vec<(Key, Counted)> = self.counted.into_iter().collect();
        ranked.sort_by_cached_key(|(key, counted)| rank_cause(key.0, counted));
        let more = self.dropped + ranked.len().saturating_sub(MOST_CAUSES);
        let causes = ranked.into_iter().take(MOST_CAUSES);
        let causes = causes.map(|((status, _, message), counted)| FleetCause {
            rules: counted.rules.into_iter().collect(),
            status,
            gating: counted.gating,
            message,
            fix: counted.fix,
            accounts: counted.accounts,
            resources: counted.resources,
            example: counted.first,
        });
        (causes.collect(), more)
    }
}

type Rank = Reverse<(bool, Status, usize, usize)>;

/// Returns the rank of a cause: those that count toward the exit code first, then by status and size.
fn rank_cause(status: Status, counted: &Counted) -> Rank {
    Reverse((counted.gating, status, counted.accounts, counted.resources))
}

/// Returns a sentence with placeholders for what differs between accounts.
fn generalize_text(text: &str, account: &str, cause: &CauseLine<'_>) -> String {
    let mut text = text.to_owned();
    if let Some(arn) = cause.resources.first() {
        text = replace_word(&text, arn, "<arn>");
        let name = arn.rsplit(['/', ':']).next().unwrap_or_default();
        if name.len() >= SHORTEST_NAME && name != account && !is_region_name(name) {
            text = replace_word(&text, name, "<id>");
        }
    }
    let text = replace_generated_ids(&text);
    // Names often end with the account: its 12 digits are nothing else.
    match is_account_id(account) {
        true => text.replace(account, "<account>"),
        false => text,
    }
}

/// Puts `<id>` in place of each id that AWS generates. Only words with as many hexadecimal digits as the shortest id has
/// are searched: an expression is slow.
fn replace_generated_ids(text: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(is_of_word).unwrap_or(rest.len());
        let (between, from_word) = rest.split_at(start);
        let end = from_word.find(|c| !is_of_word(c));
        let (word, after) = from_word.split_at(end.unwrap_or(from_word.len()));
        let mut digits = word.split(|c: char| !c.is_ascii_hexdigit());
        let may_be_id = digits.any(|it| it.len() >= SHORTEST_ID);
        replaced.push_str(between);
        match &*GENERATED_ID {
            Some(pattern) if may_be_id => replaced += &pattern.replace_all(word, "<id>"),
            _ => replaced.push_str(word),
        }
        rest = after;
    }
    replaced
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WITH_IDS: &str = "([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}|vol-[0-9a-f]{8}|i-[0-9a-f]{17}\
        |[ :/_.é-]|[a-z0-9]{1,3}){0,12}";

    proptest! {
        #[test]
        fn ids_are_the_same_in_words_and_in_the_text(text in WITH_IDS) {
            let pattern = GENERATED_ID.as_ref().expect("it is an expression");
            prop_assert_eq!(replace_generated_ids(&text), pattern.replace_all(&text, "<id>"));
        }
    }

    fn cause(rule: &str, status: Status, message: &str, resource: &str) -> CauseLine<'static> {
        CauseLine {
            id: String::new(),
            rule: rule.to_owned(),
            status,
            gating: true,
            message: message.to_owned(),
            fix: None,
            commands: Vec::new(),
            resources: vec![resource.to_owned().into()],
            explained_by: None,
            explains: Vec::new(),
        }
    }

    #[test]
    fn the_same_cause_in_two_accounts_is_one() {
        let mut causes = FleetCauses::default();
        for (account, key) in [("111122223333", "0a1b"), ("444455556666", "9f8e")] {
            let message = format!(
                "key arn:aws:kms:eu-west-1:{account}:key/{key}2c3d-1111-2222-3333-444455556666 is not shared"
            );
            let arn = format!("arn:aws:ec2:eu-west-1:{account}:volume/vol-0{key}");
            for _ in 0..2 {
                causes.add_cause(
                    account,
                    &cause("kms-key-shared", Status::Fail, &message, &arn),
                );
            }
        }
        causes.add_cause("111122223333", &cause("x", Status::Warn, "other", "arn:x"));
        let (causes, more) = causes.into_largest();
        assert_eq!((causes.len(), more), (2, 0));
        assert_eq!(
            causes[0].message,
            "key arn:aws:kms:eu-west-1:<account>:key/<id> is not shared"
        );
        assert_eq!((causes[0].accounts, causes[0].resources), (2, 4));
        assert_eq!(causes[0].example, "111122223333");
    }

    #[test]
    fn a_missing_fact_is_one_cause_whichever_rules_need_it() {
        let mut causes = FleetCauses::default();
        for rule in ["a", "b"] {
            causes.add_cause(
                "111122223333",
                &cause(
                    rule,
                    Status::Unknown,
                    "kms:GetKeyPolicy was denied",
                    "arn:x",
                ),
            );
        }
        let (causes, _) = causes.into_largest();
        assert_eq!(causes.len(), 1);
        assert_eq!(causes[0].rules, ["a", "b"]);
    }

    #[test]
    fn the_largest_causes_survive_and_the_others_are_counted() {
        let mut causes = FleetCauses::default();
        for at in 0..MOST_COUNTED * 2 {
            causes.add_cause(
                "111122223333",
                &cause("a", Status::Warn, &format!("reason {at}"), "arn:x"),
            );
            causes.add_cause("111122223333", &cause("b", Status::Fail, "big", "arn:x"));
        }
        let (causes, more) = causes.into_largest();
        assert_eq!(causes.len(), MOST_CAUSES);
        assert_eq!(causes[0].message, "big");
        assert_eq!(causes.len() + more, MOST_COUNTED * 2 + 1);
    }
}
