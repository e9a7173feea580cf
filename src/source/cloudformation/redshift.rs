//! Redshift clusters and namespaces of Redshift Serverless. Every new cluster is encrypted, with a key
//! that AWS owns unless it names one:
//! <https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateCluster.html>,
//! <https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-db-encryption.html>.

use crate::model::Observed;
use crate::model::redshift::{Cluster, Namespace};
use crate::source::defaults::{REDSHIFT_AWS_OWNED_KEY, REDSHIFT_ENCRYPTED};
use crate::source::planned::unplanned;

use super::build::{Build, located, not_yet};

pub(super) fn read(build: &mut Build<'_>) {
    for declared in build.of_type("AWS::Redshift::Cluster") {
        let properties = build.template.properties(&declared);
        let restored = ["SnapshotIdentifier", "SnapshotClusterIdentifier"]
            .iter()
            .any(|name| !properties.get(name).is_absent());
        let as_snapshot =
            || unplanned("it is as its snapshot is, which the template does not hold");
        let encrypted = match located("Encrypted", properties.get("Encrypted").boolean()) {
            Ok(None) if restored => Err(as_snapshot()),
            given => given.map(|given| given.unwrap_or(REDSHIFT_ENCRYPTED)),
        };
        let named = match located("KmsKeyId", build.key(&properties.get("KmsKeyId"))) {
            Ok(None) if restored => Err(as_snapshot()),
            named => named,
        };
        let aws_owned_key = encrypted == Ok(true) && named == Ok(None);
        let cluster = Cluster {
            arn: build.declare(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            state: not_yet(),
            encrypted: encrypted.into(),
            kms_key: named.into(),
            aws_owned_key,
        };
        build.here().redshift_clusters.items.push(cluster);
    }
    for declared in build.of_type("AWS::RedshiftServerless::Namespace") {
        let properties = build.template.properties(&declared);
        let named = located("KmsKeyId", build.key(&properties.get("KmsKeyId")));
        let kms_key: Observed<Option<String>> = named.into();
        let namespace = Namespace {
            arn: build.declare(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            state: not_yet(),
            // A key that AWS owns is how it starts.
            kms_key: kms_key.map(|key| key.filter(|it| it != REDSHIFT_AWS_OWNED_KEY)),
        };
        build.here().redshift_namespaces.items.push(namespace);
    }
}
