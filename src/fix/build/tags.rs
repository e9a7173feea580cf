//! Changes of tags.

use crate::analysis::Remedy;
use crate::fix::cause::Draft;
use crate::fix::change::{Action, Change, MAX_TAGGED_ARNS};
use crate::fix::runbook::tag;
use crate::model::arn::Arn;
use crate::model::tag::ENABLED;

/// Sets a tag on resources.
pub(super) fn set_tag(region: &str, key: &str, value: &str, draft: Draft) -> Change {
    let arns = draft.collect(|remedy| match remedy {
        Remedy::SetTag { arn, .. } => Some(arn.clone()),
        _ => None,
    });
    let actions = arns.chunks(MAX_TAGGED_ARNS).map(|arns| Action::Tag {
        arns: arns.to_vec(),
        region: region.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
    });
    let actions = actions.collect();
    let warnings: &[&str] = match value {
        ENABLED => &["AWS Backup backs up these resources from the next run of the backup plan."],
        _ => &[],
    };
    let title = format!("Set the tag {key}={value} in {region}");
    let change = draft.in_place(title, actions, warnings);
    with_tagging_permissions(change, &arns, |service| service.set)
}

/// Removes a tag from resources.
pub(super) fn remove_tag(region: &str, key: &str, draft: Draft) -> Change {
    let arns = draft.collect(|remedy| match remedy {
        Remedy::RemoveTag { arn, .. } => Some(arn.clone()),
        _ => None,
    });
    let actions = arns.chunks(MAX_TAGGED_ARNS).map(|arns| Action::Untag {
        arns: arns.to_vec(),
        region: region.to_owned(),
        key: key.to_owned(),
    });
    let actions = actions.collect();
    let title = format!("Remove the tag {key:?} in {region}");
    let change = draft.in_place(title, actions, &[]);
    with_tagging_permissions(change, &arns, |service| service.remove)
}

/// Lists the resources whose backup tag needs a decision.
pub(super) fn choose_backup_tags(rule: &str, region: &str, tag_key: &str, draft: Draft) -> Change {
    let arns = draft.collect(|remedy| match remedy {
        Remedy::ChooseBackupTag { arn } => Some(arn.clone()),
        _ => None,
    });
    let steps = tag::choose_backup_tags(&arns, tag_key, region, &draft.advice());
    draft.by_hand(format!("Decide on backup tags: {rule} in {region}"), steps)
}

/// The permissions to change the tags of one service's resources.
struct TaggingPermissions {
    /// The service, as in an ARN.
    service: &'static str,
    /// To set a tag.
    set: &'static [&'static str],
    /// To remove a tag.
    remove: &'static [&'static str],
}

/// What the tagging API needs besides its own permission.
///
/// Source: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>.
const TAGGING_PERMISSIONS: [TaggingPermissions; 11] = [
    TaggingPermissions {
        service: "dynamodb",
        set: &["dynamodb:TagResource"],
        remove: &["dynamodb:UntagResource"],
    },
    TaggingPermissions {
        service: "ec2",
        set: &["ec2:CreateTags"],
        remove: &["ec2:DeleteTags"],
    },
    TaggingPermissions {
        service: "elasticfilesystem",
        set: &["elasticfilesystem:TagResource"],
        remove: &["elasticfilesystem:UntagResource"],
    },
    TaggingPermissions {
        service: "fsx",
        set: &["fsx:TagResource"],
        remove: &["fsx:UntagResource"],
    },
    TaggingPermissions {
        service: "rds",
        set: &["rds:AddTagsToResource"],
        remove: &["rds:RemoveTagsFromResource"],
    },
    TaggingPermissions {
        service: "redshift",
        set: &["redshift:CreateTags"],
        remove: &["redshift:DeleteTags"],
    },
    TaggingPermissions {
        service: "redshift-serverless",
        set: &["redshift-serverless:TagResource"],
        remove: &["redshift-serverless:UntagResource"],
    },
    TaggingPermissions {
        service: "s3",
        set: &["s3:GetBucketTagging", "s3:PutBucketTagging"],
        remove: &["s3:GetBucketTagging", "s3:PutBucketTagging"],
    },
    TaggingPermissions {
        service: "secretsmanager",
        set: &["secretsmanager:TagResource"],
        remove: &["secretsmanager:UntagResource"],
    },
    TaggingPermissions {
        service: "ssm",
        set: &["ssm:AddTagsToResource"],
        remove: &["ssm:RemoveTagsFromResource"],
    },
    TaggingPermissions {
        service: "storagegateway",
        set: &["storagegateway:AddTagsToResource"],
        remove: &["storagegateway:RemoveTagsFromResource"],
    },
];

/// Adds the permissions of the services whose resources are tagged.
fn with_tagging_permissions(
    mut change: Change,
    arns: &[String],
    permissions: fn(&TaggingPermissions) -> &'static [&'static str],
) -> Change {
    for arn in arns {
        let service = Arn::parse(arn).map_or("", |arn| arn.service);
        let known = TAGGING_PERMISSIONS.iter().find(|it| it.service == service);
        change
            .permissions
            .extend(known.into_iter().flat_map(permissions));
    }
    change
}
