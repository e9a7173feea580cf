//! Values of flags, each with an error that says what was expected.

use crate::model::arn::{Arn, is_account_id};
use crate::model::selection::Target;
use crate::settings::{is_org_id, is_region_name};

fn sound(text: &str, sound: bool, expected: &str) -> Result<String, String> {
    if sound {
        Ok(text.to_owned())
    } else {
        Err(expected.to_owned())
    }
}

pub(super) fn account_id(text: &str) -> Result<String, String> {
    sound(text, is_account_id(text), "an AWS account id has 12 digits")
}

pub(super) fn org_id(text: &str) -> Result<String, String> {
    sound(
        text,
        is_org_id(text),
        "an organization id looks like o-a1b2c3d4e5",
    )
}

pub(super) fn region(text: &str) -> Result<String, String> {
    sound(
        text,
        is_region_name(text),
        "a region is named like eu-central-1",
    )
}

pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or_default();
    let name = sound(
        name,
        !name.is_empty() && name.chars().all(char::is_alphanumeric),
        "a parameter is given like Stage=prod",
    )?;
    Ok((name, value.to_owned()))
}

pub(super) fn role_arn(text: &str) -> Result<String, String> {
    let is_role = Arn::parse(text).is_some_and(|arn| {
        arn.service == "iam" && is_account_id(arn.account) && arn.resource.starts_with("role/")
    });
    sound(
        text,
        is_role,
        "a role is named like arn:aws:iam::111122223333:role/Auditor",
    )
}

pub(super) fn key_arn(text: &str) -> Result<String, String> {
    let is_key = Arn::parse(text).is_some_and(|arn| {
        arn.service == "kms"
            && is_region_name(arn.region)
            && is_account_id(arn.account)
            && arn.resource.starts_with("key/")
    });
    sound(
        text,
        is_key,
        "a key is named like arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    )
}

pub(super) fn resource(text: &str) -> Result<String, String> {
    Target::parse(text).map_err(|error| error.to_string())?;
    let region = Arn::parse(text).map_or("", |arn| arn.region);
    let known = region.is_empty() || is_region_name(region);
    sound(
        text,
        known,
        &format!("{region:?} is no region; one is named like eu-central-1"),
    )
}

pub(super) fn url(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    sound(
        text,
        host.is_some_and(|host| !host.is_empty()),
        "an endpoint is a URL like http://127.0.0.1:5000",
    )
}
