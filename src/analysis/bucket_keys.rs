//! The keys with which AWS Backup decrypts objects, where IAM decides whether the backup role may use them.

use std::collections::BTreeSet;

use crate::iam::document::{Document, Effect, Principal, Select, Statement};
use crate::model::observed::Gap;
use crate::model::{Observed, Resource};

use super::RuleContext;
use super::backup_plans::is_failure;
use super::backup_types::{Need, SOURCE};
use super::backup_usage::TypeInUse;
use super::encryption::managed;

/// What the backup of an object needs on its key. Without it the job succeeds, and the object is not backed up.
///
/// Sources: <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>,
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html>. Checked 2026-11-30.
pub const DECRYPT: Need = Need {
    action: "kms:Decrypt",
    on: &[SOURCE],
    is_required: true,
};

/// Returns the customer managed keys of this account that encrypt buckets in use, those of stacks included, and whose
/// policies leave it to IAM whether the role may use them.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
#[must_use]
pub fn list_delegating_keys<'a>(
    cx: &RuleContext<'a>,
    used: &TypeInUse<'_>,
    role_arn: &str,
) -> BTreeSet<&'a str> {
    let buckets = cx.snapshot.buckets.items.iter();
    let named = buckets.filter(|it| used.arns.contains(&it.arn) || used.members.contains(&it.arn));
    let keys = named.filter_map(|it| managed(Resource::Bucket(it)).ok().flatten());
    keys.filter(|arn| delegates(cx, arn, role_arn)).collect()
}

/// Returns why there may be more such keys: a bucket, its encryption or its key was not read.
#[must_use]
pub fn find_unread_key(cx: &RuleContext<'_>, used: &TypeInUse<'_>) -> Option<Gap> {
    let buckets = &cx.snapshot.buckets;
    let mut gaps: Vec<Gap> = buckets.gap.iter().chain(&used.gap).cloned().collect();
    gaps.extend(used.unread.iter().map(|(_, gap)| gap.clone()));
    for bucket in &buckets.items {
        gaps.extend(bucket.region.gap().cloned());
        if !used.arns.contains(&bucket.arn) && !used.members.contains(&bucket.arn) {
            continue;
        }
        match managed(Resource::Bucket(bucket)) {
            Err(gap) => gaps.push(gap),
            Ok(name) => {
                let key = name.and_then(|name| cx.snapshot.keys.get(name));
                gaps.extend(
                    key.and_then(|key| key.metadata.gap().or(key.policy.gap()))
                        .cloned(),
                );
            }
        }
    }
    gaps.into_iter().find(is_failure)
}

fn delegates(cx: &RuleContext<'_>, key_arn: &str, role_arn: &str) -> bool {
    let Some(key) = cx.snapshot.keys.get(key_arn) else {
        return false;
    };
    let metadata = key.metadata.known().and_then(Option::as_ref);
    let is_customer = metadata.is_some_and(|it| it.manager == "CUSTOMER");
    let document = match &key.policy {
        Observed::Known(text) if is_customer => Document::parse(text).ok(),
        _ => None,
    };
    let names_role = |statement: &Statement| match &statement.principal {
        Select::Only(principals) => principals.iter().any(|it| match it {
            Principal::Everyone => true,
            Principal::Aws(name) => name == role_arn,
            _ => false,
        }),
        Select::Except(_) | Select::Missing => true,
    };
    document.is_some_and(|document| {
        let mut allows = document
            .statements
            .iter()
            .filter(|it| it.effect == Effect::Allow);
        !allows.any(names_role)
    })
}
