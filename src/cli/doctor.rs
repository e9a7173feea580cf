//! `backup-check doctor`

#[cfg(feature = "aws")]
use std::collections::BTreeMap;
use std::io::IsTerminal;

use clap::Args;

use crate::exit::Exit;
#[cfg(feature = "aws")]
use crate::model::coverage::{Coverage, CoverageState};
#[cfg(feature = "aws")]
use crate::model::fact::Extent;
#[cfg(feature = "aws")]
use crate::source::aws::permissions::{PermissionState, check_permissions};
use crate::text::{escape_lines, plural};

use super::args::{AccessArgs, GlobalArgs};
use super::config::LoadedConfig;
use super::output;
#[cfg(feature = "aws")]
use super::resources::SelectedResources;
#[cfg(feature = "aws")]
use super::{evaluation, live, select};

/// Variables that change which account is read and how it is reached. None of them is a secret, but an address
/// may contain a password.
const VARIABLES: [&str; 16] = [
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &DoctorArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let loaded = LoadedConfig::find_and_read(global);
    let mut lines = vec![
        describe_program(),
        describe_config(&loaded),
        describe_terminal(global),
    ];
    lines.extend(describe_variables());
    output::print_stdout(&lines.concat())?;
    match loaded {
        Ok(loaded) => check_account(&args.access, &loaded, global),
        Err(_) => Ok(Exit::Usage),
    }
}

/// Returns a line of the output. It may quote files and responses.
fn write_line(name: &str, text: &str) -> String {
    format!("{name:<12} {}\n", escape_lines(text))
}

fn describe_program() -> String {
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let version = env!("BACKUP_CHECK_VERSION");
    write_line("program", &format!("backup-check {version}, {system}"))
}

fn describe_config(loaded: &anyhow::Result<LoadedConfig>) -> String {
    let text = match loaded {
        Ok(LoadedConfig {
            file: Some((path, _)),
            ..
        }) => format!("{} is valid", path.display()),
        Ok(_) => "no backup-check.toml in this directory or its parents: defaults apply".to_owned(),
        Err(error) => format!("invalid: {error:#}"),
    };
    write_line("config", &text)
}

fn describe_terminal(global: &GlobalArgs) -> String {
    let width = plural(output::terminal_width(), "column");
    let place = match std::io::stdout().is_terminal() {
        true => format!("a terminal with {width}"),
        false => format!("not a terminal: {width} are used"),
    };
    let color = match output::use_color(global.color) {
        true => "color",
        false => "no color",
    };
    let letters = match output::is_ascii_locale() {
        true => "a locale without UTF-8",
        false => "UTF-8",
    };
    write_line("stdout", &format!("{place}, {color}, {letters}"))
}

/// Returns the lines of the variables that are set.
fn describe_variables() -> Vec<String> {
    let mut lines: Vec<String> = VARIABLES
        .iter()
        .filter_map(|name| {
            let value = std::env::var_os(name).filter(|it| !it.is_empty())?;
            let value = mask_password(&value.to_string_lossy());
            Some(write_line("environment", &format!("{name}={value}")))
        })
        .collect();
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_some_and(|it| !it.is_empty()) {
        lines.push(write_line("environment", "AWS_ACCESS_KEY_ID is set"));
    }
    lines
}

/// Replaces user and password of an address: everything up to its last `@`.
fn mask_password(value: &str) -> String {
    let start = value.find("://").map_or(0, |at| at + 3);
    match value[start..].rfind('@') {
        Some(at) => format!("{}***{}", &value[..start], &value[start + at..]),
        None => value.to_owned(),
    }
}

#[cfg(not(feature = "aws"))]
fn check_account(_: &AccessArgs, _: &LoadedConfig, _: &GlobalArgs) -> anyhow::Result<Exit> {
    let text = "not in this build, which checks files only";
    output::print_stdout(&write_line("accounts", text))?;
    Ok(Exit::Ready)
}

#[cfg(feature = "aws")]
fn check_account(
    access: &AccessArgs,
    loaded: &LoadedConfig,
    global: &GlobalArgs,
) -> anyhow::Result<Exit> {
    let settings = evaluation::effective_settings(loaded, access)?;
    let selection = select::new_selection(
        &access.service,
        &SelectedResources::from_arns(&access.resource)?,
        &[],
    )?;
    let reading =
        live::read_account_with_calls(access, &settings, &selection, &Extent::EVERYTHING, global)?;
    if reading.stopped != Exit::Ready {
        output::print_stderr("interrupted; regions and permissions are not known");
        return Ok(reading.stopped);
    }
    let account = reading.snapshot.account_id.as_deref().unwrap_or("unknown");
    let identity = format!("{} in account {account}", reading.caller_arn);
    output::print_stdout(&write_line("identity", &identity))?;
    let (regions, all_answer) = describe_regions(&reading.snapshot.coverage);
    let log = reading.calls.coverage_log();
    let states = check_permissions(&selection, log);
    let (permissions, all_allowed) = describe_permissions(&states);
    output::print_stdout(&(regions + &permissions))?;
    Ok(match all_answer && all_allowed {
        true => Exit::Ready,
        false => Exit::Failed,
    })
}

/// Returns a line for each region, and whether all of them answer.
#[cfg(feature = "aws")]
fn describe_regions(coverage: &[Coverage]) -> (String, bool) {
    let mut regions: BTreeMap<&str, Vec<&Coverage>> = BTreeMap::new();
    for row in coverage {
        regions.entry(&row.region).or_default().push(row);
    }
    let (mut text, mut all_answer) = (String::new(), true);
    for (region, rows) in regions {
        let silent = rows.iter().copied();
        let silent: Vec<&Coverage> = silent
            .filter(|row| row.state == CoverageState::Error)
            .collect();
        let state = match silent.first() {
            None if rows.iter().all(|it| it.state == CoverageState::Disabled) => {
                "is not enabled for the account".to_owned()
            }
            None => "answers".to_owned(),
            Some(row) => {
                all_answer = false;
                let reason = row.error.as_ref().map_or("", |it| it.message.as_str());
                let services = plural(silent.len(), "service");
                format!("does not answer for {services}: {reason}")
            }
        };
        text.push_str(&write_line("region", &format!("{region} {state}")));
    }
    (text, all_answer)
}

/// Returns the counts of the permissions with those that are missing, and whether all are allowed.
#[cfg(feature = "aws")]
fn describe_permissions(states: &BTreeMap<&'static str, PermissionState>) -> (String, bool) {
    let count = |of: fn(&PermissionState) -> bool| states.values().filter(|it| of(it)).count();
    let denied = count(|it| matches!(it, PermissionState::Denied(_)));
    let failed = count(|it| matches!(it, PermissionState::Failed(_)));
    let counts = format!(
        "{} allowed, {denied} denied, {failed} failed, {} not tried (no resource needs them)",
        count(|it| *it == PermissionState::Allowed),
        count(|it| *it == PermissionState::NotTried),
    );
    let mut text = write_line("permissions", &counts);
    for (action, state) in states {
        let (word, reason) = match state {
            PermissionState::Denied(reason) => ("denied", reason),
            PermissionState::Failed(reason) => ("failed", reason),
            PermissionState::Allowed | PermissionState::NotTried => continue,
        };
        text.push_str(&write_line(word, &format!("{action}: {reason}")));
    }
    (text, denied + failed == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_not_printed() {
        for (value, printed) in [
            ("http://user:p@ss@proxy:3128/", "http://***@proxy:3128/"),
            ("user:secret@proxy:3128", "***@proxy:3128"),
            ("http://user:a/b@proxy:3128", "http://***@proxy:3128"),
            ("http://proxy:3128/", "http://proxy:3128/"),
            ("localhost,.example.com", "localhost,.example.com"),
        ] {
            assert_eq!(mask_password(value), printed);
        }
    }
}
