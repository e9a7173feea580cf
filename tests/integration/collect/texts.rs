//! An empty text counts as one that AWS left out: some implementations of its APIs write it for no value.

use crate::support::command::Run;
use crate::support::endpoint::{Blank, Endpoint, Reply, on};

use super::{REGION, User, changes, json_of, not_scanned};

#[test]
fn an_empty_text_is_a_text_that_was_left_out() {
    let user = User::new();
    let collect = |at: usize, blank: Blank| -> (Run, Endpoint) {
        let endpoint = Endpoint::start([on("*", Reply::Text(at, blank))]);
        let url = endpoint.url();
        let args = [
            "collect",
            "-o",
            "-",
            "--endpoint-url",
            &url,
            "--region",
            REGION,
        ];
        (user.run(&args), endpoint)
    };
    let mut tested = 0;
    for at in 0.. {
        let (empty, endpoint) = collect(at, Blank::Empty);
        let changed = endpoint.changed_texts();
        if changed.is_empty() {
            break;
        }
        tested += changed.len();
        let keys = endpoint.requests_for("kms:DescribeKey");
        let is_nameless = |key: &str| key.is_empty() || key.ends_with('/');
        let mut names = keys.iter().map(|it| it.parameters["KeyId"].as_str());
        assert!(!names.any(is_nameless), "{changed:?}");
        let (absent, _endpoint) = collect(at, Blank::Absent);
        let (empty, absent) = (json_of(&empty), json_of(&absent));
        let mut differences = changes(&absent, &empty);
        // The value of a tag may be empty. One that is left out is a gap.
        differences.retain(|it| !it.contains("/tags/"));
        assert_eq!(differences, [""; 0], "{changed:?}");
        assert_eq!(not_scanned(&absent), not_scanned(&empty), "{changed:?}");
    }
    assert!(tested > 200, "{tested}");
}
