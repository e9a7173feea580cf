//! Reads any text as a CloudFormation template, evaluates it and writes its report: `cargo +nightly fuzz run template`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod bodies;

fuzz_target!(|input: &str| {
    let _ = bodies::check_template(input);
});
