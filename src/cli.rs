//! The command line: arguments, commands and exit codes.

mod args;
mod config;
mod convert;
mod cost;
mod cost_accounts;
mod deadline;
mod doctor;
mod evaluation;
mod explain;
mod files;
mod fix;
mod fleet;
mod fleet_args;
mod fleet_report;
mod fleet_scan;
mod github;
mod help;
mod init;
mod input;
mod key_policy;
mod man;
mod narrow;
mod output;
mod place;
mod prices;
#[cfg(any(feature = "aws", test))]
mod profiles;
mod prose;
mod region_names;
mod resources;
mod rules;
mod scan;
mod schema;
mod select;
mod stopped;
mod suggest;
mod value;
#[cfg(any(feature = "aws", test))]
mod waiting;

#[cfg(feature = "aws")]
mod collect;
#[cfg(feature = "aws")]
mod fleet_live;
#[cfg(feature = "aws")]
mod iam_policy;
#[cfg(feature = "aws")]
mod live;
#[cfg(feature = "aws")]
mod progress;

use std::io;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::exit::Exit;

use args::GlobalArgs;
use output::print_stderr;
use stopped::Stopped;

/// Check, before a resource is tagged for AWS Backup, whether its backups can be copied to the central
/// account, why not, and how to fix it
#[derive(Debug, Parser)]
#[command(
    name = "backup-check",
    version,
    long_version = env!("BACKUP_CHECK_VERSION"),
    max_term_width = 100,
    propagate_version = true
)]
#[command(after_help = help::write_after_help())]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check an account, an organization, a snapshot, a Terraform plan or a template
    Scan(Box<scan::ScanArgs>),
    /// Save what a live scan reads, to check it later without credentials
    #[cfg(feature = "aws")]
    Collect(Box<collect::CollectArgs>),
    /// Check one KMS key policy and print the policy that would pass
    KeyPolicy(key_policy::KeyPolicyArgs),
    /// Print the change that fixes each failing finding, with the account's real IDs
    Fix(Box<fix::FixArgs>),
    /// Estimate what backups and their copies cost to keep
    Cost(Box<cost::CostArgs>),
    /// Explain rules: what they check, why, how to fix them, and their sources
    Explain(explain::ExplainArgs),
    /// List all rules
    Rules(rules::RulesArgs),
    /// List the accounts of an organization, and divide them into shards
    Accounts(fleet::AccountsArgs),
    /// Write the report of an organization from the results of its accounts
    Report(fleet_report::RunReportArgs),
    /// Compare the runs of an organization that were kept
    Trend(fleet_report::TrendArgs),
    /// Write a JSON report in another format, and exit as its scan did
    Convert(convert::ConvertArgs),
    /// Print the least-privilege IAM policy for a scan
    #[cfg(feature = "aws")]
    IamPolicy(iam_policy::IamPolicyArgs),
    /// Check the installation: config, terminal, proxy, credentials, regions and permissions
    Doctor(Box<doctor::DoctorArgs>),
    /// Print the JSON Schema of `--format json`
    Schema(schema::SchemaArgs),
    /// Write a commented backup-check.toml, or the file of --config
    Init,
    /// Print the completion script of a shell
    Completions(man::CompletionsArgs),
    /// Print the man page
    Man,
}

/// Parses the command line, runs the command and returns the exit.
#[must_use]
pub fn run_command_line() -> Exit {
    let cli = match parse_arguments() {
        Ok(cli) => cli,
        Err(help) => {
            // clap returns --help and --version as errors too.
            let is_error = help.use_stderr();
            let _ = help.print();
            if let Some(hint) = hint_at_file(&help) {
                print_stderr(&hint);
            }
            return if is_error { Exit::Usage } else { Exit::Ready };
        }
    };
    init_logging(&cli.global);
    match run_command(cli) {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Ready,
        Err(error) if error.is::<Stopped>() => {
            print_stderr(&error.to_string());
            error
                .downcast::<Stopped>()
                .map_or(Exit::Interrupted, |it| it.0)
        }
        Err(error) => {
            print_stderr(&format!("error: {error:#}"));
            Exit::Usage
        }
    }
}

fn parse_arguments() -> Result<Cli, clap::Error> {
    let color = match output::is_color_forced() {
        true => clap::ColorChoice::Always,
        false => clap::ColorChoice::Auto,
    };
    let matches = Cli::command().color(color).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

/// Returns a hint if a file was read as one more value of the option before it.
fn hint_at_file(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    let is_file = std::path::Path::new(value).is_file();
    is_file.then(|| {
        format!("\nhint: to check the file, place it before the options: backup-check scan {value}")
    })
}

fn run_command(cli: Cli) -> anyhow::Result<Exit> {
    let global = cli.global;
    match cli.command {
        Command::Scan(args) => {
            let args = args.with_source();
            match args.find_folder() {
                Some(folder) => fleet::scan_folder(&args, folder, &global),
                None if args.enters_accounts() => fleet::scan_accounts_live(&args, &global),
                None => scan::run(&args, &global),
            }
        }
        #[cfg(feature = "aws")]
        Command::Collect(args) => collect::run(&args, &global),
        Command::KeyPolicy(args) => key_policy::run(&args, &global),
        Command::Fix(args) => fix::run(&args, &global),
        Command::Cost(args) => {
            let args = args.with_source();
            cost_accounts::run(&args, &global).unwrap_or_else(|| cost::run(&args, &global))
        }
        Command::Explain(args) => explain::run(&args, &global),
        Command::Rules(args) => rules::run(&args),
        Command::Accounts(args) => fleet::list_accounts(&args, &global),
        Command::Report(args) => fleet_report::write_run_report(&args, &global),
        Command::Trend(args) => fleet_report::write_trend(&args, &global),
        Command::Convert(args) => convert::run(&args, &global),
        #[cfg(feature = "aws")]
        Command::IamPolicy(args) => iam_policy::run(&args),
        Command::Doctor(args) => doctor::run(&args, &global),
        Command::Schema(args) => schema::run(&args),
        Command::Init => init::run(&global),
        Command::Completions(args) => man::print_completions(&args, Cli::command()),
        Command::Man => man::run(Cli::command()),
    }
}

fn init_logging(global: &GlobalArgs) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, 0) => tracing::Level::WARN,
        (false, 1) => tracing::Level::INFO,
        (false, 2) => tracing::Level::DEBUG,
        (false, _) => tracing::Level::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(
            output::is_color_forced()
                || anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never,
        )
        .with_target(false);
    // The logs of the AWS SDK contain its requests.
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    tracing_subscriber::registry().with(lines).with(ours).init();
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<crate::report::WriteError>()
                .is_some_and(crate::report::WriteError::is_broken_pipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }
}
