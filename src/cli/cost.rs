//! `backup-check cost`

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::cost::estimate::{Estimate, Question, estimate_cost};
use crate::cost::metrics::lacks_metrics;
use crate::cost::prices::PriceList;
use crate::exit::Exit;
use crate::model::fact::Extent;
use crate::model::selection::Selection;
use crate::model::snapshot::Snapshot;
use crate::report::cost::{COST_FORMATS, CostFormat};
use crate::settings::Settings;

use super::args::{GlobalArgs, InputArgs};
use super::config::LoadedConfig;
use super::evaluation::CompanyArgs;
use super::{input, output, value};

#[derive(Debug, Args)]
pub(super) struct CostArgs {
    /// File to estimate instead of a live account, the same as --from FILE; `-` is stdin. Place it before
    /// options that accept several values
    #[arg(value_name = "FILE", group = "input")]
    file: Option<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    /// Estimate everything that can be backed up, as if it were tagged backup=enabled
    #[arg(long, help_heading = "Estimate")]
    preflight: bool,
    /// Prices that replace the built-in ones, as TOML: see the guide on cost
    #[arg(long, value_name = "FILE", help_heading = "Estimate")]
    prices: Option<PathBuf>,
    /// Share of the data that changes between two backups, such as 3%; adds a planning figure
    #[arg(long, value_name = "RATE", value_parser = value::parse_rate, help_heading = "Estimate")]
    change_rate: Option<f64>,
    /// Read the sizes of S3 buckets and of Aurora, DocumentDB and Neptune clusters from Amazon CloudWatch. It needs the
    /// permission cloudwatch:GetMetricData. AWS bills 0.01 USD for 1,000 metrics: nine of a bucket, one of a cluster
    #[arg(long, help_heading = "Estimate")]
    metrics: bool,
    /// Central account, which stores the copies [default: from the config, else 692653576357]
    #[arg(long, value_name = "ID", value_parser = value::parse_account_id, help_heading = "Estimate")]
    central_account: Option<String>,
    /// Output format
    #[arg(long, short, value_name = "FMT", default_value = COST_FORMATS[0].name, value_parser = format_parser(), help_heading = "Estimate")]
    format: &'static CostFormat,
}

/// Returns the parser of the names in the table of formats.
fn format_parser() -> impl TypedValueParser<Value = &'static CostFormat> {
    let names = COST_FORMATS
        .iter()
        .map(|it| PossibleValue::new(it.name).help(it.about));
    PossibleValuesParser::new(names)
        .map(|name| CostFormat::with_name(&name).unwrap_or(&COST_FORMATS[0]))
}

pub(super) fn run(mut args: CostArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    if let Some(file) = args.file.take() {
        args.input.from = Some(file);
    }
    let prices = read_prices(args.prices.as_deref())?;
    let loaded = LoadedConfig::find_and_read(global)?;
    let company = CompanyArgs {
        central_account: args.central_account.as_ref(),
        org_id: None,
    };
    let extent = Extent {
        metrics: args.metrics,
        ..Extent::ALL_RULES
    };
    let read = args
        .input
        .read_source(&loaded, company, &[], &extent, global)?;
    if let Some(path) = &args.input.from
        && args.metrics
        && lacks_metrics(&read.snapshot)
    {
        bail!(
            "--metrics needs a live account, or a snapshot that `collect --metrics` wrote; {} has no sizes from CloudWatch",
            input::display_name(path)
        );
    }
    let question = Question {
        selection: &read.selection,
        preflight: args.preflight,
        change_rate: args.change_rate,
        prices: &prices,
    };
    let estimate = estimate_cost(&read.snapshot, &read.settings, &question);
    output::write_stdout(global, |style, out| {
        args.format.write_estimate(&estimate, style, out)
    })?;
    let exit = match estimate.unread_plans {
        Some(_) => Exit::Unknown,
        None => Exit::Ready,
    };
    Ok(exit.and(read.stopped))
}

/// Returns the estimate that a report contains.
pub(super) fn estimate_for_report(
    snapshot: &Snapshot,
    settings: &Settings,
    selection: &Selection,
    preflight: bool,
    prices: &PriceList,
) -> Estimate {
    let question = Question {
        selection,
        preflight,
        change_rate: None,
        prices,
    };
    estimate_cost(snapshot, settings, &question)
}

/// Returns the built-in prices, with those of a file in their place.
pub(super) fn read_prices(path: Option<&Path>) -> anyhow::Result<PriceList> {
    let built_in = PriceList::built_in().context("built-in prices")?;
    let Some(path) = path else {
        return Ok(built_in);
    };
    let text = input::read_text(path).context("--prices")?;
    let own = PriceList::parse(&text);
    let own = own.with_context(|| format!("--prices {}", input::display_name(path)))?;
    Ok(built_in.replaced_by(own))
}
