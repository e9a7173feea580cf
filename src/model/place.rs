//! Where a plan or a template declares a resource.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place in a file that people write and review.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The file as it was named on the command line, or the configuration's own file where it is known;
    /// with forward slashes.
    pub file: String,
    /// The line, from 1; none where the file does not say, as a plan does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The resource's address in a plan, `module.db.aws_db_instance.main[0]`, or its logical id in a
    /// template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The condition of a template on which the resource depends, if it cannot be evaluated: the resource is then
    /// reported as if it were created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Of a resource that a loop of a template makes: its declaration in the text of the template, which has no logical
    /// id. Only fixes need it.
    #[serde(skip)]
    pub loop_body: Option<String>,
    /// The condition that its declaration in the template names. Only fixes need it.
    #[serde(skip)]
    pub own_condition: Option<String>,
}

/// What a fix needs to know about a declaration, besides its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclarationFacts {
    /// Of a resource of a module in a plan: the source of the module, if that is not a folder of the configuration.
    pub module_source: Option<String>,
    /// Of a volume that is created with an instance: the block device that it is.
    pub device: Option<BlockDevice>,
    /// Of a replica of a DynamoDB table: how it is declared.
    pub replica: Option<TableReplica>,
    /// Of a DB instance that cannot be given a key: where its key comes from.
    pub key_origin: Option<KeyOrigin>,
    /// Of a bucket in a plan: what configures it, by the types of the resources that could. A bucket has one of each.
    pub configured_by: BTreeMap<&'static str, Configurer>,
}

/// What configures a setting of a bucket in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configurer {
    /// A resource, by its address.
    Resource(String),
    /// A block of the bucket.
    Block,
    /// Something that the plan does not show: an existing bucket has the setting.
    Unseen,
}

/// How a replica of a DynamoDB table is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableReplica {
    /// In a block of its table in a plan, with its region.
    Block(String),
    /// In a list of its global table in a template, with its region.
    Item(String),
    /// In a separate resource.
    Resource,
}

/// Where a DB instance has its key from, if it cannot be given one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOrigin {
    /// The DB instance that it replicates, by its address if the file declares it.
    Source(Option<String>),
    /// The snapshot or the backup that it is restored from.
    Backup,
}

/// A block device of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockDevice {
    /// Its name, if that is known.
    pub name: Option<String>,
    /// Whether it is known to be the root device.
    pub is_root: bool,
    /// What declares it.
    pub holder: DeviceHolder,
}

/// What declares a block device of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceHolder {
    /// A block or a mapping of the instance.
    Instance,
    /// A mapping of the launch template of the instance, which is declared there.
    LaunchTemplate(Place),
    /// The image alone, from which an instance gets its root volume and maybe others.
    Image,
}
