//! What of an account is judged, where it is not all.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::arn::{Arn, is_account_id};
use super::observed::GapKind;
use super::resource::Resource;
use super::service::Service;
use super::snapshot::{Region, Snapshot};
use super::tagged::tagged_type;

/// What of an account is read and judged: everything, the resources of some services, or some
/// resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The services whose resources are judged; all where neither services nor resources are named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub services: BTreeSet<Service>,
    /// ARNs of the resources that are judged.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub resources: BTreeSet<String>,
    /// Services of which the settings alone are judged, because a rule about them was named: `vpc` for
    /// the network, `backup` for the account, `ebs` for how new volumes are encrypted.
    #[serde(default, rename = "beside", skip_serializing_if = "BTreeSet::is_empty")]
    pub settings_only: BTreeSet<Service>,
}

impl Selection {
    /// The resources of some services.
    pub fn of_services(services: impl IntoIterator<Item = Service>) -> Self {
        Selection {
            services: services.into_iter().collect(),
            ..Selection::default()
        }
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.services.is_empty() && self.resources.is_empty()
    }

    /// Whether a resource is judged. Of a region or an account the rules say whether they are.
    #[must_use]
    pub fn includes(&self, resource: Resource<'_>) -> bool {
        if self.is_everything() {
            return true;
        }
        let service = resource.kind().service();
        match (service, resource.arn_and_id()) {
            (None, _) => true,
            (Some(Service::Vpc), _) => self.includes_settings_of(Service::Vpc),
            (_, Some((arn, _))) if !self.resources.is_empty() => self.resources.contains(arn),
            (Some(service), _) => self.services.contains(&service),
        }
    }

    /// Whether resources of a service are judged.
    #[must_use]
    pub fn includes_service(&self, service: Service) -> bool {
        self.is_everything() || self.selected_services().contains(&service)
    }

    /// Whether what a service says of a region or the account is judged.
    #[must_use]
    pub fn includes_settings_of(&self, service: Service) -> bool {
        self.is_everything()
            || self.services.contains(&service)
            || self.settings_only.contains(&service)
    }

    /// Whether a service is read: for itself, or because others are judged by it.
    #[must_use]
    pub fn requires(&self, service: Service) -> bool {
        let chosen = self.selected_services();
        let backed_up = chosen.iter().any(|it| it.is_backed_up());
        let account = self.includes_settings_of(Service::Backup);
        self.includes_service(service)
            || self.settings_only.contains(&service)
            || chosen
                .iter()
                .chain(self.settings_only.iter().filter(|it| **it == Service::Vpc))
                .any(|it| it.required_services().contains(&service))
            || match service {
                Service::Kms => backed_up || account || self.includes_settings_of(Service::Ebs),
                Service::Backup => backed_up || account,
                _ => false,
            }
    }

    /// The services whose resources are judged; none where all are.
    #[must_use]
    pub fn selected_services(&self) -> BTreeSet<Service> {
        let named = self.resources.iter();
        let of_resources = named.filter_map(|arn| Some(Target::parse(arn).ok()?.service()));
        self.services.iter().copied().chain(of_resources).collect()
    }

    /// Whether all that another selection takes is in this one.
    #[must_use]
    pub fn covers(&self, other: &Selection) -> bool {
        if self.is_everything() {
            return true;
        }
        let services = other.services.is_subset(&self.services);
        let resources = other.resources.iter().all(|arn| {
            let service = Target::parse(arn).map(|target| target.service());
            self.resources.contains(arn) || service.is_ok_and(|it| self.services.contains(&it))
        });
        let beside = other
            .settings_only
            .iter()
            .all(|it| self.includes_settings_of(*it));
        services && resources && beside && !other.is_everything()
    }

    /// What is judged, as a user would name it: `s3, ec2`, `arn:...`; none where it is everything.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        let services = self.services.iter().map(|it| it.as_str().to_owned());
        let named: Vec<String> = services.chain(self.resources.iter().cloned()).collect();
        (!named.is_empty()).then(|| named.join(", "))
    }
}

/// A resource as its ARN names it, of a type that can be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A bucket, by its name.
    Bucket(String),
    /// An EC2 instance, by its id.
    Instance(String),
    /// An EBS volume, by its id.
    Volume(String),
    /// An RDS DB instance, by its identifier.
    DbInstance(String),
    /// A DB cluster, by its identifier.
    DbCluster(String),
    /// A DynamoDB table, by its name.
    Table(String),
    /// An EFS file system, by its id.
    FileSystem(String),
    /// A volume of a storage gateway, by the ARNs of the gateway and of itself.
    GatewayVolume {
        /// The gateway.
        gateway: String,
        /// The volume.
        volume: String,
    },
    /// A storage gateway, by its ARN.
    Gateway(String),
    /// A Redshift cluster, by its identifier.
    RedshiftCluster(String),
    /// A namespace of Redshift Serverless, by its ARN.
    RedshiftNamespace(String),
    /// A CloudFormation stack, by its ARN.
    Stack(String),
    /// Something that is judged by its tag alone, by its ARN.
    Tagged(String),
}

/// Why an ARN names nothing that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// It is not an ARN.
    #[error(
        "not the ARN of a resource: one looks like arn:aws:ec2:eu-central-1:111122223333:volume/vol-0ab or arn:aws:s3:::my-bucket"
    )]
    NotAnArn,
    /// It is a key's.
    #[error(
        "a KMS key is judged with the resource that it encrypts: name that one, or ask `backup-check key-policy` about the key alone"
    )]
    Key,
    /// It is that of something that AWS Backup, or somebody, made.
    #[error("this is a backup, a snapshot or an image: name the resource that it was made of")]
    Backup,
    /// It is that of a VPC.
    #[error("a VPC is judged by --service vpc")]
    Vpc,
    /// It is that of a vault.
    #[error("vaults are judged by --service backup")]
    Vault,
    /// It is that of an object in a bucket.
    #[error("this is an object: name its bucket, arn:aws:s3:::{0}")]
    Object(String),
    /// It is that of a stack, cut short.
    #[error("the ARN of a stack ends with its name and its UUID")]
    StackWithoutId,
    /// It is of a type that is not judged.
    #[error("resources of this type are not judged; those that are: {JUDGED}")]
    Unsupported,
}

/// The types that are judged, for people.
const JUDGED: &str = "S3 buckets, EC2 instances, EBS volumes, RDS instances, Aurora and Multi-AZ DB clusters, DynamoDB tables, EFS file systems, storage gateways and their volumes, Redshift clusters and serverless namespaces, CloudFormation stacks, and, where they are tagged, secrets, SSM parameters and what else AWS Backup backs up (FSx, EKS, DSQL, Timestream, DocumentDB, Neptune)";

impl Target {
    /// Reads an ARN.
    ///
    /// # Errors
    /// Why nothing is judged that has this ARN.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let arn = Arn::parse(text).ok_or(TargetError::NotAnArn)?;
        if arn.service == "s3" && arn.region.is_empty() && arn.account.is_empty() {
            return match arn.resource.split_once('/') {
                None => Ok(Target::Bucket(arn.resource.to_owned())),
                Some((bucket, _)) => Err(TargetError::Object(bucket.to_owned())),
            };
        }
        if arn.region.is_empty() || !is_account_id(arn.account) {
            return Err(TargetError::NotAnArn);
        }
        let (kind, id) = arn
            .resource
            .split_once(['/', ':'])
            .ok_or(TargetError::Unsupported)?;
        let own = || text.to_owned();
        let plain = |target: fn(String) -> Target| {
            if id.is_empty() || id.contains(['/', ':']) {
                Err(TargetError::Unsupported)
            } else {
                Ok(target(id.to_owned()))
            }
        };
        match (arn.service, kind) {
            ("ec2", "instance") => plain(Target::Instance),
            ("ec2", "volume") => plain(Target::Volume),
            ("ec2", "vpc") => Err(TargetError::Vpc),
            ("rds", "db") => plain(Target::DbInstance),
            ("rds", "cluster") => plain(Target::DbCluster),
            ("dynamodb", "table") if id.contains("/backup/") => Err(TargetError::Backup),
            ("dynamodb", "table") => plain(Target::Table),
            ("elasticfilesystem", "file-system") => plain(Target::FileSystem),
            ("redshift", "cluster") => plain(Target::RedshiftCluster),
            ("redshift-serverless", "namespace") => Ok(Target::RedshiftNamespace(own())),
            ("cloudformation", "stack") if id.contains('/') => Ok(Target::Stack(own())),
            ("cloudformation", "stack") => Err(TargetError::StackWithoutId),
            ("storagegateway", "gateway") => match id.split_once('/') {
                None => Ok(Target::Gateway(own())),
                Some((_, volume)) if volume.starts_with("volume/") => {
                    let gateway = text.split("/volume/").next().unwrap_or_default();
                    Ok(Target::GatewayVolume {
                        gateway: gateway.to_owned(),
                        volume: own(),
                    })
                }
                Some(_) => Err(TargetError::Unsupported),
            },
            ("kms", _) => Err(TargetError::Key),
            ("backup", "backup-vault") => Err(TargetError::Vault),
            ("backup", "recovery-point") | ("ec2", "snapshot" | "image") | ("fsx", "backup") => {
                Err(TargetError::Backup)
            }
            ("rds", "snapshot" | "cluster-snapshot" | "auto-backup" | "cluster-auto-backup")
            | ("redshift" | "redshift-serverless", "snapshot") => Err(TargetError::Backup),
            _ if tagged_type(text).is_some() => Ok(Target::Tagged(own())),
            _ => Err(TargetError::Unsupported),
        }
    }

    /// The service that lists it.
    #[must_use]
    pub fn service(&self) -> Service {
        match self {
            Target::Bucket(_) => Service::S3,
            Target::Instance(_) => Service::Ec2,
            Target::Volume(_) => Service::Ebs,
            Target::DbInstance(_) | Target::DbCluster(_) => Service::Rds,
            Target::Table(_) => Service::Dynamodb,
            Target::FileSystem(_) => Service::Efs,
            Target::GatewayVolume { .. } | Target::Gateway(_) => Service::Storagegateway,
            Target::RedshiftCluster(_) | Target::RedshiftNamespace(_) => Service::Redshift,
            Target::Stack(_) => Service::Cloudformation,
            Target::Tagged(_) => Service::Backup,
        }
    }
}

/// Why a snapshot holds nothing to judge of a resource that was named.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LookupError {
    /// It belongs to somebody else.
    #[error("{arn} belongs to account {theirs}, and what is read here is account {ours}")]
    OtherAccount {
        /// The resource.
        arn: String,
        /// Its account.
        theirs: String,
        /// The account that was read.
        ours: String,
    },
    /// It is not there.
    #[error("there is no {arn} in account {account}: check its id and its region")]
    NotThere {
        /// The resource.
        arn: String,
        /// The account that was read.
        account: String,
    },
    /// It is judged with its cluster.
    #[error("{arn} is a member of the cluster {cluster}, and judged with it: name the cluster")]
    Member {
        /// The resource.
        arn: String,
        /// Its cluster.
        cluster: String,
    },
    /// It is on its way out.
    #[error("{arn} is being deleted: there is nothing to judge")]
    Leaving {
        /// The resource.
        arn: String,
    },
    /// It is judged for its tag alone, and has none.
    #[error(
        "{arn} is not there, or not tagged {tag_key}=enabled: resources of its type are judged for that tag alone"
    )]
    NotTagged {
        /// The resource.
        arn: String,
        /// The key of the backup tag.
        tag_key: String,
    },
}

impl Snapshot {
    /// Whether a resource that was named is there to be judged. One in a list that broke off may be.
    ///
    /// # Errors
    /// Why there is nothing to judge.
    pub fn check_contains(&self, arn: &str) -> Result<(), LookupError> {
        let account = self.account_id.clone().unwrap_or_default();
        let named = |arn: &str| arn.to_owned();
        let (Some(parsed), Ok(target)) = (Arn::parse(arn), Target::parse(arn)) else {
            let arn = named(arn);
            return Err(LookupError::NotThere { arn, account });
        };
        if !parsed.account.is_empty() && parsed.account != account {
            return Err(LookupError::OtherAccount {
                arn: named(arn),
                theirs: named(parsed.account),
                ours: account,
            });
        }
        let bucket = self.buckets.items.iter().find(|bucket| bucket.arn == arn);
        let region = self.regions.get(parsed.region);
        let mut listed = region.into_iter().flat_map(Region::all_resources);
        let is_it = |resource: &Resource<'_>| resource.arn_and_id().is_some_and(|it| it.0 == arn);
        match listed.find(is_it) {
            Some(resource) if resource.is_being_deleted() => {
                return Err(LookupError::Leaving { arn: named(arn) });
            }
            Some(_) => return Ok(()),
            None if bucket.is_some() => return Ok(()),
            None => {}
        }
        let mut databases = region.into_iter().flat_map(|it| &it.db_instances.items);
        if let Some(cluster) = databases
            .find(|database| database.arn == arn)
            .and_then(|database| database.cluster.clone())
        {
            let arn = named(arn);
            return Err(LookupError::Member { arn, cluster });
        }
        let gaps = match target {
            Target::Bucket(_) => self.buckets.gap.iter().collect(),
            _ => region.map_or_else(Vec::new, |it| it.listing_gaps_of(target.service())),
        };
        if gaps.iter().any(|gap| gap.kind != GapKind::NotAsked) {
            return Ok(());
        }
        let tag_key = self.tag_key.clone();
        let arn = named(arn);
        Err(match target {
            Target::Tagged(_) => LookupError::NotTagged { arn, tag_key },
            _ => LookupError::NotThere { arn, account },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_what_can_be_judged_or_says_what_would() {
        let place = "eu-west-1:111122223333";
        for (service, resource, want) in [
            ("ec2", "volume/vol-1", Ok(Service::Ebs)),
            ("ec2", "instance/i-1", Ok(Service::Ec2)),
            ("ec2", "snapshot/snap-1", Err(TargetError::Backup)),
            ("ec2", "image/ami-1", Err(TargetError::Backup)),
            ("ec2", "vpc/vpc-1", Err(TargetError::Vpc)),
            ("ec2", "subnet/subnet-1", Err(TargetError::Unsupported)),
            ("rds", "db:web", Ok(Service::Rds)),
            ("rds", "cluster:web", Ok(Service::Rds)),
            ("rds", "snapshot:rds:web", Err(TargetError::Backup)),
            ("dynamodb", "table/orders", Ok(Service::Dynamodb)),
            (
                "dynamodb",
                "table/orders/backup/1",
                Err(TargetError::Backup),
            ),
            (
                "dynamodb",
                "table/orders/index/by-day",
                Err(TargetError::Unsupported),
            ),
            ("elasticfilesystem", "file-system/fs-1", Ok(Service::Efs)),
            (
                "storagegateway",
                "gateway/sgw-1",
                Ok(Service::Storagegateway),
            ),
            (
                "storagegateway",
                "gateway/sgw-1/volume/vol-1",
                Ok(Service::Storagegateway),
            ),
            (
                "storagegateway",
                "share/share-1",
                Err(TargetError::Unsupported),
            ),
            ("redshift", "cluster:dwh", Ok(Service::Redshift)),
            (
                "redshift-serverless",
                "namespace/1-2",
                Ok(Service::Redshift),
            ),
            (
                "cloudformation",
                "stack/web/1-2",
                Ok(Service::Cloudformation),
            ),
            (
                "cloudformation",
                "stack/web",
                Err(TargetError::StackWithoutId),
            ),
            ("secretsmanager", "secret:db-1", Ok(Service::Backup)),
            ("fsx", "file-system/fs-1", Ok(Service::Backup)),
            ("kms", "key/1-2", Err(TargetError::Key)),
            ("backup", "backup-vault:v", Err(TargetError::Vault)),
            ("backup", "recovery-point:1", Err(TargetError::Backup)),
            ("lambda", "function:f", Err(TargetError::Unsupported)),
        ] {
            let text = format!("arn:aws:{service}:{place}:{resource}");
            let got = Target::parse(&text).map(|target| target.service());
            assert_eq!(got, want, "{text}");
        }
        assert_eq!(
            Target::parse("arn:aws:s3:::logs"),
            Ok(Target::Bucket("logs".to_owned()))
        );
        assert_eq!(
            Target::parse("arn:aws:s3:::logs/a/b"),
            Err(TargetError::Object("logs".to_owned()))
        );
        for text in ["vol-1", "", "arn:aws:ec2:::volume/vol-1", "arn:aws:s3"] {
            assert_eq!(Target::parse(text), Err(TargetError::NotAnArn), "{text}");
        }
    }

    #[test]
    fn a_selection_covers_what_is_part_of_it() {
        let buckets = Selection::of_services([Service::S3]);
        let both = Selection::of_services([Service::S3, Service::Ec2]);
        let bucket = Selection {
            resources: BTreeSet::from(["arn:aws:s3:::logs".to_owned()]),
            ..Selection::default()
        };
        let all = Selection::default();
        assert!(all.covers(&buckets) && all.covers(&all) && both.covers(&buckets));
        assert!(buckets.covers(&bucket) && !bucket.covers(&buckets));
        assert!(!buckets.covers(&both) && !buckets.covers(&all));
    }
}
