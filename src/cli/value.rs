//! Parsers of argument values. The error names the expected form.

use std::time::Duration;

use crate::model::arn::{Arn, is_account_id};
use crate::model::selection::Target;
use crate::settings::{is_org_id, is_region_name};

use super::region_names::check_region;

fn accept_if(text: &str, valid: bool, expected: &str) -> Result<String, String> {
    if valid {
        Ok(text.to_owned())
    } else {
        Err(expected.to_owned())
    }
}

pub(super) fn parse_account_id(text: &str) -> Result<String, String> {
    accept_if(
        text,
        is_account_id(text),
        "expected a 12-digit AWS account ID",
    )
}

pub(super) fn parse_org_id(text: &str) -> Result<String, String> {
    accept_if(
        text,
        is_org_id(text),
        "expected an organization ID such as o-a1b2c3d4e5",
    )
}

pub(super) fn parse_region(text: &str) -> Result<String, String> {
    check_region(text)?;
    Ok(text.to_owned())
}

pub(super) fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or_default();
    let name = accept_if(
        name,
        !name.is_empty() && name.chars().all(char::is_alphanumeric),
        "expected NAME=VALUE, such as Stage=prod",
    )?;
    Ok((name, value.to_owned()))
}

pub(super) fn parse_role_arn(text: &str) -> Result<String, String> {
    let is_role = Arn::parse(text).is_some_and(|arn| {
        arn.service == "iam" && is_account_id(arn.account) && arn.resource.starts_with("role/")
    });
    accept_if(
        text,
        is_role,
        "expected a role ARN such as arn:aws:iam::111122223333:role/Auditor",
    )
}

/// Checks the name of a role that every account has, with its path if it has one.
pub(super) fn parse_role_name(text: &str) -> Result<String, String> {
    if text.starts_with("arn:") {
        return Err("expected the name of a role that every account has, not an ARN; the ARN of one account is \"role_arn\" in its line of --accounts".to_owned());
    }
    let mut runs = text.split(|c: char| !c.is_ascii_digit());
    if let Some(id) = runs.find(|run| is_account_id(run)) {
        return Err(format!(
            "{id} is an account ID; expected the name of a role that every account has"
        ));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
    let is_name = text.split('/').all(|part| !part.is_empty()) && text.chars().all(is_plain);
    accept_if(
        text,
        is_name,
        "expected the name of a role such as BackupCheck",
    )
}

/// Parses the time limit of an account. The session of a role that was assumed with the credentials of another role
/// ends after an hour.
///
/// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, checked 2026-11-29.
pub(super) fn parse_account_timeout(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(55 * 60);
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match !timeout.is_zero() && timeout <= LONGEST {
        true => Ok(timeout),
        false => Err("expected at most 55m: the session of a role ends after an hour".to_owned()),
    }
}

pub(super) fn parse_key_arn(text: &str) -> Result<String, String> {
    let is_key = Arn::parse(text).is_some_and(|arn| {
        arn.service == "kms"
            && is_region_name(arn.region)
            && is_account_id(arn.account)
            && arn.resource.starts_with("key/")
    });
    accept_if(
        text,
        is_key,
        "expected a key ARN such as arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    )
}

/// Checks an ARN. An ID or a name is looked up once the account is read.
pub(super) fn parse_resource(text: &str) -> Result<String, String> {
    if !text.starts_with("arn:") {
        return accept_if(text, !text.trim().is_empty(), "expected an ID, name or ARN");
    }
    Target::parse(text).map_err(|error| error.to_string())?;
    let region = Arn::parse(text).map_or("", |arn| arn.region);
    let known = region.is_empty() || is_region_name(region);
    accept_if(
        text,
        known,
        &format!("{region:?} is not a region; expected one such as eu-central-1"),
    )
}

pub(super) fn parse_url(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    accept_if(
        text,
        host.is_some_and(|host| !host.is_empty()),
        "expected a URL such as http://127.0.0.1:5000",
    )
}

/// Parses a share of 1: `3%` or `0.03`.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().ok().map(|number| number / unit);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a rate from 0% to 100%, such as 3% or 0.03".to_owned())
}
