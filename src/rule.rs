//! What a rule is: its place in the catalog, and its check.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::proof::ProofBasis;
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::model::cloudformation::Stack;
use crate::model::dynamodb::Table;
use crate::model::ec2::Instance;
use crate::model::fact::Fact;
use crate::model::kind::{KINDS, Kind};
use crate::model::rds::DbInstance;
use crate::model::s3::Bucket;
use crate::model::service::Service;
use crate::model::snapshot::{Region, Snapshot};
use crate::model::vpc::Vpc;
use crate::model::{Observed, Resource, ResourceKind};
use crate::settings::{Severity, Standard};

/// The page of the guide that documents every rule, one anchor a rule.
const RULES_PAGE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/src/rules.md");

/// A rule: one state that a resource should be in.
#[derive(Debug)]
pub struct Rule {
    /// Id, which names the state that passes: `s3-versioning-enabled`.
    pub id: &'static str,
    /// Subject of the rule.
    pub group: Group,
    /// Team that can fix a violation.
    pub owner: Owner,
    /// The state that passes, in a few words.
    pub title: &'static str,
    /// Result of a violation under the company guide.
    pub guide: Severity,
    /// Result of a violation under the AWS standard.
    pub aws: Severity,
    /// Documentation in Markdown, from the doc comment in its file: what it checks, why it matters, how to fix a
    /// violation, and its sources.
    pub docs: &'static str,
    /// Function that checks a resource.
    pub check: Check,
    /// Of a check of resources of any kind: whether it says more of a kind than that it does not apply.
    pub concerns: fn(&Kind) -> bool,
    /// The facts that the check reads, besides the resources that it checks and their tags.
    pub reads: &'static [Fact],
    /// Whether the check reads nothing of a volume or DB instance but its [`EncryptionState`], so that one outcome
    /// is true of many.
    ///
    /// [`EncryptionState`]: crate::analysis::encryption::EncryptionState
    pub is_of_encryption: bool,
}

/// The fields that a rule need not name.
pub(crate) const DEFAULTS: Rule = Rule {
    id: "",
    group: Group::Service,
    owner: Owner::Member,
    title: "",
    guide: Severity::Off,
    aws: Severity::Off,
    docs: "",
    check: Check::Any(|_, _| Ok(Outcome::skip(""))),
    concerns: |_| true,
    reads: &[],
    is_of_encryption: false,
};

impl Rule {
    /// Returns the address of the rule's documentation in the guide.
    #[must_use]
    pub fn help_uri(&self) -> String {
        format!("{RULES_PAGE}#{}", self.id)
    }

    /// Returns the service that a rule about a region or the account belongs to. A scan of selected services skips
    /// the rule unless this service or the rule itself is selected. `None` if every scan of resources includes it.
    #[must_use]
    pub fn settings_of(&self) -> Option<Service> {
        match (&self.check, self.group) {
            (Check::Settings(service, _), _) => Some(*service),
            (_, Group::Network) => Some(Service::Vpc),
            (_, Group::Account) => Some(Service::Backup),
            _ => None,
        }
    }

    /// Returns the services that it is about, in the order of the coverage.
    #[must_use]
    pub fn services(&self) -> Vec<Service> {
        let of_kinds = || -> BTreeSet<Service> {
            let kinds = KINDS.iter().filter(|it| it.kind.is_backed_up());
            let kinds = kinds.filter(|it| (self.concerns)(it));
            kinds.filter_map(|it| it.service).collect()
        };
        let services: BTreeSet<Service> = match &self.check {
            Check::Any(_) | Check::Proof(_) => of_kinds(),
            // Vaults are resources of AWS Backup.
            Check::AnyAndVaults(_) => of_kinds().into_iter().chain([Service::Backup]).collect(),
            Check::Settings(service, _) => BTreeSet::from([*service]),
            Check::Vpc(_) => BTreeSet::from([Service::Vpc]),
            Check::Region(_) | Check::Account(_) => BTreeSet::from([Service::Backup]),
            check => check.services().iter().copied().collect(),
        };
        services.into_iter().collect()
    }

    /// Returns the facts that the rule needs: the resources that it checks or that make it gate, and what it reads.
    #[must_use]
    pub fn needs(&self) -> BTreeSet<Fact> {
        let mut needs: BTreeSet<Fact> = self.reads.iter().copied().collect();
        match &self.check {
            Check::Any(_) | Check::AnyAndVaults(_) | Check::Proof(_) => {
                needs.insert(Fact::TaggedResources);
                needs.extend(self.services().into_iter().map(Fact::Resources));
            }
            // Whether it gates depends on what is tagged in the region.
            Check::Settings(..) | Check::Region(_) | Check::Account(_) => {
                needs.extend([Fact::AllResources, Fact::TaggedResources]);
            }
            // A VPC matters to the buckets of its region. Tags show those that the list of buckets lacks.
            Check::Vpc(_) => needs.extend([
                Fact::Resources(Service::Ec2),
                Fact::Resources(Service::S3),
                Fact::Resources(Service::Vpc),
                Fact::TaggedResources,
            ]),
            check => needs.extend(check.services().iter().copied().map(Fact::Resources)),
        }
        needs
    }

    /// Checks a resource as [`Check::run`] does. Where only the tag of a resource was read, because the list of its
    /// type was not, a rule of its type does not know whether it applies.
    #[must_use]
    pub fn check_resource(
        &self,
        cx: &RuleContext<'_>,
        resource: Resource<'_>,
        basis: Option<&ProofBasis<'_>>,
    ) -> Option<CheckResult> {
        let result = self.check.run(cx, resource, basis);
        let Resource::Tagged(tagged) = resource else {
            return result;
        };
        let Some(Observed::Unknown(gap)) = &tagged.exists else {
            return result;
        };
        let is_skip = |outcome: &Outcome| outcome.verdict == Verdict::Skip;
        let says_nothing = result
            .as_ref()
            .is_none_or(|it| it.as_ref().is_ok_and(is_skip));
        match says_nothing && tagged.possible_kinds().any(|kind| self.depends_on(kind)) {
            true => Some(Err(gap.clone())),
            false => result,
        }
    }

    /// Whether it needs more of a resource of a kind than its tags and jobs.
    fn depends_on(&self, kind: &Kind) -> bool {
        match self.check {
            Check::Any(_) | Check::AnyAndVaults(_) => {
                let is_of_type = matches!(self.group, Group::Encryption | Group::Service);
                is_of_type && (self.concerns)(kind)
            }
            _ => self.check.is_about(kind.kind),
        }
    }

    /// Whether a copy fails without what the rule names: proof of copies is compared with it.
    #[must_use]
    pub fn is_copy_prerequisite(&self) -> bool {
        matches!(self.group, Group::Encryption | Group::Service) && self.aws == Severity::Fail
    }

    /// Returns its family of checks.
    #[must_use]
    pub fn family(&self) -> Family {
        match self.group {
            Group::Tagging => Family::Tag,
            Group::Encryption if self.id.starts_with("kms-key-") => Family::Key,
            Group::Encryption => Family::Encryption,
            Group::Service | Group::Network | Group::Account => Family::Service,
            Group::Proof => Family::Proof,
        }
    }

    /// Returns the result of a violation under a standard.
    #[must_use]
    pub fn severity(&self, standard: Standard) -> Severity {
        match standard {
            Standard::Guide => self.guide,
            Standard::Aws => self.aws,
        }
    }
}

/// Subject of a rule.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The backup tag.
    Tagging,
    /// Encryption, keys and key policies.
    Encryption,
    /// Requirements of each service.
    Service,
    /// Network routes to S3.
    Network,
    /// AWS Backup configuration of the account.
    Account,
    /// Backups and copies that were made.
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

    /// Returns the name used on the command line.
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

/// A family of checks: a group, with the rules of KMS keys apart. Reports have a column for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// The backup tag.
    Tag,
    /// Encryption, except the rules of KMS keys.
    Encryption,
    /// KMS keys.
    Key,
    /// What the service requires; settings of the network and of the account.
    Service,
    /// Backups and copies that were made.
    Proof,
}

impl Family {
    /// Every family, in the order of the columns.
    pub const ALL: [Family; 5] = [
        Family::Tag,
        Family::Encryption,
        Family::Key,
        Family::Service,
        Family::Proof,
    ];
}

/// Team that can fix a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The team that owns the member account.
    Member,
    /// The platform team.
    Platform,
}

impl Owner {
    /// Returns the name used by `backup-check rules`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Owner::Member => "member",
            Owner::Platform => "platform",
        }
    }
}

/// The function that checks a resource, by the kind of resource.
///
/// A check is pure: it turns facts into an outcome. `?` on an unknown fact returns the gap, which the
/// evaluator turns into an `unknown` finding.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// Every resource that can be backed up.
    Any(fn(&RuleContext<'_>, Resource<'_>) -> CheckResult),
    /// S3 buckets.
    Bucket(fn(&RuleContext<'_>, &Bucket) -> CheckResult),
    /// EC2 instances.
    Instance(fn(&RuleContext<'_>, &Instance) -> CheckResult),
    /// RDS DB instances outside of clusters.
    DbInstance(fn(&RuleContext<'_>, &DbInstance) -> CheckResult),
    /// Resources whose members have separate tags: DB clusters, gateways, FSx file systems and volumes.
    Composite(fn(&RuleContext<'_>, Resource<'_>) -> CheckResult),
    /// DynamoDB tables.
    Table(fn(&RuleContext<'_>, &Table) -> CheckResult),
    /// CloudFormation stacks.
    Stack(fn(&RuleContext<'_>, &Stack) -> CheckResult),
    /// VPCs.
    Vpc(fn(&RuleContext<'_>, &Vpc) -> CheckResult),
    /// Every resource that can be backed up, and backup vaults.
    AnyAndVaults(fn(&RuleContext<'_>, Resource<'_>) -> CheckResult),
    /// Settings of one service in a region, which apply to new resources.
    Settings(Service, fn(&RuleContext<'_>, &Region) -> CheckResult),
    /// The account's settings in a region.
    Region(fn(&RuleContext<'_>, &Region) -> CheckResult),
    /// Every resource that should have backups, with what its plans and its copy prerequisites lead to expect.
    Proof(fn(&RuleContext<'_>, Resource<'_>, &ProofBasis<'_>) -> CheckResult),
    /// The account.
    Account(fn(&RuleContext<'_>, &Snapshot) -> CheckResult),
}

impl Check {
    /// Returns the services whose resources it checks. Empty if it is not limited to services.
    #[must_use]
    pub fn services(&self) -> &'static [Service] {
        match self {
            Check::Bucket(_) => &[Service::S3],
            Check::Instance(_) => &[Service::Ec2],
            Check::DbInstance(_) => &[Service::Rds],
            Check::Composite(_) => &[
                Service::Documentdb,
                Service::Fsx,
                Service::Neptune,
                Service::Rds,
                Service::Storagegateway,
            ],
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

    /// Whether it is limited to some kinds of resource, and a kind is one of them.
    fn is_about(&self, kind: ResourceKind) -> bool {
        match self {
            Check::Bucket(_) => kind == ResourceKind::S3Bucket,
            Check::Instance(_) => kind == ResourceKind::Ec2Instance,
            Check::DbInstance(_) => kind == ResourceKind::RdsInstance,
            Check::Composite(_) => matches!(
                kind,
                ResourceKind::RdsCluster
                    | ResourceKind::AuroraCluster
                    | ResourceKind::DocumentdbCluster
                    | ResourceKind::NeptuneCluster
                    | ResourceKind::FsxFileSystem
                    | ResourceKind::FsxVolume
                    | ResourceKind::StorageGateway
            ),
            Check::Table(_) => kind == ResourceKind::DynamodbTable,
            Check::Stack(_) => kind == ResourceKind::CloudformationStack,
            Check::Vpc(_) => kind == ResourceKind::Vpc,
            Check::Any(_)
            | Check::AnyAndVaults(_)
            | Check::Proof(_)
            | Check::Settings(..)
            | Check::Region(_)
            | Check::Account(_) => false,
        }
    }

    /// Checks a resource. `None` if the rule does not apply to its kind, or if it is a proof rule and there is
    /// no basis because the resource needs no backups.
    #[must_use]
    pub fn run(
        &self,
        cx: &RuleContext<'_>,
        resource: Resource<'_>,
        basis: Option<&ProofBasis<'_>>,
    ) -> Option<CheckResult> {
        match (self, resource) {
            (Check::Proof(check), _) => basis.map(|basis| check(cx, resource, basis)),
            (Check::Any(check), _) if resource.kind().is_backed_up() => Some(check(cx, resource)),
            (Check::Bucket(check), Resource::Bucket(it)) => Some(check(cx, it)),
            (Check::Instance(check), Resource::Instance(it)) => Some(check(cx, it)),
            (Check::DbInstance(check), Resource::DbInstance(it)) => Some(check(cx, it)),
            (
                Check::Composite(check),
                Resource::DbCluster(_)
                | Resource::FsxFileSystem(_)
                | Resource::FsxVolume(_)
                | Resource::Gateway(_),
            ) => Some(check(cx, resource)),
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

/// Declares a rule. Its doc comment becomes [`Rule::docs`].
macro_rules! rule {
    ($(#[doc = $doc:literal])+ $name:ident = Rule { $($fields:tt)* }) => {
        $(#[doc = $doc])+
        #[allow(clippy::needless_update, reason = "a rule may name every field")]
        pub static $name: $crate::rule::Rule = $crate::rule::Rule {
            docs: concat!($($doc, "\n"),+),
            $($fields)*
            ..$crate::rule::DEFAULTS
        };
    };
}
pub(crate) use rule;
