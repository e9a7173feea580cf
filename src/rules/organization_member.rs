use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::fact::Fact;
use crate::model::snapshot::Snapshot;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The account is a member of the organization of the central account.
    ///
    /// If an organization id is configured (`org_id` or `--org-id`), the account must be in that
    /// organization. Otherwise any organization passes, because a member account cannot read which one the
    /// central account is in.
    ///
    /// ## Why it matters
    ///
    /// AWS Backup copies backups only between accounts of one organization. Organization backup policies do
    /// not apply to an account outside of it either.
    ///
    /// ## Fix
    ///
    /// Ask the platform team to invite the account. An administrator of the account accepts the invitation:
    ///
    /// ```sh
    /// aws organizations invite-account-to-organization --target Id=ACCOUNT,Type=ACCOUNT
    /// aws organizations list-handshakes-for-account
    /// aws organizations accept-handshake --handshake-id HANDSHAKE
    /// ```
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>
    /// - <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html>
    /// - <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_invites.html>
    RULE = Rule {
        id: "organization-member",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The account is in the organization of the central account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Account(check_account),
        reads: &[Fact::Organization],
    }
}

fn check_account(cx: &RuleContext<'_>, snapshot: &Snapshot) -> CheckResult {
    let central = &cx.settings.central_account;
    let account = snapshot.account_id.as_deref();
    if account == Some(central.as_str()) {
        return Ok(Outcome::skip("the central account itself"));
    }
    let invite = format!(
        "Ask {} to run `aws organizations invite-account-to-organization --target Id={},Type=ACCOUNT`, then accept the invitation in this account.",
        cx.settings.contact,
        account.unwrap_or("ACCOUNT")
    );
    let Some(organization) = snapshot.organization_id.get()? else {
        return Ok(Outcome::breach(format!(
            "in no organization: AWS Backup copies only to accounts of the same organization, so nothing is copied to {central}"
        ))
        .fix(invite));
    };
    match cx.settings.org_id.as_ref() {
        Some(expected) if expected != organization => Ok(Outcome::breach(format!(
            "in organization {organization}, but the central account {central} is in {expected}: AWS Backup copies only to accounts of the same organization"
        ))
        .fix(format!(
            "Correct the configured organization id, or move the account. {invite}"
        ))
        .with("organization_id", organization.as_str())
        .with("expected_organization_id", expected.as_str())),
        _ => Ok(Outcome::pass(format!("in organization {organization}"))
            .with("organization_id", organization.as_str())),
    }
}
