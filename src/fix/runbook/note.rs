//! Notes that several runbooks share.

/// What the new key must be.
pub(super) const KEY: &str = "KEY_ARN is an enabled customer managed key of this account in this region that is shared with the central account; check its policy with `backup-check key-policy`.";

/// Source: <https://docs.aws.amazon.com/cli/latest/reference/ec2/wait/snapshot-completed.html>.
pub(super) const WAITERS: &str = "AWS CLI waiters time out after 10–30 minutes. Rerun only the `wait` command until it succeeds.";
