//! Sizes that only CloudWatch has: of buckets, and of Aurora, DocumentDB and Neptune clusters. AWS bills each metric,
//! so they are read only if they are asked for.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{
    Dimension, MessageData, Metric as SdkMetric, MetricDataQuery, MetricDataResult, MetricStat,
    ScanBy, StatusCode,
};
use aws_smithy_types::DateTime;
use futures_util::future::join_all;

use crate::model::observed::{Gap, GapKind, Observed};
use crate::model::rds::DbCluster;
use crate::model::s3::Bucket;
use crate::model::size::{Basis, Size};
use crate::model::snapshot::Region;
use crate::model::{Resource, ResourceKind};

use super::call::ServiceCalls;
use super::operation::{Operation, ResponseText, SHARED};
use super::reader::{AccountReader, RegionReader};

const GET_METRIC_DATA: Operation = Operation::new("cloudwatch:GetMetricData");

/// API operations used to read sizes.
pub const OPERATIONS: &[Operation] = &[GET_METRIC_DATA];

/// The number of metrics in one call:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>.
const MAX_METRICS: usize = 500;

/// A day in seconds, over which values are averaged.
const PERIOD: i32 = 24 * 60 * 60;
/// The days before today of which values are read: S3 writes one a day, and not at once.
const DAYS: i64 = 3;

/// The storage classes of objects that AWS Backup backs up, as dimension `StorageType`. Archived objects are skipped, and
/// overheads are no data.
///
/// Sources, looked up on November 29, 2026:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html>,
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html>.
const STORAGE_TYPES: [&str; 8] = [
    "StandardStorage",
    "IntelligentTieringFAStorage",
    "IntelligentTieringIAStorage",
    "IntelligentTieringAIAStorage",
    "StandardIAStorage",
    "OneZoneIAStorage",
    "ReducedRedundancyStorage",
    "GlacierInstantRetrievalStorage",
];

/// The metrics of a bucket: its bytes by storage class, and its objects.
const METRICS_OF_BUCKET: usize = STORAGE_TYPES.len() + 1;

/// A metric, of which the newest daily average is read.
#[derive(Debug)]
struct Metric<'a> {
    namespace: &'static str,
    name: &'static str,
    dimensions: Vec<(&'static str, &'a str)>,
}

/// The newest value of a metric; `None` where CloudWatch has none of the last days.
type Newest = Result<Option<f64>, Gap>;

/// Reads the sizes of buckets, and of clusters that grow by themselves.
pub async fn read_sizes(
    account: &AccountReader<'_>,
    regions: &mut BTreeMap<String, Region>,
    buckets: &mut [Bucket],
) {
    let readings = regions.iter_mut().map(|(name, region)| {
        let of_region = buckets.iter().filter(|it| it.region.known() == Some(name));
        let of_region: Vec<&Bucket> = of_region.collect();
        let metrics_of_buckets = of_region.iter().flat_map(|it| list_bucket_metrics(&it.id));
        let metrics: Vec<Metric<'_>> = metrics_of_buckets.collect();
        async move {
            let reader = &account.in_region(name, account.scope);
            let values = read_metrics(reader, &metrics).await;
            let ids = of_region.iter().map(|it| it.id.clone());
            let sizes: Vec<_> = ids
                .zip(values.chunks(METRICS_OF_BUCKET).map(summarize_bucket))
                .collect();
            read_cluster_sizes(reader, &mut region.db_clusters.items).await;
            sizes
        }
    });
    let readings: Vec<_> = join_all(readings).await;
    let mut sizes: BTreeMap<String, _> = readings.into_iter().flatten().collect();
    for bucket in buckets {
        if let Some((size, objects)) = sizes.remove(&bucket.id) {
            (bucket.size, bucket.objects) = (size, objects);
        }
    }
}

fn list_bucket_metrics(bucket: &str) -> Vec<Metric<'_>> {
    let metric = |name: &'static str, storage_type: &'static str| Metric {
        namespace: "AWS/S3",
        name,
        dimensions: vec![("BucketName", bucket), ("StorageType", storage_type)],
    };
    let sizes = STORAGE_TYPES.map(|it| metric("BucketSizeBytes", it));
    let objects = metric("NumberOfObjects", "AllStorageTypes");
    sizes.into_iter().chain([objects]).collect()
}

/// Returns the size and the number of objects of a bucket. A class without a value has no objects, but a bucket without
/// any value is not known to be empty. The newest value of a class counts, also where another class has a newer one.
fn summarize_bucket(values: &[Newest]) -> (Observed<Size>, Observed<u64>) {
    let (objects, sizes) = match values.split_last() {
        Some((objects, sizes)) => (objects.clone(), sizes),
        None => (Ok(None), values),
    };
    let sizes: Result<Vec<Option<f64>>, Gap> = sizes.iter().cloned().collect();
    let size = sizes.and_then(|sizes| {
        let known = sizes.into_iter().flatten().map(to_bytes);
        let known: Vec<u64> = known.collect::<Result<_, Gap>>()?;
        match known.is_empty() {
            true => Err(no_value("the bucket is empty or new")),
            false => Ok(known.into_iter().fold(0, u64::saturating_add)),
        }
    });
    let objects = objects.and_then(|value| {
        let value = value.ok_or_else(|| no_value("the bucket is empty or new"))?;
        to_bytes(value)
    });
    (size.map(measured).into(), objects.into())
}

/// Returns the namespace in which a cluster has its size. That of a Multi-AZ DB cluster is known from RDS.
///
/// Sources, looked up on November 29, 2026:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html>,
/// <https://docs.aws.amazon.com/documentdb/latest/developerguide/cloud_watch.html>,
/// <https://docs.aws.amazon.com/neptune/latest/userguide/cw-metrics.html>.
fn namespace_of(cluster: &DbCluster) -> Option<&'static str> {
    match Resource::DbCluster(cluster).kind() {
        ResourceKind::AuroraCluster => Some("AWS/RDS"),
        ResourceKind::DocumentdbCluster => Some("AWS/DocDB"),
        ResourceKind::NeptuneCluster => Some("AWS/Neptune"),
        _ => None,
    }
}

async fn read_cluster_sizes(reader: &RegionReader<'_>, clusters: &mut [DbCluster]) {
    let measured_clusters = clusters
        .iter()
        .filter_map(|it| Some((it, namespace_of(it)?)));
    let metrics = measured_clusters.map(|(cluster, namespace)| Metric {
        namespace,
        name: "VolumeBytesUsed",
        dimensions: vec![("DBClusterIdentifier", &cluster.id)],
    });
    let metrics: Vec<Metric<'_>> = metrics.collect();
    let values = read_metrics(reader, &metrics).await;
    let of_metrics = clusters.iter_mut().filter(|it| namespace_of(it).is_some());
    for (cluster, value) in of_metrics.zip(values) {
        let bytes = value.and_then(|it| match it {
            Some(value) => to_bytes(value),
            None => Err(no_value("the cluster is stopped or new")),
        });
        cluster.size = bytes.map(measured).into();
    }
}

fn measured(bytes: u64) -> Size {
    let basis = Basis::Measured;
    Size { bytes, basis }
}

fn no_value(why: &str) -> Gap {
    let message = format!("CloudWatch has no value of the last {DAYS} days: {why}");
    GET_METRIC_DATA.make_gap(GapKind::Error, "NoData", message)
}

fn to_bytes(value: f64) -> Result<u64, Gap> {
    /// Up to here, each integer has its own value.
    const MOST: f64 = 9_007_199_254_740_992.0;
    if !(0.0..=MOST).contains(&value) {
        let message = format!("CloudWatch returned {value} as a size");
        return Err(Gap::new(GapKind::Unreadable, message));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is within the range"
    )]
    Ok(value.round() as u64)
}

/// Returns the newest value of each metric, in their order.
async fn read_metrics(reader: &RegionReader<'_>, metrics: &[Metric<'_>]) -> Vec<Newest> {
    if metrics.is_empty() {
        return Vec::new();
    }
    let calls = &reader.begin_service(SHARED);
    let chunks = metrics.chunks(MAX_METRICS);
    let read = join_all(chunks.map(|chunk| read_chunk(reader, calls, chunk))).await;
    read.into_iter().flatten().collect()
}

async fn read_chunk(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    metrics: &[Metric<'_>],
) -> Vec<Newest> {
    let (now, day) = (reader.now.as_second(), i64::from(PERIOD));
    let today = now - now.rem_euclid(day);
    let queries = metrics.iter().enumerate();
    let queries = queries.map(|(at, metric)| make_query(&id_of(at), metric));
    let pages = reader
        .session
        .clients
        .cloudwatch(reader.region)
        .get_metric_data()
        .set_metric_data_queries(Some(queries.collect()))
        .start_time(DateTime::from_secs(today - DAYS * day))
        .end_time(DateTime::from_secs(today + day))
        .scan_by(ScanBy::TimestampDescending)
        .into_paginator()
        .send();
    let mut answers = Answers::default();
    let gap = calls
        .visit_items(
            GET_METRIC_DATA,
            pages,
            |page| {
                let messages = page.messages.unwrap_or_default().into_iter();
                let messages = messages.map(|it| Some(Part::Message(it)));
                let results = page.metric_data_results?.into_iter();
                let results = results.map(|it| Some(Part::Result(it.id.clone().filled()?, it)));
                Some(messages.chain(results).collect())
            },
            |part| answers.add_part(part),
        )
        .await;
    let gap = gap.or(answers.gap.take());
    let ids = (0..metrics.len()).map(id_of);
    ids.map(|id| answers.newest_of(&id, gap.as_ref())).collect()
}

/// Returns the name of a metric in a call, which must begin with a letter.
fn id_of(at: usize) -> String {
    format!("m{at}")
}

fn make_query(id: &str, metric: &Metric<'_>) -> MetricDataQuery {
    let dimensions = metric
        .dimensions
        .iter()
        .map(|(name, value)| Dimension::builder().name(*name).value(*value).build());
    let of_service = SdkMetric::builder()
        .namespace(metric.namespace)
        .metric_name(metric.name)
        .set_dimensions(Some(dimensions.collect()))
        .build();
    let stat = MetricStat::builder()
        .metric(of_service)
        .stat("Average")
        .period(PERIOD)
        .build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

/// A part of a response.
enum Part {
    /// About the call, and not one metric of it.
    Message(MessageData),
    /// The values of a metric by its name in the call.
    Result(String, MetricDataResult),
}

/// What the pages of a call say about its metrics.
#[derive(Debug, Default)]
struct Answers {
    by_id: BTreeMap<String, Answer>,
    /// Why the call may not have read every metric.
    gap: Option<Gap>,
}

/// What is known of a metric so far.
#[derive(Debug, Default)]
struct Answer {
    /// The time and the value.
    newest: Option<(i64, f64)>,
    /// That of the last page.
    status: Option<StatusCode>,
    message: Option<String>,
    /// Whether values and times do not fit together.
    is_uneven: bool,
}

impl Answers {
    fn add_part(&mut self, part: Part) {
        let (id, result) = match part {
            Part::Message(message) => {
                let text = describe_message(&message);
                let gap = GET_METRIC_DATA.make_gap(GapKind::Error, "Message", text);
                self.gap.get_or_insert(gap);
                return;
            }
            Part::Result(id, result) => (id, result),
        };
        let answer = self.by_id.entry(id).or_default();
        answer.is_uneven |= result.timestamps().len() != result.values().len();
        let times = result.timestamps().iter().map(DateTime::secs);
        for (time, value) in times.zip(result.values().iter().copied()) {
            if answer.newest.is_none_or(|(newest, _)| newest < time) {
                answer.newest = Some((time, value));
            }
        }
        if let Some(message) = result.messages().first() {
            answer.message = Some(describe_message(message));
        }
        answer.status = result.status_code;
    }

    /// Returns the newest value of a metric, if the call returned all of its values.
    fn newest_of(&self, id: &str, gap: Option<&Gap>) -> Newest {
        if let Some(gap) = gap {
            return Err(gap.clone());
        }
        let incomplete =
            |kind, code: &str, message: &str| Err(GET_METRIC_DATA.make_gap(kind, code, message));
        let Some(answer) = self.by_id.get(id) else {
            return incomplete(GapKind::Error, "UnreadableAnswer", "a metric is missing");
        };
        let message = answer.message.as_deref().unwrap_or_default();
        match &answer.status {
            Some(StatusCode::Complete) if answer.is_uneven => {
                let message = "a value has no time, or a time no value";
                incomplete(GapKind::Error, "UnreadableAnswer", message)
            }
            Some(StatusCode::Complete) => Ok(answer.newest.map(|(_, value)| value)),
            Some(StatusCode::Forbidden) => incomplete(GapKind::Denied, "Forbidden", message),
            Some(status) => incomplete(GapKind::Error, status.as_str(), message),
            None => incomplete(GapKind::Error, "UnreadableAnswer", "a metric has no status"),
        }
    }
}

fn describe_message(message: &MessageData) -> String {
    let parts = [message.code(), message.value()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}
