# https://just.systems: `just` lists the recipes. Everything here also works without just.

# Tests of the core that need a browser or more than a few seconds; `just test-all` runs them.
slow := "--skip browser --skip every_format_says_the_same_twice --skip every_request_fits_the_model " + \
    "--skip long_results_are_fewer --skip a_crowd_of_causes_fits --skip whatever_the_room_it_is_kept " + \
    "--skip a_summary_never_outgrows_what_github_shows --skip no_cut_and_no_slip_panics --skip no_shape_panics " + \
    "--skip no_finding_of_a_mixed_account_turns"

# A rendering that changed fails a test instead of leaving a file to review.
export INSTA_UPDATE := env("INSTA_UPDATE", "no")

_default:
    @just --list

# Check formatting and lints of the core.
check:
    cargo fmt --check
    cargo clippy --locked --no-default-features --all-targets -- -D warnings

# Run the tests of the core: no Python, no network, no browser.
test *ARGS:
    cargo test --locked --no-default-features {{ ARGS }} -- {{ slow }}

# Run every test, then formatting, lints and spelling, as CI does.
test-all:
    .ci/run

# Accept changed snapshots and rewrite the generated parts of the documentation; review the diff.
bless:
    INSTA_UPDATE=always UPDATE_DOCS=1 cargo test --locked --no-default-features -- --skip browser
    git diff --stat

# Create a rule from a template: just new-rule s3-object-lock-enabled
new-rule ID:
    .ci/new-rule . {{ ID }}

# Measure evaluation and writing.
bench:
    cargo bench --locked --no-default-features
