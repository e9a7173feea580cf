//! Every operation with every fault that needs no network: what turns, how many calls it costs, and how long it waits.

use std::time::Duration;

use crate::collect::denied::operations::{NEEDED, Needed};
use crate::support::endpoint::{Exception, Reply, on};

use super::in_process::{Measured, scan_in_process};
use super::{Scan, assert_none, codes_in_coverage, fault_of, find_turns, print_size, run_all};

/// What a fault does to the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It leaves unknown what a denial does, and is reported with this code.
    Gap(&'static str),
    /// Nothing: the calls are sent again.
    None,
    /// Either.
    Perhaps,
}

/// A fault of an operation.
struct Fault {
    name: &'static str,
    make: fn(&'static str) -> Exception,
    effect: Effect,
    /// The most that a scan waits for it.
    wait: Duration,
}

/// What one dead operation may cost.
const DEAD: Duration = Duration::from_secs(5);
/// Throttling is waited out: all attempts of a call, one after the other in each of its lists.
const THROTTLED: Duration = Duration::from_secs(400);
/// The code of a response that did not come from AWS, or not entirely.
const UNREADABLE: &str = "UnreadableAnswer";

const fn gap(name: &'static str, code: &'static str, make: fn(&'static str) -> Exception) -> Fault {
    Fault {
        name,
        make,
        effect: Effect::Gap(code),
        wait: DEAD,
    }
}

const FAULTS: [Fault; 15] = [
    gap("500", "InternalFailure", |it| {
        on(it, Reply::Error(500, "InternalFailure"))
    }),
    gap("503", "ServiceUnavailable", |it| {
        on(it, Reply::Error(503, "ServiceUnavailable"))
    }),
    gap("closed without an answer", "ConnectionError", |it| {
        on(it, Reply::Dead)
    }),
    gap("no answer", "Timeout", |it| on(it, Reply::Never)),
    gap("HTML with status 200", UNREADABLE, |it| {
        on(it, Reply::ProxyPage(200))
    }),
    gap("HTML with status 502", UNREADABLE, |it| {
        on(it, Reply::ProxyPage(502))
    }),
    gap("an empty 200", UNREADABLE, |it| {
        on(it, Reply::Bare(200, &[]))
    }),
    gap("a third of the answer", UNREADABLE, |it| {
        on(it, Reply::Thirds(1))
    }),
    gap("two thirds of the answer", UNREADABLE, |it| {
        on(it, Reply::Thirds(2))
    }),
    gap("a clock that is wrong", "RequestTimeTooSkewed", |it| {
        on(it, Reply::Error(403, "RequestTimeTooSkewed"))
    }),
    gap("credentials that expired", "ExpiredToken", |it| {
        on(it, Reply::Error(403, "ExpiredToken"))
    }),
    gap("an unknown operation", "UnknownOperationException", |it| {
        on(it, Reply::Error(404, "UnknownOperationException"))
    }),
    Fault {
        name: "throttled always",
        make: |it| on(it, Reply::Throttled),
        effect: Effect::Perhaps,
        wait: THROTTLED,
    },
    Fault {
        name: "the first ten calls are throttled",
        make: |it| on(it, Reply::Throttled).times(10),
        effect: Effect::Perhaps,
        wait: THROTTLED,
    },
    Fault {
        name: "one of three calls is throttled",
        make: |it| on(it, Reply::Throttled).every(3),
        effect: Effect::None,
        wait: THROTTLED,
    },
];

/// Whether a response without a body can have a fault: its errors have no code.
fn applies(fault: &Fault, operation: &str) -> bool {
    operation != "s3:HeadBucket" || ["no answer", "closed without an answer"].contains(&fault.name)
}

/// Returns the findings in which two scans differ.
fn find_differences(was: &Scan, is: &Scan, name: &str) -> Vec<String> {
    let (was, mut is) = (was.statuses(), is.statuses());
    let mut found = Vec::new();
    for (finding, was) in was {
        let is = is.remove(&finding).unwrap_or_else(|| "missing".to_owned());
        if is != was {
            found.push(format!("{finding:?} is {is}, and {was} {name}"));
        }
    }
    let more = is.into_iter();
    found.extend(more.map(|(finding, is)| format!("{finding:?} is {is}, and missing {name}")));
    found
}

fn check_fault(needed: &Needed, fault: &Fault, clean: &Measured, denied: &Scan) -> Vec<String> {
    let operation = needed.operation;
    let exceptions = fault_of(operation, (fault.make)(operation));
    let Measured {
        scan: faulty,
        waited,
        unexpected,
        ..
    } = scan_in_process(operation, exceptions);
    let mut found = match fault.effect {
        Effect::None => find_differences(&clean.scan, &faulty, "without the fault"),
        _ => find_turns(&clean.scan, &faulty),
    };
    found.extend(unexpected);
    match fault.effect {
        Effect::Gap(code) => {
            found.extend(find_differences(denied, &faulty, "if it is denied"));
            let codes = codes_in_coverage(&faulty, operation);
            if !codes.iter().eq([code]) {
                found.push(format!("reported with the codes {codes:?}, not {code}"));
            }
        }
        // Throttling may end before the scan gives up.
        Effect::Perhaps => found.retain(|it| {
            let is_complete = faulty.report["scan"]["complete"] == true;
            !(is_complete && (it == "the scan is complete" || it.starts_with("exit code")))
        }),
        Effect::None => {}
    }
    if waited > clean.waited + fault.wait {
        found.push(format!("waits {waited:?}"));
    }
    let attempts = 8 * denied
        .faulty_requests
        .max(clean.scan.faulty_requests)
        .max(1);
    if faulty.requests > clean.scan.requests + attempts + 16 {
        found.push(format!("{} requests", faulty.requests));
    }
    found
}

#[test]
fn each_operation_with_each_fault_leaves_unknown_what_its_denial_does() {
    let clean = scan_in_process("", Vec::new());
    assert_eq!(clean.unexpected, [""; 0]);
    let needed: Vec<&Needed> = NEEDED.iter().filter(|it| !it.is_for_plans).collect();
    let found = run_all(&needed, |needed| {
        let operation = needed.operation;
        let exceptions = fault_of(operation, on(operation, Reply::Denied));
        let denied = scan_in_process(operation, exceptions).scan;
        let name = |fault: &str, turn: String| format!("{operation}, {fault}: {turn}");
        let turns = find_turns(&clean.scan, &denied).into_iter();
        let mut found: Vec<String> = turns.map(|turn| name("denied", turn)).collect();
        for fault in FAULTS.iter().filter(|it| applies(it, operation)) {
            let turns = check_fault(needed, fault, &clean, &denied);
            found.extend(turns.into_iter().map(|turn| name(fault.name, turn)));
        }
        found
    });
    print_size(&format!(
        "{} operations, {} faults, {} findings compared for each; a clean scan waits {:?}",
        needed.len(),
        1 + FAULTS.len(),
        clean.scan.statuses().len(),
        clean.waited
    ));
    assert_none(&found);
}
