//! `backup-check scan` of an organization, and `backup-check accounts`

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use jiff::{Timestamp, Unit};
use sha2::{Digest as _, Sha256};

use crate::exit::{Exit, FailOn};
use crate::fleet::run::{Run, SHARDS, find_run_id, summarize_run, write_list};
use crate::fleet::scan::{Enter, Entered, Progress, Refusal, scan_accounts};
use crate::fleet::snapshots::list_snapshots;
use crate::model::fleet::{Account, AccountSelection, Outcome, Roster, Shard};
use crate::report::fleet::FleetFormat;
use crate::report::fleet::summary::FleetReport;
use crate::store::{Folder, Store};
use crate::text::{and_more, plural};

use super::args::{FailOnArg, GlobalArgs};
use super::config::LoadedConfig;
use super::evaluation::Reads;
use super::fleet_args::RosterArgs;
use super::fleet_report::{FleetTarget, keep_summary, write_targets};
use super::scan::ScanArgs;
use super::{input, output};

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

impl RosterArgs {
    fn read_list(&self) -> anyhow::Result<Option<Roster>> {
        let Some(path) = &self.accounts else {
            return Ok(None);
        };
        let text = input::read_text(path).context("--accounts")?;
        let roster = Roster::parse(&text);
        roster
            .map(Some)
            .with_context(|| format!("--accounts {}", input::display_name(path)))
    }

    /// Returns the accounts of a folder of snapshots and of the list, selected.
    fn read_folder(&self, folder: &Path, global: &GlobalArgs) -> anyhow::Result<Roster> {
        let found = list_snapshots(folder)?;
        if !found.others.is_empty() && !global.quiet {
            let names = and_more(found.others.iter().map(String::as_str), 3);
            output::print_stderr(&format!(
                "note: {} {} not named as a snapshot and left out: {names}",
                plural(found.others.len(), "file"),
                if found.others.len() == 1 { "is" } else { "are" }
            ));
        }
        let roster = match self.read_list()? {
            None => found.roster,
            Some(list) => join_lists(list, &found.roster)?,
        };
        self.select_from(roster)
    }

    fn select_from(&self, mut roster: Roster) -> anyhow::Result<Roster> {
        roster.select_accounts(&AccountSelection {
            ou: self.ou.clone(),
            skip_ou: self.skip_ou.clone(),
            account: self.account.clone(),
            skip_account: self.skip_account.clone(),
        })?;
        Ok(roster)
    }
}

/// Adds the files of snapshots to a list of accounts. A snapshot of another account is left out, one of an account
/// that cannot be read is not.
fn join_lists(mut list: Roster, found: &Roster) -> anyhow::Result<Roster> {
    for snapshot in found.iter() {
        if let Some(account) = list.find_account_mut(&snapshot.id) {
            account.file.clone_from(&snapshot.file);
            if account.ou.is_none() {
                account.ou.clone_from(&snapshot.ou);
            }
            continue;
        }
        let is_known = snapshot.file.as_ref() != Some(&snapshot.id);
        list.add_account(Account {
            left_out: is_known.then(|| "not in the list of --accounts".to_owned()),
            ..snapshot.clone()
        })?;
    }
    Ok(list)
}

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

/// Reads the snapshots of accounts.
struct SnapshotEntrance<'a> {
    args: &'a ScanArgs,
    folder: &'a Path,
    loaded: &'a LoadedConfig,
    global: &'a GlobalArgs,
}

impl Enter for SnapshotEntrance<'_> {
    fn enter(&self, account: &Account) -> Result<Box<Entered>, Refusal> {
        let refuse = |reason: String| Refusal {
            outcome: Outcome::NotEntered,
            reason,
        };
        let Some(file) = &account.file else {
            return Err(refuse("the folder has no snapshot of it".to_owned()));
        };
        let path = self.folder.join(file);
        let read =
            self.args
                .source
                .read_path(Some(&path), self.loaded, Reads::NeedsOfRules, self.global);
        let (read, options) = read.map_err(|error| refuse(format!("{error:#}")))?;
        if read.snapshot.source.is_planned() {
            return Err(refuse(format!("{file} is not a snapshot of an account")));
        }
        Ok(Box::new(Entered {
            snapshot: read.snapshot,
            settings: read.settings,
            options,
        }))
    }
}

/// Checks a folder of snapshots as an organization.
pub(super) fn scan_folder(
    args: &ScanArgs,
    folder: &Path,
    global: &GlobalArgs,
) -> anyhow::Result<Exit> {
    let targets = check_arguments(args)?;
    let loaded = LoadedConfig::find_and_read(global)?;
    args.source.evaluation.to_options(&loaded)?;
    let fleet = &args.fleet;
    let shard = match &fleet.shard {
        Some(text) => Some(read_shard(text, |name| {
            std::env::var_os(name)?.into_string().ok()
        })?),
        None => None,
    };
    let roster = fleet.roster.read_folder(folder, global)?;
    let temporary = tempfile::tempdir().context("failed to create a temporary folder")?;
    let output = fleet.output.as_deref().unwrap_or(temporary.path());
    let store = Folder::create(output)?;
    let known = match fleet.resume {
        true => find_run_id(&store, &roster)?,
        false => None,
    };
    let id = match fleet.run.clone().or(known) {
        Some(id) => id,
        None => name_run()?,
    };
    let run = Run {
        store: &store,
        id,
        options: list_options(args, &loaded),
    };
    let accounts = run.begin(&roster, shard, fleet.resume);
    let accounts = accounts.with_context(|| format!("--output {}", output.display()))?;
    let entrance = SnapshotEntrance {
        args,
        folder,
        loaded: &loaded,
        global,
    };
    let at_once = usize::from(fleet.accounts_at_once.unwrap_or(2));
    let shows = !global.quiet && !global.no_progress && std::io::stderr().is_terminal();
    scan_accounts(&accounts, at_once, &entrance, &run, &|progress| {
        if shows {
            show_progress(progress);
        }
    })?;
    let gate = args.fail_on.into();
    let (report, exit) = summarize_run(&store, gate, shard, &mut |_, _| Ok(()))?;
    if let Some(shard) = shard {
        return Ok(finish_shard(shard, &report, exit, gate, global));
    }
    keep_summary(&store, &report)?;
    write_targets(&report, &targets, global)?;
    Ok(exit)
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

/// Checks the arguments of a scan of an organization and returns the formats.
fn check_arguments(args: &ScanArgs) -> anyhow::Result<Vec<FleetTarget>> {
    let (input, access) = (&args.source.input, &args.source.input.access);
    let refused = [
        ("--baseline", args.baseline.is_some()),
        ("--fail-on new", args.fail_on == FailOnArg::New),
        ("--show-skipped", args.show_skipped),
        ("--cost", args.cost),
        ("--account-from", input.account_from.is_some()),
        ("--parameter", !input.parameter.is_empty()),
        ("--resource", !access.resource.is_empty()),
    ];
    let refused = refused
        .into_iter()
        .find_map(|(name, is_given)| is_given.then_some(name));
    if let Some(name) = refused.or_else(|| args.report.find_account_only()) {
        bail!(
            "{name} is for one account, and --from names a folder; check one of its files instead"
        );
    }
    if let Some(name) = access.find_live_only() {
        bail!("{name} is for live accounts, and --from names a folder of snapshots; remove one");
    }
    let mut targets = Vec::new();
    for target in args.report.check_targets()? {
        let (name, path) = target.name_parts();
        if FleetFormat::with_name(name).is_none() {
            bail!(
                "--format {name} is for one account; an organization has {}",
                FleetFormat::list_names()
            );
        }
        targets.push(FleetTarget::new(name, path.cloned()));
    }
    if args.fleet.shard.is_some() && args.report.has_format() {
        bail!(
            "--format needs all shards; write the report with `backup-check report` after the last one"
        );
    }
    Ok(targets)
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
        let digits = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        format!("SHA-256 {}", digits.collect::<String>())
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

fn show_progress(progress: Progress) {
    let Progress {
        done,
        unseen,
        total,
    } = progress;
    let end = if done == total { "\n" } else { "" };
    let _ = write!(
        std::io::stderr(),
        "\r{done} of {}, {unseen} not seen{end}",
        plural(total, "account")
    );
}

/// What to list.
#[derive(Debug, Args)]
pub(super) struct AccountsArgs {
    /// Folder of snapshots, one per account
    #[arg(long, value_name = "FOLDER", required_unless_present = "accounts")]
    from: Option<PathBuf>,
    #[command(flatten)]
    roster: RosterArgs,
    /// Divide the accounts into this number of shards
    #[arg(long, value_name = "N", requires = "output", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    shards: Option<u32>,
    /// Folder to write the list and the names of the shards to
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

/// Prints the accounts that a scan would check, or writes them for the shards of one.
pub(super) fn list_accounts(args: &AccountsArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let roster = match &args.from {
        Some(folder) => args.roster.read_folder(folder, global)?,
        None => {
            let list = args.roster.read_list()?;
            args.roster.select_from(list.unwrap_or_default())?
        }
    };
    let Some(output) = &args.output else {
        output::print_stdout(&roster.to_lines()?)?;
        return Ok(Exit::Ready);
    };
    let store = Folder::create(output)?;
    write_list(&store, &roster)?;
    if let Some(count) = args.shards {
        let names: Vec<String> = (1..=count)
            .map(|index| format!("{index}/{count}"))
            .collect();
        store.put_document(SHARDS, serde_json::to_string(&names)?.as_bytes())?;
    }
    if !global.quiet {
        let left_out = roster.iter().filter(|it| it.left_out.is_some()).count();
        output::print_stderr(&format!(
            "{} to check, {left_out} left out",
            plural(roster.to_scan(None).count(), "account")
        ));
    }
    Ok(Exit::Ready)
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
