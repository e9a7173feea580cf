//! The schedules of backup rules: when each run starts.
//!
//! Cron expressions have the six fields of Amazon EventBridge, with or without `cron(...)`. A run at a time
//! that the change to daylight saving time skips does not happen; of a time that occurs twice only the first
//! counts.
//!
//! Sources: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>,
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time>.

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A minute, counted from 1970 in UTC.
pub type Minute = i64;

/// How many days of runs are listed: more than a year, so that every weekday, month and offset is among them.
const DAYS: i64 = 400;

/// How many days are searched for the runs of a schedule that has fewer than two in [`DAYS`]: more than
/// the eight years between two leap days around 2100.
const MANY_DAYS: i64 = 9 * 366;

/// When a rule runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// When its runs start, in ascending order; none where the schedule does not say when the first one does.
    pub starts: Option<Vec<Minute>>,
    /// The longest time between two runs, in hours, rounded up; none where it runs less than twice.
    pub interval_hours: Option<u32>,
    /// Whether no run follows: the years of the schedule have passed.
    pub has_ended: bool,
    /// The first and the last minute of the time for which all runs are listed.
    pub listed: (Minute, Minute),
}

/// Returns the runs of a schedule before and after a time.
///
/// # Errors
/// The expression cannot be parsed, it has no run within four years, or the time zone is not in the IANA database.
pub fn list_runs(expression: &str, timezone: Option<&str>, now: Timestamp) -> Result<Runs, String> {
    let zone = match timezone {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name)
            .map_err(|_| format!("time zone {name:?} is not in the IANA time zone database"))?,
    };
    let unparsable = || format!("schedule {expression:?} cannot be parsed");
    let trimmed = expression.trim();
    if let Some(rate) = strip_call(trimmed, "rate") {
        return Ok(Runs {
            starts: None,
            interval_hours: Some(parse_rate_hours(rate).ok_or_else(unparsable)?),
            has_ended: false,
            listed: listed_around(now, DAYS),
        });
    }
    let fields = strip_call(trimmed, "cron").unwrap_or(trimmed);
    let cron = Cron::parse(fields).ok_or_else(unparsable)?;
    let mut days = DAYS;
    let mut starts = cron.list_starts(&zone, now, days);
    if starts.len() < 2 {
        days = MANY_DAYS;
        starts = cron.list_starts(&zone, now, days);
    }
    let is_past = |start: &Minute| *start <= now.as_second().div_euclid(60);
    let has_ended = cron.ends_by(zone.to_datetime(now).date()) && starts.iter().all(is_past);
    if starts.is_empty() && !has_ended {
        return Err(format!(
            "schedule {expression:?} has no run within four years of the scan"
        ));
    }
    Ok(Runs {
        interval_hours: longest_gap_hours(&starts),
        starts: Some(starts),
        has_ended,
        listed: listed_around(now, days),
    })
}

/// Returns the first and the last minute of some days around a time.
fn listed_around(now: Timestamp, days: i64) -> (Minute, Minute) {
    let (now, half) = (now.as_second().div_euclid(60), days * 720);
    (now - half, now + half)
}

/// Returns the longest time between two of some minutes, in hours, rounded up; none where there are less than
/// two.
#[must_use]
pub fn longest_gap_hours(starts: &[Minute]) -> Option<u32> {
    let longest = starts.windows(2).map(|pair| pair[1] - pair[0]).max()?;
    let hours = u32::try_from(longest).ok()?;
    Some(hours.div_ceil(60))
}

/// Whether a schedule cannot be a cron expression: it does not have six fields, or not `?` in exactly one of the
/// fields for days. What else AWS rejects is not known here.
#[must_use]
pub(super) fn is_malformed(expression: &str) -> bool {
    let trimmed = expression.trim();
    if strip_call(trimmed, "rate").is_some() {
        return false;
    }
    let fields = strip_call(trimmed, "cron").unwrap_or(trimmed);
    let fields: Vec<&str> = fields.split_whitespace().collect();
    match fields[..] {
        [_, _, days, _, weekdays, _] => (days == "?") == (weekdays == "?"),
        _ => true,
    }
}

fn strip_call<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(name)?.trim_start();
    Some(rest.strip_prefix('(')?.strip_suffix(')')?.trim())
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

/// A cron expression.
struct Cron {
    minutes: Vec<u32>,
    hours: Vec<u32>,
    days: Days,
    months: Vec<u32>,
    /// None for every year.
    years: Option<Vec<u32>>,
}

impl Cron {
    fn parse(fields: &str) -> Option<Self> {
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays, years] = fields[..] else {
            return None;
        };
        Some(Cron {
            minutes: parse_numbers(minutes, 0, 59, &[])?,
            hours: parse_numbers(hours, 0, 23, &[])?,
            days: Days::parse(days, weekdays)?,
            months: parse_numbers(months, 1, 12, &MONTHS)?,
            years: match years {
                "*" => None,
                years => Some(parse_numbers(years, 1970, 2199, &[])?),
            },
        })
    }

    /// Whether all its years have begun by a date.
    fn ends_by(&self, date: Date) -> bool {
        let last = self.years.as_ref().and_then(|years| years.last());
        last.is_some_and(|last| *last <= u32::from(date.year().unsigned_abs()))
    }

    /// Returns the starts from half of some days before a time to half of them after it, in their order.
    fn list_starts(&self, zone: &TimeZone, now: Timestamp, days: i64) -> Vec<Minute> {
        let half = SignedDuration::from_hours(days * 12);
        let (Ok(first), Ok(last)) = (now.checked_sub(half), now.checked_add(half)) else {
            return Vec::new();
        };
        let first = zone.to_datetime(first).date();
        let last = zone.to_datetime(last).date();
        let mut starts = Vec::new();
        for date in first
            .series(jiff::ToSpan::day(1))
            .take_while(|it| *it <= last)
        {
            if self.includes(date) {
                starts.extend(self.list_starts_on(date, zone));
            }
        }
        starts
    }

    fn includes(&self, date: Date) -> bool {
        let number = |value: i8| u32::from(value.unsigned_abs());
        // Sunday is the first day of the week.
        let weekday = number(date.weekday().to_sunday_one_offset());
        let year = u32::from(date.year().unsigned_abs());
        self.months.contains(&number(date.month()))
            && self
                .years
                .as_ref()
                .is_none_or(|years| years.contains(&year))
            && self
                .days
                .include(number(date.day()), weekday, number(date.days_in_month()))
    }

    fn list_starts_on(&self, date: Date, zone: &TimeZone) -> impl Iterator<Item = Minute> {
        let times = self.hours.iter().flat_map(|hour| {
            let minutes = self.minutes.iter();
            minutes.filter_map(|minute| {
                let (hour, minute) = (i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?);
                Time::new(hour, minute, 0, 0).ok()
            })
        });
        times.filter_map(move |time| {
            let local = zone.to_ambiguous_timestamp(date.to_datetime(time));
            if matches!(local.offset(), AmbiguousOffset::Gap { .. }) {
                return None;
            }
            let start = local.earlier().ok()?;
            Some(start.as_second().div_euclid(60))
        })
    }
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

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

    fn run_all(expression: &str, timezone: Option<&str>) -> Result<Runs, String> {
        let now = "2026-03-04T00:00:00Z".parse().unwrap();
        list_runs(expression, timezone, now)
    }

    /// Returns the starts of a day in UTC, as `HH:MM`.
    fn starts_on(expression: &str, timezone: &str, day: &str) -> Vec<String> {
        let runs = run_all(expression, Some(timezone)).unwrap();
        let starts = runs.starts.unwrap().into_iter();
        let texts = starts.map(|minute| Timestamp::from_second(minute * 60).unwrap().to_string());
        texts
            .filter(|it| it.starts_with(day))
            .map(|it| it[11..16].to_owned())
            .collect()
    }

    #[test]
    fn the_longest_time_between_two_runs() {
        for (schedule, want) in [
            ("cron(0 5 ? * * *)", 24),
            ("cron(0 0/1 ? * * *)", 1),
            // From 23:00 to 05:00.
            ("cron(0 5/1 ? * * *)", 6),
            ("cron(0 0,12 * * ? *)", 12),
            ("cron(30 */8 * * ? *)", 8),
            ("cron(0 3 ? * MON-FRI *)", 72),
            ("cron(0 3 ? * 1 *)", 168),
            ("cron(0 3 ? * SUN,WED *)", 96),
            // 31 days, in July and August.
            ("cron(0 3 1 * ? *)", 31 * 24),
            // From 31 March to 31 May.
            ("cron(0 3 31 * ? *)", 61 * 24),
            ("cron(0 3 L * ? *)", 31 * 24),
            // From Wednesday 1 October to Monday 3 November 2025, as the 1st is a Saturday.
            ("cron(0 3 1W * ? *)", 33 * 24),
            ("cron(0 3 ? * 6L *)", 35 * 24),
            // Saturdays.
            ("cron(0 3 ? * L *)", 168),
            ("cron(0 3 ? * MON#1 *)", 35 * 24),
            ("cron(0 3 1 JAN ? *)", 366 * 24),
            ("cron(0 3 29 2 ? *)", 1461 * 24),
            ("15 * ? * * *", 1),
            ("0 12 * * ? *", 24),
            (" cron( 0 5 ? * * * ) ", 24),
            ("rate(1 hour)", 1),
            ("rate(12 hours)", 12),
            ("rate(1 day)", 24),
            ("rate(90 minutes)", 2),
        ] {
            let hours = run_all(schedule, None).map(|runs| runs.interval_hours);
            assert_eq!(hours, Ok(Some(want)), "{schedule}");
        }
    }

    #[test]
    fn what_cannot_be_parsed_is_named() {
        for schedule in [
            "",
            "daily",
            "cron()",
            "cron(0 5 * * *)",
            "cron(0 5 * * * *)",
            "cron(0 5 ? * ? *)",
            "cron(0 5 1 * MON *)",
            "cron(0 24 * * ? *)",
            "cron(60 5 * * ? *)",
            "cron(0 5,24 * * ? *)",
            "cron(0 5 ? 1-13 MON *)",
            "cron(0 5 1 1 ? 2190)",
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
            let error = run_all(schedule, None).unwrap_err();
            assert!(error.contains(schedule), "{error}");
        }
        let error = run_all("cron(0 5 ? * * *)", Some("Mars/Olympus")).unwrap_err();
        assert!(error.contains("Mars/Olympus"), "{error}");
        // It may have run once: nothing follows for the next time.
        let bound = run_all("cron(0 5 1 3 ? 2026)", None).unwrap();
        assert_eq!(bound.interval_hours, None);
    }

    // https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html: `W` is the weekday nearest to a day, in
    // the same month. 1 March 2026 is a Sunday, 1 August 2026 a Saturday.
    #[test]
    fn a_schedule_runs_on_the_nearest_weekday_and_the_last_one_of_a_month() {
        for (days, want) in [
            ("4W 3 ?", "2026-03-04"),
            ("13W 3 ?", "2026-03-13"),
            ("14W 3 ?", "2026-03-13"),
            ("15W 3 ?", "2026-03-16"),
            ("16W 3 ?", "2026-03-16"),
            ("1W 3 ?", "2026-03-02"),
            ("1W 8 ?", "2026-08-03"),
            ("2W 8 ?", "2026-08-03"),
            ("31W 1 ?", "2026-01-30"),
            ("31W 5 ?", "2026-05-29"),
            ("30W 5 ?", "2026-05-29"),
            ("? 3 3L", "2026-03-31"),
            ("? 3 4L", "2026-03-25"),
            ("? 3 TUE#5", "2026-03-31"),
            ("L 2 ?", "2026-02-28"),
        ] {
            let runs = run_all(&format!("cron(0 3 {days} 2026)"), None).unwrap();
            let starts = runs.starts.unwrap().into_iter();
            let texts = starts.map(|it| Timestamp::from_second(it * 60).unwrap().to_string());
            let texts: Vec<String> = texts.collect();
            assert_eq!(texts, [format!("{want}T03:00:00Z")], "{days}");
        }
    }

    // The time is 4 March 2026.
    #[test]
    fn a_schedule_ends_with_its_last_year() {
        for (schedule, want) in [
            ("cron(0 5 * * ? *)", false),
            ("cron(0 5 * * ? 2026)", false),
            ("cron(0 5 1 3 ? 2026)", true),
            ("cron(0 5 5 3 ? 2025-2026)", false),
            ("cron(0 5 * * ? 2001)", true),
            ("cron(0 5 * * ? 2001,2027)", false),
            ("cron(0 5 * * ? 2027,2001)", false),
            ("cron(0 5 1 3 ? 2026,2090)", false),
            ("cron(0 0 4 3 ? 2026)", true),
            ("rate(1 day)", false),
        ] {
            let runs = run_all(schedule, None).unwrap();
            assert_eq!(runs.has_ended, want, "{schedule}");
        }
    }

    // In 2026 clocks change in Berlin on 29 March (02:00 to 03:00) and on 25 October (03:00 to 02:00); in the
    // United States on 8 March.
    #[test]
    fn runs_follow_the_time_zone_and_its_daylight_saving_time() {
        let (daily, skipped) = ("cron(0 5 ? * * *)", "cron(30 2 ? * * *)");
        for (expression, timezone, day, want) in [
            (daily, "UTC", "2026-03-04", &["05:00"][..]),
            (daily, "Europe/Berlin", "2026-03-28", &["04:00"]),
            (daily, "Europe/Berlin", "2026-03-29", &["03:00"]),
            (daily, "Asia/Singapore", "2026-03-04", &["21:00"]),
            (daily, "America/New_York", "2026-03-07", &["10:00"]),
            (daily, "America/New_York", "2026-03-08", &["09:00"]),
            (skipped, "Europe/Berlin", "2026-03-28", &["01:30"]),
            (skipped, "Europe/Berlin", "2026-03-29", &[]),
            (skipped, "Europe/Berlin", "2025-10-26", &["00:30"]),
            (daily, "Asia/Kolkata", "2026-03-04", &["23:30"]),
        ] {
            assert_eq!(
                starts_on(expression, timezone, day),
                want,
                "{timezone} {day}"
            );
        }
    }

    #[test]
    fn a_rate_does_not_say_when_it_starts() {
        assert_eq!(run_all("rate(6 hours)", None).unwrap().starts, None);
    }
}
