//! The live accounts of an organization: found with AWS Organizations, entered with their roles.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::exit::Exit;
use crate::fleet::scan::{Enter, Entered, Refusal};
use crate::model::arn::Arn;
use crate::model::coverage::Stats;
use crate::model::fleet::{Account, Outcome, Roster};
use crate::model::observed::GapKind;
use crate::model::selection::Selection;
use crate::source::aws::account::collect_account;
use crate::source::aws::call::{Caller, Stop};
use crate::source::aws::ec2::list_regions;
use crate::source::aws::meter::Meter;
use crate::source::aws::permissions::{required_actions, write_session_policy};
use crate::source::aws::retry::Losses;
use crate::source::aws::s3_store::BucketStore;
use crate::source::aws::session::{Base, EnterError, MemberRole, Session};
use crate::source::aws::{cloudwatch, organizations};
use crate::store::{BucketPlace, Store};
use crate::text::plural;

use super::args::{AccessArgs, GlobalArgs};
use super::evaluation::AccountPlan;
use super::fleet_args::{EnterArgs, RosterArgs};
use super::fleet_scan::{Entrance, missing_role};
use super::live::{self, Ending};
use super::output;
use super::stopped::Stopped;

/// The accounts that are checked at the same time. A small account keeps about nine calls in flight.
const AT_ONCE: u16 = 16;
/// The time limit of an account.
const ACCOUNT_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// After as many accounts in a row that expired credentials did not enter, no other is tried.
const MAX_EXPIRED: usize = 20;

/// Credentials that enter the accounts of an organization.
pub(super) struct Organization {
    runtime: Arc<Runtime>,
    base: Base,
    ending: Ending,
    permits: Arc<Semaphore>,
    losses: Arc<Losses>,
    meter: Arc<Meter>,
}

impl Organization {
    /// Finds the credentials and their account.
    pub(super) fn connect(access: &AccessArgs, global: &GlobalArgs) -> anyhow::Result<Self> {
        let runtime = Arc::new(live::start_runtime()?);
        let meter = Arc::new(Meter::default());
        let (ending, base) = runtime.block_on(async {
            let ending = Ending::wait_for_signals();
            let connect = live::connect_until_stopped(access, &meter, &ending, global, |_, _| ());
            let (base, ()) = connect.await?;
            anyhow::Ok((ending, base))
        })?;
        Ok(Organization {
            runtime,
            base,
            ending,
            permits: live::make_permits(access),
            losses: Arc::default(),
            meter,
        })
    }

    /// Opens a folder of a bucket with these credentials, never with those of a role.
    pub(super) fn open_bucket(&self, place: &BucketPlace) -> anyhow::Result<Box<dyn Store>> {
        let session = self.base.own_session(Arc::clone(&self.meter));
        let runtime = Arc::clone(&self.runtime);
        let store = BucketStore::open(&session, runtime, place.clone())?;
        Ok(Box::new(store))
    }

    /// Lists the accounts of the organization, through a role if one is given.
    pub(super) fn list_accounts(
        &self,
        role: Option<&str>,
        external_id: Option<&String>,
    ) -> anyhow::Result<Roster> {
        let listed = self.runtime.block_on(async {
            let session = self.enter_listing_account(role, external_id).await?;
            let caller = self.new_caller(self.ending.stopped.clone(), Arc::clone(&self.meter));
            let listed = organizations::list_accounts(&session, &caller).await;
            listed.map_err(|gap| match gap.kind {
                GapKind::Interrupted => Stopped(*self.ending.signals.borrow()).into(),
                GapKind::Denied => anyhow!(
                    "{gap}; only the management account and delegated administrators may list the accounts: use their credentials, or --org-role-arn"
                ),
                _ => anyhow!("{gap}"),
            })
        });
        let mut roster = Roster::default();
        for account in listed.context("failed to list the accounts")? {
            // An account that changes while pages are read may be on two of them.
            if roster.find_account(&account.id).is_none() {
                roster.add_account(account)?;
            }
        }
        Ok(roster)
    }

    /// Returns the selected accounts of the organization, or those of a list that is known.
    pub(super) fn select_accounts(
        &self,
        roster: &RosterArgs,
        access: &AccessArgs,
        known: Option<Roster>,
    ) -> anyhow::Result<Roster> {
        let role = roster.org_role_arn.as_deref();
        let listed = match known {
            Some(known) => known,
            None => self.list_accounts(role, access.external_id.as_ref())?,
        };
        roster.select_from(listed)
    }

    async fn enter_listing_account(
        &self,
        role: Option<&str>,
        external_id: Option<&String>,
    ) -> anyhow::Result<Session> {
        let meter = Arc::clone(&self.meter);
        let Some(arn) = role else {
            return Ok(self.base.own_session(meter));
        };
        let account = Arn::parse(arn).map_or("", |arn| arn.account);
        let actions: Vec<&str> = (organizations::LIST_OPERATIONS.iter())
            .map(|operation| operation.action)
            .collect();
        let role = MemberRole {
            arn: arn.to_owned(),
            external_id: external_id.cloned(),
            policy: Some(write_session_policy(&actions)),
        };
        Ok(self.base.enter(account, &role, meter).await?)
    }

    fn new_caller(
        &self,
        stopped: tokio::sync::watch::Receiver<Stop>,
        meter: Arc<Meter>,
    ) -> Arc<Caller> {
        let (permits, losses) = (Arc::clone(&self.permits), Arc::clone(&self.losses));
        Caller::in_run(permits, None, stopped, meter, losses)
    }
}

/// Enters accounts with their roles, and the account of the credentials without one.
pub(super) struct LiveEntrance<'a> {
    organization: &'a Organization,
    access: &'a AccessArgs,
    role_name: Option<&'a str>,
    policy: Option<String>,
    timeout: Duration,
    plan: AccountPlan,
    expired_in_a_row: AtomicUsize,
    stats: Mutex<Stats>,
}

impl<'a> LiveEntrance<'a> {
    pub(super) fn new(
        organization: &'a Organization,
        access: &'a AccessArgs,
        enter: &'a EnterArgs,
        plan: AccountPlan,
    ) -> Self {
        let mut actions = required_actions(&Selection::default());
        if plan.extent.metrics {
            actions.extend(cloudwatch::OPERATIONS.iter().map(|it| it.action));
        }
        LiveEntrance {
            organization,
            access,
            role_name: enter.role_name.as_deref(),
            policy: (!enter.no_session_policy).then(|| write_session_policy(&actions)),
            timeout: enter.account_timeout.unwrap_or(ACCOUNT_TIMEOUT),
            plan,
            expired_in_a_row: AtomicUsize::new(0),
            stats: Mutex::new(organization.meter.stats()),
        }
    }

    /// Checks that every account to scan has a role, before any is entered.
    pub(super) fn check_roles(&self, roster: &Roster) -> anyhow::Result<()> {
        let mut accounts = roster.to_scan(None);
        let lacks_role = |account: &&Account| {
            account.id != self.organization.base.account && self.find_role(account).is_none()
        };
        match accounts.find(lacks_role) {
            Some(account) => Err(missing_role(&format!("account {}", account.id))),
            None => Ok(()),
        }
    }

    /// Returns the role of an account: that of its line, else the one that every account has.
    fn find_role(&self, account: &Account) -> Option<MemberRole> {
        let by_name = self.role_name.map(|name| {
            let partition = &self.organization.base.partition;
            format!("arn:{partition}:iam::{}:role/{name}", account.id)
        });
        Some(MemberRole {
            arn: account.role_arn.clone().or(by_name)?,
            external_id: (account.external_id.clone()).or_else(|| self.access.external_id.clone()),
            policy: self.policy.clone(),
        })
    }

    async fn open_session(
        &self,
        account: &Account,
        meter: &Arc<Meter>,
    ) -> Result<Session, Refusal> {
        let base = &self.organization.base;
        if account.id == base.account {
            return Ok(base.own_session(Arc::clone(meter)));
        }
        let role = self.find_role(account);
        let role = role.ok_or_else(|| refuse("it has no role to assume"))?;
        let session = base.enter(&account.id, &role, Arc::clone(meter)).await;
        match &session {
            Err(EnterError::Expired { .. }) => {
                self.expired_in_a_row.fetch_add(1, Ordering::Relaxed);
            }
            _ => self.expired_in_a_row.store(0, Ordering::Relaxed),
        }
        session.map_err(|error| refuse(error.to_string()))
    }

    /// Reads an account until it is read, its time is over or a signal comes.
    async fn read_account(&self, account: &Account) -> Result<Box<Entered>, Refusal> {
        let all = &self.organization.ending;
        if *all.stopped.borrow() != Stop::No {
            return Err(self.explain_stop(false));
        }
        let ending = all.limit_account(self.timeout);
        let mut stopped = ending.stopped.clone();
        let meter = Arc::new(Meter::default());
        let read = tokio::select! {
            biased;
            reason = stopped.wait_for(|stop| *stop != Stop::No) => {
                let timed_out = reason.is_ok_and(|stop| *stop == Stop::TimedOut);
                Err(self.explain_stop(timed_out))
            }
            read = self.read_until(account, &meter, &ending) => read,
        };
        self.count_calls(meter.stats());
        read
    }

    async fn read_until(
        &self,
        account: &Account,
        meter: &Arc<Meter>,
        ending: &live::AccountEnding,
    ) -> Result<Box<Entered>, Refusal> {
        let started = live::current_time().map_err(|error| refuse(error.to_string()))?;
        let session = self.open_session(account, meter).await?;
        tracing::info!(
            account = session.account,
            caller = session.caller_arn,
            "scanning"
        );
        let (settings, options) = (&self.plan.settings, &self.plan.options);
        let extent = &self.plan.extent;
        let request =
            live::make_request(self.access, settings, &options.selection, extent, started);
        let caller = (self.organization).new_caller(ending.stopped.clone(), Arc::clone(meter));
        let regions = list_regions(&session.clients, &session.home, &caller);
        let read = collect_account(&session, &request, &caller, regions).await;
        let mut snapshot = read.map_err(|error| refuse(error.to_string()))?;
        // The calls may see the end before the account does.
        if snapshot.interrupted {
            return Err(self.explain_stop(caller.stop_reason() == Stop::TimedOut));
        }
        snapshot.started_at = started.to_string();
        let finished = live::current_time().map_err(|error| refuse(error.to_string()))?;
        snapshot.finished_at = finished.to_string();
        Ok(Box::new(Entered {
            snapshot,
            settings: settings.clone(),
            options: options.clone(),
        }))
    }

    fn explain_stop(&self, timed_out: bool) -> Refusal {
        match timed_out {
            true => Refusal {
                outcome: Outcome::TimedOut,
                reason: format!(
                    "--account-timeout {} expired",
                    humantime::format_duration(self.timeout)
                ),
            },
            false => Refusal {
                outcome: Outcome::Interrupted,
                reason: "a signal ended the run first".to_owned(),
            },
        }
    }

    fn count_calls(&self, stats: Stats) {
        let mut all = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        all.api_calls += stats.api_calls;
        all.retries += stats.retries;
        all.throttled += stats.throttled;
    }
}

fn refuse(reason: impl Into<String>) -> Refusal {
    Refusal {
        outcome: Outcome::NotEntered,
        reason: reason.into(),
    }
}

impl Enter for LiveEntrance<'_> {
    fn enter(&self, account: &Account) -> Result<Box<Entered>, Refusal> {
        let runtime = &self.organization.runtime;
        runtime.block_on(self.read_account(account))
    }

    fn is_exhausted(&self) -> bool {
        self.expired_in_a_row.load(Ordering::Relaxed) >= MAX_EXPIRED
    }
}

impl Entrance for LiveEntrance<'_> {
    fn default_at_once(&self) -> u16 {
        AT_ONCE
    }

    fn describe_calls(&self) -> String {
        let stats = *self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = format!(" · {} API calls", stats.api_calls);
        if stats.throttled > 0 {
            text.push_str(&format!(" · {} throttled", stats.throttled));
        }
        text
    }

    fn finish_run(&self, seen: usize, again: &str, exit: Exit) -> Exit {
        let signal = *self.organization.ending.signals.borrow();
        let exit = exit.and(signal);
        if !self.is_exhausted() {
            return exit;
        }
        output::print_stderr(&format!(
            "error: the credentials expired: {} in a row could not be entered; sign in again and {again}",
            plural(MAX_EXPIRED, "account")
        ));
        match seen {
            0 => exit.and(Exit::Usage),
            _ => exit,
        }
    }
}
