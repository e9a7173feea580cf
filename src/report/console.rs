//! Hyperlinks of a terminal: resources in the AWS console, and rules in the documentation.

use std::collections::BTreeMap;

use super::digest::names::service_name;
use super::{Report, ResourceLine};
use crate::model::ResourceKind;
use crate::rules;

/// Pages of the console by type; `{region}`, `{id}` and `{arn}` are replaced.
#[rustfmt::skip]
const PAGES: [(ResourceKind, &str); 13] = [
    (ResourceKind::S3Bucket, "s3/buckets/{id}?region={region}"),
    (ResourceKind::Ec2Instance, "ec2/home?region={region}#InstanceDetails:instanceId={id}"),
    (ResourceKind::EbsVolume, "ec2/home?region={region}#VolumeDetails:volumeId={id}"),
    (ResourceKind::RdsInstance, "rds/home?region={region}#database:id={id};is-cluster=false"),
    (ResourceKind::RdsCluster, "rds/home?region={region}#database:id={id};is-cluster=true"),
    (ResourceKind::AuroraCluster, "rds/home?region={region}#database:id={id};is-cluster=true"),
    (ResourceKind::DynamodbTable, "dynamodbv2/home?region={region}#table?name={id}"),
    (ResourceKind::EfsFileSystem, "efs/home?region={region}#/file-systems/{id}"),
    (ResourceKind::FsxFileSystem, "fsx/home?region={region}#file-system-details/{id}"),
    (ResourceKind::RedshiftCluster, "redshiftv2/home?region={region}#cluster-details?cluster={id}"),
    (ResourceKind::CloudformationStack, "cloudformation/home?region={region}#/stacks/stackinfo?stackId={arn}"),
    (ResourceKind::Vpc, "vpcconsole/home?region={region}#VpcDetails:VpcId={id}"),
    (ResourceKind::BackupVault, "backup/home?region={region}#/backupvaults/details/{id}"),
];

/// The addresses of the resources and rules that a report names.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The service and the address of each resource, by id; no address if several resources have the id.
    resources: BTreeMap<String, (&'static str, Option<String>)>,
}

impl Links {
    pub(super) fn of_report(report: &Report) -> Self {
        let mut resources = BTreeMap::new();
        for line in &report.resources {
            let link = (service_name(line.kind), console_url(line));
            resources
                .entry(line.id.clone())
                .and_modify(|known: &mut (&str, Option<String>)| known.1 = None)
                .or_insert(link);
        }
        Links { resources }
    }

    /// Returns the address of what a word names, after another word.
    ///
    /// The id of a bucket may be any word, so one that looks like a word is a link only after its service.
    pub(super) fn find_url(&self, word: &str, previous: &str) -> Option<String> {
        if let Some(rule) = rules::find(word) {
            return Some(rule.help_uri());
        }
        let (service, url) = self.resources.get(word)?;
        let is_word = word.bytes().all(|byte| byte.is_ascii_alphabetic());
        url.clone().filter(|_| !is_word || previous == *service)
    }
}

/// Returns the address of a resource in the console; `None` for a planned one and for other partitions.
fn console_url(line: &ResourceLine) -> Option<String> {
    let (_, page) = PAGES.iter().find(|(kind, _)| *kind == line.kind)?;
    if !line.arn.starts_with("arn:aws:") || line.account_id.is_none() {
        return None;
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    let region = &line.region;
    if ![region, &line.id, &line.arn]
        .iter()
        .all(|it| it.chars().all(is_plain))
    {
        return None;
    }
    let page = page
        .replace("{region}", region)
        .replace("{arn}", &line.arn)
        .replace("{id}", &line.id);
    Some(format!("https://{region}.console.aws.amazon.com/{page}"))
}
