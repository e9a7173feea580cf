//! Credentials, found as the AWS CLI finds them, and their identity.

use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleOutput};
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use thiserror::Error;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::model::arn::Arn;

use super::clients::{Clients, make_retry_partition};
use super::error::{describe_root_error, shorten_message};
use super::http_client::{LazyHttpClient, make_http_client};
use super::meter::{Counter, Meter};
use super::operation::ResponseText;
use super::retry::{LimitFailures, limit_attempts};
use super::truncation::{CheckBody, MAX_SILENCE};

/// How to connect to AWS, from the command line.
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
    /// Whether the environment configures retries, which then replaces the scan's own configuration.
    pub own_retries: bool,
}

/// Why there is no session.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No credentials.
    #[error(
        "no usable AWS credentials: tried {tried}; {reason}. Run `aws sts get-caller-identity` to check the credentials of the AWS CLI"
    )]
    NoCredentials {
        /// The places that were searched.
        tried: String,
        /// Why they have no credentials.
        reason: String,
    },
    /// AWS rejects the credentials.
    #[error("AWS rejected these credentials: {code}: {message}")]
    Rejected {
        /// The error code.
        code: String,
        /// The error message.
        message: String,
    },
    /// The role cannot be assumed.
    #[error("failed to assume {role}: {reason}")]
    Role {
        /// The role's ARN.
        role: String,
        /// Why it cannot be assumed.
        reason: String,
    },
    /// STS does not respond.
    #[error("failed to reach AWS STS in {region}: {reason}")]
    Unreachable {
        /// The region of the STS endpoint.
        region: String,
        /// The network error.
        reason: String,
    },
    /// No server can be verified, so no HTTPS connection is possible: an image without the package.
    #[error(
        "no root certificates{place}, which HTTPS needs: install the package ca-certificates, or set SSL_CERT_FILE to a PEM file of them"
    )]
    NoRootCertificates {
        /// Where they were searched: empty for the places of the system.
        place: String,
    },
    /// The response of STS has no account.
    #[error("STS GetCallerIdentity failed: the response has no account or no ARN")]
    NoIdentity,
}

/// A role of an account, and how it is assumed.
#[derive(Debug, Clone)]
pub struct MemberRole {
    /// Its ARN.
    pub arn: String,
    /// Its external ID.
    pub external_id: Option<String>,
    /// The session policy that confines it.
    pub policy: Option<String>,
}

/// Why an account was not entered.
#[derive(Debug, Error)]
pub enum EnterError {
    /// AWS does not let these credentials assume the role.
    #[error(
        "failed to assume {role}: {code}: {message}; the role does not exist, its trust policy or a policy of the organization denies it, or the external ID is wrong"
    )]
    Refused {
        /// The role's ARN.
        role: String,
        /// The error code.
        code: String,
        /// The error message.
        message: String,
    },
    /// The credentials that assume roles are no longer valid.
    #[error("the credentials that assume {role} are not valid: {reason}")]
    Expired {
        /// The role's ARN.
        role: String,
        /// Why they are not valid.
        reason: String,
    },
    /// The role is not of the account that was asked for.
    #[error("{role} leads to account {account}")]
    OtherAccount {
        /// The role's ARN.
        role: String,
        /// The account.
        account: String,
    },
    /// The role has no session.
    #[error("failed to assume {role}: {reason}")]
    NoSession {
        /// The role's ARN.
        role: String,
        /// Why it has none.
        reason: String,
    },
}

/// Credentials with their identity, which enter accounts. All sessions share one HTTP client, so that the
/// connections to an endpoint serve every account.
#[derive(Debug)]
pub struct Base {
    /// The id of the account of the credentials.
    pub account: String,
    /// Its partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    caller_arn: String,
    home: String,
    config: SdkConfig,
}

/// Credentials with their identity, and the clients made from them.
#[derive(Debug)]
pub struct Session {
    /// The id of the account that is scanned.
    pub account: String,
    /// Its partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The ARN of the identity that the scan uses.
    pub caller_arn: String,
    /// The region for calls to global services.
    pub home: String,
    /// Its clients.
    pub clients: Clients,
}

/// Attempts per call. The SDK's default of 3 is too low for a scan in a busy account.
const ATTEMPTS: u32 = 8;
/// Timeout of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Timeout of a call with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(150);
/// Timeout for loading credentials. The SDK's default of 5 seconds is too short for a credential
/// process that prompts the user.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(120);
/// The region of STS if none is configured.
const HOME_REGION: &str = "us-east-1";

/// Error codes of credentials that were valid once.
const EXPIRED_CODES: [&str; 2] = ["ExpiredToken", "ExpiredTokenException"];

impl Base {
    /// Loads credentials, assumes the role if one is given, and requests the caller identity from STS. Before that,
    /// `begin` begins calls that need no identity, with these clients and the home region.
    ///
    /// # Errors
    /// Why there are no credentials.
    pub async fn connect<T>(
        access: &Access,
        meter: &Arc<Meter>,
        begin: impl FnOnce(&Clients, &str) -> T,
    ) -> Result<(Self, T), ConnectError> {
        let is_plain = is_plain(access);
        let http_client = make_http_client(is_plain);
        let lacks_roots = read_root_certificates(is_plain, http_client.clone());
        let (mut config, home) = load_config(access, http_client).await;
        if lacks_roots.await.is_ok_and(|lacks_roots| lacks_roots) {
            return Err(ConnectError::NoRootCertificates {
                place: describe_root_place(),
            });
        }
        if let Some(role) = &access.role_arn {
            config = assume_role(config, role, access.external_id.as_ref()).await;
        }
        let clients = Clients::new(config.clone(), String::new(), Arc::clone(meter));
        let begun = begin(&clients, &home);
        let sts = make_sts_client(&config, &home, "", meter);
        let identity = identify_caller(&sts).await;
        let (account, caller_arn) = match identity {
            Ok(identity) => identity.ok_or(ConnectError::NoIdentity)?,
            Err(error) => return Err(explain_failure(access, &home, &error)),
        };
        let base = Base {
            account,
            partition: read_partition(&caller_arn),
            caller_arn,
            home,
            config,
        };
        Ok((base, begun))
    }

    /// Returns a session in the account of the credentials.
    #[must_use]
    pub fn own_session(&self, meter: Arc<Meter>) -> Session {
        let config = self.config.clone();
        let (account, caller_arn) = (self.account.clone(), self.caller_arn.clone());
        self.make_session(account, caller_arn, config, meter)
    }

    /// Assumes a role and checks that it is of an account.
    ///
    /// # Errors
    /// Why the account was not entered.
    pub async fn enter(
        &self,
        account: &str,
        role: &MemberRole,
        meter: Arc<Meter>,
    ) -> Result<Session, EnterError> {
        let sts = make_sts_client(&self.config, &self.home, account, &meter);
        let call = sts
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(env!("CARGO_PKG_NAME"))
            .set_external_id(role.external_id.clone())
            .set_policy(role.policy.clone())
            .send();
        let response = limit_attempts(call).await;
        let response = response.map_err(|error| explain_refusal(&role.arn, &error))?;
        let no_session = |reason: String| EnterError::NoSession {
            role: role.arn.clone(),
            reason,
        };
        let credentials = read_credentials(response)
            .ok_or_else(|| no_session("the response has no credentials".to_owned()))?;
        // This cache ends with the session; the shared one would keep the credentials of every account.
        let config = self
            .config
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .identity_cache(IdentityCache::lazy().build())
            .build();
        let sts = make_sts_client(&config, &self.home, account, &meter);
        let identity = identify_caller(&sts).await;
        let identity = identity.map_err(|error| no_session(describe_root_error(&error)))?;
        let (entered, caller_arn) =
            identity.ok_or_else(|| no_session(ConnectError::NoIdentity.to_string()))?;
        if entered != account {
            return Err(EnterError::OtherAccount {
                role: role.arn.clone(),
                account: entered,
            });
        }
        Ok(self.make_session(entered, caller_arn, config, meter))
    }

    fn make_session(
        &self,
        account: String,
        caller_arn: String,
        config: SdkConfig,
        meter: Arc<Meter>,
    ) -> Session {
        Session {
            clients: Clients::new(config, account.clone(), meter),
            account,
            partition: self.partition.clone(),
            caller_arn,
            home: self.home.clone(),
        }
    }
}

fn read_credentials(response: AssumeRoleOutput) -> Option<Credentials> {
    let credentials = response.credentials?;
    Some(Credentials::new(
        credentials.access_key_id.filled()?,
        credentials.secret_access_key.filled()?,
        Some(credentials.session_token.filled()?),
        credentials.expiration.try_into().ok(),
        "AssumeRole",
    ))
}

/// Returns why a role was not assumed.
fn explain_refusal(role: &str, error: &SdkError<AssumeRoleError, HttpResponse>) -> EnterError {
    let role = role.to_owned();
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or("Unknown").to_owned();
            let message = context.err().message().unwrap_or_default();
            let message = shorten_message(message);
            match EXPIRED_CODES.contains(&code.as_str()) {
                true => EnterError::Expired {
                    role,
                    reason: format!("{code}: {message}"),
                },
                false => EnterError::Refused {
                    role,
                    code,
                    message,
                },
            }
        }
        _ if has_credentials_error(error) => EnterError::Expired {
            role,
            reason: describe_root_error(error),
        },
        _ => EnterError::NoSession {
            role,
            reason: describe_root_error(error),
        },
    }
}

/// Whether the credentials could not be loaded again.
fn has_credentials_error(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.any(|error| error.is::<CredentialsError>())
}

/// Whether the endpoint of all services is one without TLS: that of an emulator.
fn is_plain(access: &Access) -> bool {
    let of_environment = || std::env::var_os("AWS_ENDPOINT_URL")?.into_string().ok();
    let endpoint = access.endpoint_url.clone().or_else(of_environment);
    endpoint.is_some_and(|url| url.starts_with("http://"))
}

/// Reads the root certificates on another thread, which takes as long as all else before the first call. Returns whether
/// there are none although the endpoint needs them: the SDK reports every server as unknown then.
fn read_root_certificates(is_plain: bool, client: Option<LazyHttpClient>) -> JoinHandle<bool> {
    spawn_blocking(move || {
        if is_plain {
            return false;
        }
        let lacks_roots = rustls_native_certs::load_native_certs().certs.is_empty();
        if let (false, Some(client)) = (lacks_roots, client) {
            client.read_certificates();
        }
        lacks_roots
    })
}

/// Returns where the environment says that the root certificates are, for a message.
fn describe_root_place() -> String {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .map(|name| Some(format!("{name} {}", std::env::var_os(name)?.display())));
    let named: Vec<String> = named.into_iter().flatten().collect();
    match named.is_empty() {
        true => String::new(),
        false => format!(" in {}", named.join(" or ")),
    }
}

fn make_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .read_timeout(MAX_SILENCE)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

fn make_retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

/// Loads the SDK's configuration. Returns it with the home region.
async fn load_config(access: &Access, http_client: Option<LazyHttpClient>) -> (SdkConfig, String) {
    let identities = IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(make_timeouts())
        // `CheckBody` ends responses that stop, and no request is a stream.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(identities.build());
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &access.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(client) = http_client {
        loader = loader.http_client(client);
    }
    let loaded = loader.load().await;
    let home = loaded
        .region()
        .map_or_else(|| HOME_REGION.to_owned(), ToString::to_string);
    // Retries that the environment or the profile configures are kept.
    let default_retries = !access.own_retries
        && loaded
            .retry_config()
            .is_none_or(|set| *set == RetryConfig::standard());
    let mut builder = loaded.into_builder().region(Region::new(home.clone()));
    if default_retries {
        builder = builder.retry_config(make_retries());
    }
    if let Some(profile) = &access.profile {
        // As in the AWS CLI, an explicit profile overrides keys in the environment.
        let place = ProviderConfig::without_region().with_region(Some(Region::new(home.clone())));
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&place)
            .profile_name(profile)
            .build();
        builder = builder.credentials_provider(SharedCredentialsProvider::new(provider));
    }
    (builder.build(), home)
}

/// Returns a configuration with the credentials of a role.
async fn assume_role(config: SdkConfig, role: &str, external_id: Option<&String>) -> SdkConfig {
    let mut provider = AssumeRoleProvider::builder(role)
        .session_name(env!("CARGO_PKG_NAME"))
        .configure(&config);
    if let Some(id) = external_id {
        provider = provider.external_id(id);
    }
    let provider = provider.build().await;
    config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build()
}

/// Returns an STS client. Throttling of one account slows no other.
fn make_sts_client(
    config: &SdkConfig,
    home: &str,
    account: &str,
    meter: &Arc<Meter>,
) -> aws_sdk_sts::Client {
    let builder = aws_sdk_sts::config::Builder::from(config)
        .interceptor(Counter {
            meter: Arc::clone(meter),
            region: home.to_owned(),
        })
        .interceptor(CheckBody)
        .retry_classifier(LimitFailures)
        .retry_partition(make_retry_partition("sts", account, home));
    aws_sdk_sts::Client::from_conf(builder.build())
}

/// Returns the account and the ARN of the caller, if the response has both.
async fn identify_caller(
    sts: &aws_sdk_sts::Client,
) -> Result<Option<(String, String)>, SdkError<GetCallerIdentityError, HttpResponse>> {
    let identity = limit_attempts(sts.get_caller_identity().send()).await?;
    Ok(identity.account.filled().zip(identity.arn.filled()))
}

fn read_partition(arn: &str) -> String {
    Arn::parse(arn)
        .map_or("aws", |arn| arn.partition)
        .to_owned()
}

/// Returns why STS did not return the caller identity.
fn explain_failure(
    access: &Access,
    home: &str,
    error: &SdkError<GetCallerIdentityError, HttpResponse>,
) -> ConnectError {
    match (error, &access.role_arn) {
        (SdkError::ServiceError(context), _) => ConnectError::Rejected {
            code: context.err().code().unwrap_or("Unknown").to_owned(),
            message: context.err().message().unwrap_or_default().to_owned(),
        },
        (SdkError::DispatchFailure(failure), _) if failure.is_io() || failure.is_timeout() => {
            ConnectError::Unreachable {
                region: home.to_owned(),
                reason: describe_root_error(error),
            }
        }
        (SdkError::TimeoutError(_), _) => ConnectError::Unreachable {
            region: home.to_owned(),
            reason: "no response within the timeout".to_owned(),
        },
        (_, Some(role)) => ConnectError::Role {
            role: role.clone(),
            reason: if found_none(error) {
                "there are no credentials to assume it with".to_owned()
            } else {
                describe_root_error(error)
            },
        },
        _ => ConnectError::NoCredentials {
            tried: credential_sources(access),
            reason: match &access.profile {
                Some(_) if found_none(error) => {
                    "the profile does not exist or has no credentials".to_owned()
                }
                None if found_none(error) => "none of them has credentials".to_owned(),
                _ => describe_root_error(error),
            },
        },
    }
}

/// Returns the places where credentials are searched.
fn credential_sources(access: &Access) -> String {
    match &access.profile {
        Some(profile) => format!("the profile {profile:?} in ~/.aws/config and ~/.aws/credentials"),
        None => "the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE), the default profile (SSO, login, process or role settings), web identity, and the container or instance role".to_owned(),
    }
}

/// Whether no source has credentials, as opposed to a source with invalid ones.
fn found_none(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut chain = std::iter::successors(Some(error), |error| error.source());
    chain.any(|error| {
        matches!(
            error.downcast_ref(),
            Some(CredentialsError::CredentialsNotLoaded(_))
        )
    })
}

impl Session {
    /// Returns a session with the timeouts and retries of a scan, whose calls `http` sends: for tests, which answer them in
    /// the process. Nothing of the environment is read.
    #[must_use]
    pub fn with_http_client(
        http: SharedHttpClient,
        credentials: Credentials,
        caller_arn: &str,
        home: &str,
        meter: Arc<Meter>,
    ) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .endpoint_url("http://127.0.0.1")
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .identity_cache(IdentityCache::lazy().build())
            .timeout_config(make_timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(make_retries())
            .region(Region::new(home.to_owned()))
            .build();
        let account = Arn::parse(caller_arn).map_or("", |arn| arn.account);
        Session {
            clients: Clients::new(config, account.to_owned(), meter),
            account: account.to_owned(),
            partition: read_partition(caller_arn),
            caller_arn: caller_arn.to_owned(),
            home: home.to_owned(),
        }
    }

    /// Returns the ARN of a resource of this account.
    #[must_use]
    pub fn build_arn(&self, service: &str, region: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{region}:{}:{resource}",
            self.partition, self.account
        )
    }
}
