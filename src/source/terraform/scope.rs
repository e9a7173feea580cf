//! All that an expression of a module may refer to.
//!
//! A plan shows neither local values nor the expressions of `dynamic` blocks. Both are made from what the
//! module has: its resources, the arguments of its call and the outputs of the modules that it calls. An id
//! that is known only after apply is therefore that of a resource among them.
//!
//! Source: <https://developer.hashicorp.com/terraform/internals/json-format#configuration-representation>.

use serde_json::Value;

use super::item::{ALL, Item, KEYS, NULL};
use super::view::contains_true;

/// Types whose ids are not made from other texts.
const NETWORK: [&str; 16] = [
    "aws_default_route_table",
    "aws_default_subnet",
    "aws_default_vpc",
    "aws_ebs_snapshot",
    "aws_ebs_snapshot_copy",
    "aws_ebs_snapshot_import",
    "aws_ebs_volume",
    "aws_ebs_volume_copy",
    "aws_instance",
    "aws_internet_gateway",
    "aws_route_table",
    "aws_subnet",
    "aws_vpc",
    "aws_vpn_gateway",
    "data.aws_ebs_snapshot",
    "data.aws_subnet",
];

/// Types that lead to a KMS key. The name of an alias may be made from other texts.
const KEY_LOOKUPS: [&str; 3] = ["aws_kms_alias", "data.aws_kms_alias", "data.aws_kms_key"];

/// Resource types of AWS whose attributes may be any text, such as what another program returns, or the ids of
/// resources that the plan does not have.
const OPAQUE: [&str; 9] = [
    "aws_ami",
    "aws_ami_copy",
    "aws_ami_from_instance",
    "aws_cloudcontrolapi_resource",
    "aws_cloudformation_stack",
    "aws_cloudformation_stack_instances",
    "aws_lambda_invocation",
    "aws_serverlessapplicationrepository_cloudformation_stack",
    "aws_servicecatalog_provisioned_product",
];

/// Data sources that never return the id of a part of a network or of a key.
const CLEAR: [&str; 12] = [
    "aws_availability_zones",
    "aws_caller_identity",
    "aws_default_tags",
    "aws_ec2_instance_type",
    "aws_eks_addon_version",
    "aws_iam_policy",
    "aws_iam_policy_document",
    "aws_iam_role",
    "aws_partition",
    "aws_region",
    "aws_service_principal",
    "aws_vpc_endpoint_service",
];

/// Providers whose resources return only what they are given, or a name.
const PLAIN_PROVIDERS: [&str; 6] = [
    "null_",
    "random_",
    "terraform_",
    "time_",
    "tls_",
    "archive_",
];

/// Attributes in which a resource has a key that AWS chose.
const KEY_ATTRIBUTES: [&str; 4] = [
    "encryption_key_arn",
    "kms_key_arn",
    "kms_key_id",
    "kms_master_key_id",
];

/// What the wanted resources are, if an id of theirs can only be that of one in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// Parts of a network, instances, volumes and snapshots.
    Network,
    /// Keys.
    Key,
}

/// Returns what sort the wanted resources are; `None` if they are named by texts.
pub(super) fn sort_of(wanted: &[&str]) -> Option<Sort> {
    let is_network = |it: &&str| NETWORK.contains(it);
    let is_key = |it: &&str| KEYS.contains(it) || KEY_LOOKUPS.contains(it);
    if wanted.is_empty() {
        None
    } else if wanted.iter().all(is_network) {
        Some(Sort::Network)
    } else if wanted.iter().all(is_key) {
        Some(Sort::Key)
    } else {
        None
    }
}

/// Returns whether a resource may return the id of another one that the plan does not trace to it.
pub(super) fn is_opaque(item: &Item<'_>, sort: Sort) -> bool {
    if item.is_data {
        return contains_true(item.unknown) && !CLEAR.contains(&item.kind);
    }
    let expressions = item.config.map_or(&NULL, |it| &it["expressions"]);
    let chose = |name: &str| {
        let is_open = *item.unknown == ALL || item.unknown.get(name) == Some(&ALL);
        is_open && expressions[name].get("references").is_none()
    };
    match (item.kind.starts_with("aws_"), sort) {
        (true, Sort::Network) => OPAQUE.contains(&item.kind),
        (true, Sort::Key) => OPAQUE.contains(&item.kind) || KEY_ATTRIBUTES.into_iter().any(chose),
        (false, Sort::Network) => !PLAIN_PROVIDERS.iter().any(|it| item.kind.starts_with(it)),
        (false, Sort::Key) => !matches!(item.kind, "terraform_data" | "null_resource"),
    }
}

/// Returns the arguments of a module call that are not constants.
pub(super) fn open_arguments(call: &Value) -> impl Iterator<Item = &Value> {
    let arguments = call["expressions"].as_object().into_iter().flatten();
    let arguments = arguments.map(|(_, expression)| expression);
    arguments.filter(|it| it.get("references").is_some())
}
