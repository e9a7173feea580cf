//! Redshift clusters and Redshift Serverless namespaces. Every new cluster is encrypted, with an AWS owned
//! key unless it names one:
//! <https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateCluster.html>,
//! <https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-db-encryption.html>.

use crate::model::Observed;
use crate::model::redshift::{Cluster, Namespace};
use crate::model::snapshot::DefaultFact;
use crate::source::defaults::{REDSHIFT_AWS_OWNED_KEY, REDSHIFT_ENCRYPTED};
use crate::source::planned::unplanned;

use super::build::{Build, locate_gap, not_yet};

pub(super) fn read_warehouses(build: &mut Build<'_>) {
    for declared in build.of_type("AWS::Redshift::Cluster") {
        let properties = build.template.properties(&declared);
        let restored = ["SnapshotIdentifier", "SnapshotClusterIdentifier"]
            .iter()
            .any(|name| !properties.get(name).is_absent());
        let as_snapshot = || unplanned("inherited from its snapshot, which is not in the template");
        let encrypted = match locate_gap("Encrypted", properties.get("Encrypted").as_boolean()) {
            Ok(None) if restored => Err(as_snapshot()),
            given => given.map(|given| given.unwrap_or(REDSHIFT_ENCRYPTED)),
        };
        let named = match locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId"))) {
            Ok(None) if restored => Err(as_snapshot()),
            named => named,
        };
        let aws_owned_key = encrypted == Ok(true) && named == Ok(None);
        let cluster = Cluster {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            state: not_yet(),
            encrypted: encrypted.into(),
            kms_key: named.into(),
            aws_owned_key,
            size: not_yet(),
        };
        build.note_default(
            &cluster.arn,
            &properties,
            "KmsKeyId",
            DefaultFact::Encryption,
        );
        build.stack_region().redshift_clusters.items.push(cluster);
    }
    for declared in build.of_type("AWS::RedshiftServerless::Namespace") {
        let properties = build.template.properties(&declared);
        let named = locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId")));
        let kms_key: Observed<Option<String>> = named.into();
        let namespace = Namespace {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            state: not_yet(),
            // The default is an AWS owned key.
            kms_key: kms_key.map(|key| key.filter(|it| it != REDSHIFT_AWS_OWNED_KEY)),
        };
        build
            .stack_region()
            .redshift_namespaces
            .items
            .push(namespace);
    }
}
