//! The HTTP client that all clients of a scan share.

use aws_config::BehaviorVersion;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_types::config_bag::ConfigBag;

/// Returns a client that makes the SDK's own when it is first used. `is_plain` says that most calls go to an endpoint
/// without TLS.
pub(super) fn make_http_client(is_plain: bool) -> Option<LazyHttpClient> {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest())?;
    let empty = RuntimeComponentsBuilder::new("http client");
    let encrypted = plugin.runtime_components(&empty).http_client()?;
    let plain = is_plain.then(make_plain_client).flatten();
    Some(LazyHttpClient { encrypted, plain })
}

/// Returns a client that trusts no certificate, and so reads none.
fn make_plain_client() -> Option<SharedHttpClient> {
    let no_roots = TlsContext::builder().with_trust_store(TrustStore::empty());
    let client = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(no_roots.build().ok()?);
    Some(client.build_https())
}

/// An HTTP client that begins with its first call. The SDK's own parses the root certificates again for each client of
/// a service, to have them before the first call: a tenth of the processor time of an organization.
#[derive(Debug, Clone)]
pub(super) struct LazyHttpClient {
    /// The SDK's own.
    encrypted: SharedHttpClient,
    /// For calls without TLS to an emulator.
    plain: Option<SharedHttpClient>,
}

impl LazyHttpClient {
    /// Reads the root certificates, which the first call by HTTPS does otherwise.
    pub(super) fn read_certificates(&self) {
        let empty = RuntimeComponentsBuilder::new("http client");
        // What is wrong with them, the first call says.
        let _ = self
            .encrypted
            .validate_base_client_config(&empty, &ConfigBag::base());
    }
}

impl HttpClient for LazyHttpClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        match &self.plain {
            None => self.encrypted.http_connector(settings, components),
            Some(plain) => SharedHttpConnector::new(ConnectByScheme {
                encrypted: self.encrypted.clone(),
                plain: plain.http_connector(settings, components),
                settings: settings.clone(),
                components: components.clone(),
            }),
        }
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.encrypted.connector_metadata()
    }
}

/// Chooses the client when it is known where a call goes: a single service may have an endpoint with TLS.
#[derive(Debug)]
struct ConnectByScheme {
    encrypted: SharedHttpClient,
    plain: SharedHttpConnector,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for ConnectByScheme {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().starts_with("http://") {
            return self.plain.call(request);
        }
        let connector = self
            .encrypted
            .http_connector(&self.settings, &self.components);
        connector.call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_config::{Region, SdkConfig};
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_smithy_runtime_api::box_error::BoxError;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    /// Counts how often it would read the root certificates, and its calls, which all fail.
    #[derive(Debug, Default, Clone)]
    struct Counting {
        readings: Arc<AtomicUsize>,
        calls: Arc<AtomicUsize>,
    }

    impl Counting {
        fn counts(&self) -> [usize; 2] {
            [&self.readings, &self.calls].map(|it| it.load(Ordering::Relaxed))
        }
    }

    impl HttpClient for Counting {
        fn http_connector(
            &self,
            _: &HttpConnectorSettings,
            _: &RuntimeComponents,
        ) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }

        fn validate_base_client_config(
            &self,
            _: &RuntimeComponentsBuilder,
            _: &ConfigBag,
        ) -> Result<(), BoxError> {
            self.readings.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    impl HttpConnector for Counting {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.calls.fetch_add(1, Ordering::Relaxed);
            HttpConnectorFuture::ready(Err(ConnectorError::user("a test".into())))
        }
    }

    fn make_client(http: impl HttpClient + 'static, endpoint: &str) -> aws_sdk_sts::Client {
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "example", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::from_static("eu-central-1"))
            .endpoint_url(endpoint)
            .http_client(http);
        aws_sdk_sts::Client::new(&config.build())
    }

    #[tokio::test]
    async fn the_root_certificates_are_not_read_for_each_client_nor_for_plain_endpoints() {
        let [own, encrypted, plain] = [(); 3].map(|()| Counting::default());
        make_client(own.clone(), "https://localhost");
        assert_eq!(own.counts(), [1, 0], "the SDK reads them for each client");
        for client in [None, Some(SharedHttpClient::new(plain.clone()))] {
            let lazy = LazyHttpClient {
                encrypted: SharedHttpClient::new(encrypted.clone()),
                plain: client,
            };
            for endpoint in ["https://localhost", "http://localhost"] {
                let client = make_client(lazy.clone(), endpoint);
                assert!(client.get_caller_identity().send().await.is_err());
            }
        }
        assert_eq!((encrypted.counts(), plain.counts()), ([0, 3], [0, 1]));
    }
}
