//! Accounts by rules, grouped by organizational unit, worst first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::summary::{AccountLine, FleetReport};

/// The number of accounts with a row each. Of more accounts, the other rows are one per organizational unit.
pub(super) const MOST_ROWS: usize = 500;

/// Letters of statuses, worst first.
const WORST_FIRST: [char; 5] = ['f', 'u', 'w', 'p', '-'];

/// Accounts by rules.
#[derive(Debug)]
pub(super) struct HeatMap {
    /// The rules that do not pass in some account.
    pub(super) rules: Vec<String>,
    /// The rows by organizational unit, the worst unit first.
    pub(super) groups: Vec<HeatGroup>,
    /// The number of accounts without a row.
    pub(super) omitted: usize,
}

/// The accounts of an organizational unit.
#[derive(Debug)]
pub(super) struct HeatGroup {
    /// The path of the unit.
    pub(super) ou: String,
    /// Its accounts, the worst first.
    pub(super) rows: Vec<HeatRow>,
}

/// One row: an account, or the other accounts of a unit.
#[derive(Debug)]
pub(super) struct HeatRow {
    pub(super) label: String,
    /// A letter per rule.
    pub(super) cells: Vec<char>,
}

impl HeatMap {
    pub(super) fn new(report: &FleetReport) -> Self {
        let seen = || report.accounts.iter().filter(|it| !it.statuses.is_empty());
        let is_trouble = |at: usize| {
            let mut letters = seen().filter_map(|it| it.statuses.chars().nth(at));
            letters.any(|letter| matches!(letter, 'f' | 'u' | 'w'))
        };
        let columns: Vec<usize> = (0..report.rules.len())
            .filter(|at| is_trouble(*at))
            .collect();
        let mut ranked: Vec<&AccountLine> = seen().collect();
        ranked.sort_by_key(|it| rank_account(it));
        let mut groups: Vec<HeatGroup> = Vec::new();
        let mut positions: BTreeMap<String, usize> = BTreeMap::new();
        let mut rest: BTreeMap<String, (usize, Vec<char>)> = BTreeMap::new();
        for (position, account) in ranked.iter().enumerate() {
            let ou = unit_name(account);
            let cells = pick_cells(account, &columns);
            if position >= MOST_ROWS {
                let (number, worst) = rest.entry(ou).or_insert((0, vec!['-'; columns.len()]));
                *number += 1;
                for (known, cell) in worst.iter_mut().zip(cells) {
                    *known = worse_letter(*known, cell);
                }
                continue;
            }
            let group = *positions.entry(ou.clone()).or_insert_with(|| {
                let rows = Vec::new();
                groups.push(HeatGroup { ou, rows });
                groups.len() - 1
            });
            groups[group].rows.push(HeatRow {
                label: account.label(),
                cells,
            });
        }
        for (ou, (number, cells)) in rest {
            let label = match number {
                1 => "1 further account, worst status of each rule".to_owned(),
                _ => format!("{number} further accounts, worst status of each rule"),
            };
            let row = HeatRow { label, cells };
            match positions.get(&ou) {
                Some(group) => groups[*group].rows.push(row),
                None => groups.push(HeatGroup {
                    ou,
                    rows: vec![row],
                }),
            }
        }
        HeatMap {
            rules: columns.iter().map(|at| report.rules[*at].clone()).collect(),
            groups,
            omitted: ranked.len().saturating_sub(MOST_ROWS),
        }
    }
}

/// Returns the rank of an account, worst first.
pub(super) fn rank_account(account: &AccountLine) -> impl Ord + use<> {
    let counts = &account.findings;
    (
        Reverse(account.outcome.is_unseen()),
        Reverse(account.verdict),
        Reverse((
            counts.gating_fail,
            counts.gating_unknown,
            counts.fail,
            counts.unknown,
        )),
        account.id.clone(),
    )
}

/// Returns the name of the organizational unit of an account.
pub(super) fn unit_name(account: &AccountLine) -> String {
    match &account.ou {
        Some(path) => path.to_string(),
        None => "organizational unit not known".to_owned(),
    }
}

fn pick_cells(account: &AccountLine, columns: &[usize]) -> Vec<char> {
    let letters: Vec<char> = account.statuses.chars().collect();
    let cells = columns.iter().map(|at| letters.get(*at).copied());
    cells.map(|letter| letter.unwrap_or('-')).collect()
}

fn worse_letter(a: char, b: char) -> char {
    let rank = |letter: char| WORST_FIRST.iter().position(|it| *it == letter);
    match rank(b) < rank(a) {
        true => b,
        false => a,
    }
}
