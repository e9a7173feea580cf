//! Reads any text as an effective backup policy: `cargo +nightly fuzz run effective_policy`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod bodies;

fuzz_target!(|input: &str| {
    let _ = bodies::check_effective_policy(input);
});
