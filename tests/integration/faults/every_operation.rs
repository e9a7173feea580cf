//! Every operation with each of the faults that cost nothing but an answer.

use crate::collect::User;
use crate::collect::denied::operations::{NEEDED, Needed};
use crate::support::endpoint::{Reply, on};

use super::{
    Scan, assert_none, codes_in_coverage, fault_of, find_turns, print_size, run_all, scan,
};

/// A fault, and the codes with which it is reported. The code of a response that did not come from AWS is
/// `UnreadableAnswer`.
type Fault = (&'static str, Reply, &'static str);

const FAULTS: [Fault; 3] = [
    (
        "500",
        Reply::Error(500, "InternalFailure"),
        "InternalFailure",
    ),
    (
        "HTML with status 200",
        Reply::ProxyPage(200),
        "UnreadableAnswer",
    ),
    (
        "two thirds of the answer",
        Reply::Thirds(2),
        "UnreadableAnswer",
    ),
];

/// The errors without a body of responses to HEAD, which have no code.
const OF_HEAD: [Fault; 2] = [
    ("500", Reply::Error(500, ""), "UnreadableAnswer"),
    ("503", Reply::Error(503, ""), "SlowDown"),
];

fn faults_of(operation: &str) -> &'static [Fault] {
    match operation {
        "s3:HeadBucket" => &OF_HEAD,
        _ => &FAULTS,
    }
}

/// Returns what a fault of an operation changes beyond its denial.
fn compare_with_denial(
    needed: &Needed,
    denied: &Scan,
    fault: &Fault,
    faulty: &Scan,
) -> Vec<String> {
    let mut turns = Vec::new();
    let (was, mut is) = (denied.statuses(), faulty.statuses());
    for (finding, was) in was {
        let is = is.remove(&finding).unwrap_or_else(|| "missing".to_owned());
        if is != was {
            turns.push(format!("{finding:?} is {is}, and {was} if it is denied"));
        }
    }
    turns.extend(
        is.into_iter()
            .map(|(finding, is)| format!("{finding:?} is {is}, and missing if it is denied")),
    );
    let codes = codes_in_coverage(faulty, needed.operation);
    if !codes.iter().eq([fault.2]) {
        turns.push(format!(
            "reported with the codes {codes:?}, not {}",
            fault.2
        ));
    }
    turns
}

#[test]
fn each_operation_with_each_cheap_fault_leaves_unknown_what_its_denial_does() {
    let user = User::new();
    let clean = scan("", Vec::new(), &user, &[]);
    let needed: Vec<&Needed> = NEEDED.iter().filter(|it| !it.is_for_plans).collect();
    let found = run_all(&needed, |needed| {
        let operation = needed.operation;
        let denied = fault_of(operation, on(operation, Reply::Denied));
        let denied = scan(operation, denied, &user, &[]);
        let name = |fault: &str, turn: String| format!("{operation}, {fault}: {turn}");
        let turns = find_turns(&clean, &denied).into_iter();
        let mut found: Vec<String> = turns.map(|turn| name("denied", turn)).collect();
        for fault in faults_of(operation) {
            let exceptions = fault_of(operation, on(operation, fault.1.clone()));
            let faulty = scan(operation, exceptions, &user, &[]);
            let mut turns = find_turns(&clean, &faulty);
            turns.extend(compare_with_denial(needed, &denied, fault, &faulty));
            if faulty.requests > clean.requests + needed.gaps.len() + 8 {
                turns.push(format!("{} requests", faulty.requests));
            }
            found.extend(turns.into_iter().map(|turn| name(fault.0, turn)));
        }
        found
    });
    let faults: usize = needed
        .iter()
        .map(|it| 1 + faults_of(it.operation).len())
        .sum();
    print_size(&format!(
        "{} operations, {faults} faults, {} findings compared for each",
        needed.len(),
        clean.statuses().len()
    ));
    assert_none(&found);
}
