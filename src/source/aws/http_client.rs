//! The HTTP client that all clients of a scan share.

use aws_config::BehaviorVersion;
use aws_smithy_runtime::client::defaults::default_http_client_plugin_v2;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_types::config_bag::ConfigBag;

/// Returns the HTTP client that the SDK would make for each of its clients.
pub(super) fn make_http_client() -> Option<LazyHttpClient> {
    let plugin = default_http_client_plugin_v2(BehaviorVersion::latest())?;
    let empty = RuntimeComponentsBuilder::new("http client");
    let client = plugin.runtime_components(&empty).http_client()?;
    Some(LazyHttpClient(client))
}

/// An HTTP client that begins with its first call. The SDK's own parses the root certificates again for each client of
/// a service, to have them before the first call: a tenth of the processor time of an organization.
#[derive(Debug, Clone)]
pub(super) struct LazyHttpClient(SharedHttpClient);

impl LazyHttpClient {
    /// Reads the root certificates, which the first call does otherwise.
    pub(super) fn read_certificates(&self) {
        let empty = RuntimeComponentsBuilder::new("http client");
        // What is wrong with them, the first call says.
        let _ = self
            .0
            .validate_base_client_config(&empty, &ConfigBag::base());
    }
}

impl HttpClient for LazyHttpClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_config::SdkConfig;
    use aws_smithy_runtime_api::box_error::BoxError;

    use super::*;

    /// Counts how often it would read the root certificates.
    #[derive(Debug, Default, Clone)]
    struct Eager(Arc<AtomicUsize>);

    impl HttpClient for Eager {
        fn http_connector(
            &self,
            _: &HttpConnectorSettings,
            _: &RuntimeComponents,
        ) -> SharedHttpConnector {
            unreachable!("no call is sent")
        }

        fn validate_base_client_config(
            &self,
            _: &RuntimeComponentsBuilder,
            _: &ConfigBag,
        ) -> Result<(), BoxError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    fn make_client(http: impl HttpClient + 'static) -> aws_sdk_sts::Client {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(SharedHttpClient::new(http));
        aws_sdk_sts::Client::new(&config.build())
    }

    #[test]
    fn a_client_of_a_service_does_not_read_the_root_certificates() {
        let eager = Eager::default();
        make_client(eager.clone());
        assert_eq!(eager.0.load(Ordering::Relaxed), 1, "the SDK does");
        make_client(LazyHttpClient(SharedHttpClient::new(eager.clone())));
        assert_eq!(eager.0.load(Ordering::Relaxed), 1, "the scan does not");
    }
}
