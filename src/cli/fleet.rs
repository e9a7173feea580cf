//! `backup-check scan` of an organization, and `backup-check accounts`

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::evaluate::Options;
use crate::exit::Exit;
#[cfg(feature = "aws")]
use crate::fleet::run::find_list;
use crate::fleet::run::{SHARDS, write_list};
use crate::fleet::scan::{Enter, Entered, Refusal};
use crate::fleet::snapshots::list_snapshots;
use crate::model::fleet::{Account, AccountSelection, Outcome, Roster};
use crate::source::detect::decode_text;
use crate::store::{BucketPlace, Place};
use crate::text::{and_more, plural};

use super::args::{AccessArgs, GlobalArgs};
use super::evaluation::{ReadSource, Reads};
use super::fleet_args::{EnterArgs, RosterArgs};
#[cfg(feature = "aws")]
use super::fleet_live::{LiveEntrance, Organization};
use super::fleet_scan::{Entrance, FleetScan, missing_role};
use super::scan::ScanArgs;
use super::{input, output, place, value};

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
    pub(super) fn read_folder(
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

    pub(super) fn select_from(&self, mut roster: Roster) -> anyhow::Result<Roster> {
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

/// Reads the file of an account.
type ReadFile<'a> = dyn Fn(&Path) -> anyhow::Result<(ReadSource, Options)> + Sync + 'a;

/// Reads the snapshots of accounts.
pub(super) struct SnapshotEntrance<'a> {
    pub(super) folder: &'a Path,
    pub(super) read: &'a ReadFile<'a>,
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
        let read = (self.read)(&self.folder.join(file));
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

impl Entrance for SnapshotEntrance<'_> {
    fn default_at_once(&self) -> u16 {
        2
    }
}

/// Checks that no argument is for live accounts.
pub(super) fn check_folder_arguments(
    access: &AccessArgs,
    live_only: Option<&'static str>,
) -> anyhow::Result<()> {
    match access.find_live_only().or(live_only) {
        Some(name) => {
            bail!("{name} is for live accounts, and --from names a folder of snapshots; remove one")
        }
        None => Ok(()),
    }
}

/// Checks a folder of snapshots as an organization.
pub(super) fn scan_folder(
    args: &ScanArgs,
    folder: &Path,
    global: &GlobalArgs,
) -> anyhow::Result<Exit> {
    let access = &args.source.input.access;
    check_folder_arguments(access, args.fleet.find_live_only())?;
    let scan = FleetScan::prepare(args, global)?;
    let roster = (args.fleet.enter.roster).read_folder(folder, access, global)?;
    let output = scan.open_output(|place| place::open_bucket(place, access, global))?;
    let read = |path: &Path| {
        let reads = Reads::NeedsOfRules;
        (args.source).read_path(Some(path), &scan.loaded, reads, global)
    };
    let entrance = SnapshotEntrance {
        folder,
        read: &read,
    };
    scan.scan_roster(&roster, &output, &entrance)
}

/// Checks the accounts of an organization that a list or AWS Organizations names.
pub(super) fn scan_accounts_live(args: &ScanArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let scan = FleetScan::prepare(args, global)?;
    let roster = read_live_list(&args.fleet.enter, &args.source.input.access, global)?;
    enter_accounts(&scan, roster)
}

/// Returns the selected accounts of --accounts, each with a role; `None` for --org.
pub(super) fn read_live_list(
    enter: &EnterArgs,
    access: &AccessArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Option<Roster>> {
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
    let roster = enter.roster.read_list(access, global)?;
    let roster = match roster {
        Some(roster) => Some(enter.roster.select_from(roster)?),
        None => None,
    };
    let has_role = enter.role_name.is_some();
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
    Ok(roster)
}

#[cfg(feature = "aws")]
fn enter_accounts(scan: &FleetScan<'_>, roster: Option<Roster>) -> anyhow::Result<Exit> {
    let fleet = &scan.args.fleet;
    let source = &scan.args.source;
    let access = &source.input.access;
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
            organization.select_accounts(&fleet.enter.roster, access, known)?
        }
    };
    let plan = source.plan_accounts(&scan.loaded, fleet.snapshots)?;
    let entrance = LiveEntrance::new(&organization, access, &fleet.enter, plan);
    entrance.check_roles(&roster)?;
    scan.scan_roster(&roster, &output, &entrance)
}

#[cfg(not(feature = "aws"))]
fn enter_accounts(_: &FleetScan<'_>, _: Option<Roster>) -> anyhow::Result<Exit> {
    bail!(NO_LIVE_ACCOUNTS)
}

#[cfg(not(feature = "aws"))]
pub(super) const NO_LIVE_ACCOUNTS: &str = "this build cannot read live accounts (feature `aws` is disabled); check a folder of snapshots with --from FOLDER";

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
