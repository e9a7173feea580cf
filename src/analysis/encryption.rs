//! Finds the keys that encrypt a resource: through its volumes, its settings, or an alias.

use crate::key_sharing::facts::{KeyFacts, ViaService};
use crate::model::arn::Arn;
use crate::model::backup::Vault;
use crate::model::encryption::S3_ALIAS;
use crate::model::fsx::ONTAP;
use crate::model::kms::{Key, KeyMetadata};
use crate::model::observed::{Gap, GapKind};
use crate::model::{Observed, Resource, ResourceKind};

pub use crate::model::encryption::is_aws_alias;

use super::backup_plans::is_failure;
use super::outcome::{CheckResult, Outcome};
use super::remedy::Remedy;
use crate::analysis::RuleContext;

/// A part of a resource that is encrypted or not.
#[derive(Debug)]
pub struct Part<'a> {
    /// The id of the part if it is not the resource itself: a volume of an instance.
    pub id: Option<&'a str>,
    /// The service that calls KMS for the backup and its copy.
    pub via: ViaService,
    /// Whether it is encrypted, with any key.
    pub encrypted: Result<bool, Gap>,
    /// The key as the service returns it; none where the part is not encrypted, or with a key that AWS owns.
    pub key: Result<Option<&'a str>, Gap>,
}

impl<'a> Part<'a> {
    /// Returns the part of a resource that is its only part.
    fn whole(
        via: ViaService,
        encrypted: Result<bool, Gap>,
        key: Result<Option<&'a str>, Gap>,
    ) -> Self {
        Part {
            id: None,
            via,
            encrypted,
            key,
        }
    }

    /// Whether it is encrypted with a key that AWS owns, which is in no account.
    ///
    /// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-owned-key>.
    #[must_use]
    pub fn has_aws_owned_key(&self) -> bool {
        matches!((&self.encrypted, &self.key), (Ok(true), Ok(None)))
    }
}

/// The owner of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    /// This account.
    Own,
    /// The central account.
    Central,
    /// Another account.
    Foreign,
    /// Not known: a plan need not contain the account that it is for.
    Unclear,
}

/// A key that encrypts a resource, found by its ARN.
#[derive(Debug)]
pub struct KeyUse<'a> {
    /// The service that calls KMS for the backup and its copy.
    pub via: ViaService,
    /// The key's ARN.
    pub arn: String,
    /// Its owner.
    pub owner: KeyOwner,
    key: Option<&'a Key>,
}

impl KeyUse<'_> {
    /// Returns the key's name in messages: short, and long enough to search for.
    #[must_use]
    pub fn name(&self) -> String {
        Arn::parse(&self.arn).map_or_else(
            || self.arn.clone(),
            |arn| format!("key {}", arn.resource_id()),
        )
    }

    /// Returns the key's id.
    #[must_use]
    pub fn id(&self) -> &str {
        Arn::parse(&self.arn).map_or(&self.arn, |arn| arn.resource_id())
    }

    /// Returns the account that owns the key.
    #[must_use]
    pub fn account(&self) -> &str {
        Arn::parse(&self.arn).map_or("", |arn| arn.account)
    }

    /// Returns the region that the key is in.
    #[must_use]
    pub fn region(&self) -> &str {
        Arn::parse(&self.arn).map_or("", |arn| arn.region)
    }

    /// Returns the key's metadata; none where the key does not exist.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn metadata(&self) -> Result<Option<&KeyMetadata>, Gap> {
        let key = self.key.ok_or_else(Gap::not_collected)?;
        Ok(key.metadata.get()?.as_ref())
    }

    /// Whether a plan or template declares the key, but leaves open what it is otherwise: it sets the policy of the
    /// key, which only customer managed keys allow.
    fn is_declared(&self) -> bool {
        let is_open = |key: &&Key| {
            let gap = key.metadata.get().err().map(|it| it.kind);
            matches!(gap, Some(GapKind::AfterApply | GapKind::Unplanned))
        };
        let key = self.key.filter(is_open);
        key.is_some_and(|it| it.policy.known().is_some())
    }

    /// Whether the key is known not to exist.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn is_missing(&self) -> Result<bool, Gap> {
        Ok(!self.is_declared() && self.metadata()?.is_none())
    }

    /// Whether it is an AWS managed key, whose policy cannot be changed.
    ///
    /// Such a key can be used only in its own account, so a key of another account is customer managed.
    /// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk>.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn is_aws_managed(&self) -> Result<bool, Gap> {
        if matches!(self.owner, KeyOwner::Central | KeyOwner::Foreign) {
            return Ok(false);
        }
        if self.is_declared() {
            return Ok(false);
        }
        // A key that does not exist is not an AWS managed key: those cannot be deleted.
        match self.metadata()?.map(|it| it.manager.as_str()) {
            None | Some("CUSTOMER") => Ok(false),
            Some("AWS") => Ok(true),
            Some(manager) => {
                let message = format!("{} has the unknown manager {manager:?}", self.name());
                Err(Gap::new(GapKind::Unreadable, message))
            }
        }
    }

    /// Returns the facts that the evaluation of its policy depends on.
    #[must_use]
    pub fn facts(&self) -> KeyFacts {
        let metadata = self.metadata().ok().flatten();
        let is_known = |it: &String| !it.is_empty();
        KeyFacts {
            key_arn: Some(self.arn.clone()),
            key_account: self.account().to_owned(),
            region: None,
            key_spec: metadata.map(|it| it.spec.clone()).filter(is_known),
            key_usage: metadata.map(|it| it.usage.clone()).filter(is_known),
            origin: metadata.map(|it| it.origin.clone()),
            multi_region: metadata.map(|it| it.multi_region),
            tags: None,
        }
    }
}

/// What checks of encryption and keys read of a resource that is its only part. Resources of one region that have it
/// in common have the outcomes in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncryptionState<'a> {
    kind: ResourceKind,
    is_encrypted: bool,
    key: Option<&'a str>,
}

impl<'a> EncryptionState<'a> {
    /// Reads the state of a resource of one of the types that an account has thousands of; `None` for the others, and
    /// where it is not known.
    #[must_use]
    pub fn of(resource: Resource<'a>) -> Option<Self> {
        let (encrypted, key) = match resource {
            Resource::Volume(it) => (&it.encrypted, &it.kms_key),
            Resource::DbInstance(it) if !it.aws_owned_key => (&it.encrypted, &it.kms_key),
            _ => return None,
        };
        Some(EncryptionState {
            kind: resource.kind(),
            is_encrypted: *encrypted.known()?,
            key: key.known()?.as_deref(),
        })
    }
}

/// Returns the parts of a resource whose backups inherit their encryption; empty for types whose backups are
/// encrypted by the vault.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>.
///
/// # Errors
/// Why the parts are not known.
pub fn inherited<'a>(cx: &RuleContext<'a>, resource: Resource<'a>) -> Result<Vec<Part<'a>>, Gap> {
    let whole = |encrypted: &'a Observed<bool>, kms_key, via| {
        let key = encryption(encrypted, kms_key);
        vec![Part::whole(via, encrypted.get().copied(), key)]
    };
    let aws_owned = |via| vec![Part::whole(via, Ok(true), Ok(None))];
    let fsx = |key| vec![Part::whole(ViaService::Fsx, Ok(true), key)];
    Ok(match resource {
        Resource::Volume(it) => whole(&it.encrypted, &it.kms_key, ViaService::Ec2),
        Resource::DbInstance(it) if it.aws_owned_key => aws_owned(ViaService::Rds),
        Resource::DbCluster(it) if it.aws_owned_key => aws_owned(ViaService::Rds),
        Resource::DbInstance(it) => whole(&it.encrypted, &it.kms_key, ViaService::Rds),
        Resource::DbCluster(it) => whole(&it.encrypted, &it.kms_key, ViaService::Rds),
        Resource::Instance(instance) => {
            let ids = instance.volumes.get()?;
            match &instance.root_device_type {
                Observed::Known(device) if device == "ebs" && ids.is_empty() => {
                    let message = "AWS reports an EBS root device but no volume";
                    return Err(Gap::new(GapKind::Unreadable, message));
                }
                Observed::Unknown(gap) if ids.is_empty() && is_failure(gap) => {
                    return Err(gap.clone());
                }
                _ => {}
            }
            ids.iter()
                .map(|id| {
                    let volume = cx.volume(id);
                    Part {
                        id: Some(id),
                        via: ViaService::Ec2,
                        encrypted: volume.clone().and_then(|it| it.encrypted.get().copied()),
                        key: volume.and_then(|it| encryption(&it.encrypted, &it.kms_key)),
                    }
                })
                .collect()
        }
        // FSx encrypts every file system. AWS Backup selects the volumes of one for ONTAP.
        Resource::FsxFileSystem(it) if it.is_ontap()? => Vec::new(),
        Resource::FsxFileSystem(it) => fsx(named(&it.kms_key)),
        Resource::FsxVolume(it) if it.volume_type.get()? != ONTAP => Vec::new(),
        Resource::FsxVolume(it) => {
            let file_system = it.file_system.get().cloned();
            let file_system = file_system.and_then(|id| cx.fsx_file_system(&id));
            fsx(file_system.and_then(|it| named(&it.kms_key)))
        }
        // S3 encrypts a volume without a KMS key, and the snapshot of such a volume is not encrypted.
        Resource::GatewayVolume(it) => {
            let encrypted = it.kms_key.get().map(Option::is_some);
            vec![Part::whole(ViaService::Ec2, encrypted, named(&it.kms_key))]
        }
        Resource::Bucket(_)
        | Resource::Table(_)
        | Resource::FileSystem(_)
        | Resource::Gateway(_)
        | Resource::RedshiftCluster(_)
        | Resource::RedshiftNamespace(_)
        | Resource::Stack(_)
        | Resource::Tagged(_)
        | Resource::Vpc(_)
        | Resource::Vault(_)
        | Resource::Region(_)
        | Resource::Account(_) => Vec::new(),
    })
}

/// Returns the parts of a resource whose backups inherit their encryption, including Redshift: its snapshots
/// inherit the key, but cannot be copied to another account, so the key need not be shared.
///
/// # Errors
/// Why the parts are not known.
pub fn stored<'a>(cx: &RuleContext<'a>, resource: Resource<'a>) -> Result<Vec<Part<'a>>, Gap> {
    let part = |via, encrypted, key| vec![Part::whole(via, encrypted, key)];
    let (cluster, namespace) = (ViaService::Redshift, ViaService::RedshiftServerless);
    Ok(match resource {
        Resource::RedshiftCluster(it) if it.aws_owned_key || is_aws_owned(&it.kms_key) => {
            part(cluster, it.encrypted.get().copied(), Ok(None))
        }
        Resource::RedshiftNamespace(it) if is_aws_owned(&it.kms_key) => {
            part(namespace, Ok(true), Ok(None))
        }
        Resource::RedshiftCluster(it) => part(
            cluster,
            it.encrypted.get().copied(),
            encryption(&it.encrypted, &it.kms_key),
        ),
        Resource::RedshiftNamespace(it) => part(namespace, Ok(true), named(&it.kms_key)),
        _ => inherited(cx, resource)?,
    })
}

/// Whether a key is the one that AWS owns, as Redshift names it.
///
/// Source: <https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_CreateNamespace.html>.
fn is_aws_owned(kms_key: &Observed<Option<String>>) -> bool {
    let name = kms_key.known().and_then(Option::as_deref);
    name == Some("AWS_OWNED_KMS_KEY")
}

fn named(kms_key: &Observed<Option<String>>) -> Result<Option<&str>, Gap> {
    Ok(kms_key.get()?.as_deref())
}

fn encryption<'a>(
    encrypted: &'a Observed<bool>,
    kms_key: &'a Observed<Option<String>>,
) -> Result<Option<&'a str>, Gap> {
    if !*encrypted.get()? {
        return Ok(None);
    }
    let without_key = "AWS reports that it is encrypted but returns no key";
    match named(kms_key)? {
        Some(key) => Ok(Some(key)),
        None => Err(Gap::new(GapKind::Unreadable, without_key)),
    }
}

/// Returns the key of a type whose backups are encrypted by the vault: bucket, table, file system. `None`
/// where no KMS key of the account is used.
///
/// # Errors
/// Why it is not known.
pub fn managed<'a>(resource: Resource<'a>) -> Result<Option<&'a str>, Gap> {
    match resource {
        Resource::Bucket(bucket) => {
            let encryption = bucket.encryption.get()?;
            match encryption.algorithm.as_str() {
                "AES256" | "none" => Ok(None),
                kms if kms.starts_with("aws:kms") => {
                    Ok(Some(encryption.kms_key.as_deref().unwrap_or(S3_ALIAS)))
                }
                algorithm => {
                    let message = format!("encrypted with the unknown algorithm {algorithm:?}");
                    Err(Gap::new(GapKind::Unreadable, message))
                }
            }
        }
        Resource::Table(table) => named(&table.kms_key),
        Resource::FileSystem(it) => encryption(&it.encrypted, &it.kms_key),
        _ => Ok(None),
    }
}

/// Returns every part of a resource that may be encrypted with a KMS key, for all types.
///
/// # Errors
/// Why the parts are not known.
pub fn all_parts<'a>(cx: &RuleContext<'a>, resource: Resource<'a>) -> Result<Vec<Part<'a>>, Gap> {
    let via = match resource {
        Resource::Bucket(_) => ViaService::S3,
        Resource::Table(_) => ViaService::DynamoDb,
        Resource::FileSystem(_) => ViaService::Efs,
        Resource::Vault(vault) => return Ok(vec![vault_part(vault)]),
        _ => return stored(cx, resource),
    };
    Ok(vec![Part::whole(via, Ok(true), managed(resource))])
}

/// Returns the name of an AWS managed key in messages: by the alias that its service gives it, and its id.
///
/// A service uses only its own AWS managed key:
/// <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key>.
#[must_use]
pub fn name_aws_managed_key(name: &str, via: ViaService) -> String {
    let resource = Arn::parse(name).map_or(name, |arn| arn.resource);
    if let Some(alias) = resource.strip_prefix("alias/") {
        return format!("AWS managed key {alias}");
    }
    let id = resource.strip_prefix("key/").unwrap_or(resource);
    format!("AWS managed key {} ({id})", via.aws_managed_key())
}

/// Returns the encryption of the recovery points in a vault.
#[must_use]
pub fn vault_part(vault: &Vault) -> Part<'_> {
    Part::whole(ViaService::Backup, Ok(true), named(&vault.kms_key))
}

/// Returns the key that a service refers to by ARN, id or alias.
///
/// # Errors
/// Why the reference cannot be resolved.
pub fn resolve<'a>(cx: &RuleContext<'a>, name: &str, via: ViaService) -> Result<KeyUse<'a>, Gap> {
    let arn = match Arn::parse(name) {
        Some(arn) if arn.service == "kms" && arn.resource.starts_with("key/") => name.to_owned(),
        _ => match cx.seen()?.key_names.get(name) {
            Some(Observed::Known(arn)) => arn.clone(),
            Some(Observed::Unknown(gap)) => return Err(gap.clone()),
            None => {
                let message =
                    format!("the snapshot does not contain the key that {name} refers to");
                return Err(Gap::new(GapKind::NotCollected, message));
            }
        },
    };
    let account = Arn::parse(&arn)
        .map_or("", |parsed| parsed.account)
        .to_owned();
    let owner = match &cx.snapshot.account_id {
        Some(own) if *own == account => KeyOwner::Own,
        _ if account == cx.settings.central_account => KeyOwner::Central,
        _ if account.is_empty() => KeyOwner::Unclear,
        Some(_) => KeyOwner::Foreign,
        None => KeyOwner::Unclear,
    };
    Ok(KeyUse {
        via,
        owner,
        key: cx.snapshot.keys.get(&arn),
        arn,
    })
}

/// Returns the remedy for a part that is not encrypted with a customer managed key of this account;
/// `None` where its region is not known.
#[must_use]
pub fn use_customer_key(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    part: Option<&str>,
    is_encrypted: bool,
) -> Option<Remedy> {
    // The parts of an instance are volumes; any other resource is its only part.
    let (kind, id) = match (part, resource.arn_and_id()) {
        (Some(volume), _) => (ResourceKind::EbsVolume, volume),
        (None, Some((_, id))) => (resource.kind(), id),
        (None, None) => (resource.kind(), ""),
    };
    Some(Remedy::UseCustomerKey {
        kind,
        id: id.to_owned(),
        holder: match (part, resource) {
            (Some(id), _) => {
                let volume = cx.volume(id).map(|it| it.arn.clone());
                Some(volume.unwrap_or_else(|_| id.to_owned()))
            }
            (None, Resource::FsxVolume(volume)) => {
                let id = volume.file_system.known();
                let holder = id.and_then(|it| cx.fsx_file_system(it).ok());
                holder.map(|it| it.arn.clone())
            }
            (None, _) => None,
        },
        region: cx.known_region().ok()?.to_owned(),
        is_encrypted,
    })
}

/// Checks every customer managed key of the parts and returns the worst outcome.
///
/// # Errors
/// Why the parts are not known.
pub fn each_customer_key<'a>(
    cx: &RuleContext<'a>,
    parts: Vec<Part<'a>>,
    judge: impl Fn(&KeyUse<'a>) -> CheckResult,
) -> CheckResult {
    let none = || Outcome::skip("no customer managed key");
    let worst = check_each_part(&parts, |part| match customer_key(cx, part)? {
        Some(key) => judge(&key),
        None => Ok(none()),
    });
    Ok(worst.unwrap_or_else(none))
}

/// Checks every part and returns the worst outcome; `None` where there are no parts.
pub fn check_each_part(
    parts: &[Part<'_>],
    check: impl Fn(&Part<'_>) -> CheckResult,
) -> Option<Outcome> {
    let outcomes = parts
        .iter()
        .map(|part| Outcome::from(check_each_key(part, &check)).part(part.id));
    Outcome::worst(outcomes)
}

/// Checks a part with each key that it may have; it is unknown if the verdicts differ.
fn check_each_key(part: &Part<'_>, check: impl Fn(&Part<'_>) -> CheckResult) -> CheckResult {
    let gap = match (&part.encrypted, &part.key) {
        (Ok(true), Err(gap)) if !gap.keys.is_empty() => gap,
        _ => return check(part),
    };
    let with_key = |key: &String| {
        let part = Part {
            id: part.id,
            via: part.via,
            encrypted: Ok(true),
            key: Ok(Some(key)),
        };
        Outcome::from(check(&part))
    };
    let outcomes: Vec<Outcome> = gap.keys.iter().map(with_key).collect();
    let is_same = outcomes.windows(2).all(|it| it[0].verdict == it[1].verdict);
    let outcome = Outcome::worst(outcomes).filter(|_| is_same);
    outcome.ok_or_else(|| gap.clone())
}

fn customer_key<'a>(cx: &RuleContext<'a>, part: &Part<'_>) -> Result<Option<KeyUse<'a>>, Gap> {
    let Some(name) = part.key.clone()? else {
        return Ok(None);
    };
    if is_aws_alias(name) {
        return Ok(None);
    }
    let key = resolve(cx, name, part.via)?;
    Ok((!key.is_aws_managed()?).then_some(key))
}
