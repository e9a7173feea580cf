use std::sync::Arc;

use crate::analysis::backup_plans::in_region;
use crate::analysis::backup_target::as_if_tagged;
use crate::analysis::db_windows::{Window, format_start};
use crate::analysis::rule_runs::{Subject, Survival, find_runs};
use crate::analysis::schedule::{Minute, Runs};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::backup_plan::{BackupPlan, BackupRule};
use crate::model::fact::Fact;
use crate::model::observed::{Gap, GapKind};
use crate::model::rds::DbInstance;
use crate::model::{Observed, Resource};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// No scheduled backup of the DB instance starts in its maintenance window, in the window of its automated
    /// backups, or in the hour before either.
    ///
    /// The schedules of the backup plans that select the instance are compared with the windows, in UTC.
    /// The window of automated backups does not count if they are disabled, or if AWS Backup makes
    /// continuous backups of the instance and places the window itself. The rule is skipped if the plans
    /// or the windows are not in the snapshot or file: RDS chooses the windows of a new instance.
    ///
    /// ## Why it matters
    ///
    /// RDS does not start a snapshot then, and the backup job fails. Aurora is exempt.
    ///
    /// ## Fix
    ///
    /// Move the window of the instance. If the plan runs too often to leave room for a window, ask the
    /// platform team.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html#backup-window>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html#point-in-time-recovery-rds>
    RULE = Rule {
        id: "rds-windows-clear",
        group: Group::Service,
        owner: Owner::Member,
        title: "Backups start outside the windows of the DB instance",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::DbInstance(check_instance),
        reads: &[Fact::Plans],
    }
}

fn check_instance(cx: &RuleContext<'_>, database: &DbInstance) -> CheckResult {
    let protection = match in_region(cx, cx.known_region()?) {
        Err(gap) if gap.kind.is_absent() => return Ok(Outcome::skip(gap.to_string())),
        protection => protection?,
    };
    let Some(target) = as_if_tagged(cx, Resource::DbInstance(database)) else {
        return Ok(Outcome::skip("has no backups"));
    };
    let chosen = protection.chosen(&target);
    let mut open = protection.rules(&chosen.by).gap.or(chosen.open);
    let mut is_continuous = false;
    let mut scheduled = Vec::new();
    for plan in protection.plans_of(&chosen.by) {
        for rule in &plan.rules.items {
            match rule.continuous.get() {
                Ok(true) => is_continuous = true,
                Ok(false) => scheduled.push((plan, rule)),
                Err(gap) => open = Some(gap),
            }
        }
    }
    if scheduled.is_empty() {
        return match open {
            Some(gap) if !gap.kind.is_absent() => Err(gap),
            Some(gap) => Ok(Outcome::skip(format!("backup plans: {gap}"))),
            None if is_continuous => Ok(Outcome::skip(
                "has only continuous backups, which do not start on a schedule",
            )),
            None => Ok(Outcome::skip("no backup plan with a schedule selects it")),
        };
    }
    // A plan that was not read may make continuous backups, and AWS Backup then places the window of automated backups.
    let unplaced = open.clone().filter(|gap| !gap.kind.is_absent());
    let retention = &database.backup_retention_days;
    let has_backup_window = !is_continuous && *retention != Observed::Known(0);
    let mut windows: Vec<DbWindow> = Vec::new();
    for (name, text, parse) in [
        (
            MAINTENANCE,
            &database.maintenance_window,
            Window::parse_weekly as ParseWindow,
        ),
        (BACKUP, &database.backup_window, Window::parse_daily),
    ] {
        if name == BACKUP && !has_backup_window {
            continue;
        }
        let doubt = unplaced.as_ref().or(retention.gap());
        match read_window(name, text, parse) {
            Ok(window) => windows.push(DbWindow {
                name,
                window,
                doubt: doubt.filter(|_| name == BACKUP).cloned(),
            }),
            Err(gap) => open = Some(gap),
        }
    }
    let clash = find_clash(cx, &scheduled, &windows);
    let Clash { starts, hits, gap } = clash;
    if hits.is_empty() {
        return match gap.or(open) {
            Some(gap) if gap.kind.is_absent() => Ok(Outcome::skip(gap.to_string())),
            Some(gap) => Err(gap),
            None => Ok(Outcome::pass(
                "no scheduled backup starts in its windows or the hour before them",
            )),
        };
    }
    Ok(report_hits(cx, database, &windows, &starts, &hits))
}

/// A window of the instance in which no backup may start.
struct DbWindow {
    name: &'static str,
    window: Window,
    /// Why the instance may not have it.
    doubt: Option<Gap>,
}

const MAINTENANCE: &str = "maintenance window";
const BACKUP: &str = "window of automated backups";

type ParseWindow = fn(&str) -> Option<Window>;

fn read_window(name: &str, text: &Observed<String>, parse: ParseWindow) -> Result<Window, Gap> {
    let text = text.get().map_err(|mut gap| {
        gap.message = format!("the {name} is unknown: {}", gap.message);
        gap
    })?;
    parse(text).ok_or_else(|| {
        let message = format!("the {name} {text:?} cannot be parsed");
        Gap::new(GapKind::Unreadable, message)
    })
}

/// The backups of an instance that start in its windows.
#[derive(Default)]
struct Clash<'a> {
    starts: Vec<Minute>,
    /// The rule, the window, and the first start in it where the schedule says when.
    hits: Vec<(&'a BackupRule, &'static str, Option<Minute>)>,
    /// Why there may be more.
    gap: Option<Gap>,
}

fn find_clash<'a>(
    cx: &RuleContext<'a>,
    rules: &[(&'a BackupPlan, &'a BackupRule)],
    windows: &[DbWindow],
) -> Clash<'a> {
    let mut clash = Clash::default();
    for (plan, rule) in rules {
        let (runs, doubt) = match list_runs(cx, plan, rule) {
            Ok(Some(listed)) => listed,
            Ok(None) => continue,
            Err(gap) => {
                clash.gap.get_or_insert(gap);
                continue;
            }
        };
        for window in windows {
            let hit = find_hit(rule, &window.window, &runs);
            match (hit, doubt.as_ref().or(window.doubt.as_ref())) {
                (Ok(Some(start)), None) => clash.hits.push((rule, window.name, start)),
                (Ok(None), _) => {}
                (Err(gap), _) => {
                    clash.gap.get_or_insert(gap);
                }
                (Ok(Some(_)), Some(gap)) => {
                    clash.gap.get_or_insert_with(|| gap.clone());
                }
            }
        }
        clash.starts.extend(runs.starts.iter().flatten());
    }
    clash
}

/// The runs in which a rule makes backups, and why another rule may make some of them.
type PossibleRuns = (Arc<Runs>, Option<Gap>);

/// Returns the runs in which a rule makes backups; `None` where none follows, or another rule of the plan makes them.
fn list_runs<'a>(
    cx: &RuleContext<'a>,
    plan: &'a BackupPlan,
    rule: &'a BackupRule,
) -> Result<Option<PossibleRuns>, Gap> {
    rule.timezone.get()?;
    let runs = cx.runs(rule)?;
    if runs.has_ended {
        return Ok(None);
    }
    let unread = plan.rules.gap.clone();
    Ok(
        match find_runs(cx, plan, rule, Subject::Continuous, |_| false) {
            Ok(Survival::Displaced(_)) => None,
            Ok(Survival::Runs {
                runs: left, doubt, ..
            }) => Some((left.unwrap_or(runs), doubt.or(unread))),
            Err(gap) => Some((runs, Some(gap))),
        },
    )
}

/// Returns the first run that starts in a window; a time only where the schedule says when.
fn find_hit(
    rule: &BackupRule,
    window: &Window,
    runs: &Runs,
) -> Result<Option<Option<Minute>>, Gap> {
    if let Some(starts) = &runs.starts {
        let hit = starts.iter().find(|start| window.blocks(**start));
        return Ok(hit.map(|start| Some(*start)));
    }
    if runs
        .interval_hours
        .is_some_and(|hours| window.blocks_every(hours))
    {
        return Ok(Some(None));
    }
    let schedule = rule.schedule.as_deref().unwrap_or_default();
    let message = format!(
        "whether rule {} starts in the windows is unknown: {schedule:?} does not say when it starts",
        rule.name
    );
    Err(Gap::new(GapKind::Open, message))
}

fn report_hits(
    cx: &RuleContext<'_>,
    database: &DbInstance,
    windows: &[DbWindow],
    starts: &[Minute],
    hits: &[(&BackupRule, &'static str, Option<Minute>)],
) -> Outcome {
    let text_of = |name: &str| {
        let window = windows.iter().find(|it| it.name == name);
        window.map_or(String::new(), |it| it.window.as_text())
    };
    let seen: Vec<String> = hits
        .iter()
        .map(|(rule, name, start)| {
            let (rule, window) = (&rule.name, text_of(name));
            let (some, start) = match start {
                Some(start) => ("", format!(" at {} UTC,", format_start(*start))),
                None => ("some ", String::new()),
            };
            format!(
                "{some}backups of rule {rule} start{start} in the {name} {window} or the hour before it"
            )
        })
        .collect();
    let is_hit = |name: &str| hits.iter().any(|hit| hit.1 == name);
    let moved = propose_windows(windows, starts, is_hit);
    let outcome = Outcome::breach(format!("{}: such backup jobs fail", seen.join("; ")))
        .with(
            "maintenance_window",
            database.maintenance_window.known().cloned(),
        )
        .with("backup_window", database.backup_window.known().cloned());
    match moved {
        Some((maintenance, backup)) => {
            let texts = [(MAINTENANCE, &maintenance), (BACKUP, &backup)];
            let texts = texts.into_iter();
            let texts =
                texts.filter_map(|(name, text)| Some(format!("the {name} to {}", text.as_ref()?)));
            let fix = format!("Move {}.", texts.collect::<Vec<_>>().join(" and "));
            outcome.fix(fix).remedy(Remedy::MoveDbWindows {
                arn: database.arn.clone(),
                maintenance,
                backup,
            })
        }
        None => outcome.fix(cx.ask_contact(
            "for other hours of the backup plan: no window of this length is clear of its backups",
        )),
    }
}

/// Returns the texts of the windows to set; `None` where there is no room for one that has to move.
fn propose_windows(
    windows: &[DbWindow],
    starts: &[Minute],
    is_hit: impl Fn(&str) -> bool,
) -> Option<(Option<String>, Option<String>)> {
    let window = |name: &str| {
        windows
            .iter()
            .find(|it| it.name == name)
            .map(|it| it.window)
    };
    // A schedule without a known start leaves no window clear.
    if starts.is_empty() {
        return None;
    }
    let (mut maintenance, mut backup) = (window(MAINTENANCE), window(BACKUP));
    if is_hit(MAINTENANCE) {
        maintenance = Some(maintenance?.move_away(starts, backup.filter(|_| !is_hit(BACKUP)))?);
    }
    if is_hit(BACKUP) {
        backup = Some(backup?.move_away(starts, maintenance)?);
    }
    let text =
        |window: Option<Window>, name: &str| window.filter(|_| is_hit(name)).map(|it| it.as_text());
    Some((text(maintenance, MAINTENANCE), text(backup, BACKUP)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Backups start at 03:00 on each day.
    fn daily() -> Vec<Minute> {
        (0..7).map(|day| day * 24 * 60 + 180).collect()
    }

    fn named(name: &'static str, window: Option<Window>) -> DbWindow {
        DbWindow {
            name,
            window: window.unwrap(),
            doubt: None,
        }
    }

    #[test]
    fn windows_that_are_hit_move_and_keep_clear_of_each_other() {
        let maintenance = |text: &str| named(MAINTENANCE, Window::parse_weekly(text));
        let backup = |text: &str| named(BACKUP, Window::parse_daily(text));
        for (windows, hit, moved) in [
            (
                vec![maintenance("sun:03:00-sun:04:00")],
                vec![MAINTENANCE],
                (Some("sun:04:30-sun:05:30"), None),
            ),
            // The window of automated backups stays, so the other one moves behind it.
            (
                vec![maintenance("sun:03:00-sun:04:00"), backup("05:00-05:30")],
                vec![MAINTENANCE],
                (Some("sun:05:30-sun:06:30"), None),
            ),
            (
                vec![maintenance("sun:04:30-sun:05:30"), backup("03:00-03:30")],
                vec![BACKUP],
                (None, Some("05:30-06:00")),
            ),
            // Both move: the second one around where the first one went.
            (
                vec![maintenance("sun:03:00-sun:04:00"), backup("03:00-04:00")],
                vec![MAINTENANCE, BACKUP],
                (Some("sun:04:30-sun:05:30"), Some("05:30-06:30")),
            ),
        ] {
            let found = propose_windows(&windows, &daily(), |name| hit.contains(&name));
            let (maintenance, backup) = moved;
            let expected = (maintenance.map(str::to_owned), backup.map(str::to_owned));
            assert_eq!(found, Some(expected), "{hit:?}");
        }
    }

    #[test]
    fn without_room_or_a_known_start_no_window_is_proposed() {
        let windows = [named(
            MAINTENANCE,
            Window::parse_weekly("sun:03:00-sun:04:00"),
        )];
        let hourly: Vec<Minute> = (0..168).map(|hour| hour * 60).collect();
        for starts in [Vec::new(), hourly] {
            assert_eq!(
                propose_windows(&windows, &starts, |name| name == MAINTENANCE),
                None
            );
        }
    }
}
