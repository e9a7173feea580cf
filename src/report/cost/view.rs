//! The texts of an estimate, which the formats for people share.

use crate::cost::billing::Payer;
use crate::cost::estimate::{Cost, Estimate, Line, Missing, Side};
use crate::cost::volume::to_gib;
use crate::model::size::Basis;
use crate::model::snapshot::Source;
use crate::report::digest::summary::format_time;
use crate::text::{escape_invisible, plural};

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
    let read = format_time(&estimate.collected_at);
    let question = format!("Backup cost of {of}: {what}; read {read}.");
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
        return format!(
            "What {} pays is not known.",
            describe_payer(estimate, payer)
        );
    }
    let mut text = format!(
        "{} pays{at_least} {} USD a month for one full copy",
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

fn describe_payer(estimate: &Estimate, payer: Payer) -> String {
    match (payer, &estimate.account_id) {
        (Payer::Member, Some(account)) => format!("account {account}"),
        (Payer::Member, None) => "the account".to_owned(),
        (Payer::Central, _) => format!("the central account {}", estimate.central_account_id),
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

fn group_digits(digits: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
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
