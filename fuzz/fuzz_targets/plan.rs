//! Reads any bytes as a Terraform plan, evaluates it and writes its report: `cargo +nightly fuzz run plan`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod bodies;

fuzz_target!(|input: &[u8]| {
    let _ = bodies::check_plan(input);
});
