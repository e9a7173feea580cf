//! Parses, evaluates and merges any text: `cargo +nightly fuzz run key_policy -- -dict=fuzz/key_policy.dict`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod bodies;

fuzz_target!(|input: &str| {
    let _ = bodies::check_key_policy(input);
});
