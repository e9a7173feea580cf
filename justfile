# https://just.systems: `just` lists the recipes. Everything here also works without just.

# Tests of the core that need a browser, Python or more than a few seconds; `just test-all` runs them.
slow := "--skip browser --skip budget:: --skip a_converted_report_is --skip every_format_names_the_causes --skip an_unknown_value_never --skip no_report_has_a_verdict --skip formats:: --skip gaps:: --skip install:: --skip docs:: --skip fuzz:: --skip hostile:: --skip needs:: --skip resume:: --skip no_cut_and_no_slip --skip no_shape_panics"

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

# Measure policies, reading, evaluation and each format; then live scans, end to end.
bench:
    cargo bench --locked --no-default-features
    cargo bench --locked --bench end_to_end
