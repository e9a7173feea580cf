//! Backup plans: what is backed up, when, to which vault, and where the copies go.
//!
//! An organization's policy and a plan of the account's own say the same things in different words;
//! here both are a [`BackupPlan`].

use serde::{Deserialize, Serialize};

use super::Listing;

/// A backup plan. Source: AWS Backup API, `GetBackupPlan`; or a plan of an organization's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupPlan {
    /// Its name.
    pub name: String,
    /// Its rules. A plan without rules backs nothing up.
    #[serde(default)]
    pub rules: Listing<BackupRule>,
    /// Which resources they are for. Source: `GetBackupSelection`.
    #[serde(default)]
    pub selections: Listing<BackupSelection>,
}

/// A rule of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRule {
    /// Its name.
    pub name: String,
    /// The name of the vault that the backups go to.
    pub vault: String,
    /// When it runs, `cron(0 5 ? * * *)`; none where AWS Backup's default counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// How many days a backup is kept; none where it is kept for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Where each backup is copied to.
    #[serde(default)]
    pub copies: Vec<CopyAction>,
}

/// A copy that a rule makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyAction {
    /// The ARN of the vault that it goes to. A policy may leave `$account` and `$region` in it.
    pub vault_arn: String,
    /// How many days it is kept; none where it is kept for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// Which resources a plan is for: those that match (`resources` or `tags`) and all `conditions` and
/// nothing of `not_resources`. One that names neither resources nor tags starts from everything.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html>.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupSelection {
    /// Its name.
    pub name: String,
    /// The role that makes the backups. A policy may leave `$account` in it.
    pub role_arn: String,
    /// ARNs with `*`: one of them matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// ARNs with `*`: what one of them matches is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_resources: Vec<String>,
    /// Tags: the resource carries one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagMatch>,
    /// What must hold besides, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<TagCondition>,
}

/// A tag with exactly this key and value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagMatch {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A condition on one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagCondition {
    /// How the value is compared.
    pub operator: TagOperator,
    /// The key of the tag, without `aws:ResourceTag/`.
    pub key: String,
    /// The value; with `Like`, `*` matches any characters except blanks.
    pub value: String,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagOperator {
    /// `StringEquals`
    Equals,
    /// `StringNotEquals`
    NotEquals,
    /// `StringLike`
    Like,
    /// `StringNotLike`
    NotLike,
}

/// The key of a tag out of a condition's key: `backup` of `aws:ResourceTag/backup`.
#[must_use]
pub fn tag_key(condition_key: &str) -> &str {
    condition_key
        .strip_prefix("aws:ResourceTag/")
        .unwrap_or(condition_key)
}

/// AWS Backup's schedule where a rule names none.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupRule.html>.
pub const DEFAULT_SCHEDULE: &str = "cron(0 5 ? * * *)";

impl BackupRule {
    /// The longest time between two runs, in hours; none where the schedule cannot be understood.
    #[must_use]
    pub fn interval_hours(&self) -> Option<u32> {
        interval_hours(self.schedule.as_deref().unwrap_or(DEFAULT_SCHEDULE))
    }
}

/// The longest time between two runs of a schedule, in hours, rounded up; none where the schedule
/// cannot be understood, never runs, or is bound to some years.
///
/// AWS Backup accepts `cron(...)` and the same six fields without it; rates are as in EventBridge.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>.
#[must_use]
pub fn interval_hours(schedule: &str) -> Option<u32> {
    let schedule = schedule.trim();
    let inside = |name: &str| {
        let rest = schedule.strip_prefix(name)?.trim_start();
        Some(rest.strip_prefix('(')?.strip_suffix(')')?.trim())
    };
    if let Some(rate) = inside("rate") {
        return parse_rate_hours(rate);
    }
    parse_cron_hours(inside("cron").unwrap_or(schedule))
}

fn parse_rate_hours(rate: &str) -> Option<u32> {
    let (number, unit) = rate.split_once(char::is_whitespace)?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    match unit.trim() {
        "minute" | "minutes" => Some(number.div_ceil(60)),
        "hour" | "hours" => Some(number),
        "day" | "days" => number.checked_mul(24),
        _ => None,
    }
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Dates and weekdays repeat after 28 years, as long as no century is in between.
const CYCLE: std::ops::Range<u32> = 2001..2029;

fn parse_cron_hours(fields: &str) -> Option<u32> {
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let [minutes, hours, days, months, weekdays, "*"] = fields[..] else {
        return None;
    };
    let minutes = parse_numbers(minutes, 0, 59, &[])?;
    let hours = parse_numbers(hours, 0, 23, &[])?;
    let months = parse_numbers(months, 1, 12, &MONTHS)?;
    let days = Days::parse(days, weekdays)?;

    let times: Vec<u32> = hours
        .iter()
        .flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute))
        .collect();
    let (first, last) = (*times.first()?, *times.last()?);
    let within = times.windows(2).map(|pair| pair[1] - pair[0]).max();
    let mut longest = within.unwrap_or(0);
    let mut start = None;
    let mut latest: Option<u32> = None;
    // 2001 began on a Monday, which is the second day of AWS's week.
    let (mut day_number, mut weekday) = (0, 2);
    for year in CYCLE {
        for month in 1..=12 {
            let length = month_length(year, month);
            for day in 1..=length {
                if months.contains(&month) && days.include(day, weekday, length) {
                    if let Some(latest) = latest {
                        longest = longest.max((day_number - latest) * 1440 + first - last);
                    }
                    start.get_or_insert(day_number);
                    latest = Some(day_number);
                }
                day_number += 1;
                weekday = weekday % 7 + 1;
            }
        }
    }
    // From the last run of the cycle to the first of the next one.
    let around = day_number - latest? + start?;
    longest = longest.max(around * 1440 + first - last);
    Some(longest.div_ceil(60))
}

fn month_length(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days of a schedule: one of the two fields is `?`.
enum Days {
    Every,
    OfMonth(Vec<u32>),
    LastOfMonth,
    /// The weekday (Monday to Friday) nearest to a day of the month.
    NearestWeekday(u32),
    OfWeek(Vec<u32>),
    /// The last such weekday of the month.
    LastOfWeek(u32),
    /// The n-th such weekday of the month.
    NthOfWeek(u32, u32),
}

impl Days {
    fn parse(days: &str, weekdays: &str) -> Option<Self> {
        match (days, weekdays) {
            ("*", "?") | ("?", "*") => Some(Days::Every),
            ("L", "?") => Some(Days::LastOfMonth),
            (day, "?") if day.ends_with('W') => {
                let day = parse_number(day.strip_suffix('W')?, 1, 31, &[])?;
                Some(Days::NearestWeekday(day))
            }
            (days, "?") => parse_numbers(days, 1, 31, &[]).map(Days::OfMonth),
            ("?", "L") => Some(Days::OfWeek(vec![7])),
            ("?", day) if day.contains('#') => {
                let (day, nth) = day.split_once('#')?;
                let day = parse_number(day, 1, 7, &WEEKDAYS)?;
                Some(Days::NthOfWeek(day, parse_number(nth, 1, 5, &[])?))
            }
            ("?", day) if day.ends_with('L') => {
                parse_number(day.strip_suffix('L')?, 1, 7, &WEEKDAYS).map(Days::LastOfWeek)
            }
            ("?", weekdays) => parse_numbers(weekdays, 1, 7, &WEEKDAYS).map(Days::OfWeek),
            _ => None,
        }
    }

    fn include(&self, day: u32, weekday: u32, length: u32) -> bool {
        match self {
            Days::Every => true,
            Days::OfMonth(days) => days.contains(&day),
            Days::LastOfMonth => day == length,
            Days::OfWeek(weekdays) => weekdays.contains(&weekday),
            Days::LastOfWeek(wanted) => weekday == *wanted && day + 7 > length,
            Days::NthOfWeek(wanted, nth) => weekday == *wanted && day.div_ceil(7) == *nth,
            Days::NearestWeekday(wanted) => {
                let wanted = (*wanted).min(length);
                match weekday {
                    // Friday, for the Saturday after it, and for the Sunday that ends the month.
                    6 => {
                        day == wanted
                            || (day + 1 == wanted && wanted > 1)
                            || (day + 2 == wanted && wanted == length)
                    }
                    // Monday, for the Sunday before it, and for the Saturday that begins the month.
                    2 => {
                        day == wanted
                            || (day == wanted + 1 && wanted < length)
                            || (day == 3 && wanted == 1)
                    }
                    1 | 7 => false,
                    _ => day == wanted,
                }
            }
        }
    }
}

/// Returns the numbers that a field matches, in ascending order: lists, ranges, steps, names.
fn parse_numbers(field: &str, low: u32, high: u32, names: &[&str]) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().ok()?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (
                parse_number(from, low, high, names)?,
                parse_number(to, low, high, names)?,
            ),
            None => {
                let from = parse_number(range, low, high, names)?;
                (from, if step.is_some() { high } else { from })
            }
        };
        let step = step.unwrap_or(1);
        if from > to || step == 0 {
            return None;
        }
        found.extend((from..=to).step_by(usize::try_from(step).ok()?));
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

fn parse_number(text: &str, low: u32, high: u32, names: &[&str]) -> Option<u32> {
    let named = names.iter().position(|it| it.eq_ignore_ascii_case(text));
    let value = match named {
        Some(place) => low + u32::try_from(place).ok()?,
        None => text.parse().ok()?,
    };
    (low..=high).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_between_two_runs() {
        for (schedule, want) in [
            ("cron(0 5 ? * * *)", Some(24)),
            ("cron(0 0/1 ? * * *)", Some(1)),
            // From 23:00 to 05:00.
            ("cron(0 5/1 ? * * *)", Some(6)),
            ("cron(0 0,12 * * ? *)", Some(12)),
            ("cron(30 */8 * * ? *)", Some(8)),
            ("cron(0 3 ? * MON-FRI *)", Some(72)),
            ("cron(0 3 ? * 1 *)", Some(168)),
            ("cron(0 3 ? * SUN,WED *)", Some(96)),
            // 31 days, in July and August.
            ("cron(0 3 1 * ? *)", Some(31 * 24)),
            // From 31 March to 31 May.
            ("cron(0 3 31 * ? *)", Some(61 * 24)),
            ("cron(0 3 L * ? *)", Some(31 * 24)),
            // From Wednesday the 1st to Monday the 3rd, as the 1st is a Saturday.
            ("cron(0 3 1W * ? *)", Some(33 * 24)),
            ("cron(0 3 ? * 6L *)", Some(35 * 24)),
            ("cron(0 3 ? * MON#1 *)", Some(35 * 24)),
            ("cron(0 3 1 JAN ? *)", Some(366 * 24)),
            ("cron(0 3 29 2 ? *)", Some(1461 * 24)),
            ("15 * ? * * *", Some(1)),
            ("0 12 * * ? *", Some(24)),
            (" cron( 0 5 ? * * * ) ", Some(24)),
            ("rate(1 hour)", Some(1)),
            ("rate(12 hours)", Some(12)),
            ("rate(1 day)", Some(24)),
            ("rate(90 minutes)", Some(2)),
        ] {
            assert_eq!(interval_hours(schedule), want, "{schedule}");
        }
    }

    #[test]
    fn what_cannot_be_told_has_no_interval() {
        for schedule in [
            "",
            "daily",
            "cron()",
            "cron(0 5 * * *)",
            "cron(0 5 * * * *)",
            "cron(0 5 ? * ? *)",
            "cron(0 5 1 * MON *)",
            "cron(0 5 * * ? 2026)",
            "cron(0 24 * * ? *)",
            "cron(60 5 * * ? *)",
            "cron(0 5 30 2 ? *)",
            "cron(0 5 0 * ? *)",
            "cron(0 5-3 * * ? *)",
            "cron(0 0/0 * * ? *)",
            "cron(0 5 ? * MON#6 *)",
            "rate(0 hours)",
            "rate(5)",
            "rate(1 week)",
            "rate(4294967295 days)",
            "cron(0 5 ? * * *",
        ] {
            assert_eq!(interval_hours(schedule), None, "{schedule:?}");
        }
    }

    #[test]
    fn a_rule_without_a_schedule_runs_daily() {
        let rule = BackupRule {
            name: "daily".to_owned(),
            vault: "local".to_owned(),
            schedule: None,
            retention_days: Some(1),
            copies: Vec::new(),
        };
        assert_eq!(rule.interval_hours(), Some(24));
    }
}
