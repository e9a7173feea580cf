//! `backup-check scan` of an organization, and `backup-check accounts`

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use jiff::{Timestamp, Unit};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::exit::{Exit, FailOn};
#[cfg(feature = "aws")]
use crate::fleet::run::find_list;
use crate::fleet::run::{Run, SHARDS, find_run_id, summarize_run, write_list};
use crate::fleet::scan::{Enter, Entered, Progress, Refusal, scan_accounts};
use crate::fleet::snapshots::list_snapshots;
use crate::model::fleet::{Account, AccountSelection, Outcome, Roster, Shard};
use crate::report::fleet::FleetFormat;
use crate::report::fleet::summary::FleetReport;
use crate::source::detect::decode_text;
use crate::store::{BucketPlace, Folder, Place, Store};
use crate::text::{and_more, plural};

use super::args::{AccessArgs, FailOnArg, GlobalArgs};
use super::config::LoadedConfig;
use super::evaluation::Reads;
use super::fleet_args::RosterArgs;
#[cfg(feature = "aws")]
use super::fleet_live::{LiveEntrance, Organization};
use super::fleet_report::{FleetTarget, keep_summary, write_targets};
use super::scan::ScanArgs;
use super::{input, output, place, value};

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
    fn read_list(
        &self,
        access: &AccessArgs,
        global: &GlobalArgs,
    ) -> anyhow::Result<Option<Roster>> {
        let Some(path) = &self.accounts else {
            return Ok(None);
        };
        let text = match path.to_string_lossy().parse() {
            Ok(Place::Bucket(place)) => read_object(&place, access, global),
            _ => input::read_text(path),
        };
        let text = text.context("--accounts")?;
        let roster = Roster::parse(&text);
        roster
            .map(Some)
            .with_context(|| format!("--accounts {}", input::display_name(path)))
    }

    /// Returns the accounts of a folder of snapshots and of the list, selected.
    fn read_folder(
        &self,
        folder: &Path,
        access: &AccessArgs,
        global: &GlobalArgs,
    ) -> anyhow::Result<Roster> {
        let found = list_snapshots(folder)?;
        if !found.others.is_empty() && !global.quiet {
            let names = and_more(found.others.iter().map(String::as_str), 3);
            output::print_stderr(&format!(
                "note: {} {} not named as a snapshot and left out: {names}",
                plural(found.others.len(), "file"),
                if found.others.len() == 1 { "is" } else { "are" }
            ));
        }
        let roster = match self.read_list(access, global)? {
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

/// Reads a text from a bucket.
fn read_object(
    place: &BucketPlace,
    access: &AccessArgs,
    global: &GlobalArgs,
) -> anyhow::Result<String> {
    let (folder, key) = place.split_document();
    let store = place::open_bucket(&folder, access, global)?;
    let content = store.get_document(key)?;
    let content = content.with_context(|| format!("{place} does not exist"))?;
    decode_text(content).with_context(|| place.to_string())
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
    fn prepare(args: &'a ScanArgs, global: &'a GlobalArgs) -> anyhow::Result<Self> {
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

    fn open_output(
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
    fn scan_roster(
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
        let at_once = fleet.accounts_at_once.unwrap_or(entrance.default_at_once());
        let line = ProgressLine::new(self.global);
        scan_accounts(&accounts, at_once.into(), entrance, &run, &|progress| {
            line.show(progress, &entrance.describe_calls());
        })?;
        line.finish();
        let gate = self.args.fail_on.into();
        let (report, exit) = summarize_run(store, gate, self.shard, &mut |_, _| Ok(()))?;
        let exit = entrance.finish_run(&report, exit, self);
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

    /// Prints why the run ended early, if it did, and returns the exit of it.
    fn finish_run(&self, _: &FleetReport, exit: Exit, _: &FleetScan<'_>) -> Exit {
        exit
    }
}

impl Entrance for SnapshotEntrance<'_> {
    fn default_at_once(&self) -> u16 {
        2
    }
}

/// Checks a folder of snapshots as an organization.
pub(super) fn scan_folder(
    args: &ScanArgs,
    folder: &Path,
    global: &GlobalArgs,
) -> anyhow::Result<Exit> {
    let live_only = args.source.input.access.find_live_only();
    if let Some(name) = live_only.or_else(|| args.fleet.find_live_only()) {
        bail!("{name} is for live accounts, and --from names a folder of snapshots; remove one");
    }
    let scan = FleetScan::prepare(args, global)?;
    let access = &args.source.input.access;
    let roster = args.fleet.roster.read_folder(folder, access, global)?;
    let output = scan.open_output(|place| place::open_bucket(place, access, global))?;
    let entrance = SnapshotEntrance {
        args,
        folder,
        loaded: &scan.loaded,
        global,
    };
    scan.scan_roster(&roster, &output, &entrance)
}

/// Checks the accounts of an organization that a list or AWS Organizations names.
pub(super) fn scan_accounts_live(args: &ScanArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let scan = FleetScan::prepare(args, global)?;
    let access = &args.source.input.access;
    for (name, is_given, instead) in [
        (
            "--role-arn",
            access.role_arn.is_some(),
            "--role-name, or \"role_arn\" in the lines of --accounts",
        ),
        ("--timeout", access.timeout.is_some(), "--account-timeout"),
        (
            "--max-calls",
            access.max_calls.is_some(),
            "--account-timeout",
        ),
    ] {
        if is_given {
            bail!("{name} is for one account; use {instead}");
        }
    }
    let roster = args.fleet.roster.read_list(access, global)?;
    let roster = match roster {
        Some(roster) => Some(args.fleet.roster.select_from(roster)?),
        None => None,
    };
    let has_role = args.fleet.role_name.is_some();
    let lacks_role = |it: &&Account| it.role_arn.is_none() && !has_role;
    let lacking = roster.iter().flat_map(|it| it.to_scan(None));
    // One may be the account of the credentials, which needs no role.
    let lacking = lacking.filter(lacks_role).nth(1).map(|it| it.id.clone());
    if let Some(account) = lacking {
        return Err(missing_role(&format!("account {account}")));
    }
    if roster.is_none() && !has_role {
        return Err(missing_role("--org"));
    }
    enter_accounts(&scan, roster)
}

/// Returns the error of accounts without a role.
pub(super) fn missing_role(what: &str) -> anyhow::Error {
    anyhow!(
        "{what} needs a role to assume: add --role-name. Many accounts have OrganizationAccountAccessRole (created by AWS Organizations) or AWSControlTowerExecution (enrolled in AWS Control Tower), but these are administrators, so neither is assumed unless you name it. `backup-check iam-policy --stackset` prints a role that only reads"
    )
}

#[cfg(feature = "aws")]
fn enter_accounts(scan: &FleetScan<'_>, roster: Option<Roster>) -> anyhow::Result<Exit> {
    let fleet = &scan.args.fleet;
    let access = &scan.args.source.input.access;
    let organization = Organization::connect(access, scan.global)?;
    let output = scan.open_output(|place| organization.open_bucket(place))?;
    let roster = match roster {
        Some(roster) => roster,
        None => {
            // A run is resumed with its own list: an account that is new since then is for the next run.
            let known = match fleet.resume {
                true => find_list(&*output.store)?,
                false => None,
            };
            let role = fleet.roster.org_role_arn.as_deref();
            let listed = match known {
                Some(known) => known,
                None => organization.list_accounts(role, access.external_id.as_ref())?,
            };
            fleet.roster.select_from(listed)?
        }
    };
    let entrance = LiveEntrance::new(&organization, scan)?;
    entrance.check_roles(&roster)?;
    scan.scan_roster(&roster, &output, &entrance)
}

#[cfg(not(feature = "aws"))]
fn enter_accounts(_: &FleetScan<'_>, _: Option<Roster>) -> anyhow::Result<Exit> {
    bail!(NO_LIVE_ACCOUNTS)
}

#[cfg(not(feature = "aws"))]
const NO_LIVE_ACCOUNTS: &str = "this build cannot read live accounts (feature `aws` is disabled); check a folder of snapshots with --from FOLDER";

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
        match input.from.is_some() {
            true => bail!(
                "{name} is for one account, and --from names a folder; check one of its files instead"
            ),
            false => bail!("{name} is for one account; check it without --accounts and --org"),
        }
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

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn read_clock() -> Instant {
    Instant::now()
}

/// The longest silence where there is no terminal.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// The progress of a run: a line that changes on a terminal, else one every ten seconds.
struct ProgressLine {
    is_shown: bool,
    is_terminal: bool,
    last: Mutex<Instant>,
}

impl ProgressLine {
    fn new(global: &GlobalArgs) -> Self {
        ProgressLine {
            is_shown: !global.quiet && !global.no_progress,
            // Log lines and this one would overwrite each other.
            is_terminal: global.verbose == 0 && std::io::stderr().is_terminal(),
            last: Mutex::new(read_clock()),
        }
    }

    fn show(&self, progress: Progress, calls: &str) {
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

    fn finish(&self) {
        if self.is_shown && self.is_terminal {
            let _ = writeln!(std::io::stderr());
        }
    }
}

/// What to list.
#[derive(Debug, Args)]
pub(super) struct AccountsArgs {
    /// Folder of snapshots, one per account
    #[arg(long, value_name = "FOLDER", required_unless_present_any = ["accounts", "org"])]
    from: Option<PathBuf>,
    #[command(flatten)]
    roster: RosterArgs,
    /// AWS profile
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    profile: Option<String>,
    /// External ID for --org-role-arn
    #[arg(long, value_name = "ID", requires = "org_role_arn")]
    external_id: Option<String>,
    /// Endpoint URL for every service; AWS_ENDPOINT_URL and its per-service forms also apply
    #[arg(long, value_name = "URL", conflicts_with = "from", value_parser = value::parse_url)]
    endpoint_url: Option<String>,
    /// Divide the accounts into this number of shards
    #[arg(long, value_name = "N", requires = "output", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    shards: Option<u32>,
    /// Folder to write the list and the names of the shards to, or s3://BUCKET/FOLDER
    #[arg(long, value_name = "FOLDER")]
    output: Option<Place>,
}

impl AccountsArgs {
    fn to_access(&self) -> AccessArgs {
        AccessArgs {
            profile: self.profile.clone(),
            endpoint_url: self.endpoint_url.clone(),
            ..AccessArgs::default()
        }
    }

    #[cfg(feature = "aws")]
    fn list_organization(
        &self,
        access: &AccessArgs,
        global: &GlobalArgs,
    ) -> anyhow::Result<Roster> {
        let organization = Organization::connect(access, global)?;
        let role = self.roster.org_role_arn.as_deref();
        organization.list_accounts(role, self.external_id.as_ref())
    }

    #[cfg(not(feature = "aws"))]
    fn list_organization(&self, _: &AccessArgs, _: &GlobalArgs) -> anyhow::Result<Roster> {
        bail!(NO_LIVE_ACCOUNTS)
    }
}

/// Prints the accounts that a scan would check, or writes them for the shards of one.
pub(super) fn list_accounts(args: &AccountsArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let access = &args.to_access();
    let roster = match &args.from {
        Some(folder) => args.roster.read_folder(folder, access, global)?,
        None => {
            let list = match args.roster.read_list(access, global)? {
                Some(list) => list,
                None => args.list_organization(access, global)?,
            };
            args.roster.select_from(list)?
        }
    };
    let Some(output) = &args.output else {
        output::print_stdout(&roster.to_lines()?)?;
        return Ok(Exit::Ready);
    };
    let store = place::create_store(output, access, global)?;
    write_list(&*store, &roster)?;
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
