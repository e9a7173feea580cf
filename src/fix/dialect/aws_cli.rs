//! `--as aws-cli`: one bash script that is safe to run unchanged.
//!
//! It stops at once if the credentials belong to another account, and skips what changed since the scan.
//! Runbooks and advice are comments.

use std::collections::BTreeMap;
use std::io::Write;

use crate::fix::change::{Action, Change, Method, Preferences};
use crate::fix::describe::{
    describe_change, describe_manual_steps, describe_source, ebs_key_variable, permissions_in_place,
};
use crate::fix::shell::{quote, sanitize_comment};
use crate::report::{Report, WriteError};

/// Writes the script.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    writeln!(out, "#!/usr/bin/env bash")?;
    write_comment(out, &describe_source(report))?;
    let in_place = changes
        .iter()
        .filter(|it| matches!(it.method, Method::InPlace(_)))
        .count();
    write_comment(
        out,
        &format!(
            "{in_place} in place, made by this script; {} by hand, in comments: they replace data, cause downtime,",
            changes.len() - in_place
        ),
    )?;
    write_comment(out, "enable a key, or need a decision.")?;
    if in_place == 0 {
        write_comment(out, "There is nothing to run.")?;
    } else {
        let permissions: Vec<&str> = permissions_in_place(changes).into_iter().collect();
        write_comment(
            out,
            &format!(
                "Required permissions: sts:GetCallerIdentity, {}",
                permissions.join(", ")
            ),
        )?;
        write_guard(report, changes, out)?;
        write_functions(changes, out)?;
    }
    for (number, change) in (1..).zip(changes) {
        write_change(number, change, out)?;
    }
    if in_place > 0 {
        writeln!(out, "\nif [ \"$skipped\" -ne 0 ]; then")?;
        writeln!(out, "  say \"skipped, see above: $skipped\"\n  exit 1\nfi")?;
    }
    Ok(())
}

fn write_comment(out: &mut dyn Write, text: &str) -> Result<(), WriteError> {
    Ok(writeln!(out, "# {}", sanitize_comment(text))?)
}

/// Returns the actions that the script takes.
fn actions_in_place(changes: &[Change]) -> impl Iterator<Item = &Action> {
    let actions = changes.iter().filter_map(|it| match &it.method {
        Method::InPlace(actions) => Some(actions),
        _ => None,
    });
    actions.flatten()
}

/// Writes the options of the script and the check of the account. Without a region, the AWS CLI asks STS in the
/// region of its configuration, and version 1 stops if that has none.
fn write_guard(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    out.write_all(include_bytes!("aws_cli/head.sh"))?;
    let mut regions = actions_in_place(changes).map(Action::region);
    let region = regions
        .find(|it| !it.is_empty())
        .map(|it| format!(" --region {}", quote(it)))
        .unwrap_or_default();
    writeln!(
        out,
        "\naccount=$(aws sts get-caller-identity{region} --query Account --output text)"
    )?;
    match &report.account_id {
        Some(account) => writeln!(out, "require_account {}", quote(account))?,
        None => writeln!(
            out,
            "require_account \"${{ACCOUNT_ID:?set it to the id of the scanned account}}\""
        )?,
    }
    Ok(())
}

/// Writes the functions that the changes use.
fn write_functions(changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let mut functions: BTreeMap<&str, &str> = BTreeMap::new();
    for action in actions_in_place(changes) {
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

fn write_change(number: usize, change: &Change, out: &mut dyn Write) -> Result<(), WriteError> {
    writeln!(out)?;
    let mut lines = describe_change(number, change);
    lines.extend(describe_manual_steps(&change.method));
    for line in lines {
        write_comment(out, &line)?;
    }
    if let Method::InPlace(actions) = &change.method {
        writeln!(out, "say {}", quote(&sanitize_comment(&change.title)))?;
        for action in actions {
            write_command(action, out)?;
        }
    }
    Ok(())
}

fn write_command(action: &Action, out: &mut dyn Write) -> Result<(), WriteError> {
    let region = quote(action.region());
    let command = match action {
        Action::PutKeyPolicy {
            key_arn,
            before,
            after,
            ..
        } => {
            // No line of JSON is a bare word, so no line of a policy ends the here-document.
            writeln!(out, "IFS= read -r -d '' before <<'BEFORE' || true")?;
            writeln!(out, "{}\nBEFORE", before.trim_end())?;
            writeln!(out, "IFS= read -r -d '' after <<'AFTER' || true")?;
            writeln!(out, "{}\nAFTER", after.trim_end())?;
            format!(
                "put_key_policy {region} {} \"$before\" \"$after\"",
                quote(key_arn)
            )
        }
        Action::BackupSettings {
            opt_in, management, ..
        } => return write_backup_settings(&region, opt_in, management, out),
        Action::EnableVersioning { bucket, .. } => format!(
            "try aws s3api put-bucket-versioning --region {region} --bucket {} --expected-bucket-owner \"$account\" --versioning-configuration Status=Enabled",
            quote(bucket)
        ),
        Action::ExpireOldVersions { bucket, days, .. } => {
            format!("expire_old_versions {region} {} {days}", quote(bucket))
        }
        Action::Tag {
            arns, key, value, ..
        } => {
            let tags = serde_json::json!({ key: value }).to_string();
            format!("tag {region} {} {}", quote(&tags), quote_all(arns))
        }
        Action::Untag { arns, key, .. } => {
            format!("untag {region} {} {}", quote(key), quote_all(arns))
        }
        Action::EbsDefaults { .. } => {
            let name = ebs_key_variable(action.region());
            format!("ebs_defaults {region} \"${{{name}:-}}\" {name}")
        }
        Action::CreateS3Endpoint {
            vpc_id,
            route_tables,
            ..
        } => {
            let tables = quote_all(route_tables);
            format!("create_s3_endpoint {region} {} {tables}", quote(vpc_id))
        }
        Action::AddRouteTables {
            endpoint_id,
            route_tables,
            ..
        } => {
            let tables = quote_all(route_tables);
            format!("add_route_tables {region} {} {tables}", quote(endpoint_id))
        }
        Action::ResetEndpointPolicy { endpoint_id, .. } => {
            format!("open_endpoint {region} {}", quote(endpoint_id))
        }
    };
    Ok(writeln!(out, "{command}")?)
}

fn write_backup_settings(
    region: &str,
    opt_in: &Preferences,
    management: &Preferences,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
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
            let after = serde_json::json!(preferences.merged()).to_string();
            writeln!(
                out,
                "backup_settings {region} {flag} {name} \\\n  {} \\\n  {}",
                quote(&before),
                quote(&after)
            )?;
        }
    }
    Ok(())
}

fn quote_all(texts: &[String]) -> String {
    let words: Vec<String> = texts.iter().map(|text| quote(text)).collect();
    words.join(" ")
}
