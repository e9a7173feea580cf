//! The maintenance and backup windows of RDS instances, on the clock of a week in UTC.

use super::schedule::Minute;

/// The minutes of a day and of a week.
const DAY: Minute = 1440;
const WEEK: Minute = 7 * DAY;

/// How many minutes before a window AWS Backup starts no backup either.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html#backup-window>.
const LEAD: Minute = 60;

/// How many minutes apart proposed windows start.
const STEP: Minute = 30;

/// The days of a week as RDS names them.
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A window that recurs every day or every week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    start: Minute,
    length: Minute,
    period: Minute,
}

impl Window {
    /// Parses a maintenance window: `sun:03:00-sun:04:00`.
    #[must_use]
    pub fn parse_weekly(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        Self::between(parse_weekday_time(start)?, parse_weekday_time(end)?, WEEK)
    }

    /// Parses a window of automated backups: `02:00-02:30`.
    #[must_use]
    pub fn parse_daily(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        Self::between(parse_time(start)?, parse_time(end)?, DAY)
    }

    fn between(start: Minute, end: Minute, period: Minute) -> Option<Self> {
        let length = (end - start).rem_euclid(period);
        (length > 0).then_some(Window {
            start,
            length,
            period,
        })
    }

    /// Whether a backup that starts at a time fails: within the window or the hour before it.
    #[must_use]
    pub fn blocks(&self, start: Minute) -> bool {
        let after = (minute_of_week(start) - self.start + LEAD).rem_euclid(self.period);
        after < LEAD + self.length
    }

    /// Whether it blocks one of the backups that are made every so many hours, whenever the first one is.
    #[must_use]
    pub fn blocks_every(&self, hours: u32) -> bool {
        Minute::from(hours) * 60 <= LEAD + self.length
    }

    /// Returns the next window of the same length that blocks none of some starts and does not overlap with
    /// another one; `None` where there is none.
    #[must_use]
    pub fn move_away(&self, starts: &[Minute], other: Option<Window>) -> Option<Self> {
        let steps = 1..self.period / STEP;
        let moved = steps.map(|step| Window {
            start: (self.start + step * STEP).rem_euclid(self.period),
            ..*self
        });
        moved.into_iter().find(|window| {
            !starts.iter().any(|start| window.blocks(*start))
                && other.is_none_or(|other| !window.overlaps(&other))
        })
    }

    /// Whether two windows have a time in common on any day.
    fn overlaps(&self, other: &Window) -> bool {
        let period = self.period.min(other.period);
        let after = (other.start - self.start).rem_euclid(period);
        let before = (self.start - other.start).rem_euclid(period);
        after < self.length || before < other.length
    }

    /// Returns the window as RDS writes it.
    #[must_use]
    pub fn as_text(&self) -> String {
        let end = (self.start + self.length).rem_euclid(self.period);
        match self.period {
            DAY => format!("{}-{}", format_time(self.start), format_time(end)),
            _ => format!(
                "{}-{}",
                format_weekday_time(self.start),
                format_weekday_time(end)
            ),
        }
    }
}

/// Returns a start as the window names times: with its weekday, in UTC.
#[must_use]
pub fn format_start(start: Minute) -> String {
    format_weekday_time(minute_of_week(start))
}

/// Returns the minute since the last midnight before a Sunday. 1970 began on a Thursday.
fn minute_of_week(start: Minute) -> Minute {
    (start + 4 * DAY).rem_euclid(WEEK)
}

fn parse_weekday_time(text: &str) -> Option<Minute> {
    let (weekday, time) = text.trim().split_once(':')?;
    let day = WEEKDAYS
        .iter()
        .position(|it| it.eq_ignore_ascii_case(weekday))?;
    Some(Minute::try_from(day).ok()? * DAY + parse_time(time)?)
}

fn parse_time(text: &str) -> Option<Minute> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (Minute, Minute) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

fn format_weekday_time(minute: Minute) -> String {
    let day = usize::try_from(minute.div_euclid(DAY)).unwrap_or_default();
    let weekday = WEEKDAYS.get(day).copied().unwrap_or_default();
    format!("{weekday}:{}", format_time(minute.rem_euclid(DAY)))
}

fn format_time(minute: Minute) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the minute of a time of the week that began on Sunday, 1 March 2026.
    fn at(day: Minute, hour: Minute, minute: Minute) -> Minute {
        // 2026-03-01T00:00:00Z is 1772323200 seconds after 1970.
        1_772_323_200 / 60 + day * DAY + hour * 60 + minute
    }

    #[test]
    fn a_window_blocks_the_hour_before_it_and_wraps_midnight_and_the_week() {
        let sunday = Window::parse_weekly("Sun:03:00-Sun:04:00").unwrap();
        for (start, want) in [
            (at(0, 1, 59), false),
            (at(0, 2, 0), true),
            (at(0, 3, 59), true),
            (at(0, 4, 0), false),
            (at(1, 3, 0), false),
            (at(7, 3, 30), true),
        ] {
            assert_eq!(sunday.blocks(start), want, "{start}");
        }
        let week_end = Window::parse_weekly("sat:23:30-sun:00:30").unwrap();
        let blocked = [at(6, 22, 30), at(6, 23, 59), at(0, 0, 29)];
        assert!(blocked.iter().all(|start| week_end.blocks(*start)));
        assert!(!week_end.blocks(at(0, 0, 30)) && !week_end.blocks(at(6, 22, 29)));
        let first = Window::parse_weekly("sun:00:15-sun:00:45").unwrap();
        assert!(first.blocks(at(6, 23, 20)) && !first.blocks(at(6, 23, 10)));
        let midnight = Window::parse_daily("23:45-00:15").unwrap();
        assert!(midnight.blocks(at(3, 0, 10)) && midnight.blocks(at(2, 22, 50)));
        assert!(!midnight.blocks(at(3, 0, 15)));
    }

    #[test]
    fn what_is_no_window_is_not_read() {
        for text in [
            "",
            "03:00",
            "sun:03:00-sun:03:00",
            "sun:25:00-sun:26:00",
            "sun:03:60-sun:05:00",
            "foo:03:00-foo:04:00",
        ] {
            assert_eq!(Window::parse_weekly(text), None, "{text}");
        }
        assert_eq!(Window::parse_daily("sun:03:00-sun:04:00"), None);
    }

    #[test]
    fn windows_overlap_on_any_day_and_not_where_one_ends_as_the_other_starts() {
        let maintenance = Window::parse_weekly("tue:03:00-tue:04:00").unwrap();
        for (backup, want) in [
            ("03:00-04:00", true),
            ("03:59-04:30", true),
            ("04:00-04:30", false),
            ("02:30-03:01", true),
            ("02:30-03:00", false),
            ("23:30-03:10", true),
            ("23:30-00:10", false),
        ] {
            let backup = Window::parse_daily(backup).unwrap();
            assert_eq!(maintenance.overlaps(&backup), want, "{}", backup.as_text());
            assert_eq!(backup.overlaps(&maintenance), want, "{}", backup.as_text());
        }
    }

    #[test]
    fn a_moved_window_blocks_nothing_and_keeps_clear_of_the_other() {
        let window = Window::parse_weekly("sun:03:00-sun:04:00").unwrap();
        let daily: Vec<Minute> = (0..7).map(|day| at(day, 3, 0)).collect();
        let moved = |other| window.move_away(&daily, other).map(|it| it.as_text());
        // The first half hour after the start of the backup.
        assert_eq!(moved(None).as_deref(), Some("sun:04:30-sun:05:30"));
        let backup = Window::parse_daily("05:00-05:30");
        assert_eq!(moved(backup).as_deref(), Some("sun:05:30-sun:06:30"));
        let hourly: Vec<Minute> = (0..168).map(|hour| at(0, hour, 0)).collect();
        assert_eq!(window.move_away(&hourly, None), None);
        assert!(window.blocks_every(1) && window.blocks_every(2) && !window.blocks_every(3));
    }
}
