//! An estimate as JSON, schema `backup-check/cost/v1`.

use std::io::Write;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::cost::billing::Payer;
use crate::cost::estimate::{AccountEstimate, Estimate, Missing};
use crate::cost::line::{Cost, Line, Side, Total};
use crate::cost::volume::to_gib;
use crate::model::ResourceKind;
use crate::model::fleet::Outcome;
use crate::model::size::Basis;
use crate::model::snapshot::Source;
use crate::report::WriteError;
use crate::report::json::Tool;

/// The name of the schema.
const SCHEMA: &str = "backup-check/cost/v1";

/// The estimate of an account, or of several. Amounts are in USD, without taxes and discounts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "backup-check cost estimate")]
struct JsonEstimate {
    /// Always `backup-check/cost/v1`.
    schema: &'static str,
    /// The tool that wrote the estimate.
    tool: Tool,
    /// Where the facts come from.
    source: Source,
    /// The account; null of several, and where a plan or template does not name it.
    account_id: Option<String>,
    /// The accounts that are added up, by ID; empty for one account.
    accounts: Vec<JsonAccount>,
    /// The account that stores the copies.
    central_account_id: String,
    /// When the facts were read, RFC 3339.
    collected_at: String,
    /// Whether everything that can be backed up counts, as if it were tagged.
    preflight: bool,
    /// The share of data that changes between two backups, from 0 to 1; null without --change-rate.
    change_rate: Option<f64>,
    /// Whether the totals are too low, because of what is missing.
    at_least: bool,
    /// What the totals lack.
    missing: Missing,
    /// The sums.
    totals: JsonTotals,
    /// One line per type and region.
    lines: Vec<JsonLine>,
    /// Remarks.
    notes: Vec<JsonNote>,
    /// The prices that were used.
    prices: Vec<JsonPrice>,
}

/// One of the accounts that are added up.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonAccount {
    /// Its ID.
    account_id: String,
    /// Its name; null if the list of accounts has none.
    name: Option<String>,
    /// What became of it.
    outcome: Outcome,
    /// Why nothing of it was seen, or why it was left out; else null.
    reason: Option<String>,
    /// The number of resources; null where nothing was seen.
    resources: Option<usize>,
    /// Whether its totals are too low, because of what is missing.
    at_least: bool,
    /// What its totals lack.
    missing: Missing,
    /// Its sums; null where nothing was seen.
    totals: Option<JsonTotals>,
}

/// The sums for each account.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonTotals {
    /// What the account of the resources pays.
    member: JsonTotal,
    /// What the central account pays.
    central: JsonTotal,
}

/// The sum for one account.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonTotal {
    /// Whether points are kept for ever, so that the cost grows each month.
    grows: bool,
    /// Storage, for a month.
    storage: JsonCost,
    /// Transfer to other regions.
    transfer: JsonCost,
}

/// The resources of a type in a region.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonLine {
    /// The type.
    #[serde(rename = "type")]
    kind: ResourceKind,
    /// The region.
    region: String,
    /// How many there are.
    resources: usize,
    /// The GiB that are known; null where nothing is known.
    gib: Option<f64>,
    /// What the GiB say about the data: `measured`, `at-most`; null where nothing is known.
    basis: Option<&'static str>,
    /// Of how many the size is not known, or not all of it.
    unknown_sizes: usize,
    /// Of how many the plans are not known.
    unknown_plans: usize,
    /// What the account of the resources pays for.
    member: JsonSide,
    /// What the central account pays for.
    central: JsonSide,
}

/// What one account pays for.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonSide {
    /// The recovery points that are kept of a resource; null where nothing is known.
    points: Option<JsonPoints>,
    /// Whether points are kept for ever: `points` are then those of one month.
    grows: bool,
    /// Storage, for a month.
    storage: JsonCost,
    /// Transfer to other regions: for one copy, and for the copies of a month.
    transfer: JsonCost,
}

/// A range of recovery points.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonPoints {
    /// The fewest of a resource.
    least: u64,
    /// The most of a resource.
    most: u64,
}

/// An amount in USD.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonCost {
    /// One full copy; null where the size, the plans or the price is not known.
    one_full_copy: Option<f64>,
    /// A full copy and the changes in all other points; null without --change-rate, and where the cost grows.
    planning: Option<f64>,
    /// Every point a full copy; null where the cost grows.
    ceiling: Option<f64>,
    /// Whether a price is missing.
    lacks_price: bool,
}

/// A remark.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonNote {
    /// The name of the remark.
    id: &'static str,
    /// The number of resources or lists that it is about.
    number: usize,
    /// The remark, in sentences.
    text: String,
}

/// A price.
#[derive(Debug, Serialize, JsonSchema)]
struct JsonPrice {
    /// What it is for: `ebs-snapshot`, `transfer to eu-west-1`.
    item: String,
    /// The region.
    region: String,
    /// USD for a GiB and a month, or for a GiB that is transferred.
    usd: f64,
    /// The day or the year of the price.
    as_of: String,
    /// Where it was read.
    source: String,
}

/// Writes an estimate.
pub(super) fn write(estimate: &Estimate, out: &mut dyn Write) -> Result<(), WriteError> {
    serde_json::to_writer_pretty(&mut *out, &JsonEstimate::new(estimate))?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Returns the JSON Schema of an estimate.
#[must_use]
pub fn cost_schema() -> Schema {
    schema_for!(JsonEstimate)
}

/// Returns a number with the digits that matter.
pub(super) fn round_number(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// Returns the name of the basis of a line's size.
pub(super) fn basis_name(line: &Line) -> Option<&'static str> {
    line.basis.map(|basis| match basis {
        Basis::Measured => "measured",
        Basis::AtMost => "at-most",
    })
}

impl JsonEstimate {
    fn new(estimate: &Estimate) -> Self {
        let missing = estimate.missing();
        let is_planned = estimate.change_rate.is_some();
        JsonEstimate {
            schema: SCHEMA,
            tool: Tool::current(),
            source: estimate.source,
            account_id: estimate.account_id.clone(),
            accounts: estimate
                .accounts
                .iter()
                .map(|account| JsonAccount::new(account, is_planned))
                .collect(),
            central_account_id: estimate.central_account_id.clone(),
            collected_at: estimate.collected_at.clone(),
            preflight: estimate.preflight,
            change_rate: estimate.change_rate,
            at_least: missing.is_something(),
            missing,
            totals: JsonTotals::new(&estimate.lines, is_planned),
            lines: estimate
                .lines
                .iter()
                .map(|line| JsonLine::new(line, is_planned))
                .collect(),
            notes: estimate
                .notes
                .iter()
                .map(|(note, number)| JsonNote {
                    id: note.as_str(),
                    number: *number,
                    text: note.describe(*number),
                })
                .collect(),
            prices: estimate
                .prices
                .iter()
                .map(|used| JsonPrice {
                    item: used.item.clone(),
                    region: used.region.clone(),
                    usd: used.price.usd,
                    as_of: used.price.as_of.clone(),
                    source: used.price.source.clone(),
                })
                .collect(),
        }
    }
}

impl JsonAccount {
    fn new(account: &AccountEstimate, is_planned: bool) -> Self {
        let is_seen = account.is_seen();
        let resources = account.lines.iter().map(|it| it.resources).sum();
        JsonAccount {
            account_id: account.id.clone(),
            name: account.name.clone(),
            outcome: account.outcome,
            reason: account.reason.clone(),
            resources: is_seen.then_some(resources),
            at_least: account.outcome.is_unseen() || account.missing.is_something(),
            missing: account.missing,
            totals: is_seen.then(|| JsonTotals::new(&account.lines, is_planned)),
        }
    }
}

impl JsonTotals {
    fn new(lines: &[Line], is_planned: bool) -> Self {
        let total = |payer| JsonTotal::new(Total::of_lines(lines, payer), is_planned);
        JsonTotals {
            member: total(Payer::Member),
            central: total(Payer::Central),
        }
    }
}

impl JsonTotal {
    fn new(total: Total, is_planned: bool) -> Self {
        let cost = |cost| JsonCost::new(cost, true, is_planned, total.grows);
        JsonTotal {
            grows: total.grows,
            storage: cost(total.storage),
            transfer: cost(total.transfer),
        }
    }
}

impl JsonLine {
    fn new(line: &Line, is_planned: bool) -> Self {
        let side = |side: &Side| {
            let is_known = side.points.is_some() && line.basis.is_some();
            let cost = |cost: Cost| {
                let is_known = is_known && !(cost.lacks_price && cost.usd.one == 0.0);
                JsonCost::new(cost, is_known, is_planned, side.grows)
            };
            JsonSide {
                points: side.points.map(|(least, most)| JsonPoints { least, most }),
                grows: side.grows,
                storage: cost(side.storage),
                transfer: cost(side.transfer),
            }
        };
        JsonLine {
            kind: line.kind,
            region: line.region.clone(),
            resources: line.resources,
            gib: line.basis.map(|_| round_number(to_gib(line.bytes))),
            basis: basis_name(line),
            unknown_sizes: line.unknown_sizes,
            unknown_plans: line.unknown_plans,
            member: side(&line.member),
            central: side(&line.central),
        }
    }
}

impl JsonCost {
    fn new(cost: Cost, is_known: bool, is_planned: bool, grows: bool) -> Self {
        let amount = |usd: f64, applies: bool| (is_known && applies).then(|| round_number(usd));
        JsonCost {
            one_full_copy: amount(cost.usd.one, true),
            planning: amount(cost.usd.planning, is_planned && !grows),
            ceiling: amount(cost.usd.ceiling, !grows),
            lacks_price: cost.lacks_price,
        }
    }
}
