//! Amazon Resource Names.

use std::fmt;

/// A parsed ARN: `arn:partition:service:region:account:resource`.
///
/// The resource part keeps its own colons and slashes.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'a str,
    /// The service's namespace, as in IAM actions.
    pub service: &'a str,
    /// Empty for global resources and for S3 buckets.
    pub region: &'a str,
    /// Twelve digits; empty for S3 buckets.
    pub account: &'a str,
    /// Everything after the fifth colon.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Reads an ARN; `None` where the text is not one.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("arn:")?;
        let mut colons = rest.bytes().enumerate().filter(|(_, byte)| *byte == b':');
        let mut next = || colons.next().map(|(at, _)| at);
        let (first, second, third, fourth) = (next()?, next()?, next()?, next()?);
        let arn = Arn {
            partition: &rest[..first],
            service: &rest[first + 1..second],
            region: &rest[second + 1..third],
            account: &rest[third + 1..fourth],
            resource: &rest[fourth + 1..],
        };
        let sound =
            !arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty();
        sound.then_some(arn)
    }

    /// The resource part without its type: `1234` of `key/1234`, `web` of `db:web`.
    #[must_use]
    pub fn resource_id(&self) -> &'a str {
        self.resource
            .split_once(['/', ':'])
            .map_or(self.resource, |(_, id)| id)
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "arn:{}:{}:{}:{}:{}",
            self.partition, self.service, self.region, self.account, self.resource
        )
    }
}

/// Whether the text is an AWS account id: twelve digits.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns the partition of a region; `aws` where the region is not known.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>, and for the isolated Regions the partitions
/// of the AWS SDK for Rust. Checked 2026-12-01.
#[must_use]
pub fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_parts() {
        let arn = Arn::parse("arn:aws:rds:eu-west-1:111122223333:db:web").unwrap();
        assert_eq!(
            (arn.service, arn.region, arn.account),
            ("rds", "eu-west-1", "111122223333")
        );
        assert_eq!((arn.resource, arn.resource_id()), ("db:web", "web"));
        let bucket = Arn::parse("arn:aws:s3:::logs").unwrap();
        assert_eq!(
            (bucket.region, bucket.account, bucket.resource_id()),
            ("", "", "logs")
        );
    }

    #[test]
    fn refuses_what_is_not_an_arn() {
        for text in [
            "",
            "arn",
            "arn:aws:s3:::",
            "1234abcd",
            "alias/aws/ebs",
            "arn:aws:kms:eu-west-1:1",
        ] {
            assert_eq!(Arn::parse(text), None, "{text:?}");
        }
    }
}
