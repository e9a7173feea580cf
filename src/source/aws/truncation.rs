//! Refuses answers that end too early.
//!
//! The SDK's XML reader takes the end of the text for the end of the answer, and an empty body is an
//! answer to it in which every field is missing. What a proxy cut short would be read as less: volumes
//! without their tags, buckets without their keys, and no sign that anything is missing.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Makes an answer without its end an error of the call.
#[derive(Debug, Clone, Copy)]
pub struct Whole;

#[dyn_dispatch_hint]
impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "Whole"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        // Answers to HEAD have no body.
        let bodiless = cfg
            .load::<Metadata>()
            .is_some_and(|operation| operation.name() == "HeadBucket");
        let body = answer.body().bytes().unwrap_or_default();
        if !bodiless && answer.status().is_success() && breaks_off(&String::from_utf8_lossy(body)) {
            return Err("the answer breaks off".into());
        }
        Ok(())
    }
}

/// Whether a text is empty, or begins as an XML document and does not end with the end of its root
/// element. JSON that breaks off is an error to the SDK itself.
fn breaks_off(body: &str) -> bool {
    let body = body.trim_start_matches('\u{feff}').trim();
    if !body.starts_with('<') {
        return body.is_empty();
    }
    let mut rest = body;
    // Declarations and comments stand before the root.
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
    // Nothing but one empty element.
    let empty = root.ends_with("/>") && root.matches('>').count() == 1;
    !empty && !body.ends_with(&format!("</{name}>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_ends_with_its_root() {
        for whole in [
            "{\"a\": 1}",
            "<a/>",
            "<a xmlns=\"x\"/>",
            "<a></a>",
            "<?xml version=\"1.0\"?>\n<a x='1'><b/>\n</a>\n",
            "<?xml version=\"1.0\"?><!-- made by hand --><a><b>1</b></a>",
        ] {
            assert!(!breaks_off(whole), "{whole:?}");
        }
        let whole = "<?xml version=\"1.0\"?><!-- x --><list xmlns=\"n\"><item><id>1</id></item><item/></list>";
        for end in 0..whole.len() {
            assert!(breaks_off(&whole[..end]), "{:?}", &whole[..end]);
        }
    }
}
