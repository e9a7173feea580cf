//! Rejects responses that are truncated, that do not end, or that stop in the middle.
//!
//! The SDK's XML reader accepts a document without its end, and reads an empty body as a response in
//! which every field is missing. A response that a proxy cut short would lose data without an error:
//! volumes without tags, buckets without keys. The SDK also collects a body of any length in memory.

use std::borrow::Cow;
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use http_body_util::{BodyExt, BodyStream, LengthLimitError, Limited, StreamBody};
use thiserror::Error;
use tokio::time::timeout;

/// Largest body of a response in bytes. The largest page that AWS returns, 1,000 instances with 50 tags of the
/// longest keys and values each, has half of that.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions> (November 2026).
const MAX_BODY_BYTES: usize = 64 << 20;

/// How long a response may be silent: until it begins, and between two parts of it. AWS responds within seconds:
/// a call that is silent for longer has no response.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(4);

/// A response without an end.
#[derive(Debug, Clone, Copy, Error)]
#[error("the response is larger than {} MiB", MAX_BODY_BYTES >> 20)]
pub(super) struct EndlessResponse;

impl EndlessResponse {
    /// Whether it is the cause of an error.
    pub(super) fn caused(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut chain = std::iter::successors(Some(error), |error| error.source());
        chain.any(|error| error.is::<EndlessResponse>())
    }
}

/// A response that began, and then stopped.
#[derive(Debug, Clone, Copy, Error)]
#[error("the response stopped for {} seconds", MAX_SILENCE.as_secs())]
pub(super) struct SilentResponse;

impl SilentResponse {
    /// Whether it is the cause of an error.
    pub(super) fn caused(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut chain = std::iter::successors(Some(error), |error| error.source());
        chain.any(|error| error.is::<SilentResponse>())
    }
}

/// An SDK interceptor that turns a response that is truncated, endless or silent into an error of the call.
#[derive(Debug, Clone, Copy)]
pub struct CheckBody;

#[dyn_dispatch_hint]
impl Intercept for CheckBody {
    fn name(&self) -> &'static str {
        "CheckBody"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let endless = std::mem::replace(body, SdkBody::taken());
        let limited = Limited::new(endless, MAX_BODY_BYTES).map_err(|error| match error
            .is::<LengthLimitError>(
        ) {
            true => BoxError::from(EndlessResponse),
            false => error,
        });
        let parts = Box::pin(BodyStream::new(limited));
        let parts = unfold(parts, |mut parts| async move {
            let part = match timeout(MAX_SILENCE, parts.next()).await {
                Ok(part) => part?,
                Err(_) => Err(BoxError::from(SilentResponse)),
            };
            Some((part, parts))
        });
        *body = SdkBody::from_body_1_x(StreamBody::new(parts.fuse()));
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        // Responses to HEAD have no body.
        let has_no_body = cfg
            .load::<Metadata>()
            .is_some_and(|operation| operation.name() == "HeadBucket");
        // A body that could not be read to its end has its own error.
        let Some(body) = response.body().bytes() else {
            return Ok(());
        };
        // Almost all bodies are valid, which is found out much faster than what is invalid.
        let text = std::str::from_utf8(body).map(Cow::Borrowed);
        let text = text.unwrap_or_else(|_| String::from_utf8_lossy(body));
        if !has_no_body && response.status().is_success() && is_truncated(&text) {
            return Err("the response is truncated".into());
        }
        Ok(())
    }
}

/// Whether a body is empty, or is an XML document that does not end with the end tag of its root
/// element. The SDK rejects truncated JSON itself.
fn is_truncated(body: &str) -> bool {
    let body = body.trim_start_matches('\u{feff}').trim();
    if !body.starts_with('<') {
        return body.is_empty();
    }
    let mut rest = body;
    // Declarations and comments come before the root.
    while rest.starts_with("<?") || rest.starts_with("<!") {
        let end = if rest.starts_with("<!--") { "-->" } else { ">" };
        match rest.split_once(end) {
            Some((_, after)) => rest = after.trim_start(),
            None => return true,
        }
    }
    let Some(root) = rest.strip_prefix('<') else {
        return true;
    };
    let name = root
        .split(|c: char| c.is_whitespace() || c == '>' || c == '/')
        .next();
    let name = name.unwrap_or_default();
    // The document is a single empty element.
    let empty = root.ends_with("/>") && root.matches('>').count() == 1;
    !empty && !body.ends_with(&format!("</{name}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_ends_with_its_root() {
        for document in [
            "{\"a\": 1}",
            "<a/>",
            "<a xmlns=\"x\"/>",
            "<a></a>",
            "<?xml version=\"1.0\"?>\n<a x='1'><b/>\n</a>\n",
            "<?xml version=\"1.0\"?><!-- made by hand --><a><b>1</b></a>",
        ] {
            assert!(!is_truncated(document), "{document:?}");
        }
        let document = "<?xml version=\"1.0\"?><!-- x --><list xmlns=\"n\"><item><id>1</id></item><item/></list>";
        for end in 0..document.len() {
            assert!(is_truncated(&document[..end]), "{:?}", &document[..end]);
        }
    }
}
