//! `--as aws-cli`: one script for bash that is safe to run whole.
//!
//! It stops before anything where the credentials are another account's, and leaves out what has changed
//! since it was read. What replaces data, costs downtime, revives a key or wants a decision stands in
//! comments.

use std::collections::BTreeMap;
use std::io::Write;

use crate::fix::shell::{quote, remark};
use crate::fix::text;
use crate::fix::{Action, Change, Remedy, Step};
use crate::report::{Report, WriteError};

/// Writes the script.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let in_place = changes
        .iter()
        .filter(|it| matches!(it.remedy, Remedy::InPlace(_)))
        .count();
    let others = changes.len() - in_place;
    writeln!(out, "#!/usr/bin/env bash")?;
    writeln!(
        out,
        "# Changes to {}, from what was read at {}.",
        remark(&text::account(report)),
        remark(&report.finished_at)
    )?;
    writeln!(
        out,
        "# {in_place} in place, which the script makes; {others} by hand, in comments: they replace data, cost downtime,"
    )?;
    writeln!(out, "# revive a key, or want a decision.")?;
    if in_place == 0 {
        writeln!(out, "# There is nothing to run.")?;
    } else {
        let permissions: Vec<&str> = text::permissions(changes).into_iter().collect();
        comment(
            out,
            &format!(
                "It needs sts:GetCallerIdentity, {}.",
                permissions.join(", ")
            ),
        )?;
        head(report, changes, out)?;
    }
    for (number, change) in (1..).zip(changes) {
        writeln!(out)?;
        comment(out, &format!("{number}. {}", change.title))?;
        for line in text::about(change) {
            comment(out, &line)?;
        }
        comment(out, &format!("Findings: {}", text::ids(change).join(" ")))?;
        match &change.remedy {
            Remedy::InPlace(actions) => {
                writeln!(out, "say {}", quote(&remark(&change.title)))?;
                for action in actions {
                    command(action, out)?;
                }
            }
            Remedy::Runbook(steps) => {
                for (number, step) in (1..).zip(steps) {
                    match step {
                        Step::Say(words) => comment(out, &format!("  ({number}) {words}"))?,
                        Step::Run { command, .. } => {
                            comment(out, &format!("  ({number}) $ {command}"))?;
                        }
                    }
                }
            }
            Remedy::Advice(words) => {
                for words in words {
                    comment(out, &format!("  {words}"))?;
                }
            }
        }
    }
    if in_place > 0 {
        writeln!(out, "\nif [ \"$left\" -ne 0 ]; then")?;
        writeln!(out, "  say \"left out, see above: $left\"\n  exit 1\nfi")?;
    }
    Ok(())
}

fn comment(out: &mut dyn Write, text: &str) -> Result<(), WriteError> {
    Ok(writeln!(out, "# {}", remark(text))?)
}

/// The guards, and the functions that the changes of this script use.
fn head(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    out.write_all(include_bytes!("aws_cli/head.sh"))?;
    match &report.account_id {
        Some(account) => writeln!(out, "\nof_account {}", quote(account))?,
        None => writeln!(
            out,
            "\nof_account \"${{ACCOUNT_ID:?set it to the account that was read}}\""
        )?,
    }
    let actions = changes.iter().filter_map(|it| match &it.remedy {
        Remedy::InPlace(actions) => Some(actions),
        _ => None,
    });
    let mut functions: BTreeMap<&str, &str> = BTreeMap::new();
    for action in actions.flatten() {
        let (name, body) = match action {
            Action::PutKeyPolicy { .. } => ("policy", include_str!("aws_cli/key_policy.sh")),
            Action::ExpireOldVersions { .. } => ("expire", include_str!("aws_cli/expire.sh")),
            Action::Tag { .. } | Action::Untag { .. } => ("tag", include_str!("aws_cli/tag.sh")),
            Action::EbsDefaults { .. } => ("ebs", include_str!("aws_cli/ebs_defaults.sh")),
            Action::CreateS3Endpoint { .. }
            | Action::AddRouteTables { .. }
            | Action::ResetEndpointPolicy { .. } => {
                ("endpoint", include_str!("aws_cli/endpoint.sh"))
            }
            Action::BackupSettings { .. } => ("settings", include_str!("aws_cli/settings.sh")),
            Action::EnableVersioning { .. } => continue,
        };
        functions.insert(name, body);
    }
    for body in functions.values() {
        write!(out, "\n{body}")?;
    }
    Ok(())
}

fn command(action: &Action, out: &mut dyn Write) -> Result<(), WriteError> {
    let region = quote(action.region());
    match action {
        Action::PutKeyPolicy {
            key_arn,
            before,
            after,
            ..
        } => {
            // JSON has no line that is a bare word, so nothing in it ends the text.
            writeln!(out, "IFS= read -r -d '' before <<'BEFORE' || true")?;
            writeln!(out, "{}\nBEFORE", before.trim_end())?;
            writeln!(out, "IFS= read -r -d '' after <<'AFTER' || true")?;
            writeln!(out, "{}\nAFTER", after.trim_end())?;
            writeln!(
                out,
                "put_key_policy {region} {} \"$before\" \"$after\"",
                quote(key_arn)
            )?;
        }
        Action::BackupSettings {
            opt_in, management, ..
        } => {
            for (flag, name, preferences) in [
                (
                    "--resource-type-opt-in-preference",
                    "ResourceTypeOptInPreference",
                    opt_in,
                ),
                (
                    "--resource-type-management-preference",
                    "ResourceTypeManagementPreference",
                    management,
                ),
            ] {
                if !preferences.is_empty() {
                    let before = serde_json::json!(preferences.before).to_string();
                    let after = serde_json::json!(preferences.whole()).to_string();
                    writeln!(
                        out,
                        "backup_settings {region} {flag} {name} \\\n  {} \\\n  {}",
                        quote(&before),
                        quote(&after)
                    )?;
                }
            }
        }
        Action::EnableVersioning { bucket, .. } => writeln!(
            out,
            "try aws s3api put-bucket-versioning --region {region} --bucket {} --expected-bucket-owner \"$account\" --versioning-configuration Status=Enabled",
            quote(bucket)
        )?,
        Action::ExpireOldVersions { bucket, days, .. } => {
            writeln!(out, "expire_old_versions {region} {} {days}", quote(bucket))?;
        }
        Action::Tag {
            arns, key, value, ..
        } => {
            let tags = serde_json::json!({ key: value }).to_string();
            writeln!(out, "tag {region} {} {}", quote(&tags), words(arns))?;
        }
        Action::Untag { arns, key, .. } => {
            writeln!(out, "untag {region} {} {}", quote(key), words(arns))?;
        }
        Action::EbsDefaults { .. } => {
            let name = variable(action.region());
            writeln!(out, "ebs_defaults {region} \"${{{name}:-}}\" {name}")?;
        }
        Action::CreateS3Endpoint {
            vpc_id,
            route_tables,
            ..
        } => writeln!(
            out,
            "create_s3_endpoint {region} {} {}",
            quote(vpc_id),
            words(route_tables)
        )?,
        Action::AddRouteTables {
            endpoint_id,
            route_tables,
            ..
        } => writeln!(
            out,
            "add_route_tables {region} {} {}",
            quote(endpoint_id),
            words(route_tables)
        )?,
        Action::ResetEndpointPolicy { endpoint_id, .. } => {
            writeln!(out, "open_endpoint {region} {}", quote(endpoint_id))?
        }
    }
    Ok(())
}

fn words(texts: &[String]) -> String {
    let words: Vec<String> = texts.iter().map(|text| quote(text)).collect();
    words.join(" ")
}

/// The variable that names the key of a region: `EBS_KEY_ARN_EU_CENTRAL_1`.
pub(super) fn variable(region: &str) -> String {
    let fit = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    };
    let region: String = region.chars().map(fit).collect();
    format!("EBS_KEY_ARN_{region}")
}
