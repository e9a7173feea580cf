//! Reads any text as a config file: `cargo +nightly fuzz run config`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod bodies;

fuzz_target!(|input: &str| {
    let _ = bodies::check_config(input);
});
