//! Settings: the defaults of the company, and `backup-check.toml`, which overrides them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use toml::Spanned;

use crate::model::arn::is_account_id;
use crate::text::escape_invisible;

/// The account that stores the copies (`cbackupstorage-prod`).
pub const CENTRAL_ACCOUNT: &str = "692653576357";
/// The regions in which the central backup plan runs.
pub const REGIONS: [&str; 5] = [
    "eu-central-1",
    "eu-west-1",
    "eu-west-3",
    "ap-southeast-1",
    "us-east-1",
];
/// The key of the tag that the backup plan selects.
pub const TAG_KEY: &str = "backup";
/// The role that AWS Backup assumes, created by AWS Control Tower.
pub const BACKUP_ROLE: &str = "aws-controltower-BackupRole";
/// The contact for problems that cannot be fixed in a member account.
pub const CONTACT: &str = "CDX Team";
/// The name of the config file.
pub const CONFIG_FILE: &str = "backup-check.toml";

/// Standard that determines the severities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standard {
    /// The company guide.
    #[default]
    Guide,
    /// Only what AWS enforces.
    Aws,
}

impl Standard {
    /// Returns the name used in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Standard::Guide => "guide",
            Standard::Aws => "aws",
        }
    }
}

/// Result of a rule violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The finding fails.
    Fail,
    /// The finding warns.
    Warn,
    /// The rule is not checked.
    Off,
}

impl Severity {
    /// Returns the name used in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Fail => "fail",
            Severity::Warn => "warn",
            Severity::Off => "off",
        }
    }
}

/// Settings of the company that rules use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The account that stores the copies, 12 digits.
    pub central_account: String,
    /// The regions to scan.
    pub regions: Vec<String>,
    /// The regions that are backed up, as configured, even if a scan is of others.
    pub backup_regions: Vec<String>,
    /// The key of the backup tag.
    pub tag_key: String,
    /// The organization id, `o-...`, if it is known.
    pub org_id: Option<String>,
    /// The name of the role that AWS Backup assumes.
    pub backup_role: String,
    /// The contact for problems that cannot be fixed in a member account.
    pub contact: String,
    /// The organizational units whose accounts need S3 gateway endpoints; empty if all accounts do.
    pub endpoint_ous: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            central_account: CENTRAL_ACCOUNT.to_owned(),
            regions: REGIONS.map(str::to_owned).to_vec(),
            backup_regions: REGIONS.map(str::to_owned).to_vec(),
            tag_key: TAG_KEY.to_owned(),
            org_id: None,
            backup_role: BACKUP_ROLE.to_owned(),
            contact: CONTACT.to_owned(),
            endpoint_ous: Vec::new(),
        }
    }
}

/// The content of `backup-check.toml`. The caller checks that rules and groups exist, and reports errors with
/// [`Config::error_at`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// See [`Settings::central_account`].
    pub central_account: Option<Spanned<String>>,
    /// See [`Settings::regions`].
    pub regions: Option<Spanned<Vec<Spanned<String>>>>,
    /// See [`Settings::tag_key`].
    pub tag_key: Option<Spanned<String>>,
    /// Standard that determines the severities.
    pub standard: Option<Standard>,
    /// See [`Settings::backup_role`].
    pub backup_role: Option<String>,
    /// See [`Settings::org_id`].
    pub org_id: Option<Spanned<String>>,
    /// See [`Settings::contact`].
    pub contact: Option<String>,
    /// See [`Settings::endpoint_ous`].
    #[serde(default)]
    pub endpoint_ous: Vec<Spanned<String>>,
    /// Additional groups whose findings are gating.
    #[serde(default)]
    pub gate: Vec<Spanned<String>>,
    /// Rules whose unknown findings do not lead to exit code 3.
    #[serde(default)]
    pub allow_unknown: Vec<Spanned<String>>,
    /// Severities by rule.
    #[serde(default)]
    pub severity: BTreeMap<Spanned<String>, Severity>,
    /// Waivers as they are written in the file.
    #[serde(default)]
    pub waiver: Vec<WaiverEntry>,
    /// Waivers after validation.
    #[serde(skip)]
    pub waivers: Vec<Waiver>,
}

/// A `[[waiver]]` table of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiverEntry {
    /// The rule's id.
    pub rule: Spanned<String>,
    /// ARN pattern with the wildcards `*` and `?`.
    pub resource: Spanned<String>,
    /// Reason for the waiver.
    pub reason: Spanned<String>,
    /// Owner of the waiver.
    pub owner: Spanned<String>,
    /// Last valid day, as a string or a TOML date.
    pub expires: Spanned<toml::Value>,
}

/// Findings that are accepted until a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The rule's id.
    pub rule: String,
    /// ARN pattern. `*` matches any characters and `?` matches one.
    pub resource: String,
    /// Reason for the waiver.
    pub reason: String,
    /// Owner of the waiver.
    pub owner: String,
    /// Last valid day, in UTC.
    pub expires: Date,
    /// Line in the configuration file, from 1.
    pub line: usize,
}

/// An error in a configuration file.
#[derive(Debug, Error)]
pub struct ConfigError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The problem and what is expected instead.
    pub message: String,
    /// The line of the file with carets below the problem; empty where the problem has no place.
    pub snippet: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.message
        )?;
        match self.snippet.as_str() {
            "" => Ok(()),
            snippet => write!(f, "\n{snippet}"),
        }
    }
}

impl Config {
    /// Parses the text of a configuration file.
    ///
    /// # Errors
    /// The problem and its line: invalid TOML, an unknown key, a wrong type or an invalid value.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut config: Config = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let message = match text.get(span.clone()) {
                Some("[waiver]") => {
                    "a waiver is a table of an array: write `[[waiver]]`".to_owned()
                }
                _ => suggest_field(error.message()),
            };
            Self::error_at(text, span, &message)
        })?;
        let check = |value: &Spanned<String>, is_valid: bool, message: &str| match is_valid {
            true => Ok(()),
            false => Err(Self::error_at(text, value.span(), message)),
        };
        if let Some(account) = &config.central_account {
            let message = "central_account must be an AWS account id of 12 digits";
            check(account, is_account_id(account.get_ref()), message)?;
        }
        if let Some(org) = &config.org_id {
            let message = "org_id must be an organization id such as o-a1b2c3d4e5";
            check(org, is_org_id(org.get_ref()), message)?;
        }
        for ou in &config.endpoint_ous {
            let message = "endpoint_ous must name organizational units such as ou-ab12-cdef3456";
            check(ou, is_ou_id(ou.get_ref()), message)?;
        }
        if let Some(key) = &config.tag_key {
            check(
                key,
                !key.get_ref().trim().is_empty(),
                "tag_key must not be empty",
            )?;
        }
        let regions = config.regions.as_ref();
        if let Some(empty) = regions.filter(|it| it.get_ref().is_empty()) {
            let message = "regions must contain at least one region";
            return Err(Self::error_at(text, empty.span(), message));
        }
        for region in regions.into_iter().flat_map(Spanned::get_ref) {
            let name = region.get_ref();
            let message = format!("{name:?} is not a region name such as eu-central-1");
            check(region, is_region_name(name), &message)?;
        }
        config.waivers = config
            .waiver
            .iter()
            .map(|entry| entry.to_waiver(text))
            .collect::<Result<_, _>>()?;
        Ok(config)
    }

    /// Returns an error for a span of the file.
    #[must_use]
    pub fn error_at(text: &str, span: Range<usize>, message: &str) -> ConfigError {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ConfigError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.to_owned(),
            snippet: underline_span(text, line_start, &span),
        }
    }

    /// Returns the default settings with the values of the file applied.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        let owned = |text: &Spanned<String>| text.get_ref().clone();
        if let Some(account) = &self.central_account {
            settings.central_account = owned(account);
        }
        if let Some(regions) = &self.regions {
            settings.regions = regions.get_ref().iter().map(owned).collect();
            settings.backup_regions.clone_from(&settings.regions);
        }
        if let Some(key) = &self.tag_key {
            settings.tag_key = owned(key);
        }
        if let Some(role) = &self.backup_role {
            settings.backup_role.clone_from(role);
        }
        if let Some(contact) = &self.contact {
            settings.contact.clone_from(contact);
        }
        settings.org_id = self.org_id.as_ref().map(owned);
        settings.endpoint_ous = self.endpoint_ous.iter().map(owned).collect();
        settings
    }
}

/// Returns the line of a span with its number, and carets below the part of the span that is on it.
fn underline_span(text: &str, line_start: usize, span: &Range<usize>) -> String {
    if span.is_empty() && span.start == 0 {
        return String::new();
    }
    let line = text[line_start..].lines().next().unwrap_or_default();
    let number = text[..line_start].matches('\n').count() + 1;
    let line_end = line_start + line.len();
    let marked = text.get(span.start..span.end.min(line_end));
    let carets = marked.unwrap_or_default().chars().count().max(1);
    // A tab before the caret is as wide as the one above it.
    let before = text.get(line_start..span.start).unwrap_or_default();
    let before: String = before
        .chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let margin = " ".repeat(number.to_string().len());
    let shown: Vec<_> = line.split('\t').map(escape_invisible).collect();
    format!(
        "{margin} |\n{number} | {}\n{margin} | {before}{}",
        shown.join("\t"),
        "^".repeat(carets)
    )
}

/// Adds the most similar name to an error about an unknown one.
#[must_use]
pub fn suggest_field(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let is_unknown = message.starts_with("unknown ");
    let Some(unknown) = quoted.next().filter(|_| is_unknown) else {
        return message.to_owned();
    };
    let nearest = quoted.min_by_key(|name| strsim::osa_distance(name, unknown));
    match nearest {
        Some(name) if strsim::osa_distance(name, unknown) <= unknown.len().div_ceil(3) => {
            format!("{message}; did you mean `{name}`?")
        }
        _ => message.to_owned(),
    }
}

impl WaiverEntry {
    fn to_waiver(&self, text: &str) -> Result<Waiver, ConfigError> {
        for (name, value) in [
            ("resource", &self.resource),
            ("reason", &self.reason),
            ("owner", &self.owner),
        ] {
            if value.get_ref().trim().is_empty() {
                let message =
                    format!("{name} is empty: a waiver needs a resource, a reason and an owner");
                return Err(Config::error_at(text, value.span(), &message));
            }
        }
        let expires = match self.expires.get_ref() {
            toml::Value::String(day) => day.clone(),
            // A TOML date, with or without a time.
            other => other.to_string(),
        };
        let Some(expires) = parse_day(&expires) else {
            let message = format!("expires must be a date such as \"2026-06-30\", not {expires:?}");
            return Err(Config::error_at(text, self.expires.span(), &message));
        };
        Ok(Waiver {
            rule: self.rule.get_ref().clone(),
            resource: self.resource.get_ref().clone(),
            reason: self.reason.get_ref().clone(),
            owner: self.owner.get_ref().clone(),
            expires,
            line: Config::error_at(text, self.rule.span(), "").line,
        })
    }
}

/// Parses a date in the format `2026-06-30`.
fn parse_day(text: &str) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    (day.to_string() == text).then_some(day)
}

/// Whether a text is the id of an organizational unit.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html>.
#[must_use]
pub fn is_ou_id(text: &str) -> bool {
    let is_part = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        let is_id = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
        lengths.contains(&part.len()) && part.chars().all(is_id)
    };
    let parts = text.strip_prefix("ou-").and_then(|it| it.split_once('-'));
    parts.is_some_and(|(root, unit)| is_part(root, 4..=32) && is_part(unit, 8..=32))
}

/// Whether the text has the form of an organization id.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html>.
#[must_use]
pub fn is_org_id(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// Whether the text has the form of a region name: `eu-central-1`, `us-gov-west-1`.
#[must_use]
pub fn is_region_name(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && parts
            .last()
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        && parts[..parts.len() - 1]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_overrides_the_defaults() {
        let config = Config::parse("central_account = \"123456789012\"\nregions = [\"eu-west-1\"]\n[severity]\ns3-old-versions-expire = \"off\"\n").unwrap();
        let settings = config.settings();
        assert_eq!(settings.central_account, "123456789012");
        assert_eq!(settings.regions, ["eu-west-1"]);
        assert_eq!(settings.tag_key, "backup");
        assert_eq!(
            config.severity.values().copied().collect::<Vec<_>>(),
            [Severity::Off]
        );
    }

    #[test]
    fn errors_contain_the_line() {
        for (text, line, part) in [
            (
                "tag_key = \"backup\"\ntagkey = 1\n",
                2,
                "unknown field `tagkey`",
            ),
            ("\n\ncentral_account = \"12\"\n", 3, "12 digits"),
            ("standard = \"strict\"\n", 1, "unknown variant `strict`"),
            (
                "regions = [\"eu-west-1\",\n  \"europe\"]\n",
                2,
                "\"europe\"",
            ),
            (
                "[severity]\nbackup-tag-valid = \"error\"\n",
                2,
                "unknown variant `error`",
            ),
            ("org_id = \"ou-1\"\n", 1, "o-a1b2c3d4e5"),
            ("endpoint_ous = [\"Prod\"]\n", 1, "ou-ab12-cdef3456"),
            ("a = \n", 1, ""),
            ("[[waivers]]\nrule = \"x\"\n", 1, "unknown field `waivers`"),
            ("[[waiver]]\nrule = \"x\"\n", 1, "missing field"),
            ("\n[waiver]\nrule = \"x\"\n", 2, "write `[[waiver]]`"),
            (&waiver("2026-02-30"), 6, "2026-02-30"),
            (&waiver("2026-6-30"), 6, "2026-6-30"),
            (&waiver("20260630"), 6, "20260630"),
            (&waiver("2026-06-30T00:00:00"), 6, "2026-06-30T"),
            (&waiver("soon"), 6, "soon"),
            (&waiver(""), 6, "such as \"2026-06-30\""),
            (
                &waiver("2026-06-30").replace("\"r\"", "\" \""),
                4,
                "reason is empty",
            ),
            (
                &(waiver("2026-06-30") + "until = 1\n"),
                7,
                "unknown field `until`",
            ),
        ] {
            let error = Config::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text:?}: {error}");
            assert!(error.message.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_error_shows_its_line_with_carets() {
        for (text, expected) in [
            (
                "tag_key = \"backup\"\ntagkey = 1\n",
                "line 2, column 1: unknown field `tagkey`, expected one of `central_account`, `regions`, `tag_key`, `standard`, `backup_role`, `org_id`, `contact`, `endpoint_ous`, `gate`, `allow_unknown`, `severity`, `waiver`; did you mean `tag_key`?\n  |\n2 | tagkey = 1\n  | ^^^^^^",
            ),
            (
                "regions = [\"eu-west-1\",\n\t\"euröpe\"]\n",
                "line 2, column 2: \"euröpe\" is not a region name such as eu-central-1\n  |\n2 | \t\"euröpe\"]\n  | \t^^^^^^^^",
            ),
            (
                "\n\n\n\n\n\n\n\n\ncentral_account = \"12\"",
                "line 10, column 19: central_account must be an AWS account id of 12 digits\n   |\n10 | central_account = \"12\"\n   |                   ^^^^",
            ),
            (
                "\nregions = []\n",
                "line 2, column 11: regions must contain at least one region\n  |\n2 | regions = []\n  |           ^^",
            ),
        ] {
            assert_eq!(Config::parse(text).unwrap_err().to_string(), expected);
        }
        // A span may end beyond its line, or at the end of the file.
        for text in ["a = [\n1,\n", "a = \"\"\"x\n", "[", "a = ", "\u{feff}x"] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(error.lines().count() <= 4, "{error}");
        }
    }

    fn waiver(expires: &str) -> String {
        format!(
            "[[waiver]]\nrule = \"x\"\nresource = \"*\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"{expires}\"\n"
        )
    }

    #[test]
    fn a_waiver_has_an_expiry_date() {
        let texts = [
            waiver("2026-06-30"),
            waiver("2026-06-30").replace("\"2026-06-30\"", "2026-06-30"),
        ];
        for text in texts {
            let waivers = Config::parse(&text).unwrap().waivers;
            assert_eq!(waivers[0].expires, jiff::civil::date(2026, 6, 30), "{text}");
            assert_eq!(waivers[0].line, 2);
        }
    }

    #[test]
    fn region_names_are_recognized() {
        for name in ["eu-central-1", "us-gov-west-1", "ap-southeast-10"] {
            assert!(is_region_name(name), "{name}");
        }
        for name in ["", "eu", "eu-west", "EU-west-1", "eu--1", "eu-west-1a"] {
            assert!(!is_region_name(name), "{name}");
        }
    }
}
