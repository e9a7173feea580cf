//! The texts of an estimate, which the formats for people share.

use crate::cost::billing::Payer;
use crate::cost::estimate::{AccountEstimate, Estimate, Missing};
use crate::cost::line::{Cost, Line, Side, Total};
use crate::cost::volume::to_gib;
use crate::model::fleet::Outcome;
use crate::model::size::Basis;
use crate::model::snapshot::Source;
use crate::report::digest::summary::format_time;
use crate::text::{escape_invisible, group_digits, plural};

/// An estimate as texts.
#[derive(Debug)]
pub(in crate::report) struct CostView {
    /// What is estimated, a sentence.
    pub(in crate::report) question: String,
    pub(in crate::report) sizes: Vec<SizeRow>,
    /// Headings of the amounts: two, or three with a planning figure.
    pub(in crate::report) headings: Vec<&'static str>,
    pub(in crate::report) costs: Vec<CostRow>,
    /// The totals, a sentence for each payer.
    pub(in crate::report) totals: Vec<String>,
    /// Those that were not seen first, then the most expensive ones.
    pub(in crate::report) accounts: Vec<AccountRow>,
    /// A sentence on the accounts that are not among them; empty if none is missing.
    pub(in crate::report) more_accounts: String,
    /// What the figures mean, sentences.
    pub(in crate::report) remarks: Vec<String>,
    /// What else to know, sentences.
    pub(in crate::report) notes: Vec<String>,
}

/// What there is to back up of a type in a region.
#[derive(Debug)]
pub(in crate::report) struct SizeRow {
    pub(in crate::report) kind: &'static str,
    pub(in crate::report) region: String,
    pub(in crate::report) resources: String,
    pub(in crate::report) gib: String,
    pub(in crate::report) basis: String,
}

/// What one payer pays for a type in a region.
#[derive(Debug)]
pub(in crate::report) struct CostRow {
    pub(in crate::report) kind: &'static str,
    pub(in crate::report) region: String,
    pub(in crate::report) payer: &'static str,
    /// The points that are kept, or what else is paid for.
    pub(in crate::report) points: String,
    /// As many as there are headings of amounts.
    pub(in crate::report) amounts: Vec<String>,
}

/// What the resources of an account cost, of several.
#[derive(Debug)]
pub(in crate::report) struct AccountRow {
    /// Its ID and name.
    pub(in crate::report) account: String,
    pub(in crate::report) resources: String,
    /// One full copy, by payer.
    pub(in crate::report) amounts: [String; 2],
}

/// The most accounts that are shown; the others are in JSON and CSV.
const MOST_ACCOUNTS: usize = 20;

impl CostView {
    pub(in crate::report) fn new(estimate: &Estimate) -> Self {
        let mut headings = vec!["one full copy", "planning", "ceiling"];
        if estimate.change_rate.is_none() {
            headings.remove(1);
        }
        let notes = estimate.notes.iter();
        CostView {
            question: describe_question(estimate),
            sizes: estimate.lines.iter().map(describe_size).collect(),
            headings,
            costs: estimate
                .lines
                .iter()
                .flat_map(|line| describe_costs(estimate, line))
                .collect(),
            totals: Payer::ALL
                .map(|payer| describe_total(estimate, payer))
                .to_vec(),
            accounts: list_accounts(estimate),
            more_accounts: match count_accounts(estimate).saturating_sub(MOST_ACCOUNTS) {
                0 => String::new(),
                more => format!("The formats csv and json have {more} more."),
            },
            remarks: describe_figures(estimate),
            notes: notes.map(|(note, number)| note.describe(*number)).collect(),
        }
    }

    /// Whether there is nothing to back up.
    pub(in crate::report) fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }
}

fn describe_question(estimate: &Estimate) -> String {
    let of = match (&estimate.account_id, estimate.source) {
        _ if !estimate.accounts.is_empty() => plural(count_accounts(estimate), "account"),
        (Some(account), Source::Aws | Source::Snapshot) => format!("account {account}"),
        (_, Source::TerraformPlan) => "the Terraform plan".to_owned(),
        (_, Source::TerraformState) => "the Terraform state".to_owned(),
        (_, Source::Cloudformation) => "the CloudFormation template".to_owned(),
        (None, Source::Aws | Source::Snapshot) => "the account".to_owned(),
    };
    let what = match estimate.preflight {
        true => format!(
            "everything that can be backed up, as if it were tagged {}=enabled",
            estimate.tag_key
        ),
        false => format!("resources tagged {}=enabled", estimate.tag_key),
    };
    let read = match estimate.collected_at.as_str() {
        "" => String::new(),
        time => format!("; read {}", format_time(time)),
    };
    let question = format!("Backup cost of {of}: {what}{read}.");
    escape_invisible(&question).into_owned()
}

fn describe_size(line: &Line) -> SizeRow {
    let unknown = match line.unknown_sizes {
        0 => None,
        number if number == line.resources => Some("unknown".to_owned()),
        number => Some(format!("{number} unknown")),
    };
    let basis = line.basis.map(|basis| match basis {
        Basis::Measured => "measured".to_owned(),
        Basis::AtMost => "at most".to_owned(),
    });
    let basis: Vec<String> = basis.into_iter().chain(unknown).collect();
    SizeRow {
        kind: line.kind.noun(),
        region: escape_invisible(&line.region).into_owned(),
        resources: line.resources.to_string(),
        gib: match line.basis {
            None => "-".to_owned(),
            Some(_) => format_gib(to_gib(line.bytes)),
        },
        basis: basis.join(", "),
    }
}

fn describe_costs(estimate: &Estimate, line: &Line) -> Vec<CostRow> {
    let mut rows = Vec::new();
    for payer in Payer::ALL {
        let side = line.side(payer);
        let row = |points: String, amounts| CostRow {
            kind: line.kind.noun(),
            region: escape_invisible(&line.region).into_owned(),
            payer: payer.as_str(),
            points,
            amounts,
        };
        let amounts = describe_amounts(estimate, line, side, side.storage);
        rows.push(row(describe_points(line, side), amounts));
        if side.transfer != Cost::default() {
            let amounts = describe_amounts(estimate, line, side, side.transfer);
            rows.push(row("transfer".to_owned(), amounts));
        }
    }
    rows
}

fn describe_points(line: &Line, side: &Side) -> String {
    let text = match side.points {
        None => return "unknown".to_owned(),
        Some((least, most)) if least == most => least.to_string(),
        Some((least, most)) => format!("{least}-{most}"),
    };
    let per_month = if side.grows { "/month" } else { "" };
    let more = if line.unknown_plans > 0 { "+" } else { "" };
    format!("{text}{per_month}{more}")
}

/// Returns the amounts of a row, as many as there are headings.
fn describe_amounts(estimate: &Estimate, line: &Line, side: &Side, cost: Cost) -> Vec<String> {
    let has_points = side.points.is_some_and(|(_, most)| most > 0);
    let figures = [cost.usd.one, cost.usd.planning, cost.usd.ceiling];
    let texts = figures.into_iter().enumerate().map(|(at, usd)| {
        match () {
            () if side.points.is_none() => "unknown".to_owned(),
            () if !has_points => "-".to_owned(),
            () if line.basis.is_none() => "unknown".to_owned(),
            () if cost.lacks_price && usd == 0.0 => "no price".to_owned(),
            // What is kept for ever has no ceiling.
            () if at > 0 && side.grows => "grows".to_owned(),
            () if cost.lacks_price || line.unknown_sizes > 0 || line.unknown_plans > 0 => {
                format!("{}+", format_usd(usd))
            }
            () => format_usd(usd),
        }
    });
    let mut texts: Vec<String> = texts.collect();
    if estimate.change_rate.is_none() {
        texts.remove(1);
    }
    texts
}

fn describe_total(estimate: &Estimate, payer: Payer) -> String {
    let total = estimate.total(payer);
    let missing = estimate.missing();
    let at_least = if missing.is_something() {
        " at least"
    } else {
        ""
    };
    let usd = total.storage.usd;
    if missing.is_something() && usd.ceiling == 0.0 {
        return format!("What {} is not known.", describe_payer(estimate, payer));
    }
    let mut text = format!(
        "{}{at_least} {} USD a month for one full copy",
        capitalize(&describe_payer(estimate, payer)),
        format_usd(usd.one)
    );
    if total.grows {
        text.push_str(", more each month for what is kept for ever");
    } else {
        if let Some(rate) = estimate.change_rate {
            text.push_str(&format!(
                ", {} USD if {}% change between two backups",
                format_usd(usd.planning),
                round_percent(rate)
            ));
        }
        text.push_str(&format!(
            ", {} USD if every point were a full copy",
            format_usd(usd.ceiling)
        ));
    }
    let transfer = total.transfer.usd;
    if transfer.ceiling > 0.0 {
        text.push_str(&format!(
            "; and {} USD to transfer one full copy to another region",
            format_usd(transfer.one)
        ));
    }
    text.push('.');
    text
}

/// Returns who pays, with the verb.
fn describe_payer(estimate: &Estimate, payer: Payer) -> String {
    match (payer, &estimate.account_id) {
        (Payer::Member, Some(account)) => format!("account {account} pays"),
        (Payer::Member, None) if !estimate.accounts.is_empty() => "the accounts pay".to_owned(),
        (Payer::Member, None) => "the account pays".to_owned(),
        (Payer::Central, _) => format!("the central account {} pays", estimate.central_account_id),
    }
}

/// Returns the number of accounts that were to be read.
fn count_accounts(estimate: &Estimate) -> usize {
    let accounts = estimate.accounts.iter();
    accounts.filter(|it| it.outcome != Outcome::LeftOut).count()
}

fn list_accounts(estimate: &Estimate) -> Vec<AccountRow> {
    let cost = |account: &AccountEstimate| {
        let totals = Payer::ALL.map(|payer| Total::of_lines(&account.lines, payer));
        totals.map(|it| it.storage.usd.one).iter().sum::<f64>()
    };
    let accounts = estimate.accounts.iter();
    let accounts = accounts.filter(|it| it.outcome != Outcome::LeftOut);
    let mut accounts: Vec<&AccountEstimate> = accounts.collect();
    accounts.sort_by(|a, b| {
        let unseen = b.outcome.is_unseen().cmp(&a.outcome.is_unseen());
        unseen.then_with(|| cost(b).total_cmp(&cost(a)))
    });
    let shown = accounts.into_iter().take(MOST_ACCOUNTS);
    shown.map(describe_account).collect()
}

fn describe_account(account: &AccountEstimate) -> AccountRow {
    let name = account.name.as_deref().map(|it| format!(" {it}"));
    let text = format!("{}{}", account.id, name.unwrap_or_default());
    let resources: usize = account.lines.iter().map(|it| it.resources).sum();
    let plus = if account.missing.is_something() {
        "+"
    } else {
        ""
    };
    let amounts = Payer::ALL.map(|payer| {
        let usd = Total::of_lines(&account.lines, payer).storage.usd;
        match () {
            () if !account.is_seen() => "-".to_owned(),
            () if usd.one == 0.0 && !plus.is_empty() => "unknown".to_owned(),
            () => format!("{}{plus}", format_usd(usd.one)),
        }
    });
    AccountRow {
        account: escape_invisible(&text).into_owned(),
        resources: match account.is_seen() {
            true => resources.to_string(),
            false => account.outcome.as_str().replace('-', " "),
        },
        amounts,
    }
}

/// Returns a share in percent, with the digits that matter.
fn round_percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

fn capitalize(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}

/// Returns what the figures mean, and what they lack.
fn describe_figures(estimate: &Estimate) -> Vec<String> {
    let mut texts = Vec::new();
    let missing = estimate.missing();
    if missing.is_something() {
        texts.push(format!("Missing: {}.", describe_missing(missing)));
    }
    let unseen = estimate.accounts.iter().find_map(|account| {
        let reason = account.reason.as_ref()?;
        let is_unseen = account.outcome.is_unseen();
        is_unseen.then(|| format!("{}: {reason}", account.id))
    });
    if let Some(reason) = unseen {
        let reason = escape_invisible(&reason);
        texts.push(format!("Accounts that were not seen: {reason}."));
    }
    if let Some(reason) = &estimate.unread_plans {
        let reason = escape_invisible(reason);
        texts.push(format!("Plans that are not known: {reason}."));
        if estimate.lacks_account {
            texts.push("Name the account that it is for with --account-from.".to_owned());
        }
    }
    if let Some(reason) = &estimate.unread_sizes {
        let reason = escape_invisible(reason);
        texts.push(format!("Sizes that are not known: {reason}."));
    }
    if estimate.lacks_metrics {
        texts.extend(describe_metrics(estimate.source).map(str::to_owned));
    }
    if estimate
        .lines
        .iter()
        .any(|it| it.basis == Some(Basis::AtMost))
    {
        texts.push(
            "\"At most\" is provisioned capacity: backups of it are smaller where blocks are empty."
                .to_owned(),
        );
    }
    let has_transfer = |side: &Side| side.transfer != Cost::default();
    if estimate
        .lines
        .iter()
        .any(|it| has_transfer(&it.member) || has_transfer(&it.central))
    {
        texts.push(
            "Transfer to another region is paid once for the first copy; its other figures are for the copies of a month."
                .to_owned(),
        );
    }
    let mut prices: Vec<String> = Vec::new();
    for used in &estimate.prices {
        let price = &used.price;
        prices.push(format!(
            "{} {} {} ({})",
            used.region, used.item, price.usd, price.as_of
        ));
    }
    if !prices.is_empty() {
        texts.push(format!(
            "Prices in USD per GB, with their dates: {}.",
            prices.join(", ")
        ));
    }
    texts.push("Without taxes, discounts, restores, requests, KMS and AWS Config.".to_owned());
    texts
}

/// Returns how to read the sizes that only CloudWatch has.
fn describe_metrics(source: Source) -> Option<&'static str> {
    match source {
        Source::Aws => Some(
            "Read the sizes of S3 buckets and of Aurora, DocumentDB and Neptune clusters with `cost --metrics`.",
        ),
        Source::Snapshot => Some(
            "Collect the snapshot with --metrics to have the sizes of S3 buckets and of Aurora, DocumentDB and Neptune clusters.",
        ),
        Source::TerraformPlan | Source::TerraformState | Source::Cloudformation => None,
    }
}

fn describe_missing(missing: Missing) -> String {
    let parts = [
        (
            missing.types_without_price,
            format!(
                "{} without a price",
                plural(missing.types_without_price, "type")
            ),
        ),
        (
            missing.unknown_sizes,
            format!(
                "{} of unknown size",
                plural(missing.unknown_sizes, "resource")
            ),
        ),
        (
            missing.unknown_plans,
            format!(
                "{} with unknown plans",
                plural(missing.unknown_plans, "resource")
            ),
        ),
        (
            usize::from(missing.resources),
            "resources that were not read".to_owned(),
        ),
        (
            missing.accounts,
            format!(
                "{} that could not be read",
                plural(missing.accounts, "account")
            ),
        ),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    parts.map(|(_, text)| text).collect::<Vec<_>>().join(", ")
}

/// Returns an amount with two decimals and grouped digits.
pub(super) fn format_usd(usd: f64) -> String {
    if usd > 0.0 && usd < 0.005 {
        return "<0.01".to_owned();
    }
    let text = format!("{usd:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    format!("{}.{cents}", group_digits(whole))
}

/// Returns GiB, with a decimal below ten.
fn format_gib(gib: f64) -> String {
    match gib {
        0.0 => "0".to_owned(),
        gib if gib < 0.05 => "<0.1".to_owned(),
        gib if gib < 10.0 => format!("{gib:.1}"),
        gib => group_digits(&format!("{gib:.0}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        for (usd, want) in [
            (0.0, "0.00"),
            (0.001, "<0.01"),
            (0.005, "0.01"),
            (12.345, "12.35"),
            (999.999, "1,000.00"),
            (1_234_567.8, "1,234,567.80"),
        ] {
            assert_eq!(format_usd(usd), want);
        }
        for (gib, want) in [
            (0.0, "0"),
            (0.01, "<0.1"),
            (1.25, "1.2"),
            (8.0, "8.0"),
            (10.4, "10"),
            (12_345.0, "12,345"),
        ] {
            assert_eq!(format_gib(gib), want);
        }
    }
}
