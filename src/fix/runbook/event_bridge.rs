//! Runbook for the EventBridge notifications of a bucket.

use crate::fix::change::Step;
use crate::fix::shell::quote;

/// Returns the steps that turn on EventBridge and keep the other targets of a bucket.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html#s3-eventbridge-enable>.
pub(crate) fn enable_event_bridge(bucket: &str, region: &str) -> Vec<Step> {
    let (region, bucket) = (quote(region), quote(bucket));
    vec![
        Step::note(
            "The call replaces the notification configuration. The commands read it first and keep its topics, queues and functions; do not change it in between.",
        ),
        Step::run(
            format!(
                "aws s3api get-bucket-notification-configuration --region {region} --bucket {bucket} --query 'merge(@, {{EventBridgeConfiguration: `{{}}`}})' --output json > notifications.json"
            ),
            &["s3:GetBucketNotification"],
        ),
        Step::run(
            format!(
                "aws s3api put-bucket-notification-configuration --region {region} --bucket {bucket} --notification-configuration file://notifications.json"
            ),
            &["s3:PutBucketNotification"],
        ),
    ]
}
