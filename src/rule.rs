//! What a rule is: its place in the catalog, and its check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::{CheckResult, Prerequisites, RuleContext};
use crate::model::Resource;
use crate::model::cloudformation::Stack;
use crate::model::dynamodb::Table;
use crate::model::ec2::{Instance, Volume};
use crate::model::rds::DbInstance;
use crate::model::s3::Bucket;
use crate::model::service::Service;
use crate::model::snapshot::{Region, Snapshot};
use crate::model::vpc::Vpc;
use crate::settings::{Severity, Standard};

/// A rule: one state that a resource should be in.
#[derive(Debug)]
pub struct Rule {
    /// Names the state that passes: `s3-versioning-enabled`.
    pub id: &'static str,
    /// What it is about.
    pub group: Group,
    /// Who can mend a breach.
    pub owner: Owner,
    /// The state that passes, in a few words.
    pub title: &'static str,
    /// What a breach yields under the company guide.
    pub guide: Severity,
    /// What a breach yields under what AWS itself enforces.
    pub aws: Severity,
    /// What it checks, why, how to fix a breach, and its sources, in Markdown: the doc comment of its file.
    pub docs: &'static str,
    /// The judgement itself.
    pub check: Check,
}

impl Rule {
    /// The service that a rule about a region or the account belongs to: a scan of some services
    /// leaves it out unless the service is among them, or the rule is named. None where every scan
    /// of resources wants it.
    #[must_use]
    pub fn settings_of(&self) -> Option<Service> {
        match (&self.check, self.group) {
            (Check::Settings(service, _), _) => Some(*service),
            (_, Group::Network) => Some(Service::Vpc),
            (_, Group::Account) => Some(Service::Backup),
            _ => None,
        }
    }

    /// Whether a copy fails without what the rule names: proof of copies is compared with it.
    #[must_use]
    pub fn is_copy_prerequisite(&self) -> bool {
        matches!(self.group, Group::Encryption | Group::Service) && self.aws == Severity::Fail
    }

    /// What a breach yields under a standard.
    #[must_use]
    pub fn severity(&self, standard: Standard) -> Severity {
        match standard {
            Standard::Guide => self.guide,
            Standard::Aws => self.aws,
        }
    }
}

/// What a rule is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The backup tag.
    Tagging,
    /// Keys and their policies.
    Encryption,
    /// What each service wants.
    Service,
    /// Traffic to S3.
    Network,
    /// The account's set-up for AWS Backup.
    Account,
    /// Backups and copies that really happened.
    Proof,
}

impl Group {
    /// Every group, in the order of the table of rules.
    pub const ALL: [Group; 6] = [
        Group::Tagging,
        Group::Encryption,
        Group::Service,
        Group::Network,
        Group::Account,
        Group::Proof,
    ];

    /// As on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Group::Tagging => "tagging",
            Group::Encryption => "encryption",
            Group::Service => "service",
            Group::Network => "network",
            Group::Account => "account",
            Group::Proof => "proof",
        }
    }
}

/// Who can mend a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The team that owns the member account.
    Member,
    /// The platform team.
    Platform,
}

impl Owner {
    /// As in `backup-check rules`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Owner::Member => "member",
            Owner::Platform => "platform",
        }
    }
}

/// The judgement of a rule, by the kind of resource that it looks at.
///
/// A check is pure: facts in, outcome out. `?` on a fact that is not known ends it with the gap,
/// which the evaluator turns into an `unknown` finding.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// Every resource that can be backed up.
    Any(fn(&RuleContext<'_>, Resource<'_>) -> CheckResult),
    /// S3 buckets.
    Bucket(fn(&RuleContext<'_>, &Bucket) -> CheckResult),
    /// EC2 instances.
    Instance(fn(&RuleContext<'_>, &Instance) -> CheckResult),
    /// EBS volumes.
    Volume(fn(&RuleContext<'_>, &Volume) -> CheckResult),
    /// RDS DB instances that are in no cluster.
    DbInstance(fn(&RuleContext<'_>, &DbInstance) -> CheckResult),
    /// What is made of parts that carry tags of their own: Aurora and Multi-AZ DB clusters, gateways.
    Whole(fn(&RuleContext<'_>, Resource<'_>) -> CheckResult),
    /// DynamoDB tables.
    Table(fn(&RuleContext<'_>, &Table) -> CheckResult),
    /// CloudFormation stacks.
    Stack(fn(&RuleContext<'_>, &Stack) -> CheckResult),
    /// VPCs.
    Vpc(fn(&RuleContext<'_>, &Vpc) -> CheckResult),
    /// Every resource that can be backed up, and the vaults that keep the backups.
    AnyAndVaults(fn(&RuleContext<'_>, Resource<'_>) -> CheckResult),
    /// What the settings of one service in a region say of its next resources.
    Settings(Service, fn(&RuleContext<'_>, &Region) -> CheckResult),
    /// The account's settings in a region.
    Region(fn(&RuleContext<'_>, &Region) -> CheckResult),
    /// Every resource whose backups should exist by now, after what a copy takes was judged.
    Proof(fn(&RuleContext<'_>, Resource<'_>, &Prerequisites) -> CheckResult),
    /// The account as a whole.
    Account(fn(&RuleContext<'_>, &Snapshot) -> CheckResult),
}

impl Check {
    /// The services whose resources alone it looks at; none where it is about more.
    #[must_use]
    pub fn services(&self) -> &'static [Service] {
        match self {
            Check::Bucket(_) => &[Service::S3],
            Check::Instance(_) => &[Service::Ec2],
            Check::Volume(_) => &[Service::Ebs],
            Check::DbInstance(_) => &[Service::Rds],
            Check::Whole(_) => &[Service::Rds, Service::Storagegateway],
            Check::Table(_) => &[Service::Dynamodb],
            Check::Stack(_) => &[Service::Cloudformation],
            Check::Any(_)
            | Check::AnyAndVaults(_)
            | Check::Proof(_)
            | Check::Vpc(_)
            | Check::Settings(..)
            | Check::Region(_)
            | Check::Account(_) => &[],
        }
    }

    /// Judges a resource; `None` where the rule is not about its kind, or is about its backups and
    /// there need not be any: then there are no prerequisites to hand over.
    #[must_use]
    pub fn run(
        &self,
        cx: &RuleContext<'_>,
        resource: Resource<'_>,
        prerequisites: Option<&Prerequisites>,
    ) -> Option<CheckResult> {
        match (self, resource) {
            (Check::Proof(check), _) => prerequisites.map(|found| check(cx, resource, found)),
            (Check::Any(check), _) if resource.kind().is_backed_up() => Some(check(cx, resource)),
            (Check::Bucket(check), Resource::Bucket(it)) => Some(check(cx, it)),
            (Check::Instance(check), Resource::Instance(it)) => Some(check(cx, it)),
            (Check::Volume(check), Resource::Volume(it)) => Some(check(cx, it)),
            (Check::DbInstance(check), Resource::DbInstance(it)) => Some(check(cx, it)),
            (Check::Whole(check), Resource::DbCluster(_) | Resource::Gateway(_)) => {
                Some(check(cx, resource))
            }
            (Check::Table(check), Resource::Table(it)) => Some(check(cx, it)),
            (Check::Stack(check), Resource::Stack(it)) => Some(check(cx, it)),
            (Check::Vpc(check), Resource::Vpc(it)) => Some(check(cx, it)),
            (Check::AnyAndVaults(check), _)
                if resource.kind().is_backed_up() || matches!(resource, Resource::Vault(_)) =>
            {
                Some(check(cx, resource))
            }
            (Check::Settings(_, check) | Check::Region(check), Resource::Region(it)) => {
                Some(check(cx, it))
            }
            (Check::Account(check), Resource::Account(it)) => Some(check(cx, it)),
            _ => None,
        }
    }
}

/// Declares a rule, with its doc comment as its documentation everywhere.
macro_rules! rule {
    ($(#[doc = $doc:literal])+ $name:ident = Rule { $($fields:tt)* }) => {
        $(#[doc = $doc])+
        pub static $name: $crate::rule::Rule = $crate::rule::Rule {
            docs: concat!($($doc, "\n"),+),
            $($fields)*
        };
    };
}
pub(crate) use rule;
