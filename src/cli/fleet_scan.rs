//! What scans of live accounts and of snapshots have in common.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use jiff::{Timestamp, Unit};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::exit::{Exit, FailOn};
use crate::fleet::run::{Run, find_run_id, summarize_run};
use crate::fleet::scan::{Enter, Progress, scan_accounts};
use crate::fleet::snapshots::is_snapshot_name;
use crate::model::fleet::{Roster, Shard};
use crate::report::fleet::FleetFormat;
use crate::report::fleet::summary::FleetReport;
use crate::store::{BucketPlace, Folder, Place, Store};
use crate::text::{format_hex, plural};

use super::args::{FailOnArg, GlobalArgs, InputArgs, first_given};
use super::config::LoadedConfig;
use super::fleet_report::{FleetTarget, keep_summary, write_targets};
use super::output;
use super::scan::ScanArgs;

/// Variables with the position of a task among those that a scheduler starts, and the first position.
///
/// Sources, checked 2026-11-29: <https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html>,
/// <https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode>,
/// <https://slurm.schedmd.com/job_array.html>, <https://www.gnu.org/software/parallel/man.html>.
const TASK_VARIABLES: [(&str, u32); 4] = [
    ("AWS_BATCH_JOB_ARRAY_INDEX", 0),
    ("JOB_COMPLETION_INDEX", 0),
    ("SLURM_ARRAY_TASK_ID", 0),
    ("PARALLEL_SEQ", 1),
];

/// Returns the shard of an argument. `variable` reads the environment.
fn read_shard(text: &str, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Shard> {
    let Some(count) = text.strip_prefix("auto/") else {
        let shard: Result<Shard, String> = text.parse();
        return shard.map_err(anyhow::Error::msg).context("--shard");
    };
    let Ok(count @ 1..) = count.parse::<u32>() else {
        bail!("--shard {text}: expected auto/N such as auto/40");
    };
    let set: Vec<(&str, u32, String)> = TASK_VARIABLES
        .iter()
        .filter_map(|(name, first)| Some((*name, *first, variable(name)?)))
        .collect();
    let (name, first, position) = match set.as_slice() {
        [only] => only,
        [] => bail!(
            "--shard {text}: none of {} is set; name the shard: 1/{count}",
            TASK_VARIABLES.map(|(name, _)| name).join(", ")
        ),
        [one, other, ..] => bail!(
            "--shard {text}: {} and {} are both set; name the shard: 1/{count}",
            one.0,
            other.0
        ),
    };
    let index = position.parse::<u32>().ok();
    let index = index.and_then(|it| (it + 1).checked_sub(*first));
    match index.map(|index| Shard::new(index, count)) {
        Some(Ok(shard)) => Ok(shard),
        _ => bail!(
            "--shard {text}: {name} is {position}; expected {first} to {}",
            u64::from(count) - 1 + u64::from(*first)
        ),
    }
}

/// A scan of an organization whose arguments were checked.
pub(super) struct FleetScan<'a> {
    pub(super) args: &'a ScanArgs,
    pub(super) global: &'a GlobalArgs,
    pub(super) loaded: LoadedConfig,
    targets: Vec<FleetTarget>,
    shard: Option<Shard>,
}

/// Where results are kept: in the folder of --output, or until the program ends.
pub(super) struct Output {
    pub(super) store: Box<dyn Store>,
    place: String,
    _temporary: Option<TempDir>,
}

impl<'a> FleetScan<'a> {
    pub(super) fn prepare(args: &'a ScanArgs, global: &'a GlobalArgs) -> anyhow::Result<Self> {
        let targets = check_arguments(args)?;
        let loaded = LoadedConfig::find_and_read(global)?;
        args.source.evaluation.to_options(&loaded)?;
        let variable = |name: &str| std::env::var_os(name)?.into_string().ok();
        let shard = args.fleet.shard.as_deref();
        let shard = shard.map(|text| read_shard(text, variable)).transpose()?;
        Ok(FleetScan {
            args,
            global,
            loaded,
            targets,
            shard,
        })
    }

    pub(super) fn open_output(
        &self,
        open_bucket: impl FnOnce(&BucketPlace) -> anyhow::Result<Box<dyn Store>>,
    ) -> anyhow::Result<Output> {
        let mut temporary = None;
        let place = match &self.args.fleet.output {
            Some(place) => place.clone(),
            None => {
                let made = tempfile::tempdir().context("failed to create a temporary folder")?;
                Place::Folder(temporary.insert(made).path().to_owned())
            }
        };
        Ok(Output {
            store: match &place {
                Place::Folder(folder) => Box::new(Folder::create(folder)?),
                Place::Bucket(place) => open_bucket(place)?,
            },
            place: place.to_string(),
            _temporary: temporary,
        })
    }

    /// Scans the accounts of a list and writes what became of them.
    pub(super) fn scan_roster(
        &self,
        roster: &Roster,
        output: &Output,
        entrance: &dyn Entrance,
    ) -> anyhow::Result<Exit> {
        let fleet = &self.args.fleet;
        let store = &*output.store;
        let known = match fleet.resume {
            true => find_run_id(store, roster)?,
            false => None,
        };
        let id = match fleet.run.clone().or(known) {
            Some(id) => id,
            None => name_run()?,
        };
        let run = Run {
            store,
            id,
            options: list_options(self.args, &self.loaded),
            keeps_snapshots: fleet.snapshots,
        };
        let accounts = run.begin(roster, self.shard, fleet.resume);
        let accounts = accounts.with_context(|| format!("--output {}", output.place))?;
        let at_once = (fleet.enter.accounts_at_once).unwrap_or(entrance.default_at_once());
        let line = ProgressLine::new(self.global);
        scan_accounts(&accounts, at_once.into(), entrance, &run, &|progress| {
            line.show(progress, &entrance.describe_calls());
        })?;
        line.finish();
        let gate = self.args.fail_on.into();
        let (report, exit) = summarize_run(store, gate, self.shard, &mut |_, _| Ok(()))?;
        let seen = report.outcomes.scanned + report.outcomes.partial;
        let again = match fleet.output.is_some() {
            true => "repeat the command with --resume",
            false => "repeat the command; with --output FOLDER it can be continued with --resume",
        };
        let exit = entrance.finish_run(seen, again, exit);
        if self.args.stats {
            let calls = entrance.describe_calls();
            output::print_stderr(&format!("{} seen{calls}", plural(seen, "account")));
            output::print_peak_memory();
        }
        if let Some(shard) = self.shard {
            return Ok(finish_shard(shard, &report, exit, gate, self.global));
        }
        keep_summary(store, &report)?;
        write_targets(&report, &self.targets, self.global)?;
        Ok(exit)
    }
}

/// A way into the accounts of an organization, from the command line.
pub(super) trait Entrance: Enter {
    /// Returns how many accounts are checked at the same time unless an argument says it.
    fn default_at_once(&self) -> u16;

    /// Returns the calls so far, for the progress.
    fn describe_calls(&self) -> String {
        String::new()
    }

    /// Prints why the run ended early after some accounts were seen, if it did, and how to run it again. Returns the
    /// exit of it.
    fn finish_run(&self, _seen: usize, _again: &str, exit: Exit) -> Exit {
        exit
    }
}

/// Returns the error of accounts without a role.
pub(super) fn missing_role(what: &str) -> anyhow::Error {
    anyhow!(
        "{what} needs a role to assume: add --role-name. Many accounts have OrganizationAccountAccessRole (created by AWS Organizations) or AWSControlTowerExecution (enrolled in AWS Control Tower), but these are administrators, so neither is assumed unless you name it. `backup-check iam-policy --stackset` prints a role that only reads"
    )
}

/// Prints what became of a shard. In a shard an account that cannot be entered is a result: no scheduler should
/// start it again as if its options were wrong.
fn finish_shard(
    shard: Shard,
    report: &FleetReport,
    exit: Exit,
    gate: FailOn,
    global: &GlobalArgs,
) -> Exit {
    if !global.quiet {
        output::print_stderr(&format!(
            "shard {shard}: {}, {} not seen; write the report with `backup-check report` after the last shard",
            plural(report.outcomes.count_selected(), "account"),
            report.outcomes.count_unseen()
        ));
    }
    match (exit, gate) {
        (Exit::Usage, FailOn::Never) => Exit::Ready,
        (Exit::Usage, _) => Exit::Unknown,
        (exit, _) => exit,
    }
}

/// Refuses arguments that only one account has: `own` of the command, or those of its source.
pub(super) fn refuse_single_account(
    input: &InputArgs,
    own: Option<&'static str>,
) -> anyhow::Result<()> {
    let refused = first_given([
        ("--account-from", input.account_from.is_some()),
        ("--parameter", !input.parameter.is_empty()),
        ("--resource", !input.access.resource.is_empty()),
    ]);
    match own.or(refused) {
        None => Ok(()),
        Some(name) if input.from.is_some() => bail!(
            "{name} is for one account, and --from names a folder; check one of its files instead"
        ),
        Some(name) => bail!("{name} is for one account; check it without --accounts and --org"),
    }
}

/// Checks the arguments of a scan of an organization and returns the formats.
fn check_arguments(args: &ScanArgs) -> anyhow::Result<Vec<FleetTarget>> {
    let own = first_given([
        ("--baseline", args.baseline.is_some()),
        ("--fail-on new", args.fail_on == FailOnArg::New),
        ("--show-skipped", args.show_skipped),
        ("--cost", args.cost),
    ]);
    refuse_single_account(
        &args.source.input,
        own.or_else(|| args.report.find_account_only()),
    )?;
    let inputs = list_inputs(args);
    let inputs: Vec<Option<&Path>> = inputs.iter().map(|it| Some(it.as_path())).collect();
    let mut targets = Vec::new();
    for target in args.report.check_targets(&inputs)? {
        let (name, path) = target.name_parts();
        if FleetFormat::with_name(name).is_none() {
            bail!(
                "--format {name} is for one account; an organization has {}",
                FleetFormat::list_names()
            );
        }
        targets.push(FleetTarget::new(name, path.cloned().map(Place::Folder)));
    }
    if args.fleet.shard.is_some() && args.report.has_format() {
        bail!(
            "--format needs all shards; write the report with `backup-check report` after the last one"
        );
    }
    Ok(targets)
}

/// Returns the files with the accounts, and the snapshots of the folder.
fn list_inputs(args: &ScanArgs) -> Vec<PathBuf> {
    let entries = args.find_folder().and_then(|it| it.read_dir().ok());
    let files = entries.into_iter().flatten().flatten();
    let snapshots = files.filter(|it| is_snapshot_name(&it.file_name().to_string_lossy()));
    let accounts = args.fleet.enter.roster.accounts.clone();
    snapshots.map(|it| it.path()).chain(accounts).collect()
}

/// Returns the options that can change a verdict.
fn list_options(args: &ScanArgs, loaded: &LoadedConfig) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            options.insert(name.to_owned(), value);
        }
    };
    let (access, evaluation) = (&args.source.input.access, &args.source.evaluation);
    add("--region", access.region.join(" "));
    add("--service", access.service.join(" "));
    add("--rule", evaluation.rule.join(" "));
    add("--skip-rule", evaluation.skip_rule.join(" "));
    add("--gate", evaluation.gate.join(" "));
    add("--scope", format!("{:?}", evaluation.scope).to_lowercase());
    let given = |is_given: bool| if is_given { "yes" } else { "" }.to_owned();
    add("--preflight", given(evaluation.preflight));
    add("--require-tag", given(evaluation.require_tag));
    add("--snapshots", given(args.fleet.snapshots));
    let standard = evaluation
        .standard
        .map(|it| format!("{it:?}").to_lowercase());
    add("--standard", standard.unwrap_or_default());
    add(
        "--central-account",
        evaluation.central_account.clone().unwrap_or_default(),
    );
    add("--org-id", evaluation.org_id.clone().unwrap_or_default());
    let allowed = evaluation.allow_unknown.as_ref();
    let allowed = allowed.map(|rules| match rules.is_empty() {
        true => "all".to_owned(),
        false => rules.join(" "),
    });
    add("--allow-unknown", allowed.unwrap_or_default());
    let config = loaded.file.as_ref().map(|(_, text)| {
        let digest = Sha256::digest(text);
        format!("SHA-256 {}", format_hex(&digest[..8]))
    });
    add("--config", config.unwrap_or_default());
    options
}

/// Returns the name of a run that starts now: `20261128T060000Z`.
#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn name_run() -> anyhow::Result<String> {
    let now = Timestamp::now().round(Unit::Second)?.to_string();
    Ok(now.replace(['-', ':'], ""))
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn read_clock() -> Instant {
    Instant::now()
}

/// The longest silence where there is no terminal.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// The progress of a run: a line that changes on a terminal, else one every ten seconds.
pub(super) struct ProgressLine {
    is_shown: bool,
    is_terminal: bool,
    last: Mutex<Instant>,
}

impl ProgressLine {
    pub(super) fn new(global: &GlobalArgs) -> Self {
        ProgressLine {
            is_shown: !global.quiet && !global.no_progress,
            // Log lines and this one would overwrite each other.
            is_terminal: global.verbose == 0 && std::io::stderr().is_terminal(),
            last: Mutex::new(read_clock()),
        }
    }

    pub(super) fn show(&self, progress: Progress, calls: &str) {
        if !self.is_shown {
            return;
        }
        let Progress {
            done,
            unseen,
            total,
        } = progress;
        let total = plural(total, "account");
        let text = format!("{done} of {total}, {unseen} not seen{calls}");
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r{text}\u{1b}[K");
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = read_clock();
        if now.duration_since(*last) >= LONGEST_SILENCE {
            *last = now;
            output::print_stderr(&text);
        }
    }

    pub(super) fn finish(&self) {
        if self.is_shown && self.is_terminal {
            let _ = writeln!(std::io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard_of(text: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(it, _)| *it == name)?;
            Some(found.1.to_owned())
        };
        let shard = read_shard(text, variable);
        shard
            .map(|it| it.to_string())
            .map_err(|it| format!("{it:#}"))
    }

    #[test]
    fn schedulers_number_tasks_from_zero_and_parallel_from_one() {
        for (name, position) in [
            ("AWS_BATCH_JOB_ARRAY_INDEX", "2"),
            ("JOB_COMPLETION_INDEX", "2"),
            ("SLURM_ARRAY_TASK_ID", "2"),
            ("PARALLEL_SEQ", "3"),
        ] {
            assert_eq!(shard_of("auto/4", &[(name, position)]).unwrap(), "3/4");
        }
        assert_eq!(shard_of("4/4", &[]).unwrap(), "4/4");
    }

    #[test]
    fn a_position_that_no_shard_has_is_an_error() {
        let error = shard_of("auto/4", &[("JOB_COMPLETION_INDEX", "4")]).unwrap_err();
        assert!(error.ends_with("is 4; expected 0 to 3"), "{error}");
        let error = shard_of("auto/4", &[("PARALLEL_SEQ", "0")]).unwrap_err();
        assert!(error.ends_with("is 0; expected 1 to 4"), "{error}");
        assert!(shard_of("auto/4", &[]).unwrap_err().contains("none of"));
        let both = [("JOB_COMPLETION_INDEX", "1"), ("PARALLEL_SEQ", "1")];
        assert!(shard_of("auto/4", &both).unwrap_err().contains("both set"));
        for wrong in ["auto/0", "auto/x", "0/4"] {
            assert!(
                shard_of(wrong, &[("PARALLEL_SEQ", "1")]).is_err(),
                "{wrong}"
            );
        }
    }
}
