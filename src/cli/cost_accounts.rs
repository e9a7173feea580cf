//! `backup-check cost` of several accounts: a folder of snapshots, or an organization.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::bail;

use crate::cost::accounts::AccountSum;
use crate::cost::estimate::{Question, estimate_cost};
use crate::cost::prices::PriceList;
use crate::evaluate::Options;
use crate::exit::Exit;
use crate::fleet::scan::{Visit, visit_accounts};
use crate::model::fleet::{Account, Outcome, Roster};
use crate::model::snapshot::Source;
use crate::settings::Settings;

use super::args::GlobalArgs;
use super::config::LoadedConfig;
use super::cost::CostArgs;
use super::evaluation::AccountPlan;
use super::fleet::{SnapshotEntrance, check_folder_arguments, read_live_list};
use super::fleet_scan::{Entrance, ProgressLine, refuse_single_account};
use super::output;
use super::prices::read_prices;

/// Estimates several accounts if the arguments name them.
pub(super) fn run(args: &CostArgs, global: &GlobalArgs) -> Option<anyhow::Result<Exit>> {
    let cost = || AccountsCost::prepare(args, global);
    match &args.input.from {
        Some(path) if path.is_dir() => Some(cost().and_then(|it| it.estimate_folder(path))),
        None if args.enter.names_accounts() => Some(cost().and_then(|it| it.estimate_live())),
        _ => None,
    }
}

/// An estimate of several accounts whose arguments were checked.
struct AccountsCost<'a> {
    args: &'a CostArgs,
    global: &'a GlobalArgs,
    loaded: LoadedConfig,
    prices: PriceList,
    plan: AccountPlan,
}

impl<'a> AccountsCost<'a> {
    fn prepare(args: &'a CostArgs, global: &'a GlobalArgs) -> anyhow::Result<Self> {
        refuse_single_account(&args.input, None)?;
        let prices = read_prices(args.prices.as_deref())?;
        let loaded = LoadedConfig::find_and_read(global)?;
        let plan = (args.input).plan_accounts(&loaded, args.company(), &[], args.extent())?;
        Ok(AccountsCost {
            args,
            global,
            loaded,
            prices,
            plan,
        })
    }

    /// Estimates a folder of snapshots.
    fn estimate_folder(&self, folder: &Path) -> anyhow::Result<Exit> {
        let (args, global) = (self.args, self.global);
        let access = &args.input.access;
        check_folder_arguments(access, args.enter.find_live_only())?;
        if args.metrics {
            bail!(
                "--metrics needs live accounts, and --from names a folder of snapshots; write them with `collect --metrics`"
            );
        }
        let roster = (args.enter.roster).read_folder(folder, access, global)?;
        let read = |path: &Path| {
            let extent = args.extent();
            let company = args.company();
            let read =
                (args.input).read_from(Some(path), &self.loaded, company, &[], &extent, global)?;
            let options = Options {
                selection: read.selection.clone(),
                ..Options::default()
            };
            Ok((read, options))
        };
        let entrance = SnapshotEntrance {
            folder,
            read: &read,
        };
        self.estimate_roster(&roster, Source::Snapshot, &entrance)
    }

    /// Estimates the accounts of a list, or of AWS Organizations.
    fn estimate_live(&self) -> anyhow::Result<Exit> {
        let (enter, access) = (&self.args.enter, &self.args.input.access);
        let roster = read_live_list(enter, access, self.global)?;
        self.enter_accounts(roster)
    }

    #[cfg(feature = "aws")]
    fn enter_accounts(&self, roster: Option<Roster>) -> anyhow::Result<Exit> {
        use super::fleet_live::{LiveEntrance, Organization};

        let (enter, access) = (&self.args.enter, &self.args.input.access);
        let organization = Organization::connect(access, self.global)?;
        let roster = match roster {
            Some(roster) => roster,
            None => organization.select_accounts(&enter.roster, access, None)?,
        };
        let entrance = LiveEntrance::new(&organization, access, enter, self.plan.clone());
        entrance.check_roles(&roster)?;
        self.estimate_roster(&roster, Source::Aws, &entrance)
    }

    #[cfg(not(feature = "aws"))]
    fn enter_accounts(&self, _: Option<Roster>) -> anyhow::Result<Exit> {
        bail!(super::fleet::NO_LIVE_ACCOUNTS)
    }

    /// Reads the accounts of a list, some at a time, and prints their sum. What was not seen is not known: the exit
    /// code says so.
    fn estimate_roster(
        &self,
        roster: &Roster,
        source: Source,
        entrance: &dyn Entrance,
    ) -> anyhow::Result<Exit> {
        let settings: &Settings = &self.plan.settings;
        let question: Question<'_> =
            (self.args).question(&self.plan.options.selection, &self.prices);
        let sum = Mutex::new(AccountSum::new(source, settings, &question));
        let lock_sum = || sum.lock().unwrap_or_else(PoisonError::into_inner);
        for account in roster.iter() {
            if let Some(reason) = &account.left_out {
                lock_sum().add_unseen(account, Outcome::LeftOut, Some(reason.clone()));
            }
        }
        let visit: &Visit<'_> = &|account, entered| {
            let entered = match entered {
                Ok(entered) => entered,
                Err(refusal) => {
                    lock_sum().add_unseen(account, refusal.outcome, Some(refusal.reason));
                    return Ok(refusal.outcome);
                }
            };
            let question = self.args.question(&entered.options.selection, &self.prices);
            let own = estimate_cost(&entered.snapshot, &entered.settings, &question);
            let outcome = match own.missing().resources {
                true => Outcome::Partial,
                false => Outcome::Scanned,
            };
            lock_sum().add_account(account, outcome, own);
            Ok(outcome)
        };
        let accounts: Vec<&Account> = roster.to_scan(None).collect();
        let at_once = self.args.enter.accounts_at_once;
        let at_once = at_once.unwrap_or(entrance.default_at_once());
        let line = ProgressLine::new(self.global);
        let show = |progress| line.show(progress, &entrance.describe_calls());
        visit_accounts(&accounts, at_once.into(), entrance, visit, &show)?;
        line.finish();
        let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        sum.add_missing(&accounts);
        let estimate = sum.finish();
        output::write_stdout(self.global, |style, out| {
            self.args.format.write_estimate(&estimate, style, out)
        })?;
        let seen = estimate.accounts.iter().filter(|it| it.is_seen()).count();
        let exit = match (seen, estimate.missing().accounts, &estimate.unread_plans) {
            (0, 1.., _) => Exit::Usage,
            (_, 0, None) => Exit::Ready,
            _ => Exit::Unknown,
        };
        Ok(entrance.finish_run(seen, "repeat the command", exit))
    }
}
