//! Finds kinds by their types, their ARNs and their lists.

use std::cmp::Reverse;

use super::{KINDS, Kind, ListedIn, ResourceKind};
use crate::model::arn::Arn;
use crate::model::observed::Gap;
use crate::model::region::Region;
use crate::model::service::Service;
use crate::model::tagged::TaggedResource;

impl Kind {
    /// Whether resources of the kind are found by their tag alone.
    #[must_use]
    pub fn is_found_by_tag(&self) -> bool {
        matches!(self.listed_in, ListedIn::Tagged)
    }

    /// Whether a region has a list of the kind.
    #[must_use]
    pub fn has_list(&self) -> bool {
        matches!(self.listed_in, ListedIn::Region(_))
    }

    /// Returns why the list of the kind in a region may be incomplete. Buckets have no list there.
    #[must_use]
    pub fn gap_in<'a>(&self, region: &'a Region) -> Option<&'a Gap> {
        match self.listed_in {
            ListedIn::Region(gap) => gap(region).as_ref(),
            ListedIn::Tagged => region.tagged.gap.as_ref(),
            ListedIn::Buckets | ListedIn::None => None,
        }
    }

    /// Returns the place of that reason, to set it.
    pub fn gap_in_mut<'a>(&self, region: &'a mut Region) -> Option<&'a mut Option<Gap>> {
        let place = match self.listed_in {
            ListedIn::Region(gap) => std::ptr::from_ref(gap(region)),
            ListedIn::Tagged => std::ptr::from_ref(&region.tagged.gap),
            ListedIn::Buckets | ListedIn::None => return None,
        };
        let mut gaps = region.listing_gaps_mut();
        gaps.find(|gap| std::ptr::eq(place, &raw const **gap))
    }
}

impl TaggedResource {
    /// Returns the kind of a resource that was found by its tag. The type of a DB cluster does not tell its kind.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        let mut kinds = self.possible_kinds();
        match (kinds.next(), kinds.next()) {
            (Some(row), None) => row.kind,
            _ => ResourceKind::Other,
        }
    }

    /// Returns the kinds that have its type. In a snapshot of a version that did not list the type, it is outside
    /// the guide.
    pub fn possible_kinds(&self) -> impl Iterator<Item = &'static Kind> {
        let is_listed = self.exists.is_some();
        KINDS.iter().filter(move |row| {
            let mut types = row.types.iter();
            (is_listed || row.is_found_by_tag())
                && types.any(|it| it.cloudformation == self.aws_type)
        })
    }
}

/// Returns the kinds that a resource of a stack may have, if AWS Backup backs it up with the stack.
pub fn kinds_in_stack(cloudformation_type: &str) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(move |row| {
        let mut types = row.types.iter();
        types.any(|it| it.in_stack_backups && it.cloudformation == cloudformation_type)
    })
}

/// Whether AWS Backup backs up resources with this ARN.
#[must_use]
pub fn is_backed_up(arn: &str) -> bool {
    let row = Arn::parse(arn).and_then(|arn| kind_of_arn(&arn));
    row.is_some_and(|row| row.kind.has_backups())
}

/// Returns the CloudFormation type of a resource that only its tag can be a source for.
#[must_use]
pub fn type_found_by_tag(arn: &str) -> Option<&'static str> {
    let arn = Arn::parse(arn)?;
    let rows = KINDS.iter().filter(|row| row.is_found_by_tag());
    let types = rows.flat_map(|row| row.types);
    let fitting = types.filter(|it| it.matches_arn(&arn));
    let most_specific = fitting.max_by_key(|it| it.arn.map_or(0, str::len));
    most_specific.map(|it| it.cloudformation)
}

/// Returns the kind whose ARNs have this shape. Of DB clusters, which share one, it is the first.
#[must_use]
pub fn kind_of_arn(arn: &Arn<'_>) -> Option<&'static Kind> {
    let types = KINDS
        .iter()
        .flat_map(|row| row.types.iter().map(move |it| (row, it)));
    let fitting = types.filter(|(_, it)| it.matches_arn(arn));
    // The ARN of a gateway's volume begins with that of the gateway.
    let most_specific = fitting.min_by_key(|(_, it)| Reverse(it.arn.map_or(0, str::len)));
    most_specific.map(|(row, _)| row)
}

/// Returns why the lists of a region may be incomplete, by service.
pub fn listing_gaps_by_service(region: &Region) -> impl Iterator<Item = (Service, &Gap)> {
    KINDS
        .iter()
        .filter_map(move |row| Some((row.service?, row.gap_in(region)?)))
}

impl Region {
    /// Returns why the lists of one service may be incomplete.
    #[must_use]
    pub fn listing_gaps_of(&self, service: Service) -> Vec<&Gap> {
        let gaps = listing_gaps_by_service(self);
        let of_service = gaps.filter(|(of, _)| *of == service);
        of_service.map(|(_, gap)| gap).collect()
    }

    /// Returns why the lists of resources that can be backed up may be incomplete.
    #[must_use]
    pub fn listing_gaps(&self) -> Vec<&Gap> {
        listing_gaps_by_service(self).map(|(_, gap)| gap).collect()
    }
}

/// Returns the kinds of resource that can be selected, for people.
#[must_use]
pub fn list_supported_kinds() -> String {
    let rows = KINDS.iter().filter(|row| row.kind.is_backed_up());
    rows.map(|row| row.plural).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::aws_type::DB_CLUSTER;

    #[test]
    fn a_type_of_a_stack_resolves_to_its_kinds() {
        for row in &KINDS {
            for it in row.types {
                let kinds: Vec<_> = kinds_in_stack(it.cloudformation)
                    .map(|row| row.kind)
                    .collect();
                assert_eq!(kinds.contains(&row.kind), it.in_stack_backups, "{it:?}");
                let shared = it.cloudformation == DB_CLUSTER.cloudformation;
                assert!(kinds.len() <= if shared { 2 } else { 1 }, "{it:?}");
            }
        }
        assert_eq!(kinds_in_stack("AWS::SNS::Topic").count(), 0);
    }

    #[test]
    fn a_tagged_type_resolves_to_its_kind() {
        for row in KINDS.iter().filter(|row| row.is_found_by_tag()) {
            for it in row.types {
                let resource = TaggedResource {
                    arn: String::new(),
                    id: String::new(),
                    aws_type: it.cloudformation.to_owned(),
                    tags: crate::model::Observed::default(),
                    exists: None,
                };
                assert_eq!(resource.kind(), row.kind, "{it:?}");
            }
        }
    }

    #[test]
    fn a_resource_that_its_list_lacks_has_the_kind_of_its_type() {
        use crate::model::Observed;
        for (aws_type, kind) in [
            ("AWS::S3::Bucket", ResourceKind::S3Bucket),
            ("AWS::EC2::Instance", ResourceKind::Ec2Instance),
            ("AWS::EC2::Volume", ResourceKind::EbsVolume),
            ("AWS::DynamoDB::Table", ResourceKind::DynamodbTable),
            ("AWS::FSx::FileSystem", ResourceKind::FsxFileSystem),
            (
                "AWS::StorageGateway::Volume",
                ResourceKind::StorageGatewayVolume,
            ),
            // Only the engine says whether it is a cluster of Aurora, DocumentDB or Neptune.
            ("AWS::RDS::DBCluster", ResourceKind::Other),
        ] {
            let mut resource = TaggedResource {
                arn: String::new(),
                id: String::new(),
                aws_type: aws_type.to_owned(),
                tags: Observed::default(),
                exists: Some(Observed::default()),
            };
            assert_eq!(resource.kind(), kind, "{aws_type}");
            assert!(resource.possible_kinds().count() > 0, "{aws_type}");
            // The version that wrote the snapshot did not list the type.
            resource.exists = None;
            assert_eq!(resource.kind(), ResourceKind::Other, "{aws_type}");
        }
    }

    #[test]
    fn an_arn_has_the_type_of_its_shape() {
        // The service, the resource, the type that is found by its tag, and whether AWS Backup backs it up.
        for (service, resource, aws_type, backed_up) in [
            (
                "secretsmanager",
                "secret:db-1-a1b2c3",
                "AWS::SecretsManager::Secret",
                false,
            ),
            ("ssm", "parameter/app/url", "AWS::SSM::Parameter", false),
            ("fsx", "file-system/fs-1", "", true),
            ("fsx", "backup/backup-1", "", false),
            (
                "timestream",
                "database/a",
                "AWS::Timestream::Database",
                true,
            ),
            (
                "timestream",
                "database/a/table/b",
                "AWS::Timestream::Table",
                true,
            ),
            ("ssm", "document/x", "", false),
            ("rds", "cluster:x", "", true),
            ("rds", "cluster-snapshot:x", "", false),
            ("rds", "snapshot:x", "", false),
            ("ec2", "volume/vol-1", "", true),
            ("ec2", "volume-set/v", "", false),
            ("ec2", "snapshot/snap-1", "", false),
            ("storagegateway", "gateway/sgw-1", "", false),
            ("storagegateway", "gateway/sgw-1/volume/vol-1", "", true),
            ("backup", "recovery-point:1", "", false),
        ] {
            let arn = format!("arn:aws:{service}:eu-west-1:111122223333:{resource}");
            assert_eq!(type_found_by_tag(&arn).unwrap_or(""), aws_type, "{arn}");
            assert_eq!(is_backed_up(&arn), backed_up, "{arn}");
        }
        assert!(is_backed_up("arn:aws:s3:::logs") && !is_backed_up("x"));
    }
}
