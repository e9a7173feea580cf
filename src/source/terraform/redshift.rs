//! Redshift clusters and namespaces of Redshift Serverless.

use crate::model::Observed;
use crate::model::redshift::{Cluster, Namespace};
use crate::source::defaults::REDSHIFT_AWS_OWNED_KEY;
use crate::source::planned::Planned;

use super::reader::Reader;
use super::view::Fact;

/// Reads the clusters and namespaces of the plan.
pub(super) fn read_clusters<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.items_of("aws_redshift_cluster") {
        let view = item.view();
        let named = reader.identify_item(item, view.text("cluster_identifier"));
        let aws_owned_key = view.text("kms_key_id").known() == Some(REDSHIFT_AWS_OWNED_KEY);
        // The default key depends on when the cluster is created:
        // <https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-db-encryption.html>.
        let encrypted = view.flag("encrypted").or_else(|| match aws_owned_key {
            true => Ok(true),
            false => Err(view.known_after_apply("encrypted")),
        });
        let kms_key = match aws_owned_key {
            true => Observed::Known(None),
            false => reader.key_or_else(&view, "kms_key_id", planned, || match encrypted.known() {
                Some(false) => Ok(None),
                _ => Err(view.known_after_apply("kms_key_id")),
            }),
        };
        let cluster = Cluster {
            tags: reader.read_tags(item),
            state: reader.read_state(&view, "cluster_status"),
            encrypted,
            kms_key,
            aws_owned_key,
            size: Observed::default(),
            id: named.id,
            arn: named.arn,
        };
        reader.add_place(item, &cluster.arn, planned);
        let region = planned.region_mut(&named.region);
        region.redshift_clusters.items.push(cluster);
    }
    for item in reader.document.items_of("aws_redshiftserverless_namespace") {
        let view = item.view();
        let named = reader.identify_item(item, view.text("namespace_name"));
        // A new namespace is encrypted with an AWS owned key.
        let kms_key = match view.text("kms_key_id") {
            Fact::Known(REDSHIFT_AWS_OWNED_KEY) => Observed::Known(None),
            _ => reader.key_or_else(&view, "kms_key_id", planned, || Ok(None)),
        };
        let namespace = Namespace {
            tags: reader.read_tags(item),
            state: reader.read_state(&view, "status"),
            kms_key,
            id: named.id,
            arn: named.arn,
        };
        reader.add_place(item, &namespace.arn, planned);
        let region = planned.region_mut(&named.region);
        region.redshift_namespaces.items.push(namespace);
    }
}
