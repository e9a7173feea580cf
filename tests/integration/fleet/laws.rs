//! Laws of lists, shards and resuming, for any input.

use std::collections::BTreeMap;

use backup_check::fleet::run::{Decision, decide_account};
use backup_check::model::fleet::{Account, AccountSelection, Outcome, Roster, Shard};
use backup_check::report::fleet::result::{RESULT_SCHEMA, ResultHead, tool_version};
use proptest::prelude::*;

proptest! {
    #[test]
    fn every_account_is_in_exactly_one_shard(
        ids in proptest::collection::vec("[0-9]{12}", 1..50),
        count in 1u32..200,
    ) {
        for id in &ids {
            let shards = (1..=count).filter(|index| Shard::new(*index, count).unwrap().includes(id));
            prop_assert_eq!(shards.count(), 1);
        }
    }

    #[test]
    fn a_selection_keeps_exactly_the_accounts_of_the_unit_and_its_children(
        places in proptest::collection::vec((0usize..3, 0usize..3), 1..30),
        unit in 0usize..3,
    ) {
        let mut roster = Roster::default();
        for (at, (parent, child)) in places.iter().enumerate() {
            roster.add_account(Account {
                ou: Some(format!("r-ab12/ou-ab12-{parent}/ou-ab12-{parent}{child}").parse().unwrap()),
                ..Account::with_id(&format!("{at:012}"))
            }).unwrap();
        }
        let expected: Vec<String> = places.iter().enumerate()
            .filter(|(_, (parent, _))| *parent == unit)
            .map(|(at, _)| format!("{at:012}"))
            .collect();
        let selection = AccountSelection {
            ou: vec![format!("ou-ab12-{unit}")],
            ..AccountSelection::default()
        };
        let selected = roster.select_accounts(&selection);
        prop_assert_eq!(selected.is_err(), expected.is_empty());
        if selected.is_ok() {
            let kept: Vec<String> = roster.to_scan(None).map(|it| it.id.clone()).collect();
            prop_assert_eq!(kept, expected);
            // The others stay in the list, each with the reason.
            prop_assert_eq!(roster.iter().count(), places.len());
        }
    }
}

#[test]
fn shards_are_about_equal() {
    let count = 10;
    let mut sizes = vec![0; count as usize];
    for account in 0..10_000 {
        let id = format!("{:012}", account * 7919);
        let shard = (1..=count).find(|index| Shard::new(*index, count).unwrap().includes(&id));
        sizes[shard.unwrap() as usize - 1] += 1;
    }
    assert!(
        sizes.iter().all(|size| (800..1200).contains(size)),
        "{sizes:?}"
    );
}

#[test]
fn only_what_was_read_completely_is_kept() {
    let head = |outcome| ResultHead {
        schema: RESULT_SCHEMA.to_owned(),
        run: "one".to_owned(),
        version: tool_version(),
        options: BTreeMap::new(),
        account: Account::with_id("111122223333"),
        outcome,
        reason: None,
    };
    let none = BTreeMap::new();
    for (outcome, expected) in [
        (Outcome::Scanned, Decision::Keep),
        (Outcome::Partial, Decision::Scan),
        (Outcome::NotEntered, Decision::Scan),
        (Outcome::TimedOut, Decision::Scan),
        (Outcome::Interrupted, Decision::Scan),
    ] {
        assert_eq!(
            decide_account(Some(Ok(&head(outcome))), "one", &none),
            expected
        );
    }
    assert_eq!(decide_account(None, "one", &none), Decision::Scan);
    assert_eq!(
        decide_account(Some(Err("damaged")), "one", &none),
        Decision::Scan
    );
    let scanned = head(Outcome::Scanned);
    let other = BTreeMap::from([("--region".to_owned(), "eu-west-1".to_owned())]);
    for (run, options, word) in [
        ("two", &none, "run one"),
        ("one", &other, "--region was not set"),
    ] {
        match decide_account(Some(Ok(&scanned)), run, options) {
            Decision::Conflict(reason) => assert!(reason.contains(word), "{reason}"),
            decision => panic!("{decision:?}"),
        }
    }
}
