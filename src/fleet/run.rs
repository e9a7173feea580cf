//! A run: the list of accounts, and one result per account.

use std::collections::BTreeMap;

use super::FleetError;
use crate::evaluate::in_order::{count_threads, map_in_order};
use crate::exit::{Exit, FailOn};
use crate::model::fleet::{Account, Outcome, Roster, Shard};
use crate::model::snapshot::Snapshot;
use crate::report::Report;
use crate::report::fleet::result::{
    self, AccountResult, RESULT_SCHEMA, ResultHead, list_differences, read_head, read_result,
};
use crate::report::fleet::summary::{Fleet, FleetReport};
use crate::source::saved;
use crate::store::Store;
use crate::text::percent_encode;

/// The document with the list of accounts.
pub const LIST: &str = "accounts.ndjson";
/// The document with the summary, which is written last.
pub const SUMMARY: &str = "summary.json";
/// The document with the names of the shards.
pub const SHARDS: &str = "shards.json";
const RESULTS: &str = "accounts";
const SNAPSHOTS: &str = "snapshots";
const RESULT_ENDING: &str = ".json.zst";

/// A run, and the options of what is added to it.
pub struct Run<'s> {
    /// Where it is kept.
    pub store: &'s dyn Store,
    /// Its id.
    pub id: String,
    /// The options that can change a verdict, by name.
    pub options: BTreeMap<String, String>,
    /// Whether what was read of each account is kept, too.
    pub keeps_snapshots: bool,
}

/// What to do with an account when a run is resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Keep its result.
    Keep,
    /// Scan it.
    Scan,
    /// Its result is not of this run, for this reason.
    Conflict(String),
}

/// Returns the key of the result of an account.
#[must_use]
pub fn result_key(id: &str) -> String {
    document_key(RESULTS, id)
}

fn document_key(folder: &str, id: &str) -> String {
    let name = percent_encode(id, "-_.");
    format!("{folder}/{name}{RESULT_ENDING}")
}

/// Decides whether an account must be scanned again. Only what was read completely is kept.
#[must_use]
pub fn decide_account(
    known: Option<Result<&ResultHead, &str>>,
    run: &str,
    options: &BTreeMap<String, String>,
) -> Decision {
    let head = match known {
        Some(Ok(head)) => head,
        None | Some(Err(_)) => return Decision::Scan,
    };
    if head.run != run {
        return Decision::Conflict(format!("it has results of run {}", head.run));
    }
    if head.version != result::tool_version() {
        return Decision::Conflict(format!(
            "it has results of backup-check {}, this is {}",
            head.version,
            result::tool_version()
        ));
    }
    let differences = list_differences(&head.options, options);
    if !differences.is_empty() {
        let show = |options: &BTreeMap<String, String>, name: &String| {
            let value = options.get(name).cloned();
            value.unwrap_or_else(|| "not set".to_owned())
        };
        let differences: Vec<String> = differences
            .iter()
            .map(|name| {
                let (before, now) = (show(&head.options, name), show(options, name));
                format!("{name} was {before}, now {now}")
            })
            .collect();
        return Decision::Conflict(format!(
            "it has results of other options: {}",
            differences.join("; ")
        ));
    }
    match head.outcome {
        Outcome::Scanned => Decision::Keep,
        _ => Decision::Scan,
    }
}

/// Reads the head of the result of an account. The inner error says how the document is damaged.
///
/// # Errors
/// The store failed.
pub fn read_result_head(
    store: &dyn Store,
    id: &str,
) -> Result<Option<Result<ResultHead, String>>, FleetError> {
    let Some(bytes) = store.get_document(&result_key(id))? else {
        return Ok(None);
    };
    let head = saved::decompress_first_frame(&bytes).map_err(|error| error.to_string());
    let head = head.and_then(|text| read_head(&String::from_utf8_lossy(&text)));
    Ok(Some(head))
}

/// Returns the id of the run whose results a store has, if it has any that can be read.
///
/// # Errors
/// The store failed.
pub fn find_run_id(store: &dyn Store, roster: &Roster) -> Result<Option<String>, FleetError> {
    for account in roster.to_scan(None) {
        if let Some(Ok(head)) = read_result_head(store, &account.id)? {
            return Ok(Some(head.run));
        }
    }
    Ok(None)
}

impl Run<'_> {
    /// Writes the list of accounts, or checks that the one of the run is the same, and returns the accounts to
    /// scan.
    ///
    /// # Errors
    /// The run has another list or results that cannot be continued, or the store failed.
    pub fn begin<'r>(
        &self,
        roster: &'r Roster,
        shard: Option<Shard>,
        resume: bool,
    ) -> Result<Vec<&'r Account>, FleetError> {
        let mut accounts = Vec::new();
        for account in roster.to_scan(shard) {
            let known = read_result_head(self.store, &account.id)?;
            if known.is_some() && !resume {
                return Err(FleetError::Unfit(format!(
                    "it has a result of account {} already; add --resume to continue that run, or choose another folder",
                    account.id
                )));
            }
            let known = known.as_ref().map(|it| it.as_ref().map_err(String::as_str));
            match decide_account(known, &self.id, &self.options) {
                Decision::Keep => {}
                Decision::Scan => accounts.push(account),
                Decision::Conflict(reason) => {
                    return Err(FleetError::Unfit(format!(
                        "it cannot be resumed: {reason}; repeat the earlier options, or choose another folder"
                    )));
                }
            }
        }
        self.keep_list(roster)?;
        Ok(accounts)
    }

    fn keep_list(&self, roster: &Roster) -> Result<(), FleetError> {
        let Some(known) = find_list(self.store)? else {
            return write_list(self.store, roster);
        };
        let selected =
            |list: &Roster| -> Vec<String> { list.to_scan(None).map(|it| it.id.clone()).collect() };
        let (before, now) = (selected(&known), selected(roster));
        if before == now {
            return Ok(());
        }
        let changed = before
            .iter()
            .find(|id| !now.contains(id))
            .map(|id| format!("account {id} was to be scanned and no longer is"))
            .or_else(|| {
                let added = now.iter().find(|id| !before.contains(id))?;
                Some(format!("account {added} was not to be scanned"))
            });
        Err(FleetError::Unfit(format!(
            "{LIST} of the run has other accounts: {}; repeat the earlier options, or choose another folder",
            changed.unwrap_or_default()
        )))
    }

    /// Writes what was read of an account, if the run keeps that.
    ///
    /// # Errors
    /// The store failed.
    pub fn put_snapshot(&self, account: &Account, snapshot: &Snapshot) -> Result<(), FleetError> {
        if !self.keeps_snapshots {
            return Ok(());
        }
        let text = saved::write_snapshot(snapshot).map_err(crate::report::WriteError::from)?;
        let key = document_key(SNAPSHOTS, &account.id);
        Ok(self
            .store
            .put_document(&key, &saved::compress_text(text.as_bytes()))?)
    }

    /// Whether there is a result of an account.
    ///
    /// # Errors
    /// The store failed.
    pub fn has_result(&self, account: &Account) -> Result<bool, FleetError> {
        let result = self.store.get_document(&result_key(&account.id))?;
        Ok(result.is_some())
    }

    /// Writes the result of an account.
    ///
    /// # Errors
    /// The store failed.
    pub fn put_result(
        &self,
        account: &Account,
        outcome: Outcome,
        reason: Option<String>,
        report: Option<&Report>,
    ) -> Result<(), FleetError> {
        let head = ResultHead {
            schema: RESULT_SCHEMA.to_owned(),
            run: self.id.clone(),
            version: result::tool_version(),
            options: self.options.clone(),
            account: account.clone(),
            outcome,
            reason,
        };
        let (first, rest) = result::write_result(&head, report)?;
        // Two frames: the head can be read without the report.
        let mut bytes = saved::compress_text(&first);
        bytes.extend(saved::compress_text(&rest));
        Ok(self.store.put_document(&result_key(&account.id), &bytes)?)
    }
}

/// Writes a list of accounts.
///
/// # Errors
/// The store failed.
pub fn write_list(store: &dyn Store, roster: &Roster) -> Result<(), FleetError> {
    let text = roster.to_lines().map_err(crate::report::WriteError::from)?;
    Ok(store.put_document(LIST, text.as_bytes())?)
}

/// Returns the list of accounts of a run, if there is one.
///
/// # Errors
/// It cannot be read.
pub fn find_list(store: &dyn Store) -> Result<Option<Roster>, FleetError> {
    let Some(bytes) = store.get_document(LIST)? else {
        return Ok(None);
    };
    let roster = Roster::parse(&String::from_utf8_lossy(&bytes));
    roster.map(Some).map_err(|error| FleetError::List {
        place: LIST.to_owned(),
        error,
    })
}

/// Reads the list of accounts of a run.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn read_list(store: &dyn Store) -> Result<Roster, FleetError> {
    find_list(store)?.ok_or_else(|| {
        FleetError::Unfit(format!(
            "no {LIST}: this is not a folder of `backup-check scan --output`"
        ))
    })
}

/// What is done with each result besides the summary.
pub type EachResult<'a> =
    &'a mut dyn FnMut(&Fleet, Option<&AccountResult>) -> Result<(), FleetError>;

/// Reads the results of a run, in the order of the accounts, into a summary.
///
/// # Errors
/// There is no run, it has results of several runs or of accounts that its list does not have, or the store failed.
pub fn summarize_run(
    store: &dyn Store,
    gate: FailOn,
    shard: Option<Shard>,
    each: EachResult<'_>,
) -> Result<(FleetReport, Exit), FleetError> {
    let roster = read_list(store)?;
    check_strangers(store, &roster)?;
    let run = find_run_id(store, &roster)?.unwrap_or_default();
    let mut fleet = Fleet::new(&run, gate);
    let mut first: Option<ResultHead> = None;
    let accounts = roster.iter();
    let accounts = accounts.filter(|it| shard.is_none_or(|shard| shard.includes(&it.id)));
    visit_results(store, accounts.collect(), &mut |account, result| {
        if let Some(reason) = &account.left_out {
            fleet.add_absent(account, Outcome::LeftOut, Some(reason.clone()));
            return each(&fleet, None);
        }
        match result {
            Ok(result) => {
                check_same_run(
                    first.get_or_insert_with(|| result.head.clone()),
                    &result.head,
                )?;
                fleet.add_result(account, &result);
                each(&fleet, Some(&result))
            }
            Err(reason) => {
                fleet.add_absent(account, Outcome::Missing, Some(reason));
                each(&fleet, None)
            }
        }
    })?;
    Ok(fleet.finish_report())
}

/// The result of an account, or why there is none.
type Read = Result<AccountResult, String>;

/// The most threads that read results. Each holds one, which may be large.
const MAX_READERS: usize = 4;

/// Reads the results of accounts on several threads, and visits them one after the other in the order of the accounts.
///
/// # Errors
/// A result could not be read from the store, or what is done with it failed.
fn visit_results<'a>(
    store: &dyn Store,
    accounts: Vec<&'a Account>,
    visit: &mut dyn FnMut(&'a Account, Read) -> Result<(), FleetError>,
) -> Result<(), FleetError> {
    let read = |account| (account, read_account_result(store, account));
    let visit = |(account, read): (_, Result<Read, _>)| visit(account, read?);
    map_in_order(accounts, count_threads(MAX_READERS), 0, read, visit)
}

/// Reads the results of the accounts of a summary that have a report, one after the other.
///
/// # Errors
/// A result cannot be read, or what is done with it failed.
pub fn visit_seen_accounts(
    store: &dyn Store,
    report: &FleetReport,
    visit: &mut dyn FnMut(AccountResult) -> Result<(), FleetError>,
) -> Result<(), FleetError> {
    let seen = [Outcome::Scanned, Outcome::Partial];
    let lines = report.accounts.iter();
    let lines = lines.filter(|it| seen.contains(&it.outcome));
    let accounts: Vec<Account> = lines.map(|it| Account::with_id(&it.id)).collect();
    visit_results(store, accounts.iter().collect(), &mut |account, result| {
        let unfit = |reason| FleetError::Unfit(format!("{}: {reason}", account.id));
        visit(result.map_err(unfit)?)
    })
}

/// Reads the result of an account. The inner error says why there is none.
fn read_account_result(store: &dyn Store, account: &Account) -> Result<Read, FleetError> {
    if account.left_out.is_some() {
        return Ok(Err("it was left out".to_owned()));
    }
    let Some(bytes) = store.get_document(&result_key(&account.id))? else {
        return Ok(Err("no result".to_owned()));
    };
    let text = saved::decompress_file(bytes).map_err(|error| error.to_string());
    let result = text.and_then(|text| read_result(&text));
    Ok(
        result.and_then(|result| match result.head.account.id == account.id {
            true => Ok(result),
            false => Err(format!(
                "its result is of account {}",
                result.head.account.id
            )),
        }),
    )
}

fn check_same_run(first: &ResultHead, head: &ResultHead) -> Result<(), FleetError> {
    match decide_account(Some(Ok(head)), &first.run, &first.options) {
        Decision::Conflict(reason) if head.version == first.version => {
            Err(FleetError::Unfit(format!(
                "the results of accounts {} and {} are not of the same run: {reason}",
                first.account.id, head.account.id
            )))
        }
        _ => Ok(()),
    }
}

/// Checks that every result is of an account of the list.
fn check_strangers(store: &dyn Store, roster: &Roster) -> Result<(), FleetError> {
    let known: std::collections::BTreeSet<String> =
        roster.iter().map(|it| result_key(&it.id)).collect();
    match store
        .list_keys(RESULTS)?
        .into_iter()
        .find(|key| key.ends_with(RESULT_ENDING) && !known.contains(key))
    {
        None => Ok(()),
        Some(key) => Err(FleetError::Unfit(format!(
            "{LIST} does not have the account of {key}; remove that file, or add the account"
        ))),
    }
}
