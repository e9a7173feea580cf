//! Credentials as the AWS CLI finds them, who they are, and one client per service and region.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::service_config::ServiceConfigKey;
use thiserror::Error;

use crate::model::arn::Arn;

use super::error::innermost;
use super::meter::{Counter, Meter};
use super::truncation::Whole;

/// How to reach AWS, as the command line says it.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `--profile`
    pub profile: Option<String>,
    /// `--role-arn`: a role to assume first.
    pub role_arn: Option<String>,
    /// `--external-id`, for the role.
    pub external_id: Option<String>,
    /// `--endpoint-url`, for every service.
    pub endpoint_url: Option<String>,
    /// Whether the environment says how often to try, so that it is not for the scan to say.
    pub own_retries: bool,
}

/// Why AWS could not be reached at all.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No credentials.
    #[error(
        "no usable AWS credentials: tried {tried}; {reason}. `aws sts get-caller-identity` tells whether the AWS CLI has some"
    )]
    NoCredentials {
        /// Where they were looked for.
        tried: String,
        /// What came of it.
        reason: String,
    },
    /// AWS refuses the credentials.
    #[error("AWS refuses these credentials: {code}: {message}")]
    Refused {
        /// AWS's error code.
        code: String,
        /// What AWS said.
        message: String,
    },
    /// The role cannot be assumed.
    #[error("cannot assume {role}: {reason}")]
    Role {
        /// The role's ARN.
        role: String,
        /// What came of it.
        reason: String,
    },
    /// STS does not answer.
    #[error("AWS STS does not answer in {region}: {reason}")]
    Unreachable {
        /// The region that was asked.
        region: String,
        /// What came of it.
        reason: String,
    },
    /// STS answered without the account.
    #[error("AWS STS did not say whose credentials these are")]
    NoIdentity,
}

/// Credentials with their identity, and the clients made from them.
#[derive(Debug)]
pub struct Session {
    /// The account that is scanned.
    pub account: String,
    /// Its partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// Who the scan runs as.
    pub caller_arn: String,
    /// The region of calls that are not about one.
    pub home: String,
    config: SdkConfig,
    path_style: bool,
    meter: Arc<Meter>,
    clients: Clients,
}

#[derive(Debug, Default)]
struct Clients {
    backup: Cache<aws_sdk_backup::Client>,
    cloudformation: Cache<aws_sdk_cloudformation::Client>,
    dynamodb: Cache<aws_sdk_dynamodb::Client>,
    ec2: Cache<aws_sdk_ec2::Client>,
    efs: Cache<aws_sdk_efs::Client>,
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

/// The SDK makes 3 attempts, too few for a scan that is one of many in a busy account.
const ATTEMPTS: u32 = 8;
/// One attempt that takes longer is as good as lost.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// An operation with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(150);
/// The SDK allows 5 seconds, too few for a process of a profile that asks a person.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(120);
/// Where STS is asked when nothing says otherwise.
const HOME_REGION: &str = "us-east-1";

/// Finds credentials, assumes the role if there is one, and asks STS whose they are.
///
/// # Errors
/// Why there is nobody to scan as.
pub async fn connect(access: &Access, meter: Arc<Meter>) -> Result<Session, ConnectError> {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT);
    let identities = IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts.build())
        .identity_cache(identities.build());
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &access.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let loaded = loader.load().await;
    let home = loaded
        .region()
        .map_or_else(|| HOME_REGION.to_owned(), ToString::to_string);
    // What the environment or the profile says goes over ours.
    let untouched = !access.own_retries
        && loaded
            .retry_config()
            .is_none_or(|set| *set == RetryConfig::standard());
    let mut builder = loaded.into_builder().region(Region::new(home.clone()));
    if untouched {
        builder = builder.retry_config(RetryConfig::adaptive().with_max_attempts(ATTEMPTS));
    }
    if let Some(profile) = &access.profile {
        // As in the AWS CLI, a profile that is named goes over keys in the environment.
        let place = ProviderConfig::without_region().with_region(Some(Region::new(home.clone())));
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&place)
            .profile_name(profile)
            .build();
        builder = builder.credentials_provider(SharedCredentialsProvider::new(provider));
    }
    let mut config = builder.build();
    if let Some(role) = &access.role_arn {
        let mut provider = AssumeRoleProvider::builder(role)
            .session_name(env!("CARGO_PKG_NAME"))
            .configure(&config);
        if let Some(id) = &access.external_id {
            provider = provider.external_id(id);
        }
        let provider = provider.build().await;
        config = config
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .build();
    }
    identify(access, config, home, meter).await
}

async fn identify(
    access: &Access,
    config: SdkConfig,
    home: String,
    meter: Arc<Meter>,
) -> Result<Session, ConnectError> {
    let sts = aws_sdk_sts::config::Builder::from(&config)
        .interceptor(Counter(Arc::clone(&meter)))
        .interceptor(Whole);
    let identity = aws_sdk_sts::Client::from_conf(sts.build())
        .get_caller_identity()
        .send()
        .await;
    let identity = identity.map_err(|error| match (&error, &access.role_arn) {
        (SdkError::ServiceError(context), _) => ConnectError::Refused {
            code: context.err().code().unwrap_or("Unknown").to_owned(),
            message: context.err().message().unwrap_or_default().to_owned(),
        },
        (SdkError::DispatchFailure(failure), _) if failure.is_io() || failure.is_timeout() => {
            ConnectError::Unreachable {
                region: home.clone(),
                reason: innermost(&error),
            }
        }
        (SdkError::TimeoutError(_), _) => ConnectError::Unreachable {
            region: home.clone(),
            reason: "no answer in time".to_owned(),
        },
        (_, Some(role)) => ConnectError::Role {
            role: role.clone(),
            reason: if has_none(&error) {
                "there are no credentials to assume it with".to_owned()
            } else {
                innermost(&error)
            },
        },
        _ => ConnectError::NoCredentials {
            tried: tried(access),
            reason: match &access.profile {
                Some(_) if has_none(&error) => "it is not there, or holds none".to_owned(),
                None if has_none(&error) => "none of them holds any".to_owned(),
                _ => innermost(&error),
            },
        },
    })?;
    let (Some(account), Some(caller_arn)) = (identity.account, identity.arn) else {
        return Err(ConnectError::NoIdentity);
    };
    let partition = Arn::parse(&caller_arn)
        .map_or("aws", |arn| arn.partition)
        .to_owned();
    Ok(Session {
        account,
        partition,
        caller_arn,
        home,
        path_style: has_own_s3_endpoint(&config),
        config,
        meter,
        clients: Clients::default(),
    })
}

fn tried(access: &Access) -> String {
    match &access.profile {
        Some(profile) => format!("the profile {profile:?} in ~/.aws/config and ~/.aws/credentials"),
        None => "the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE), the default profile with its SSO, login, process or role settings, web identity, and the role of the container or instance".to_owned(),
    }
}

/// Whether no place held credentials, as opposed to one that held bad ones.
fn has_none(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.any(|error| {
        matches!(
            error.downcast_ref(),
            Some(CredentialsError::CredentialsNotLoaded(_))
        )
    })
}

// Emulators, proxies and VPC endpoints have no name for each bucket.
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

macro_rules! client {
    ($name:ident, $krate:ident, $doc:literal) => {
        #[doc = $doc]
        #[must_use]
        pub fn $name(&self, region: &str) -> $krate::Client {
            self.cached(&self.clients.$name, region, |config, counter| {
                let builder = $krate::config::Builder::from(config)
                    .interceptor(counter)
                    .interceptor(Whole);
                $krate::Client::from_conf(builder.build())
            })
        }
    };
}

impl Session {
    client!(backup, aws_sdk_backup, "The region's client of AWS Backup.");
    client!(
        cloudformation,
        aws_sdk_cloudformation,
        "The region's client of CloudFormation."
    );
    client!(
        dynamodb,
        aws_sdk_dynamodb,
        "The region's client of DynamoDB."
    );
    client!(ec2, aws_sdk_ec2, "The region's client of EC2.");
    client!(efs, aws_sdk_efs, "The region's client of EFS.");
    client!(
        iam,
        aws_sdk_iam,
        "The client of IAM, of the region's partition."
    );
    client!(kms, aws_sdk_kms, "The region's client of KMS.");
    client!(
        organizations,
        aws_sdk_organizations,
        "The client of Organizations, of the region's partition."
    );
    client!(rds, aws_sdk_rds, "The region's client of RDS.");
    client!(
        redshift,
        aws_sdk_redshift,
        "The region's client of Redshift."
    );
    client!(
        redshift_serverless,
        aws_sdk_redshiftserverless,
        "The region's client of Redshift Serverless."
    );
    client!(
        storage_gateway,
        aws_sdk_storagegateway,
        "The region's client of Storage Gateway."
    );
    client!(
        tagging,
        aws_sdk_resourcegroupstagging,
        "The region's client of the tagging API."
    );

    /// The region's client of S3.
    #[must_use]
    pub fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        self.cached(&self.clients.s3, region, |config, counter| {
            let mut builder = aws_sdk_s3::config::Builder::from(config)
                .interceptor(counter)
                .interceptor(Whole);
            if self.path_style {
                builder = builder.force_path_style(true);
            }
            aws_sdk_s3::Client::from_conf(builder.build())
        })
    }

    fn cached<C: Clone>(
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
            make(&config, Counter(Arc::clone(&self.meter)))
        });
        client.clone()
    }

    /// The ARN of something of the account's in a region.
    #[must_use]
    pub fn arn(&self, service: &str, region: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{region}:{}:{resource}",
            self.partition, self.account
        )
    }
}
