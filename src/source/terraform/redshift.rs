//! Redshift clusters and namespaces of Redshift Serverless.

use crate::model::Observed;
use crate::model::redshift::{Cluster, Namespace};
use crate::source::planned::Planned;

use super::reader::Reader;
use super::view::Fact;

/// How Redshift names a key that AWS owns.
const AWS_OWNED: &str = "AWS_OWNED_KMS_KEY";

/// Reads clusters and namespaces.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.of("aws_redshift_cluster") {
        let view = item.view();
        let named = reader.named(item, view.text("cluster_identifier"));
        let aws_owned_key = view.text("kms_key_id").known() == Some(AWS_OWNED);
        let encrypted = view.flag("encrypted").or(|| Err(view.later("encrypted")));
        let is_plain = encrypted.known() == Some(&false);
        let kms_key = match aws_owned_key {
            true => Observed::Known(None),
            // Which of its own keys AWS takes depends on when the cluster is made:
            // <https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-db-encryption.html>.
            false => reader.key_or(&view, "kms_key_id", planned, || match is_plain {
                true => Ok(None),
                false => Err(view.later("kms_key_id")),
            }),
        };
        let cluster = Cluster {
            tags: reader.tags(item),
            state: reader.state(&view, "cluster_status"),
            encrypted,
            kms_key,
            aws_owned_key,
            id: named.id,
            arn: named.arn,
        };
        reader.place(item, &cluster.arn, planned);
        planned
            .region(&named.region)
            .redshift_clusters
            .items
            .push(cluster);
    }
    for item in reader.document.of("aws_redshiftserverless_namespace") {
        let view = item.view();
        let named = reader.named(item, view.text("namespace_name"));
        // A namespace starts with a key that AWS owns.
        let kms_key = match view.text("kms_key_id") {
            Fact::Known(AWS_OWNED) => Observed::Known(None),
            _ => reader.key_or(&view, "kms_key_id", planned, || Ok(None)),
        };
        let namespace = Namespace {
            tags: reader.tags(item),
            state: reader.state(&view, "status"),
            kms_key,
            id: named.id,
            arn: named.arn,
        };
        reader.place(item, &namespace.arn, planned);
        planned
            .region(&named.region)
            .redshift_namespaces
            .items
            .push(namespace);
    }
}
