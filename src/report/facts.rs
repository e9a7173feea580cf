//! What a report holds besides its findings: the scan and the counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, Report, ResourceVerdict, Status};
use crate::model::coverage::Stats;
use crate::model::selection::Selection;
use crate::model::snapshot::{AccountFrom, Source};
use crate::settings::Standard;

/// What was scanned.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Scan {
    /// Where the facts come from.
    pub source: Source,
    /// The account; null where a plan or template does not name it.
    pub account_id: Option<String>,
    /// The account that completed a plan or template; absent without --account-from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_from: Option<AccountFrom>,
    /// The central account, which stores the copies.
    pub central_account_id: String,
    /// The standard whose severities apply.
    pub standard: Standard,
    /// The selected services or resources; absent where nothing was excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<JsonSelection>,
    /// The regions that were scanned.
    pub regions: Vec<String>,
    /// The time at which reading started, RFC 3339.
    pub started_at: String,
    /// The time at which reading finished, RFC 3339.
    pub finished_at: String,
    /// Whether everything that was requested could be read.
    pub complete: bool,
    /// The number of API calls.
    pub stats: Stats,
    /// Whether the scan was interrupted; absent where it was not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// The key of the backup tag.
    pub tag_key: String,
    /// Whom to contact about findings that only the platform team can fix.
    pub contact: String,
    /// The number of rules that were checked.
    pub rules: usize,
    /// Whether every rule about copy prerequisites was checked.
    pub all_rules: bool,
    /// The arguments that name the source, for commands to run next; absent where there are none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arguments: String,
    /// The statuses of the findings in this report; absent where none was left out. The counts include all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<Status>,
}

/// The selected services or resources. One of the lists is empty.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonSelection {
    /// The selected services.
    pub services: Vec<String>,
    /// The ARNs of the selected resources.
    pub resources: Vec<String>,
}

impl JsonSelection {
    fn new(selection: &Selection) -> Option<Self> {
        let services = selection.services.iter().map(|it| it.as_str().to_owned());
        (!selection.is_everything()).then(|| JsonSelection {
            services: services.collect(),
            resources: selection.resources.iter().cloned().collect(),
        })
    }
}

/// Counts of resources and findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Resources by verdict.
    pub resources: ResourceCounts,
    /// Findings by status.
    pub findings: FindingCounts,
}

/// Resources by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ResourceCounts {
    /// All resources.
    pub total: usize,
    /// Nothing worse than pass.
    pub ready: usize,
    /// A check warns.
    pub at_risk: usize,
    /// A check fails.
    pub not_ready: usize,
    /// A check is inconclusive and nothing fails.
    pub unknown: usize,
    /// Tagged `disabled` or `custom`.
    pub exempt: usize,
}

/// Findings by status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingCounts {
    /// Checks that passed.
    pub pass: usize,
    /// Violations.
    pub fail: usize,
    /// Violations that do not prevent the backup or its copy.
    pub warn: usize,
    /// Inconclusive checks.
    pub unknown: usize,
    /// Gating findings that fail.
    pub gating_fail: usize,
    /// Gating findings that warn.
    pub gating_warn: usize,
    /// Gating findings that are unknown.
    pub gating_unknown: usize,
    /// Findings that fail, warn or are unknown and that a waiver covers. No other count includes them.
    pub waived: usize,
}

impl Scan {
    /// Returns the scan of a report.
    #[must_use]
    pub fn from_report(report: &Report) -> Self {
        Scan {
            source: report.source,
            account_id: report.account_id.clone(),
            account_from: report.account_from.clone(),
            central_account_id: report.central_account_id.clone(),
            standard: report.standard,
            selection: JsonSelection::new(&report.selection),
            regions: report.regions.clone(),
            started_at: report.started_at.clone(),
            finished_at: report.finished_at.clone(),
            complete: report.complete,
            stats: report.stats,
            interrupted: report.interrupted,
            tag_key: report.tag_key.clone(),
            contact: report.contact.clone(),
            rules: report.rules,
            all_rules: report.all_rules,
            arguments: report.arguments.clone(),
            statuses: Vec::new(),
        }
    }
}

impl Summary {
    /// Counts the resources and findings of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut summary = Summary {
            resources: report.resources.iter().map(|it| it.verdict).collect(),
            ..Summary::default()
        };
        for finding in &report.findings {
            summary.findings.add_finding(finding);
        }
        for ((_, status, _), (_, number)) in &report.omitted {
            if *status == Status::Pass {
                summary.findings.pass += number;
            }
        }
        summary
    }
}

impl ResourceCounts {
    /// Returns the number of resources with a verdict.
    pub(super) fn get(&self, verdict: ResourceVerdict) -> usize {
        match verdict {
            ResourceVerdict::Ready => self.ready,
            ResourceVerdict::AtRisk => self.at_risk,
            ResourceVerdict::NotReady => self.not_ready,
            ResourceVerdict::Unknown => self.unknown,
            ResourceVerdict::Exempt => self.exempt,
        }
    }

    /// Returns every verdict with its number of resources, worst first.
    pub(super) fn worst_first(&self) -> [(ResourceVerdict, usize); 5] {
        ResourceVerdict::WORST_FIRST.map(|verdict| (verdict, self.get(verdict)))
    }
}

impl FromIterator<ResourceVerdict> for ResourceCounts {
    fn from_iter<I: IntoIterator<Item = ResourceVerdict>>(verdicts: I) -> Self {
        let mut counts = ResourceCounts::default();
        for verdict in verdicts {
            counts.total += 1;
            *match verdict {
                ResourceVerdict::Ready => &mut counts.ready,
                ResourceVerdict::AtRisk => &mut counts.at_risk,
                ResourceVerdict::NotReady => &mut counts.not_ready,
                ResourceVerdict::Unknown => &mut counts.unknown,
                ResourceVerdict::Exempt => &mut counts.exempt,
            } += 1;
        }
        counts
    }
}

impl FindingCounts {
    /// Counts one more finding.
    pub fn add_finding(&mut self, finding: &Finding) {
        let (count, gating) = match finding.status {
            Status::Skip => return,
            Status::Pass => (&mut self.pass, None),
            Status::Fail => (&mut self.fail, Some(&mut self.gating_fail)),
            Status::Warn => (&mut self.warn, Some(&mut self.gating_warn)),
            Status::Unknown => (&mut self.unknown, Some(&mut self.gating_unknown)),
        };
        match finding.waiver {
            Some(_) => self.waived += 1,
            None => *count += 1,
        }
        if let Some(gating) = gating.filter(|_| finding.gating) {
            *gating += 1;
        }
    }
}
