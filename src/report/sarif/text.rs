//! Texts and URIs as SARIF and GitHub require them.

use std::io::{self, Write};

use jiff::Timestamp;

use super::model::ArtifactLocation;
use crate::text::{escape_invisible, percent_encode};

/// Returns a timestamp in UTC with a `Z`, as SARIF requires.
pub(super) fn utc_time(time: &str) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    Some(time.to_string())
}

/// Returns a file as a URI.
///
/// GitHub resolves a relative URI against the root of the repository, and converts an absolute one within
/// the checkout to a relative one.
pub(super) fn file_location(path: &str) -> ArtifactLocation {
    let path = path.replace('\\', "/");
    if let Some((drive, rest)) = path.split_once(":/")
        && let [letter] = drive.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return ArtifactLocation {
            uri: format!("file:///{drive}:/{}", encode_path(rest)),
            uri_base_id: None,
        };
    }
    if path.starts_with('/') {
        return ArtifactLocation {
            uri: format!("file:///{}", encode_path(path.trim_start_matches('/'))),
            uri_base_id: None,
        };
    }
    let mut path = path.as_str();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    ArtifactLocation {
        uri: encode_path(path),
        uri_base_id: Some("%SRCROOT%"),
    }
}

/// Returns a path with every character percent-encoded that a URI does not allow there. That includes the
/// colon, which before the first slash would end a scheme.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc3986#section-3.3>.
fn encode_path(path: &str) -> String {
    percent_encode(path, "-._~/!$&'()*+,;=@")
}

/// Returns the text without control and direction characters, truncated to `most` characters.
pub(super) fn clean_text(text: &str, most: usize) -> String {
    truncate_end(&escape_invisible(text), most)
}

/// Returns the text truncated to `most` characters, with an ellipsis where it was cut.
pub(super) fn truncate_end(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{kept}…")
        }
    }
}

/// Returns the text with the braces of placeholders, `{0}`, and the brackets of links, `[text](1)`, escaped:
/// sections 3.11.5 and 3.11.6 of SARIF. Brackets that cannot form a link are kept.
pub(super) fn escape_markup(text: &str) -> String {
    let text = text.replace('{', "{{").replace('}', "}}");
    if !text.contains("](") {
        return text;
    }
    text.replace('\\', "\\\\")
        .replace('[', "\\[")
        .replace(']', "\\]")
}

/// An output that only counts bytes.
pub(super) struct ByteCounter(pub(super) usize);

impl Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(path: &str) -> (String, bool) {
        let artifact = file_location(path);
        (artifact.uri, artifact.uri_base_id.is_some())
    }

    #[test]
    fn files_become_uris() {
        let relative = |uri: &str| (uri.to_owned(), true);
        let absolute = |uri: &str| (uri.to_owned(), false);
        assert_eq!(uri("infra/main.tf"), relative("infra/main.tf"));
        assert_eq!(uri("./infra\\a b.yaml"), relative("infra/a%20b.yaml"));
        assert_eq!(uri("a:b/ü%#?.yaml"), relative("a%3Ab/%C3%BC%25%23%3F.yaml"));
        assert_eq!(uri("../up.yaml"), relative("../up.yaml"));
        assert_eq!(uri("/tmp/a b.yaml"), absolute("file:///tmp/a%20b.yaml"));
        assert_eq!(uri("//tmp/x"), absolute("file:///tmp/x"));
        assert_eq!(uri("C:\\x\\y.yaml"), absolute("file:///C:/x/y.yaml"));
    }

    #[test]
    fn placeholders_and_links_are_escaped() {
        assert_eq!(escape_markup("{0} of {x}"), "{{0}} of {{x}}");
        assert_eq!(escape_markup("volumes [a, b] (2)"), "volumes [a, b] (2)");
        assert_eq!(escape_markup("[x](https://e)"), "\\[x\\](https://e)");
        assert_eq!(escape_markup("[x\\](1)"), "\\[x\\\\\\](1)");
    }

    #[test]
    fn long_texts_are_truncated_between_characters() {
        assert_eq!(truncate_end("äöü", 3), "äöü");
        assert_eq!(truncate_end("äöüß", 3), "äö…");
    }
}
