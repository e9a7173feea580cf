//! What holds for every estimate: the order of its figures, and that more data, points or unknowns never make
//! it cheaper or more certain.

use backup_check::cost::billing::Payer;
use backup_check::cost::estimate::Estimate;
use backup_check::model::Snapshot;
use backup_check::settings::Settings;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{REGION, account, at_most, daily, estimate, measured, tagged, volume};

/// What an account of a property has: sizes in GiB, days, and a rate.
#[derive(Debug, Clone)]
struct Case {
    gib: u64,
    local: u32,
    central: u32,
    window: i64,
    rate: f64,
}

impl Case {
    /// Returns an account with a resource of each way of billing.
    fn account(&self) -> Snapshot {
        let cluster = json!({
            "engine": "aurora-mysql", "size": measured(self.gib),
            "backup_retention_days": {"known": self.window},
        });
        let lists = json!({
            "volumes": [volume("vol-1", self.gib)],
            "db_instances": [
                tagged("rds", "db:a", json!({"size": at_most(self.gib), "engine": {"known": "mysql"}})),
                tagged("rds", "db:b", json!({"size": at_most(7), "engine": {"known": "mysql"}})),
            ],
            "db_clusters": [tagged("rds", "cluster:c", cluster)],
            "tables": [tagged("dynamodb", "table/t", json!({"size": measured(self.gib)}))],
        });
        account(
            lists,
            vec![daily(Some(self.local), Some(self.central), REGION)],
        )
    }

    fn estimate(&self) -> Estimate {
        estimate(&self.account(), Some(self.rate))
    }
}

fn case() -> impl Strategy<Value = Case> {
    let days = || 1_u32..400;
    (1_u64..100_000, days(), days(), 1_i64..36, 0.0..=1.0_f64).prop_map(
        |(gib, local, central, window, rate)| Case {
            gib,
            local,
            central,
            window,
            rate,
        },
    )
}

/// Asserts that no figure of an estimate is lower than in another one, but for rounding.
fn assert_not_lower(more: &Estimate, less: &Estimate) {
    for payer in Payer::ALL {
        for (more, less) in more.lines.iter().zip(&less.lines) {
            assert_eq!((more.kind, &more.region), (less.kind, &less.region));
            let (kind, more, less) = (more.kind, more.side(payer), less.side(payer));
            let (more, less) = (more.storage.usd, less.storage.usd);
            for (more, less) in [
                (more.one, less.one),
                (more.planning, less.planning),
                (more.ceiling, less.ceiling),
            ] {
                assert!(more >= less - 1e-6, "{kind:?} {payer:?}: {more} < {less}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_full_copy_is_at_most_the_planning_figure_and_that_at_most_the_ceiling(case in case()) {
        let estimate = case.estimate();
        for payer in Payer::ALL {
            let total = estimate.total(payer).storage.usd;
            for line in &estimate.lines {
                let usd = line.side(payer).storage.usd;
                prop_assert!(usd.one <= usd.planning + 1e-9, "{line:?}");
                prop_assert!(usd.planning <= usd.ceiling + 1e-9, "{line:?}");
            }
            prop_assert!(total.one <= total.planning + 1e-9 && total.planning <= total.ceiling + 1e-9);
        }
        prop_assert!(!estimate.missing().is_something());
    }

    #[test]
    fn more_data_points_or_change_never_cost_less(case in case(), more in 1_u32..50) {
        let less = case.estimate();
        let larger = Case { gib: case.gib + u64::from(more), ..case.clone() };
        assert_not_lower(&larger.estimate(), &less);
        let longer = Case { central: case.central + more, local: case.local + more, ..case.clone() };
        assert_not_lower(&longer.estimate(), &less);
        let faster = Case { rate: (case.rate + 0.1).min(1.0), ..case };
        assert_not_lower(&faster.estimate(), &less);
    }
}

/// Every place of the snapshot that holds a size.
fn count_sizes(value: &mut Value, forget: Option<usize>, seen: &mut usize) {
    match value {
        Value::Object(map) => {
            if map.contains_key("size") {
                if forget == Some(*seen) {
                    map.remove("size");
                }
                *seen += 1;
            }
            for value in map.values_mut() {
                count_sizes(value, forget, seen);
            }
        }
        Value::Array(list) => {
            for value in list {
                count_sizes(value, forget, seen);
            }
        }
        _ => {}
    }
}

// An older snapshot has no sizes: the total must say that it is too low, whichever size is missing.
#[test]
fn a_size_that_is_missing_never_becomes_zero_in_silence() {
    let case = Case {
        gib: 50,
        local: 7,
        central: 30,
        window: 1,
        rate: 0.0,
    };
    let snapshot = serde_json::to_value(case.account()).unwrap();
    let mut sizes = 0;
    count_sizes(&mut snapshot.clone(), None, &mut sizes);
    assert_eq!(sizes, 5);
    for forget in 0..sizes {
        let mut older = snapshot.clone();
        count_sizes(&mut older, Some(forget), &mut 0);
        let older: Snapshot = serde_json::from_value(older).unwrap();
        let estimate = estimate(&older, None);
        assert_eq!(estimate.missing().unknown_sizes, 1, "{forget}");
    }
}

#[test]
fn an_estimate_changes_no_verdict() {
    use backup_check::evaluate::{Options, evaluate};
    use backup_check::report::json;
    use backup_check::rules::ALL;

    let with = Case {
        gib: 50,
        local: 7,
        central: 30,
        window: 1,
        rate: 0.0,
    };
    let snapshot = with.account();
    let mut without = serde_json::to_value(&snapshot).unwrap();
    for forget in (0..5).rev() {
        count_sizes(&mut without, Some(forget), &mut 0);
    }
    let without: Snapshot = serde_json::from_value(without).unwrap();
    let write = |snapshot: &Snapshot, has_cost: bool| {
        let options = Options::default();
        let mut report = evaluate(snapshot, &Settings::default(), &options, &ALL);
        if has_cost {
            report.cost = Some(estimate(snapshot, None));
        }
        let mut out = Vec::new();
        json::write_report(&report, false, backup_check::exit::FailOn::Fail, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(write(&snapshot, true), write(&without, false));
}
