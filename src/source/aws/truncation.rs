//! Rejects truncated responses.
//!
//! The SDK's XML reader accepts a document without its end, and reads an empty body as a response in
//! which every field is missing. A response that a proxy cut short would lose data without an error:
//! volumes without tags, buckets without keys.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// An SDK interceptor that turns a truncated response into an error of the call.
#[derive(Debug, Clone, Copy)]
pub struct RejectTruncated;

#[dyn_dispatch_hint]
impl Intercept for RejectTruncated {
    fn name(&self) -> &'static str {
        "RejectTruncated"
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
        let body = response.body().bytes().unwrap_or_default();
        if !has_no_body
            && response.status().is_success()
            && is_truncated(&String::from_utf8_lossy(body))
        {
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
