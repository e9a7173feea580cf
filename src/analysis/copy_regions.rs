//! The Regions in which AWS Backup does not copy some types to another account.
//!
//! Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html#features-by-region>, as
//! of the end of August 2026. Checked 2026-11-30.

use crate::model::Resource;
use crate::model::arn::{Arn, partition_of};

use super::backup_types::type_of;

/// The Regions where opt-in is required.
const OPT_IN_REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

/// The Regions without copies to other accounts: the one of the AWS European Sovereign Cloud.
const REGIONS_WITHOUT_COPIES: &[&str] = &["eusc-de-east-1"];

/// The Regions in China. Accounts there copy to accounts of their organization, which is in China too.
const CHINA: &[&str] = &["cn-north-1", "cn-northwest-1"];

/// CloudFormation types, their names, and the Regions in which they are not copied.
const TYPES: [(&str, &str, &[&str]); 5] = [
    ("AWS::S3::Bucket", "S3", CHINA),
    (
        "AWS::CloudFormation::Stack",
        "CloudFormation stacks",
        OPT_IN_REGIONS,
    ),
    ("AWS::Neptune::DBCluster", "Neptune", OPT_IN_REGIONS),
    ("AWS::Timestream::Table", "Timestream", OPT_IN_REGIONS),
    (
        "AWS::FSx::Volume",
        "FSx for ONTAP",
        &["ap-southeast-6", "cn-north-1", "cn-northwest-1"],
    ),
];

/// Returns the name of a resource's type if AWS Backup does not copy it to another account in a Region.
#[must_use]
pub fn find_uncopied_type(resource: Resource<'_>, region: &str) -> Option<&'static str> {
    let row = type_of(resource)?;
    let mut types = TYPES.iter();
    let uncopied =
        types.find(|(aws_type, _, regions)| *aws_type == row.aws_type && regions.contains(&region));
    match uncopied {
        Some((_, name, _)) => Some(name),
        None => REGIONS_WITHOUT_COPIES.contains(&region).then_some(row.name),
    }
}

/// Whether AWS Backup does not copy a resource's type to another account in some Region of its partition.
#[must_use]
pub fn is_uncopied_somewhere(resource: Resource<'_>) -> bool {
    let arn = resource.arn_and_id().and_then(|(arn, _)| Arn::parse(arn));
    let (Some(row), Some(arn)) = (type_of(resource), arn) else {
        return false;
    };
    let of_type = TYPES
        .iter()
        .filter(|(aws_type, ..)| *aws_type == row.aws_type);
    let mut regions = of_type
        .flat_map(|(.., regions)| *regions)
        .chain(REGIONS_WITHOUT_COPIES);
    regions.any(|region| partition_of(region) == arn.partition)
}
