//! Redshift clusters and namespaces of Redshift Serverless.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::model::observed::{Listing, Observed};
use crate::model::redshift::{Cluster, Namespace};

use crate::source::defaults::REDSHIFT_AWS_OWNED_KEY;

use super::call::{Caller, Operation};
use super::scan_scope::joined;
use super::session::Session;
use super::tagging;
use super::tagging::keep;

const DESCRIBE_CLUSTERS: Operation = Operation::new("redshift:DescribeClusters");
const LIST_NAMESPACES: Operation = Operation::new("redshift-serverless:ListNamespaces");

/// What reading clusters and namespaces takes.
pub const OPERATIONS: &[Operation] = &[DESCRIBE_CLUSTERS, LIST_NAMESPACES];

/// The largest page of both: <https://docs.aws.amazon.com/redshift/latest/APIReference/API_DescribeClusters.html>,
/// <https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_ListNamespaces.html>.
const PAGE: i32 = 100;

/// The clusters and namespaces of a region.
///
/// Where Redshift Serverless does not run, its endpoint does not answer: that is a gap like any other.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> (Listing<Cluster>, Listing<Namespace>) {
    let (clusters, mut namespaces) = tokio::join!(
        clusters(session, caller, region, tag_key, None),
        namespaces(session, caller, region),
    );
    if !namespaces.items.is_empty() {
        let scope = caller.scope(region, "redshift");
        let tagged = tagging::collect(&scope, session, tag_key, tagging::NAMESPACES).await;
        for namespace in &mut namespaces.items {
            namespace.tags = tagged.of(&namespace.arn);
        }
    }
    (clusters, namespaces)
}

/// Some clusters, and some namespaces by ARN or name. Namespaces can only be described by name, which an
/// ARN does not hold, so they are listed.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    cluster_ids: &[String],
    namespaces_named: &[String],
) -> (Listing<Cluster>, Listing<Namespace>) {
    let read = cluster_ids
        .iter()
        .map(|id| clusters(session, caller, region, tag_key, Some(id)));
    let listed = async {
        if namespaces_named.is_empty() {
            return Listing::complete(Vec::new());
        }
        let mut listing = namespaces(session, caller, region).await;
        let named = |it: &Namespace| {
            namespaces_named.contains(&it.arn) || namespaces_named.contains(&it.id)
        };
        listing.items.retain(named);
        listing
    };
    let (clusters, namespaces) = tokio::join!(join_all(read), listed);
    (joined(clusters), namespaces)
}

async fn clusters(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    id: Option<&String>,
) -> Listing<Cluster> {
    let scope = caller.scope(region, "redshift");
    let pages = session
        .redshift(region)
        .describe_clusters()
        .set_cluster_identifier(id.cloned())
        .set_max_records(id.is_none().then_some(PAGE))
        .into_paginator()
        .send();
    scope
        .list_of(DESCRIBE_CLUSTERS, &["ClusterNotFound"], pages, |page| {
            let clusters = page.clusters.unwrap_or_default().into_iter();
            let read = clusters.map(|cluster| cluster_of(session, region, tag_key, cluster));
            Some(read.collect())
        })
        .await
}

async fn namespaces(session: &Session, caller: &Arc<Caller>, region: &str) -> Listing<Namespace> {
    let scope = caller.scope(region, "redshift");
    let pages = session
        .redshift_serverless(region)
        .list_namespaces()
        .max_results(PAGE)
        .into_paginator()
        .send();
    scope
        .list(LIST_NAMESPACES, pages, |page| {
            Some(page.namespaces.into_iter().map(namespace_of).collect())
        })
        .await
}

fn cluster_of(
    session: &Session,
    region: &str,
    tag_key: &str,
    cluster: aws_sdk_redshift::types::Cluster,
) -> Option<Cluster> {
    let field = DESCRIBE_CLUSTERS;
    let id = cluster.cluster_identifier?;
    let aws_owned_key = cluster.kms_key_id.as_deref() == Some(REDSHIFT_AWS_OWNED_KEY);
    let tags = field.field(cluster.tags, "Tags").map(|tags| {
        let pairs = tags.into_iter();
        let pairs = pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
        keep(pairs, tag_key)
    });
    Some(Cluster {
        arn: session.arn("redshift", region, &format!("cluster:{id}")),
        id,
        tags,
        state: field.field(cluster.cluster_status, "ClusterStatus"),
        encrypted: field.field(cluster.encrypted, "Encrypted"),
        kms_key: Observed::Known(cluster.kms_key_id.filter(|_| !aws_owned_key)),
        aws_owned_key,
    })
}

fn namespace_of(namespace: aws_sdk_redshiftserverless::types::Namespace) -> Option<Namespace> {
    let field = LIST_NAMESPACES;
    let state = namespace.status.map(|status| status.as_str().to_owned());
    Some(Namespace {
        arn: namespace.namespace_arn?,
        id: namespace.namespace_name?,
        tags: Observed::default(),
        state: field.field(state, "status"),
        kms_key: field
            .field(namespace.kms_key_id, "kmsKeyId")
            .map(|key| (key != REDSHIFT_AWS_OWNED_KEY).then_some(key)),
    })
}
