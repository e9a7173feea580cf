//! Evaluation of the source that the arguments name.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail};

use crate::evaluate::{AllowUnknown, Options, Scope, evaluate_again, evaluate_each, list_needs};
use crate::exit::Exit;
use crate::model::Listing;
use crate::model::arn::Arn;
use crate::model::fact::Extent;
use crate::model::selection::Selection;
use crate::model::snapshot::Snapshot;
use crate::report::baseline::{Comparer, Earlier};
use crate::report::stream::Visit;
use crate::report::{FindingCollector, FindingSource, Part, Report, ResourceLine, WriteError};
use crate::rules::ALL;
use crate::settings::{Settings, Severity};
use crate::source::overlay::complete_from_account;

use super::args::{AccessArgs, EvaluationArgs, GlobalArgs, InputArgs, SourceArgs};
use super::config::LoadedConfig;
use super::narrow::narrow_to_selection;
use super::resources::{SelectedResources, is_arn, selection_to_read};
use super::{deadline, input, output, select};

/// An account that was evaluated.
#[derive(Debug)]
pub(super) struct Evaluated {
    pub(super) snapshot: Snapshot,
    pub(super) settings: Settings,
    pub(super) options: Options,
    pub(super) report: Report,
    /// The signal that interrupted reading, else [`Exit::Ready`].
    pub(super) stopped: Exit,
}

impl Evaluated {
    /// Frees what only another evaluation needs.
    pub(super) fn forget_snapshot(&mut self) {
        self.snapshot.regions.clear();
        self.snapshot.keys.clear();
        self.snapshot.buckets = Listing::default();
    }
}

/// The findings that an evaluation keeps, and what they are compared with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KeptFindings<'a> {
    /// Whether findings that pass or do not apply are only counted.
    pub(super) omits_settled: bool,
    /// Whether findings keep what changes are made of.
    pub(super) remedies: bool,
    /// The report of --baseline and its file.
    pub(super) baseline: Option<(&'a Path, &'a Earlier)>,
}

impl<'a> KeptFindings<'a> {
    /// Begins the comparison with the baseline, if there is one.
    fn compare_account(self, account_id: Option<&str>) -> anyhow::Result<Option<Comparer<'a>>> {
        let begin = |(path, earlier): (&Path, &'a Earlier)| {
            let comparer = earlier.compare_account(account_id);
            comparer.with_context(|| format!("--baseline {}", input::display_name(path)))
        };
        self.baseline.map(begin).transpose()
    }
}

/// The findings of an account, made again for each writer of a list, so that they are never all in memory.
#[derive(Debug)]
pub(super) struct Reevaluation<'a> {
    evaluated: &'a Evaluated,
    options: Options,
    comparer: Option<Comparer<'a>>,
}

impl<'a> Reevaluation<'a> {
    pub(super) fn new(evaluated: &'a Evaluated, kept: KeptFindings<'a>) -> anyhow::Result<Self> {
        Ok(Reevaluation {
            evaluated,
            options: Options {
                omit_settled: false,
                ..evaluated.options.clone()
            },
            comparer: kept.compare_account(evaluated.report.account_id.as_deref())?,
        })
    }
}

impl FindingSource for Reevaluation<'_> {
    fn visit_part(&self, part: &Part<'_>, visit: &mut Visit<'_>) -> Result<(), WriteError> {
        let mut result = Ok(());
        let Evaluated {
            snapshot, settings, ..
        } = self.evaluated;
        let mut emit = |mut finding, line: &mut ResourceLine| {
            if result.is_ok() {
                if let Some(comparer) = &self.comparer {
                    comparer.mark_finding(&mut finding);
                }
                result = visit(&finding, Some(line));
            }
        };
        evaluate_again(snapshot, settings, &self.options, &ALL, part, &mut emit);
        result
    }
}

/// Returns the effective settings: arguments over the config over the guide's constants.
///
/// The ARNs of selected resources determine the regions, except those of buckets, which have no region, and if
/// none is selected by its id or name.
///
/// # Errors
/// A selected resource is in none of the regions that the arguments name.
pub(super) fn effective_settings(
    loaded: &LoadedConfig,
    access: &AccessArgs,
) -> anyhow::Result<Settings> {
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
                "{arn} is not in {}; remove --region, the ARN determines the region",
                access.region.join(", ")
            );
        }
        match access.resource.iter().all(|it| is_arn(it)) {
            true => settings.regions = regions,
            false => settings.regions.extend(regions),
        }
    }
    let mut seen = BTreeSet::new();
    settings
        .regions
        .retain(|region| seen.insert(region.clone()));
    Ok(settings)
}

/// How much of a live account is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// What the selected rules need.
    NeedsOfRules,
    /// Everything that is selected.
    Everything,
}

impl EvaluationArgs {
    /// Returns the options of the evaluation, except the selection.
    pub(super) fn to_options(&self, loaded: &LoadedConfig) -> anyhow::Result<Options> {
        let config = &loaded.config;
        let mut gate = BTreeSet::new();
        for name in self
            .gate
            .iter()
            .chain(config.gate.iter().map(|name| name.get_ref()))
        {
            gate.insert(select::find_group(name).context("--gate")?);
        }
        let named = config.allow_unknown.iter().map(|name| name.get_ref());
        let allow_unknown = match &self.allow_unknown {
            Some(rules) if rules.is_empty() => AllowUnknown::All,
            flag => {
                let names = flag.iter().flatten().chain(named);
                AllowUnknown::Rules(select::find_rules(names).context("--allow-unknown")?)
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
        let only = select::find_rules(&self.rule).context("--rule")?;
        let without = select::find_rules(&self.skip_rule).context("--skip-rule")?;
        if !only.is_empty() && only.is_subset(&without) {
            bail!("--skip-rule excludes every rule that --rule selects");
        }
        Ok(Options {
            standard: match self.standard {
                Some(standard) => standard.into(),
                None => config.standard.unwrap_or_default(),
            },
            severities,
            selection: Selection::default(),
            scope: self.scope.into(),
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
            omit_settled: false,
        })
    }
}

impl SourceArgs {
    /// Whether --rule names rules or groups.
    pub(super) fn names_rules(&self) -> bool {
        !self.evaluation.rule.is_empty()
    }

    /// Reads the source and evaluates it.
    pub(super) fn evaluate_source(
        &self,
        loaded: &LoadedConfig,
        global: &GlobalArgs,
        kept: KeptFindings<'_>,
        reads: Reads,
    ) -> anyhow::Result<Evaluated> {
        let (read, mut options) =
            self.read_path(self.input.from.as_deref(), loaded, reads, global)?;
        let comparer = kept.compare_account(read.snapshot.account_id.as_deref())?;
        // A comparison is with the findings that pass, too.
        options.omit_settled = kept.omits_settled && comparer.is_none();
        let mut collector = FindingCollector::new(kept.omits_settled, kept.remedies, comparer);
        let (snapshot, settings) = (&read.snapshot, &read.settings);
        let mut emit = |finding, line: &mut ResourceLine| collector.add_finding(finding, line);
        let mut report = evaluate_each(snapshot, settings, &options, &ALL, &mut emit);
        collector.complete_report(&mut report);
        Ok(Evaluated {
            snapshot: read.snapshot,
            settings: read.settings,
            options,
            report,
            stopped: read.stopped,
        })
    }

    /// Reads a file, or the live account without one, and returns how to evaluate it.
    pub(super) fn read_path(
        &self,
        path: Option<&Path>,
        loaded: &LoadedConfig,
        reads: Reads,
        global: &GlobalArgs,
    ) -> anyhow::Result<(ReadSource, Options)> {
        let mut options = self.evaluation.to_options(loaded)?;
        let extent = match reads {
            Reads::Everything => Extent::EVERYTHING,
            Reads::NeedsOfRules => extent_of_rules(&options),
        };
        let company = CompanyArgs::of(&self.evaluation);
        let rules = &self.evaluation.rule;
        let read = self
            .input
            .read_from(path, loaded, company, rules, &extent, global)?;
        options.selection.clone_from(&read.selection);
        Ok((read, options))
    }

    /// Returns how every account of an organization is read and evaluated.
    #[cfg(feature = "aws")]
    pub(super) fn plan_accounts(
        &self,
        loaded: &LoadedConfig,
        keeps_snapshots: bool,
    ) -> anyhow::Result<AccountPlan> {
        let mut options = self.evaluation.to_options(loaded)?;
        let extent = match keeps_snapshots {
            true => Extent::EVERYTHING,
            false => extent_of_rules(&options),
        };
        let company = CompanyArgs::of(&self.evaluation);
        let rules = &self.evaluation.rule;
        let plan = self.input.plan_accounts(loaded, company, rules, extent)?;
        options.selection.clone_from(&plan.options.selection);
        Ok(AccountPlan { options, ..plan })
    }
}

/// How every account of an organization is read and evaluated.
#[derive(Debug, Clone)]
pub(super) struct AccountPlan {
    pub(super) settings: Settings,
    /// How it is evaluated, with what is selected.
    pub(super) options: Options,
    /// What is read of it.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only live accounts are read in part")
    )]
    pub(super) extent: Extent,
}

fn extent_of_rules(options: &Options) -> Extent {
    Extent {
        needs: list_needs(options, &ALL),
        only_enabled: options.scope == Scope::Enabled,
        metrics: false,
        images: BTreeSet::new(),
    }
}

/// What arguments say about the company.
#[derive(Debug, Clone, Copy)]
pub(super) struct CompanyArgs<'a> {
    pub(super) central_account: Option<&'a String>,
    pub(super) org_id: Option<&'a String>,
}

impl<'a> CompanyArgs<'a> {
    fn of(args: &'a EvaluationArgs) -> Self {
        CompanyArgs {
            central_account: args.central_account.as_ref(),
            org_id: args.org_id.as_ref(),
        }
    }

    fn apply_to(self, settings: &mut Settings) {
        if let Some(account) = self.central_account {
            settings.central_account.clone_from(account);
        }
        if let Some(org) = self.org_id {
            settings.org_id = Some(org.clone());
        }
    }
}

#[derive(Debug)]
pub(super) struct ReadSource {
    pub(super) snapshot: Snapshot,
    pub(super) settings: Settings,
    /// What the arguments select of it.
    pub(super) selection: Selection,
    /// The signal that interrupted reading, else [`Exit::Ready`].
    pub(super) stopped: Exit,
}

impl InputArgs {
    /// Reads the source. `rules` are those of --rule, whose data is read too; `extent` limits what is read of a live
    /// account.
    pub(super) fn read_source(
        &self,
        loaded: &LoadedConfig,
        company: CompanyArgs<'_>,
        rules: &[String],
        extent: &Extent,
        global: &GlobalArgs,
    ) -> anyhow::Result<ReadSource> {
        self.read_from(self.from.as_deref(), loaded, company, rules, extent, global)
    }

    /// Returns how every account of an organization is read.
    pub(super) fn plan_accounts(
        &self,
        loaded: &LoadedConfig,
        company: CompanyArgs<'_>,
        rules: &[String],
        extent: Extent,
    ) -> anyhow::Result<AccountPlan> {
        let mut settings = effective_settings(loaded, &self.access)?;
        company.apply_to(&mut settings);
        let resources = SelectedResources::default();
        Ok(AccountPlan {
            settings,
            options: Options {
                selection: select::new_selection(&self.access.service, &resources, rules)?,
                ..Options::default()
            },
            extent,
        })
    }

    /// Reads a file, or the live account without one.
    pub(super) fn read_from(
        &self,
        from: Option<&Path>,
        loaded: &LoadedConfig,
        company: CompanyArgs<'_>,
        rules: &[String],
        extent: &Extent,
        global: &GlobalArgs,
    ) -> anyhow::Result<ReadSource> {
        let access = &self.access;
        match from.is_none() || self.reads_live_account() {
            true => deadline::start_for_account(access.timeout),
            false => deadline::start_for_file(access.timeout),
        }
        let mut settings = effective_settings(loaded, access)?;
        company.apply_to(&mut settings);
        if let (Some(path), Some(name)) = (from, access.find_live_only())
            && !self.reads_live_account()
        {
            bail!(
                "the argument '{name}' cannot be used with {}, unless with --account-from live",
                path.display()
            );
        }
        let (snapshot, selection, stopped) = match from {
            Some(path) => self.read_file(path, &settings, rules, global)?,
            None => {
                let (snapshot, stopped) = self.read_selected(&settings, rules, extent, global)?;
                let selection = self.select_in(&snapshot, rules)?;
                (snapshot, selection, stopped)
            }
        };
        Ok(ReadSource {
            snapshot,
            settings,
            selection,
            stopped,
        })
    }

    /// Returns what the arguments select of an account that was read.
    fn select_in(&self, snapshot: &Snapshot, rules: &[String]) -> anyhow::Result<Selection> {
        let resources = SelectedResources::find(&self.access.resource, snapshot)?;
        select::new_selection(&self.access.service, &resources, rules)
    }

    /// Reads what the arguments select of the live account, or where it is looked for.
    fn read_selected(
        &self,
        settings: &Settings,
        rules: &[String],
        extent: &Extent,
        global: &GlobalArgs,
    ) -> anyhow::Result<(Snapshot, Exit)> {
        let access = &self.access;
        let mut selection = selection_to_read(&access.resource);
        let is_found_first = !selection.resources.is_empty() || access.resource.is_empty();
        if is_found_first {
            let resources = SelectedResources::from_arns(&access.resource)?;
            selection = select::new_selection(&access.service, &resources, rules)?;
        } else {
            let services = select::services_of_rules(&selection, rules)?;
            selection.settings_only = services;
        }
        read_live(access, settings, &selection, extent, global)
    }

    fn reads_live_account(&self) -> bool {
        self.account_from.as_deref() == Some(Path::new(LIVE))
    }

    /// Reads the file of --from, completes it from --account-from, and narrows it to what the arguments select.
    /// The exit is that of the signal that interrupted reading the account, else [`Exit::Ready`].
    fn read_file(
        &self,
        path: &Path,
        settings: &Settings,
        rules: &[String],
        global: &GlobalArgs,
    ) -> anyhow::Result<(Snapshot, Selection, Exit)> {
        let note = |text: &str| {
            if !global.quiet {
                output::print_stderr(text);
            }
        };
        let bytes = input::read_bytes(path)?;
        let (account, stopped) = match self.read_account(&bytes, settings, global)? {
            Some((account, stopped)) => (Some(account), stopped),
            None => (None, Exit::Ready),
        };
        let context = input::FileContext {
            tag_key: &settings.tag_key,
            account: account.as_ref(),
            central_account: &settings.central_account,
            regions: &self.access.region,
            parameters: &self.parameter,
        };
        let (mut snapshot, notes) = input::read_snapshot(path, bytes, &context)?;
        notes.iter().for_each(|text| note(&format!("note: {text}")));
        if snapshot.tag_key != settings.tag_key {
            bail!(
                "{}: the snapshot was collected with tag key {:?}, but the config sets {:?}; collect it again",
                path.display(),
                snapshot.tag_key,
                settings.tag_key
            );
        }
        if let Some(account) = &account {
            if !snapshot.source.is_planned() {
                bail!(
                    "--account-from applies only to Terraform plans and CloudFormation templates; {} is not one",
                    path.display()
                );
            }
            let notes = complete_from_account(&mut snapshot, account)
                .with_context(|| path.display().to_string())?;
            notes.iter().for_each(|text| note(&format!("note: {text}")));
            if let Some(age) = input::describe_old_account(account)? {
                note(&format!("warning: --account-from: {age}"));
            }
        }
        let selection = self.select_in(&snapshot, rules)?;
        narrow_to_selection(&mut snapshot, &self.access, &selection, rules)
            .with_context(|| path.display().to_string())?;
        Ok((snapshot, selection, stopped))
    }

    /// Reads the account of --account-from, with the images that a file names; `None` without it.
    fn read_account(
        &self,
        file: &[u8],
        settings: &Settings,
        global: &GlobalArgs,
    ) -> anyhow::Result<Option<(Snapshot, Exit)>> {
        let Some(path) = &self.account_from else {
            return Ok(None);
        };
        if self.reads_live_account() {
            let extent = Extent {
                images: input::find_image_ids(file),
                ..Extent::EVERYTHING
            };
            let everything = Selection::default();
            let read = read_live(&self.access, settings, &everything, &extent, global);
            return read.context("--account-from live").map(Some);
        }
        let account = input::read_account(path).context("--account-from")?;
        if account.tag_key != settings.tag_key {
            bail!(
                "--account-from {}: it was collected with tag key {:?}, but the config sets {:?}; collect it again",
                path.display(),
                account.tag_key,
                settings.tag_key
            );
        }
        Ok(Some((account, Exit::Ready)))
    }
}

/// The value of --account-from that means the live account.
const LIVE: &str = "live";

#[cfg(feature = "aws")]
fn read_live(
    access: &AccessArgs,
    settings: &Settings,
    selection: &Selection,
    extent: &Extent,
    global: &GlobalArgs,
) -> anyhow::Result<(Snapshot, Exit)> {
    super::live::read_account(access, settings, selection, extent, global)
}

#[cfg(not(feature = "aws"))]
fn read_live(
    _: &AccessArgs,
    _: &Settings,
    _: &Selection,
    _: &Extent,
    _: &GlobalArgs,
) -> anyhow::Result<(Snapshot, Exit)> {
    bail!(
        "this build cannot read live accounts (feature `aws` is disabled); check a file with --from FILE"
    );
}
