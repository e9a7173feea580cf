//! The endpoint without a network: it answers the calls of the SDK in the process, so that a paused clock tells how long
//! a scan waits. What happens to the bytes of a response needs the network.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tokio::time::{sleep, timeout};

use super::request::{Http, parse_form};
use super::{Answer, End, Exception, Outcome, Request, Shared};

/// How long each answer takes.
pub const DELAY: Duration = Duration::from_millis(50);

/// An HTTP client that has the answers itself.
#[derive(Debug, Clone)]
pub struct InProcess(Arc<Shared>);

impl InProcess {
    /// Returns a client. The first exception that applies to a request replaces its fixture.
    pub fn new(exceptions: impl IntoIterator<Item = Exception>) -> Self {
        InProcess(Arc::new(Shared::new(Vec::new(), exceptions)))
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.0.requests.lock().unwrap().clone()
    }

    /// Returns the requests that are no AWS request, or that have no fixture.
    pub fn unexpected_requests(&self) -> Vec<String> {
        self.0.unexpected_requests.lock().unwrap().clone()
    }

    /// Returns the members of the responses that note them: operation and member.
    pub fn members(&self) -> BTreeSet<(String, String)> {
        self.0.members.lock().unwrap().clone()
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            shared: Arc::clone(&self.0),
            patience: settings.read_timeout().expect("a limit for silence"),
        })
    }
}

#[derive(Debug)]
struct Connector {
    shared: Arc<Shared>,
    patience: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (shared, patience) = (Arc::clone(&self.shared), self.patience);
        HttpConnectorFuture::new(async move {
            let answered = async {
                sleep(DELAY).await;
                match shared.answer_request(&read_request(&request)) {
                    Outcome::Answer(answer) => Ok(answer.into_response(request.method() == "HEAD")),
                    Outcome::Closed => Err(ConnectorError::io("closed".into())),
                    Outcome::Silent => std::future::pending().await,
                }
            };
            let silent = |_| Err(ConnectorError::timeout("no response".into()));
            timeout(patience, answered).await.unwrap_or_else(silent)
        })
    }
}

fn read_request(request: &HttpRequest) -> Http {
    let target = request.uri().splitn(4, '/').nth(3).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = request.headers().iter();
    Http {
        method: request.method().to_owned(),
        path: format!("/{path}"),
        query: parse_form(query),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: request.body().bytes().unwrap_or_default().to_vec(),
    }
}

impl Answer {
    fn into_response(self, is_head: bool) -> HttpResponse {
        assert!(matches!(self.end, End::Complete), "this needs a network");
        let status = self.status.try_into().expect("a status");
        let body = match is_head {
            true => SdkBody::empty(),
            false => SdkBody::from(self.body),
        };
        let mut response = HttpResponse::new(status, body);
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
