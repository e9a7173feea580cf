//! `backup-check cost`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::cost::estimate::{Question, estimate_cost};
use crate::cost::metrics::lacks_metrics;
use crate::cost::prices::PriceList;
use crate::exit::Exit;
use crate::model::fact::Extent;
use crate::model::selection::Selection;
use crate::report::cost::{COST_FORMATS, CostFormat};

use super::args::{GlobalArgs, InputArgs};
use super::config::LoadedConfig;
use super::evaluation::CompanyArgs;
use super::fleet_args::{EnterArgs, refuse_organization};
use super::prices::read_prices;
use super::{input, output, value};

#[derive(Debug, Args)]
pub(super) struct CostArgs {
    /// File to estimate instead of a live account, the same as --from FILE; `-` is stdin. Place it before
    /// options that accept several values
    #[arg(value_name = "FILE", group = "input")]
    file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) enter: EnterArgs,
    /// Estimate everything that can be backed up, as if it were tagged backup=enabled
    #[arg(long, help_heading = "Estimate")]
    preflight: bool,
    /// Prices that replace the built-in ones, as TOML: see the guide on cost
    #[arg(long, value_name = "FILE", help_heading = "Estimate")]
    pub(super) prices: Option<PathBuf>,
    /// Share of the data that changes between two backups, such as 3%; adds a planning figure
    #[arg(long, value_name = "RATE", value_parser = value::parse_rate, help_heading = "Estimate")]
    change_rate: Option<f64>,
    /// Read the sizes of S3 buckets and of Aurora, DocumentDB and Neptune clusters from Amazon CloudWatch. It needs the
    /// permission cloudwatch:GetMetricData. AWS bills 0.01 USD for 1,000 metrics: nine of a bucket, one of a cluster
    #[arg(long, help_heading = "Estimate")]
    pub(super) metrics: bool,
    /// Central account, which stores the copies [default: from the config, else 692653576357]
    #[arg(long, value_name = "ID", value_parser = value::parse_account_id, help_heading = "Estimate")]
    central_account: Option<String>,
    /// Output format
    #[arg(long, short, value_name = "FMT", default_value = COST_FORMATS[0].name, value_parser = format_parser(), help_heading = "Estimate")]
    pub(super) format: &'static CostFormat,
}

impl CostArgs {
    /// Returns the arguments with the file before them as that of --from.
    pub(super) fn with_source(mut self) -> Self {
        if let Some(file) = self.file.take() {
            self.input.from = Some(file);
        }
        self
    }

    pub(super) fn company(&self) -> CompanyArgs<'_> {
        CompanyArgs {
            central_account: self.central_account.as_ref(),
            org_id: None,
        }
    }

    /// Returns what is read of a live account.
    pub(super) fn extent(&self) -> Extent {
        Extent {
            metrics: self.metrics,
            ..Extent::ALL_RULES
        }
    }

    pub(super) fn question<'q>(
        &self,
        selection: &'q Selection,
        prices: &'q PriceList,
    ) -> Question<'q> {
        Question {
            selection,
            preflight: self.preflight,
            change_rate: self.change_rate,
            prices,
        }
    }
}

/// Returns the parser of the names in the table of formats.
fn format_parser() -> impl TypedValueParser<Value = &'static CostFormat> {
    let names = COST_FORMATS
        .iter()
        .map(|it| PossibleValue::new(it.name).help(it.about));
    PossibleValuesParser::new(names)
        .map(|name| CostFormat::with_name(&name).unwrap_or(&COST_FORMATS[0]))
}

pub(super) fn run(args: &CostArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    refuse_organization(args.enter.find_given())?;
    let prices = read_prices(args.prices.as_deref())?;
    let loaded = LoadedConfig::find_and_read(global)?;
    let (company, extent) = (args.company(), args.extent());
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
    let question = args.question(&read.selection, &prices);
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
