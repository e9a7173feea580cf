//! One client per service and region.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{Region, SdkConfig};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_types::service_config::ServiceConfigKey;

use super::meter::{Counter, Meter};
use super::retry::LimitFailures;
use super::truncation::CheckBody;

/// The clients of an account, each made when it is first used.
#[derive(Debug)]
pub struct Clients {
    config: SdkConfig,
    account: String,
    meter: Arc<Meter>,
    path_style: bool,
    cached: CachedClients,
}

#[derive(Debug, Default)]
struct CachedClients {
    backup: Cache<aws_sdk_backup::Client>,
    cloudformation: Cache<aws_sdk_cloudformation::Client>,
    cloudwatch: Cache<aws_sdk_cloudwatch::Client>,
    dynamodb: Cache<aws_sdk_dynamodb::Client>,
    ec2: Cache<aws_sdk_ec2::Client>,
    efs: Cache<aws_sdk_efs::Client>,
    fsx: Cache<aws_sdk_fsx::Client>,
    iam: Cache<aws_sdk_iam::Client>,
    kms: Cache<aws_sdk_kms::Client>,
    organizations: Cache<aws_sdk_organizations::Client>,
    rds: Cache<aws_sdk_rds::Client>,
    redshift: Cache<aws_sdk_redshift::Client>,
    redshift_serverless: Cache<aws_sdk_redshiftserverless::Client>,
    s3: Cache<aws_sdk_s3::Client>,
    storage_gateway: Cache<aws_sdk_storagegateway::Client>,
    tagging: Cache<aws_sdk_resourcegroupstagging::Client>,
}

type Cache<C> = Mutex<BTreeMap<String, C>>;

macro_rules! client {
    ($name:ident, $krate:ident, $doc:literal) => {
        #[doc = $doc]
        #[must_use]
        pub fn $name(&self, region: &str) -> $krate::Client {
            self.cached_client(&self.cached.$name, region, |config, counter| {
                let builder = $krate::config::Builder::from(config)
                    .interceptor(counter)
                    .interceptor(CheckBody)
                    .retry_classifier(LimitFailures)
                    .retry_partition(make_retry_partition(
                        stringify!($name),
                        &self.account,
                        region,
                    ));
                $krate::Client::from_conf(builder.build())
            })
        }
    };
}

impl Clients {
    /// Returns the clients of an account, which `meter` counts the calls of.
    pub(super) fn new(config: SdkConfig, account: String, meter: Arc<Meter>) -> Self {
        Clients {
            path_style: has_own_s3_endpoint(&config),
            config,
            account,
            meter,
            cached: CachedClients::default(),
        }
    }

    client!(
        backup,
        aws_sdk_backup,
        "Returns the AWS Backup client of a region."
    );
    client!(
        cloudformation,
        aws_sdk_cloudformation,
        "Returns the CloudFormation client of a region."
    );
    client!(
        cloudwatch,
        aws_sdk_cloudwatch,
        "Returns the CloudWatch client of a region."
    );
    client!(
        dynamodb,
        aws_sdk_dynamodb,
        "Returns the DynamoDB client of a region."
    );
    client!(ec2, aws_sdk_ec2, "Returns the EC2 client of a region.");
    client!(efs, aws_sdk_efs, "Returns the EFS client of a region.");
    client!(fsx, aws_sdk_fsx, "Returns the FSx client of a region.");
    client!(
        iam,
        aws_sdk_iam,
        "Returns the IAM client of a region's partition."
    );
    client!(kms, aws_sdk_kms, "Returns the KMS client of a region.");
    client!(
        organizations,
        aws_sdk_organizations,
        "Returns the Organizations client of a region's partition."
    );
    client!(rds, aws_sdk_rds, "Returns the RDS client of a region.");
    client!(
        redshift,
        aws_sdk_redshift,
        "Returns the Redshift client of a region."
    );
    client!(
        redshift_serverless,
        aws_sdk_redshiftserverless,
        "Returns the Redshift Serverless client of a region."
    );
    client!(
        storage_gateway,
        aws_sdk_storagegateway,
        "Returns the Storage Gateway client of a region."
    );
    client!(
        tagging,
        aws_sdk_resourcegroupstagging,
        "Returns the client of the Resource Groups Tagging API of a region."
    );

    /// Returns an S3 client of a region for objects: an empty response to one is complete.
    #[must_use]
    pub fn s3_objects(&self, region: &str) -> aws_sdk_s3::Client {
        let config = self.config.clone().into_builder();
        let config = config.region(Region::new(region.to_owned())).build();
        let mut builder = aws_sdk_s3::config::Builder::from(&config)
            .interceptor(Counter {
                meter: Arc::clone(&self.meter),
                region: region.to_owned(),
            })
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build())
            .retry_classifier(LimitFailures)
            .retry_partition(make_retry_partition("s3-objects", &self.account, region));
        if self.path_style {
            builder = builder.force_path_style(true);
        }
        aws_sdk_s3::Client::from_conf(builder.build())
    }

    /// Returns the S3 client of a region.
    #[must_use]
    pub fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        self.cached_client(&self.cached.s3, region, |config, counter| {
            let mut builder = aws_sdk_s3::config::Builder::from(config)
                .interceptor(counter)
                .interceptor(CheckBody)
                .retry_classifier(LimitFailures)
                .retry_partition(make_retry_partition("s3", &self.account, region));
            if self.path_style {
                builder = builder.force_path_style(true);
            }
            aws_sdk_s3::Client::from_conf(builder.build())
        })
    }

    fn cached_client<C: Clone>(
        &self,
        cache: &Cache<C>,
        region: &str,
        make: impl FnOnce(&SdkConfig, Counter) -> C,
    ) -> C {
        let mut clients = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.to_owned()).or_insert_with(|| {
            let config = self
                .config
                .clone()
                .into_builder()
                .region(Region::new(region.to_owned()))
                .build();
            let counter = Counter {
                meter: Arc::clone(&self.meter),
                region: region.to_owned(),
            };
            make(&config, counter)
        });
        client.clone()
    }
}

/// Returns the partition of retries of a client: throttling in one account, service or region slows no
/// other. The number of attempts bounds the retries; the SDK's quota, which all clients of the process
/// share, would make throttled calls fail.
pub(super) fn make_retry_partition(service: &str, account: &str, region: &str) -> RetryPartition {
    RetryPartition::custom(format!("{service}-{account}-{region}"))
        .token_bucket(TokenBucket::unlimited())
        .build()
}

// Emulators, proxies and VPC endpoints do not resolve a host name for each bucket.
fn has_own_s3_endpoint(config: &SdkConfig) -> bool {
    let own = || {
        let key = ServiceConfigKey::builder()
            .service_id("S3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        config.service_config()?.load_config(key)
    };
    config.endpoint_url().is_some() || own().is_some()
}
