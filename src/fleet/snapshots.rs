//! A folder of saved snapshots as an organization.

use std::path::Path;

use super::FleetError;
use crate::model::arn::is_account_id;
use crate::model::fleet::{Account, Roster};
use crate::source::detect::decode_text;
use crate::source::saved;
use crate::store::{Folder, Store};

/// How the name of a snapshot ends.
const ENDINGS: [&str; 2] = [".json", ".zst"];

/// The accounts of a folder of snapshots.
#[derive(Debug)]
pub struct SnapshotFolder {
    /// The accounts, each with its file. A file that cannot be read is an account, too.
    pub roster: Roster,
    /// The files whose names are not those of snapshots, sorted.
    pub others: Vec<String>,
}

/// Lists the accounts of a folder of snapshots.
///
/// # Errors
/// The folder cannot be read, has no snapshot, or two of the same account.
pub fn list_snapshots(root: &Path) -> Result<SnapshotFolder, FleetError> {
    let store = Folder::open(root)?;
    let mut folder = SnapshotFolder {
        roster: Roster::default(),
        others: Vec::new(),
    };
    for key in store.list_keys(".")? {
        let file = key.trim_start_matches("./").to_owned();
        if file.starts_with('.') {
            continue;
        }
        if !is_snapshot_name(&file) {
            folder.others.push(file);
            continue;
        }
        let account = read_account(&store, &file);
        let added = folder.roster.add_account(account);
        added.map_err(|error| FleetError::List {
            place: root.display().to_string(),
            error,
        })?;
    }
    let has_accounts = folder.roster.iter().next().is_some();
    match has_accounts {
        true => Ok(folder),
        false => Err(FleetError::Unfit(format!(
            "{} has no snapshot; expected files written by `backup-check collect` that end with {}",
            root.display(),
            ENDINGS.join(" or ")
        ))),
    }
}

/// Whether a file of a folder of snapshots is taken for one.
#[must_use]
pub fn is_snapshot_name(file: &str) -> bool {
    let name = file.to_ascii_lowercase();
    ENDINGS.iter().any(|it| name.ends_with(it))
}

/// Returns the account of a file: by its content, else by its name. Why it cannot be read is found again when the
/// account is entered.
fn read_account(store: &Folder, file: &str) -> Account {
    let content = store.get_document(file).ok().flatten();
    let text = content
        .and_then(|content| saved::decompress_file(content).ok())
        .and_then(|content| decode_text(content).ok());
    let owner = text.and_then(|text| saved::read_owner(&text).ok());
    let (id, path) = match owner {
        Some(owner) => (owner.account_id, owner.organization_path),
        None => (None, None),
    };
    let id = id.filter(|id| is_account_id(id));
    let id = id.or_else(|| find_id(file).map(str::to_owned));
    Account {
        id: id.unwrap_or_else(|| file.to_owned()),
        ou: path.and_then(|path| path.parse().ok()),
        file: Some(file.to_owned()),
        ..Account::default()
    }
}

/// Returns the only account id in the name of a file.
fn find_id(file: &str) -> Option<&str> {
    let mut ids = file
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| is_account_id(part));
    let first = ids.next()?;
    ids.next().is_none().then_some(first)
}
