//! Which services and resources of an account are read and evaluated.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::arn::{Arn, is_account_id};
use super::kind::{KINDS, Lookup, ResourceKind, kind_of_arn, list_supported_kinds};
use super::service::Service;

/// What is read and evaluated: everything, the resources of some services, or some resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The services whose resources are evaluated. Everything is, if this and `resources` are empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub services: BTreeSet<Service>,
    /// The ARNs of the resources that are evaluated.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub resources: BTreeSet<String>,
    /// Services of which only the settings are evaluated, because a rule about them was selected: `vpc`
    /// for the network, `backup` for the account, `ebs` for the encryption of new volumes.
    #[serde(default, rename = "beside", skip_serializing_if = "BTreeSet::is_empty")]
    pub settings_only: BTreeSet<Service>,
    /// The services of selected resources of a plan or template, which have no ARN to tell them.
    #[serde(skip)]
    pub planned: BTreeSet<Service>,
}

impl Selection {
    /// Selects the resources of some services.
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

    /// Whether resources of a service are selected.
    #[must_use]
    pub fn includes_service(&self, service: Service) -> bool {
        self.is_everything() || self.selected_services().contains(&service)
    }

    /// Whether the settings of a service, of the region or the account, are selected.
    #[must_use]
    pub fn includes_settings_of(&self, service: Service) -> bool {
        self.is_everything()
            || self.services.contains(&service)
            || self.settings_only.contains(&service)
    }

    /// Whether a service must be read: it is selected, or others cannot be evaluated without it.
    #[must_use]
    pub fn requires(&self, service: Service) -> bool {
        let selected = self.selected_services();
        let backed_up = selected.iter().any(|it| it.is_backed_up());
        let account = self.includes_settings_of(Service::Backup);
        let network = self.settings_only.get(&Service::Vpc);
        let mut dependents = selected.iter().chain(network);
        let has_backups = backed_up || account;
        let has_keys = has_backups || self.includes_settings_of(Service::Ebs);
        self.includes_service(service)
            || self.settings_only.contains(&service)
            || dependents.any(|it| required_services(*it).contains(&service))
            || (service == Service::Backup && has_backups)
            || (service == Service::Kms && has_keys)
    }

    /// Returns the services whose resources are selected; an empty set if everything is.
    #[must_use]
    pub fn selected_services(&self) -> BTreeSet<Service> {
        let targets = self.resources.iter().map(|arn| Target::parse(arn));
        let of_resources = targets.filter_map(|target| Some(target.ok()?.service()));
        let named = self.services.iter().chain(&self.planned).copied();
        named.chain(of_resources).collect()
    }

    /// Whether another selection is part of this one.
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
        let mut settings = other.settings_only.iter();
        let settings = settings.all(|it| self.includes_settings_of(*it));
        services && resources && settings && !other.is_everything()
    }

    /// Returns the services and ARNs that are selected, as a list; `None` if everything is.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        let services = self.services.iter().map(|it| it.as_str().to_owned());
        let selected: Vec<String> = services.chain(self.resources.iter().cloned()).collect();
        (!selected.is_empty()).then(|| selected.join(", "))
    }
}

/// A resource that can be selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its kind. A DB cluster may be of any kind that shares its ARNs.
    pub kind: ResourceKind,
    /// What looks it up: see [`Lookup`].
    pub id: String,
}

/// Why an ARN does not name a resource that can be selected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// It is not an ARN.
    #[error(
        "not the ARN of a resource; expected for example arn:aws:ec2:eu-central-1:111122223333:volume/vol-0ab or arn:aws:s3:::my-bucket"
    )]
    NotAnArn,
    /// It is the ARN of a KMS key.
    #[error(
        "a KMS key cannot be selected; select a resource that it encrypts, or check the key with `backup-check key-policy`"
    )]
    Key,
    /// It is the ARN of a backup.
    #[error(
        "a backup, snapshot or image cannot be selected; select the resource that it was created from"
    )]
    Backup,
    /// It is the ARN of a VPC.
    #[error("a VPC cannot be selected; use --service vpc")]
    Vpc,
    /// It is the ARN of a backup vault.
    #[error("a backup vault cannot be selected; use --service backup")]
    Vault,
    /// It is the ARN of an object.
    #[error("an object cannot be selected; select its bucket, arn:aws:s3:::{0}")]
    Object(String),
    /// It is the ARN of a stack without its id.
    #[error("incomplete stack ARN; expected arn:...:stack/NAME/UUID")]
    StackWithoutId,
    /// It is the ARN of a type that is not supported.
    #[error("unsupported resource type; supported are {}", list_supported_kinds())]
    Unsupported,
}

impl Target {
    /// Parses an ARN.
    ///
    /// # Errors
    /// Why no resource with this ARN can be selected.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let arn = Arn::parse(text).ok_or(TargetError::NotAnArn)?;
        if arn.service == "s3" && arn.region.is_empty() && arn.account.is_empty() {
            return match arn.resource.split_once('/') {
                None => Ok(Target {
                    kind: ResourceKind::S3Bucket,
                    id: arn.resource.to_owned(),
                }),
                Some((bucket, _)) => Err(TargetError::Object(bucket.to_owned())),
            };
        }
        if arn.region.is_empty() || !is_account_id(arn.account) {
            return Err(TargetError::NotAnArn);
        }
        let (resource_type, id) = arn
            .resource
            .split_once(['/', ':'])
            .ok_or(TargetError::Unsupported)?;
        match (arn.service, resource_type) {
            ("ec2", "vpc") => Err(TargetError::Vpc),
            ("kms", _) => Err(TargetError::Key),
            ("backup", "backup-vault") => Err(TargetError::Vault),
            ("dynamodb", "table") if id.contains("/backup/") => Err(TargetError::Backup),
            ("backup", "recovery-point") | ("ec2", "snapshot" | "image") | ("fsx", "backup") => {
                Err(TargetError::Backup)
            }
            ("rds", "snapshot" | "cluster-snapshot" | "auto-backup" | "cluster-auto-backup")
            | ("redshift" | "redshift-serverless", "snapshot") => Err(TargetError::Backup),
            ("storagegateway", "gateway") if id.contains('/') && !id.contains("/volume/") => {
                Err(TargetError::Unsupported)
            }
            ("cloudformation", "stack") if !id.contains('/') => Err(TargetError::StackWithoutId),
            _ => parse_by_kind(text, &arn, id),
        }
    }

    /// Returns the target of a kind, by the id that CloudFormation and most APIs use; `None` if such an
    /// id is not enough to find it.
    #[must_use]
    pub fn from_id(kind: ResourceKind, id: String) -> Option<Self> {
        match kind.facts().lookup {
            Lookup::Id | Lookup::ArnOrId => Some(Target { kind, id }),
            Lookup::Arn | Lookup::None => None,
        }
    }

    /// Returns the service that lists it: AWS Backup, for one that is found by its tag alone.
    #[must_use]
    pub fn service(&self) -> Service {
        self.kind.service().unwrap_or(Service::Backup)
    }

    /// Returns the ids of the targets of a kind, sorted.
    #[must_use]
    pub fn ids_of(targets: &[Target], kind: ResourceKind) -> Vec<String> {
        let of_kind = targets.iter().filter(|it| it.kind == kind);
        let ids: BTreeSet<&String> = of_kind.map(|it| &it.id).collect();
        ids.into_iter().cloned().collect()
    }
}

/// Parses an ARN as its kind is looked up. `id` follows the resource type.
fn parse_by_kind(text: &str, arn: &Arn<'_>, id: &str) -> Result<Target, TargetError> {
    let row = kind_of_arn(arn).ok_or(TargetError::Unsupported)?;
    let id = match row.lookup {
        Lookup::Arn | Lookup::ArnOrId => text,
        Lookup::Id if !id.is_empty() && !id.contains(['/', ':']) => id,
        Lookup::Id | Lookup::None => return Err(TargetError::Unsupported),
    };
    Ok(Target {
        kind: row.kind,
        id: id.to_owned(),
    })
}

/// Returns the other services whose resources are needed to evaluate one, besides KMS and AWS Backup: the
/// encryption of an instance is that of its volumes, a volume may be backed up with its instance, a VPC is in
/// use if an instance runs in it, and a stack is as ready as its resources.
#[must_use]
pub fn required_services(service: Service) -> BTreeSet<Service> {
    let of_stacks = KINDS
        .iter()
        .filter(|row| row.types.iter().any(|it| it.in_stack_backups) && !row.is_found_by_tag())
        .filter_map(|row| row.service);
    match service {
        Service::Ec2 => BTreeSet::from([Service::Ebs]),
        Service::Ebs | Service::Vpc => BTreeSet::from([Service::Ec2]),
        Service::Cloudformation => of_stacks.filter(|it| *it != service).collect(),
        Service::Backup
        | Service::Documentdb
        | Service::Dynamodb
        | Service::Efs
        | Service::Fsx
        | Service::Kms
        | Service::Neptune
        | Service::Rds
        | Service::Redshift
        | Service::S3
        | Service::Storagegateway => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_selects_a_resource_or_says_what_to_select_instead() {
        let scope = "eu-west-1:111122223333";
        for (service, resource, expected) in [
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
            ("fsx", "file-system/fs-1", Ok(Service::Fsx)),
            ("fsx", "volume/fs-1/fsvol-1", Ok(Service::Fsx)),
            ("eks", "cluster/apps", Ok(Service::Backup)),
            ("kms", "key/1-2", Err(TargetError::Key)),
            ("backup", "backup-vault:v", Err(TargetError::Vault)),
            ("backup", "recovery-point:1", Err(TargetError::Backup)),
            ("lambda", "function:f", Err(TargetError::Unsupported)),
        ] {
            let text = format!("arn:aws:{service}:{scope}:{resource}");
            let found = Target::parse(&text).map(|target| target.service());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_bucket_is_selected_and_an_object_or_another_text_is_not() {
        assert_eq!(
            Target::parse("arn:aws:s3:::logs"),
            Ok(Target {
                kind: ResourceKind::S3Bucket,
                id: "logs".to_owned()
            })
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
    fn a_selection_covers_its_parts() {
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
