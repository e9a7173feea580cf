//! The end of `--timeout` for what does not stop by itself: evaluation and writing.
//!
//! Reading an account stops at the time limit, and what was not read is unknown. What then has to be evaluated and
//! written is bounded too, so that an account of any size ends in time.

use std::thread;
use std::time::Duration;

use crate::exit::Exit;

use super::{files, output};

/// The duration of reading an account without --timeout.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// The least time for evaluating and writing what was read of an account.
const LEAST_TIME: Duration = Duration::from_secs(10);

/// Ends the program unless an account is read, evaluated and written in time: in twice the duration of --timeout, and
/// not less than 10 seconds after reading ends.
pub(super) fn start_for_account(timeout: Option<Duration>) {
    let timeout = timeout.unwrap_or(TIMEOUT);
    start(timeout, timeout.saturating_add(timeout.max(LEAST_TIME)));
}

/// Ends the program unless a file is read, evaluated and written in the duration of --timeout, if that is given.
pub(super) fn start_for_file(timeout: Option<Duration>) {
    if let Some(timeout) = timeout {
        start(timeout, timeout);
    }
}

fn start(timeout: Duration, end: Duration) {
    thread::spawn(move || {
        thread::sleep(end);
        let timeout = humantime::format_duration(timeout);
        output::print_stderr(&format!(
            "error: --timeout {timeout} expired before the report was complete; narrow the scan with --service or --region, or extend the time"
        ));
        files::remove_unfinished();
        std::process::exit(i32::from(Exit::Unknown.code()));
    });
}
