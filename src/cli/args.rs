//! Arguments that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, UnknownArgumentValueParser};
use clap::{ArgAction, Args, ValueEnum};

use crate::evaluate::Scope;
use crate::exit::FailOn;
use crate::model::service::Service;
use crate::report::Status;
use crate::report::table::TableView;
use crate::settings::Standard;

use super::select::{NameParser, offer_groups, offer_rules};
use super::value;

/// Arguments that every command accepts.
#[derive(Debug, Clone, Args)]
pub(super) struct GlobalArgs {
    /// When to use color
    #[arg(long, global = true, value_enum, default_value_t = ColorArg::Auto, value_name = "WHEN")]
    pub(super) color: ColorArg,
    /// Print only errors on stderr
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// Print more details on stderr; repeat for more
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Do not show progress
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
    /// Config file [default: the nearest backup-check.toml in the current directory or its parents]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorArg {
    /// On a terminal or where FORCE_COLOR is set, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The account or file to read.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Check a file instead of a live account: a snapshot written by `collect`, `terraform show -json`
    /// output, or a CloudFormation template (JSON or YAML); `-` is stdin. If a plan or template does not
    /// name its region, set it with --region
    #[arg(long, value_name = "FILE", group = "input")]
    pub(super) from: Option<PathBuf>,
    /// With a plan or template: the account that it will be applied to, from a snapshot written by `collect`,
    /// or `live`. What the file leaves open is looked up there
    #[arg(long, value_name = "FILE|live", requires = "input")]
    pub(super) account_from: Option<PathBuf>,
    /// Value of a template parameter; repeatable
    #[arg(long, value_name = "K=V", value_parser = value::parse_parameter, requires = "input")]
    pub(super) parameter: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) access: AccessArgs,
}

/// The account or file to check, and how to check it.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) evaluation: EvaluationArgs,
}

impl SourceArgs {
    /// Returns the arguments of this run that a command to run next must repeat, each after a space: what it reads, and
    /// what decides which findings there are.
    pub(super) fn name_source(&self, global: &GlobalArgs) -> String {
        let access = &self.input.access;
        let name_file = |path: &Option<PathBuf>| path.as_ref().map(|it| it.display().to_string());
        let standard = self
            .evaluation
            .standard
            .map(|it| Standard::from(it).as_str());
        let mut text = String::new();
        for (flag, value) in [
            ("--from", &name_file(&self.input.from)),
            ("--account-from", &name_file(&self.input.account_from)),
            ("--profile", &access.profile),
            ("--role-arn", &access.role_arn),
            ("--external-id", &access.external_id),
            ("--endpoint-url", &access.endpoint_url),
            ("--config", &name_file(&global.config)),
            ("--standard", &standard.map(str::to_owned)),
            ("--central-account", &self.evaluation.central_account),
            ("--org-id", &self.evaluation.org_id),
        ] {
            if let Some(value) = value {
                text.push_str(&format!(" {flag} {}", quote_argument(value)));
            }
        }
        for (name, value) in &self.input.parameter {
            let parameter = format!("{name}={value}");
            text.push_str(&format!(" --parameter {}", quote_argument(&parameter)));
        }
        for (flag, values) in [
            ("--region", &access.region),
            ("--service", &access.service),
            ("--resource", &access.resource),
        ] {
            if !values.is_empty() {
                let quoted: Vec<String> = values.iter().map(|it| quote_argument(it)).collect();
                text.push_str(&format!(" {flag} {}", quoted.join(" ")));
            }
        }
        for (flag, is_set) in [
            (" --preflight", self.evaluation.preflight),
            (" --require-tag", self.evaluation.require_tag),
        ] {
            if is_set {
                text.push_str(flag);
            }
        }
        text
    }
}

/// Returns an argument as a shell reads it.
fn quote_argument(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// How to access AWS, and what to read.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Source")]
pub(super) struct AccessArgs {
    /// AWS profile
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// IAM role to assume
    #[arg(long, value_name = "ARN", group = "role", value_parser = value::parse_role_arn)]
    pub(super) role_arn: Option<String>,
    /// External ID for the role
    #[arg(long, value_name = "ID", requires = "role")]
    pub(super) external_id: Option<String>,
    /// Endpoint URL for every service; AWS_ENDPOINT_URL and its per-service forms also apply
    #[arg(long, value_name = "URL", value_parser = value::parse_url)]
    pub(super) endpoint_url: Option<String>,
    /// Regions to scan [default: from the config, else the five regions of the guide]
    #[arg(long, value_name = "R", num_args = 1.., value_delimiter = ',', value_parser = value::parse_region)]
    pub(super) region: Vec<String>,
    /// Check only resources of these services. Network and account rules are then left out, unless --rule
    /// names them or vpc or backup is among the services
    #[arg(long, value_name = "S", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(Service::ALL.map(Service::as_str)))]
    pub(super) service: Vec<String>,
    /// Check only these resources, by ID, name or ARN, with the keys and settings that they depend on. To find
    /// an ID or a name in a live account, all resources of its type are listed
    #[arg(long, value_name = "ID|NAME|ARN", num_args = 1.., value_parser = value::parse_resource, conflicts_with = "service")]
    pub(super) resource: Vec<String>,
    /// Maximum number of concurrent API calls, above the rates of each service [default: 128]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) concurrency: Option<u16>,
    /// Maximum number of API calls; checks on data that was not read by then are inconclusive
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) max_calls: Option<u64>,
    /// Maximum duration of reading; checks on data that was not read by then are inconclusive. Evaluation and
    /// output of an account may last as long again, those of a file are included [default: 30m for an account]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(super) timeout: Option<Duration>,
}

impl AccessArgs {
    /// Returns an argument that only reading a live account uses, if one is given.
    pub(super) fn find_live_only(&self) -> Option<&'static str> {
        first_given([
            ("--profile", self.profile.is_some()),
            ("--role-arn", self.role_arn.is_some()),
            ("--external-id", self.external_id.is_some()),
            ("--endpoint-url", self.endpoint_url.is_some()),
            ("--concurrency", self.concurrency.is_some()),
            ("--max-calls", self.max_calls.is_some()),
        ])
    }
}

/// Returns the first name of an argument that is given.
pub(super) fn first_given(
    names: impl IntoIterator<Item = (&'static str, bool)>,
) -> Option<&'static str> {
    let mut names = names.into_iter();
    names.find_map(|(name, is_given)| is_given.then_some(name))
}

/// What to check, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Checks")]
pub(super) struct EvaluationArgs {
    /// Resources to check, by their backup tag
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = ScopeArg::All)]
    pub(super) scope: ScopeArg,
    /// Check only these rules or groups
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', value_parser = NameParser(offer_rules), hide_possible_values = true)]
    pub(super) rule: Vec<String>,
    // Groups of rules have no flag. Without this one, clap suggests the one that is spelled most similarly.
    #[arg(long = "group", hide = true, value_parser = UnknownArgumentValueParser::suggest_arg("--rule").and_suggest("the value of --rule can be a group"))]
    _group: Option<String>,
    /// Skip these rules or groups
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', value_parser = NameParser(offer_rules), hide_possible_values = true)]
    pub(super) skip_rule: Vec<String>,
    /// Standard whose severities apply [default: from the config, else guide]
    #[arg(long, value_enum, value_name = "STANDARD")]
    pub(super) standard: Option<StandardArg>,
    /// Check every resource as if it were tagged backup=enabled, and let all findings gate. Existing
    /// backups are not checked
    #[arg(long)]
    pub(super) preflight: bool,
    /// Fail resources without a backup tag
    #[arg(long)]
    pub(super) require_tag: bool,
    /// Let findings of these groups gate, although the platform team owns them
    #[arg(long, value_name = "GROUP", num_args = 1.., value_delimiter = ',', value_parser = NameParser(offer_groups), hide_possible_values = true)]
    pub(super) gate: Vec<String>,
    /// Do not exit with 3 for inconclusive checks, of these rules or of all
    #[arg(long, value_name = "RULE", num_args = 0.., value_delimiter = ',', value_parser = NameParser(offer_rules), hide_possible_values = true)]
    pub(super) allow_unknown: Option<Vec<String>>,
    /// Central account, which stores the copies [default: from the config, else 692653576357]
    #[arg(long, value_name = "ID", value_parser = value::parse_account_id)]
    pub(super) central_account: Option<String>,
    /// Organization ID, for key policies that name it [default: from the config]
    #[arg(long, value_name = "o-...", value_parser = value::parse_org_id)]
    pub(super) org_id: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum ScopeArg {
    /// All resources
    All,
    /// Resources with a backup tag
    Tagged,
    /// Resources tagged backup=enabled
    Enabled,
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::All => Scope::All,
            ScopeArg::Tagged => Scope::Tagged,
            ScopeArg::Enabled => Scope::Enabled,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum StandardArg {
    /// The company guide
    Guide,
    /// Only what AWS itself enforces
    Aws,
}

impl From<StandardArg> for Standard {
    fn from(standard: StandardArg) -> Self {
        match standard {
            StandardArg::Guide => Standard::Guide,
            StandardArg::Aws => Standard::Aws,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ViewArg {
    /// The answer: services, what to fix first, the worst resources
    Summary,
    /// Every cause with its fix
    Causes,
    /// A row for every resource
    Resources,
}

impl From<ViewArg> for TableView {
    fn from(view: ViewArg) -> Self {
        match view {
            ViewArg::Summary => TableView::Summary,
            ViewArg::Causes => TableView::Causes,
            ViewArg::Resources => TableView::Resources,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StatusArg {
    /// Violations
    Fail,
    /// Violations that do not prevent the backup or its copy
    Warn,
    /// Inconclusive checks
    Unknown,
    /// Checks that passed
    Pass,
}

impl From<StatusArg> for Status {
    fn from(status: StatusArg) -> Self {
        match status {
            StatusArg::Fail => Status::Fail,
            StatusArg::Warn => Status::Warn,
            StatusArg::Unknown => Status::Unknown,
            StatusArg::Pass => Status::Pass,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOnArg {
    /// A gating check fails
    Fail,
    /// A gating check fails or warns
    Warn,
    /// A gating check fails that does not fail in the --baseline
    New,
    /// Nothing: exit with 0 instead of 1 or 3
    Never,
}

impl From<FailOnArg> for FailOn {
    fn from(what: FailOnArg) -> Self {
        match what {
            FailOnArg::Fail => FailOn::Fail,
            FailOnArg::Warn => FailOn::Warn,
            FailOnArg::New => FailOn::New,
            FailOnArg::Never => FailOn::Never,
        }
    }
}
