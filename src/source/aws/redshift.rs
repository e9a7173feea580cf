//! Redshift clusters and namespaces of Redshift Serverless.

use futures_util::future::join_all;

use crate::model::ResourceKind;
use crate::model::observed::{Listing, Observed};
use crate::model::redshift::{Cluster, Namespace};
use crate::model::selection::Target;
use crate::model::service::Service;
use crate::model::size::Size;

use super::key_requests::ListOrder;
use super::listing::join_listings;
use super::operation::{Operation, ResponseText};
use super::reader::RegionReader;
use super::service_reader::{ServiceReader, TagSource, store};

const DESCRIBE_CLUSTERS: Operation = Operation::new("redshift:DescribeClusters");
const LIST_NAMESPACES: Operation = Operation::new("redshift-serverless:ListNamespaces");

/// The reader of clusters and namespaces. The response with clusters has their tags.
///
/// In a region without Redshift Serverless the endpoint does not respond, which leaves a gap.
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::Redshift],
    operations: &[DESCRIBE_CLUSTERS, LIST_NAMESPACES],
    tags: TagSource::TaggingIfAny(&["redshift-serverless:namespace"]),
    finds_one_by_one: true,
    order: ListOrder::Second,
    list: |reader| {
        Box::pin(async move {
            let (clusters, namespaces) =
                tokio::join!(describe_clusters(reader, None), list_namespaces(reader));
            store(|region| {
                region.redshift_clusters = clusters;
                region.redshift_namespaces = namespaces;
            })
        })
    },
    find: |reader, targets| {
        Box::pin(async move {
            let (clusters, namespaces) = find_by_id(reader, targets).await;
            store(|region| {
                region.redshift_clusters = clusters;
                region.redshift_namespaces = namespaces;
            })
        })
    },
};

/// The largest page of both: <https://docs.aws.amazon.com/redshift/latest/APIReference/API_DescribeClusters.html>,
/// <https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_ListNamespaces.html>.
const PAGE: i32 = 100;

/// The value that both APIs return instead of the ARN of an AWS owned key.
const AWS_OWNED_KEY: &str = "AWS_OWNED_KMS_KEY";

/// Looks up clusters by identifier, and namespaces by ARN or name.
///
/// Namespaces are listed and filtered: `GetNamespace` requires the name, which the ARN does not contain.
async fn find_by_id(
    reader: &RegionReader<'_>,
    targets: &[Target],
) -> (Listing<Cluster>, Listing<Namespace>) {
    let cluster_ids = Target::ids_of(targets, ResourceKind::RedshiftCluster);
    let namespace_ids = Target::ids_of(targets, ResourceKind::RedshiftNamespace);
    let clusters = cluster_ids
        .iter()
        .map(|id| describe_clusters(reader, Some(id)));
    let namespaces = async {
        if namespace_ids.is_empty() {
            return Listing::complete(Vec::new());
        }
        let mut listing = list_namespaces(reader).await;
        let is_wanted =
            |it: &Namespace| namespace_ids.contains(&it.arn) || namespace_ids.contains(&it.id);
        listing.items.retain(is_wanted);
        listing
    };
    let (clusters, namespaces) = tokio::join!(join_all(clusters), namespaces);
    (join_listings(clusters), namespaces)
}

async fn describe_clusters(reader: &RegionReader<'_>, id: Option<&String>) -> Listing<Cluster> {
    let calls = reader.begin_service("redshift");
    let pages = reader
        .session
        .clients
        .redshift(reader.region)
        .describe_clusters()
        .set_cluster_identifier(id.cloned())
        .set_max_records(id.is_none().then_some(PAGE))
        .into_paginator()
        .send();
    calls
        .list_optional(DESCRIBE_CLUSTERS, &["ClusterNotFound"], pages, |page| {
            let clusters = page.clusters?.into_iter();
            Some(clusters.map(|it| cluster_from(reader, it)).collect())
        })
        .await
}

async fn list_namespaces(reader: &RegionReader<'_>) -> Listing<Namespace> {
    let calls = reader.begin_service("redshift");
    let pages = reader
        .session
        .clients
        .redshift_serverless(reader.region)
        .list_namespaces()
        .max_results(PAGE)
        .into_paginator()
        .send();
    calls
        .list_items(LIST_NAMESPACES, pages, |page| {
            Some(page.namespaces.into_iter().map(namespace_from).collect())
        })
        .await
}

fn cluster_from(
    reader: &RegionReader<'_>,
    cluster: aws_sdk_redshift::types::Cluster,
) -> Option<Cluster> {
    let operation = DESCRIBE_CLUSTERS;
    let id = cluster.cluster_identifier.filled()?;
    let aws_owned_key = cluster.kms_key_id.as_deref() == Some(AWS_OWNED_KEY);
    let tags = match operation.require_field(cluster.tags, "Tags") {
        Observed::Known(tags) => {
            operation.read_tags(tags.into_iter().map(|tag| (tag.key, tag.value)))
        }
        Observed::Unknown(gap) => Observed::Unknown(gap),
    };
    Some(Cluster {
        arn: reader.build_arn("redshift", &format!("cluster:{id}")),
        id,
        tags,
        state: operation.require_text(cluster.cluster_status, "ClusterStatus"),
        encrypted: operation.require_field(cluster.encrypted, "Encrypted"),
        kms_key: Observed::Known(cluster.kms_key_id.filled().filter(|_| !aws_owned_key)),
        aws_owned_key,
        size: Size::provisioned_mib(operation.require_field(
            cluster.total_storage_capacity_in_mega_bytes,
            "TotalStorageCapacityInMegaBytes",
        )),
    })
}

fn namespace_from(namespace: aws_sdk_redshiftserverless::types::Namespace) -> Option<Namespace> {
    let operation = LIST_NAMESPACES;
    let state = namespace.status.map(|status| status.as_str().to_owned());
    Some(Namespace {
        arn: namespace.namespace_arn.filled()?,
        id: namespace.namespace_name.filled()?,
        tags: Observed::default(),
        state: operation.require_text(state, "status"),
        kms_key: operation
            .require_text(namespace.kms_key_id, "kmsKeyId")
            .map(|key| (key != AWS_OWNED_KEY).then_some(key)),
    })
}
