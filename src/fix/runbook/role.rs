//! Policies of the backup role.

use crate::fix::change::Step;
use crate::fix::shell::quote;

/// Returns the steps that attach managed policies to a role.
///
/// Source: <https://docs.aws.amazon.com/cli/latest/reference/iam/attach-role-policy.html>.
pub(in crate::fix) fn attach_policies(role: &str, policies: &[String], contact: &str) -> Vec<Step> {
    let note =
        format!("{contact} owns the role. If code declares it, attach the policies there instead.");
    let attach = policies.iter().map(|policy| {
        let command = format!(
            "aws iam attach-role-policy --role-name {} --policy-arn {}",
            quote(role),
            quote(policy)
        );
        Step::run(command, &["iam:AttachRolePolicy"])
    });
    [Step::note(note)].into_iter().chain(attach).collect()
}
