//! The command line: what users type, and the exit code they get.

mod config;
mod explain;
mod fix;
mod github;
mod init;
mod input;
mod judge;
mod key_policy;
mod man;
mod output;
mod rules;
mod scan;
mod schema;
mod select;
mod value;

#[cfg(feature = "aws")]
mod collect;
#[cfg(feature = "aws")]
mod iam_policy;
#[cfg(feature = "aws")]
mod live;
#[cfg(feature = "aws")]
mod progress;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::exit::Exit;

/// Tells, before a resource is tagged for AWS Backup, whether its copy to the central account can work.
#[derive(Debug, Parser)]
#[command(
    name = "backup-check",
    version,
    about,
    max_term_width = 100,
    propagate_version = true
)]
#[command(
    after_help = "Exit codes: 0 ready, 1 something that gates fails, 2 wrong usage or nothing could be judged,\n3 something that gates is unknown, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    talk: Talk,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge an account, live or from a saved snapshot, and report
    Scan(Box<scan::ScanArgs>),
    /// Save what a live scan sees, to judge later without credentials
    #[cfg(feature = "aws")]
    Collect(Box<collect::CollectArgs>),
    /// Judge one KMS key policy, and print the policy that would pass
    KeyPolicy(key_policy::KeyPolicyArgs),
    /// Print the change that mends each failing finding, with the account's real ids
    Fix(Box<fix::FixArgs>),
    /// Say what a rule checks, why, how to fix it, and its sources
    Explain(explain::ExplainArgs),
    /// List every rule
    Rules(rules::RulesArgs),
    /// Print the least-privilege IAM policy that a scan needs
    #[cfg(feature = "aws")]
    IamPolicy(iam_policy::IamPolicyArgs),
    /// Print the JSON Schema of `--format json`
    Schema,
    /// Write a commented backup-check.toml, or the file that --config names
    Init,
    /// Print completions for a shell
    Completions(man::CompletionsArgs),
    /// Print the man page
    Man,
}

/// How the program talks.
#[derive(Debug, Clone, Args)]
struct Talk {
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// Nothing on stderr but errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Say more on stderr; repeat for more
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// No progress display
    #[arg(long, global = true)]
    no_progress: bool,
    /// The config file [default: backup-check.toml, found upwards from the working folder]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Parses the command line, does what it says, and returns how to exit.
#[must_use]
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => {
            // Help and version are asked for; everything else is wrong usage.
            let wrong = help.use_stderr();
            let _ = help.print();
            return if wrong { Exit::Usage } else { Exit::Ready };
        }
    };
    log(&cli.talk);
    match run(cli) {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Ready,
        Err(error) if error.is::<Stopped>() => {
            say(&error.to_string());
            error
                .downcast::<Stopped>()
                .map_or(Exit::Interrupted, |it| it.0)
        }
        Err(error) => {
            say(&format!("error: {error:#}"));
            Exit::Usage
        }
    }
}

/// A signal came before there was anything to judge.
#[derive(Debug, thiserror::Error)]
#[error("stopped before AWS said whose credentials these are")]
struct Stopped(Exit);

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let talk = cli.talk;
    match cli.command {
        Command::Scan(args) => scan::run(&args, &talk),
        #[cfg(feature = "aws")]
        Command::Collect(args) => collect::run(&args, &talk),
        Command::KeyPolicy(args) => key_policy::run(&args, &talk),
        Command::Fix(args) => fix::run(&args, &talk),
        Command::Explain(args) => explain::run(&args),
        Command::Rules(args) => rules::run(&args),
        #[cfg(feature = "aws")]
        Command::IamPolicy(args) => iam_policy::run(&args),
        Command::Schema => schema::run(),
        Command::Init => init::run(&talk),
        Command::Completions(args) => man::completions(&args, Cli::command()),
        Command::Man => man::run(Cli::command()),
    }
}

fn log(talk: &Talk) {
    let level = match (talk.quiet, talk.verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, 0) => tracing::Level::WARN,
        (false, 1) => tracing::Level::INFO,
        (false, 2) => tracing::Level::DEBUG,
        (false, _) => tracing::Level::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never)
        .with_target(false);
    // The SDK's own logs are about its insides, and hold what it sends.
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    tracing_subscriber::registry().with(lines).with(ours).init();
}

// What cannot be said on stderr cannot be said at all.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
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
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
