//! What is judged and how: the flags that `scan` and `fix` share, and the report that they lead to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use crate::evaluate::{AllowUnknown, Options, Scope, evaluate};
use crate::exit::Exit;
use crate::model::arn::Arn;
use crate::model::selection::Selection;
use crate::model::service::Service;
use crate::model::snapshot::{Snapshot, Source};
use crate::report::Report;
use crate::rules::ALL;
use crate::settings::{Settings, Severity, Standard};

use super::config::Loaded;
use super::{Talk, input, select, value};

/// What is judged: a live account or a file, all of it or a part.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Judge a file instead of a live account: a snapshot that `collect` wrote, `terraform show -json`
    /// output, or a CloudFormation template in JSON or YAML; `-` is stdin. Where a plan or template does
    /// not say which region it is for, one --region does
    #[arg(long, value_name = "FILE", conflicts_with_all = ["profile", "role_arn", "external_id", "endpoint_url", "concurrency", "timeout"])]
    from: Option<PathBuf>,
    /// A value for a parameter of the template; repeatable
    #[arg(long, value_name = "K=V", value_parser = value::parameter, requires = "from")]
    parameter: Vec<(String, String)>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// An account that was judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) snapshot: Snapshot,
    pub(super) settings: Settings,
    pub(super) report: Report,
    /// Whether reading it was stopped.
    pub(super) stopped: Exit,
}

/// How to reach AWS, and what to read there.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Source")]
pub(super) struct AccessArgs {
    /// A profile of ~/.aws/config
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// A role to assume first
    #[arg(long, value_name = "ARN", value_parser = value::role_arn)]
    pub(super) role_arn: Option<String>,
    /// The external id that the role asks for
    #[arg(long, value_name = "ID", requires = "role_arn")]
    pub(super) external_id: Option<String>,
    /// An endpoint for every service, also AWS_ENDPOINT_URL and its per-service forms
    #[arg(long, value_name = "URL", value_parser = value::url)]
    pub(super) endpoint_url: Option<String>,
    /// Regions to scan [default: the config's, else the guide's five].
    #[arg(long, value_name = "R", num_args = 1.., value_delimiter = ',', value_parser = value::region)]
    pub(super) region: Vec<String>,
    /// Only the resources of these services. Rules about the network and the account are then left out,
    /// unless --rule names them, or vpc or backup is among the services
    #[arg(long, value_name = "S", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(Service::ALL.map(Service::as_str)))]
    pub(super) service: Vec<String>,
    /// Only these resources, each in its own region, with the keys and settings that it takes to judge
    /// them
    #[arg(long, value_name = "ARN", num_args = 1.., value_parser = value::resource, conflicts_with = "service")]
    pub(super) resource: Vec<String>,
    /// How many calls may run at once [default: 32]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) concurrency: Option<u16>,
    /// How long reading may take in all; what was not read by then is unknown [default: 30m]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(super) timeout: Option<Duration>,
}

/// What to judge, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "CheckResult")]
struct JudgeArgs {
    /// Which resources: all, those that carry the backup tag, those tagged backup=enabled
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = ScopeArg::All)]
    scope: ScopeArg,
    /// Judge only these rules or groups
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    rule: Vec<String>,
    /// Leave out these rules or groups
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    skip_rule: Vec<String>,
    /// Whose severities count: the company guide's, or what AWS itself enforces
    #[arg(long, value_enum, value_name = "WHOSE")]
    standard: Option<StandardArg>,
    /// Judge every resource as if it were tagged backup=enabled, and let all of it gate; backups that
    /// were made are not looked at
    #[arg(long)]
    preflight: bool,
    /// A resource without a backup tag fails
    #[arg(long)]
    require_tag: bool,
    /// Let these groups gate although the platform team owns them
    #[arg(long, value_name = "GROUP", num_args = 1.., value_delimiter = ',')]
    gate: Vec<String>,
    /// Unknown findings, of these rules or of all, do not make the exit code 3
    #[arg(long, value_name = "RULE", num_args = 0.., value_delimiter = ',')]
    allow_unknown: Option<Vec<String>>,
    /// The account that keeps the copies [default: the config's, else 692653576357]
    #[arg(long, value_name = "ID", value_parser = value::account_id)]
    central_account: Option<String>,
    /// The organization, for key policies that name it [default: the config's]
    #[arg(long, value_name = "o-...", value_parser = value::org_id)]
    org_id: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeArg {
    All,
    Tagged,
    Enabled,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StandardArg {
    Guide,
    Aws,
}

/// The settings in force: flags over the config over the guide's constants. Resources that are named
/// say where to look; a bucket's ARN does not.
///
/// # Errors
/// A resource is in none of the regions that are named.
pub(super) fn settings(loaded: &Loaded, access: &AccessArgs) -> anyhow::Result<Settings> {
    let mut settings = loaded.config.settings();
    if !access.region.is_empty() {
        settings.regions.clone_from(&access.region);
    }
    if !access.resource.is_empty() {
        let placed = access.resource.iter().filter_map(|arn| Arn::parse(arn));
        let placed = placed.filter(|arn| !arn.region.is_empty());
        let regions: Vec<String> = placed.map(|arn| arn.region.to_owned()).collect();
        if let Some(arn) = access.resource.iter().find(|arn| {
            let region = Arn::parse(arn).map_or("", |arn| arn.region);
            !region.is_empty()
                && !access.region.is_empty()
                && !access.region.iter().any(|it| it == region)
        }) {
            bail!(
                "{arn} is not in {}: leave --region out, the ARN says where to look",
                access.region.join(", ")
            );
        }
        settings.regions = regions;
    }
    let mut seen = BTreeSet::new();
    settings
        .regions
        .retain(|region| seen.insert(region.clone()));
    Ok(settings)
}

impl JudgeArgs {
    fn options(&self, loaded: &Loaded) -> anyhow::Result<Options> {
        let config = &loaded.config;
        let mut gate = BTreeSet::new();
        for name in self
            .gate
            .iter()
            .chain(config.gate.iter().map(|name| name.get_ref()))
        {
            gate.insert(select::group(name).context("--gate")?);
        }
        let named = config.allow_unknown.iter().map(|name| name.get_ref());
        let allow_unknown = match &self.allow_unknown {
            Some(rules) if rules.is_empty() => AllowUnknown::All,
            flag => {
                let names = flag.iter().flatten().chain(named);
                AllowUnknown::Rules(select::rules(names).context("--allow-unknown")?)
            }
        };
        let mut severities = config
            .severity
            .iter()
            .map(|(rule, severity)| (rule.get_ref().clone(), *severity))
            .collect::<std::collections::BTreeMap<_, _>>();
        if self.require_tag {
            severities.insert("backup-decision-made".to_owned(), Severity::Fail);
        }
        let only = select::rules(&self.rule).context("--rule")?;
        let without = select::rules(&self.skip_rule).context("--skip-rule")?;
        if !only.is_empty() && only.is_subset(&without) {
            bail!("--rule and --skip-rule leave no rule to judge");
        }
        Ok(Options {
            standard: match self.standard {
                Some(StandardArg::Guide) => Standard::Guide,
                Some(StandardArg::Aws) => Standard::Aws,
                None => config.standard.unwrap_or_default(),
            },
            severities,
            selection: Selection::default(),
            scope: match self.scope {
                ScopeArg::All => Scope::All,
                ScopeArg::Tagged => Scope::Tagged,
                ScopeArg::Enabled => Scope::Enabled,
            },
            only,
            without,
            preflight: self.preflight,
            gate,
            allow_unknown,
            waivers: config.waivers.clone(),
            today: Some(
                jiff::Zoned::now()
                    .with_time_zone(jiff::tz::TimeZone::UTC)
                    .date(),
            ),
        })
    }
}

impl SourceArgs {
    /// The rules and groups that are named.
    pub(super) fn names_rules(&self) -> bool {
        !self.judge.rule.is_empty()
    }

    /// Reads what the flags say, and judges it.
    pub(super) fn judged(&self, loaded: &Loaded, talk: &Talk) -> anyhow::Result<Judged> {
        let mut options = self.judge.options(loaded)?;
        let access = &self.access;
        options.selection = select::selection(&access.service, &access.resource, &self.judge.rule)?;
        let mut settings = settings(loaded, access)?;
        if let Some(account) = &self.judge.central_account {
            settings.central_account.clone_from(account);
        }
        if let Some(org) = &self.judge.org_id {
            settings.org_id = Some(org.clone());
        }
        let (snapshot, stopped) = match &self.from {
            Some(path) => {
                let beside = input::Beside {
                    tag_key: &settings.tag_key,
                    regions: &access.region,
                    parameters: &self.parameter,
                };
                let (mut snapshot, notes) = input::snapshot(path, &beside)?;
                if !talk.quiet {
                    notes
                        .iter()
                        .for_each(|note| super::say(&format!("note: {note}")));
                }
                if snapshot.tag_key != settings.tag_key {
                    bail!(
                        "{} was collected for the tag key {:?} and holds no other tags; the config says {:?}: collect again",
                        path.display(),
                        snapshot.tag_key,
                        settings.tag_key
                    );
                }
                saved(&mut snapshot, self, &options.selection)
                    .with_context(|| path.display().to_string())?;
                (snapshot, Exit::Ready)
            }
            None => live(access, &settings, &options.selection, talk)?,
        };
        let report = evaluate(&snapshot, &settings, &options, &ALL);
        Ok(Judged {
            snapshot,
            settings,
            report,
            stopped,
        })
    }
}

/// Narrows a saved snapshot as the flags say, as far as it holds what they ask for.
fn saved(snapshot: &mut Snapshot, args: &SourceArgs, selection: &Selection) -> anyhow::Result<()> {
    let held = &snapshot.selection;
    let words = held.describe().unwrap_or_default();
    if !held.is_everything() {
        if selection.is_everything() {
            let beside = select::beside(held, &args.judge.rule)?;
            if let Some(missing) = beside.iter().find(|it| !held.includes_settings_of(**it)) {
                bail!(
                    "it was collected for {words} alone and does not hold what rules about {} take: collect again with that service",
                    missing.as_str()
                );
            }
        } else if !held.covers(selection) {
            bail!(
                "it was collected for {words} alone: collect again to judge {}",
                selection.describe().unwrap_or_default()
            );
        }
    }
    let mut regions = args.access.region.clone();
    if !selection.resources.is_empty() {
        let mut places = Vec::new();
        for arn in &selection.resources {
            snapshot.check_contains(arn)?;
            let region = Arn::parse(arn).map_or("", |arn| arn.region);
            let bucket = snapshot.buckets.items.iter().find(|it| it.arn == *arn);
            match bucket.map(|bucket| bucket.region.known()) {
                None => places.push(region.to_owned()),
                Some(Some(place)) if regions.is_empty() || regions.contains(place) => {
                    places.push(place.clone());
                }
                Some(Some(place)) => bail!(
                    "{arn} is in {place}, not in {}: leave --region out",
                    regions.join(", ")
                ),
                // Nobody knows where it is, so no region can be left out.
                Some(None) => places.extend(snapshot.regions.keys().cloned()),
            }
        }
        regions = places;
    }
    // A template is for one region, and its global tables have replicas in others.
    if snapshot.source == Source::Cloudformation {
        return Ok(());
    }
    narrow(snapshot, &regions)
}

/// Keeps only some regions of a snapshot.
fn narrow(snapshot: &mut Snapshot, regions: &[String]) -> anyhow::Result<()> {
    if regions.is_empty() {
        return Ok(());
    }
    if let Some(missing) = regions
        .iter()
        .find(|name| !snapshot.regions.contains_key(*name))
    {
        let held: Vec<&str> = snapshot.regions.keys().map(String::as_str).collect();
        bail!("it holds no region {missing:?}, only {}", held.join(", "));
    }
    snapshot.restrict_to_regions(regions);
    Ok(())
}

#[cfg(feature = "aws")]
fn live(
    access: &AccessArgs,
    settings: &Settings,
    selection: &Selection,
    talk: &Talk,
) -> anyhow::Result<(Snapshot, Exit)> {
    super::live::snapshot(access, settings, selection, talk)
}

#[cfg(not(feature = "aws"))]
fn live(_: &AccessArgs, _: &Settings, _: &Selection, _: &Talk) -> anyhow::Result<(Snapshot, Exit)> {
    bail!(
        "this build cannot read live accounts (it was made without the feature `aws`): judge a snapshot with --from FILE"
    );
}
