//! Turns failed calls into gaps.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::model::observed::{Gap, GapKind};

use super::meter::THROTTLING_CODES;
use super::operation::Operation;
use super::truncation::SilentResponse;

/// Error codes of denied calls.
const DENIAL_CODES: [&str; 9] = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AuthorizationError",
    "AuthorizationErrorException",
    "ForbiddenException",
    "NotAuthorized",
    "UnauthorizedException",
    "UnauthorizedOperation",
];

/// Returns the gap that a failed call leaves.
pub(super) fn gap_from_error<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Gap
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match error {
        SdkError::ServiceError(context) => {
            let known = context.err().code().unwrap_or_default();
            let message = context.err().message().unwrap_or_default();
            let empty = error
                .raw_response()
                .and_then(|response| response.body().bytes())
                .is_none_or(<[u8]>::is_empty);
            // Responses to HEAD have no body, and so no code.
            let code = match (known, status) {
                ("", Some(403)) if empty => "AccessDenied",
                ("", Some(404)) if empty => "NotFound",
                ("", Some(503)) if empty => "SlowDown",
                ("", _) => return unreadable_response(operation, error, status),
                (code, _) => code,
            };
            operation.make_gap(classify_code(code), code, shorten_message(message))
        }
        SdkError::TimeoutError(_) => {
            operation.make_gap(GapKind::Error, "Timeout", "no response within the timeout")
        }
        SdkError::DispatchFailure(failure) => {
            let code = if failure.is_timeout() {
                "Timeout"
            } else {
                "ConnectionError"
            };
            operation.make_gap(GapKind::Error, code, describe_root_error(error))
        }
        SdkError::ResponseError(_) if SilentResponse::caused(error) => {
            operation.make_gap(GapKind::Error, "Timeout", describe_root_error(error))
        }
        SdkError::ResponseError(_) => unreadable_response(operation, error, status),
        _ => operation.make_gap(GapKind::Error, "RequestError", describe_root_error(error)),
    }
}

fn classify_code(code: &str) -> GapKind {
    let is_denial = |denial: &&str| code == *denial || code.ends_with(&format!(".{denial}"));
    if DENIAL_CODES.iter().any(is_denial) {
        GapKind::Denied
    } else if THROTTLING_CODES.contains(&code) {
        GapKind::Throttled
    } else {
        GapKind::Error
    }
}

/// Returns the gap for a response that did not come from AWS, or that is truncated.
fn unreadable_response(
    operation: Operation,
    error: &(dyn std::error::Error + 'static),
    status: Option<u16>,
) -> Gap {
    let message = match status {
        Some(status) if !(200..300).contains(&status) => {
            format!("HTTP {status} response that did not come from AWS; is a proxy in the way?")
        }
        _ => describe_root_error(error),
    };
    operation.make_gap(GapKind::Error, "UnreadableAnswer", message)
}

/// Returns the message of the last error in a chain, which names the actual failure. It has no period at its end, since
/// it becomes part of a sentence.
pub(super) fn describe_root_error(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<ErrorMetadata>() {
        Some(metadata) => {
            let (code, message) = (metadata.code(), metadata.message());
            shorten_message(&format!(
                "{}: {}",
                code.unwrap_or("Unknown"),
                message.unwrap_or_default()
            ))
        }
        None => shorten_message(last.to_string().trim_end_matches('.')),
    }
}

/// Joins a message into one line of at most 400 characters: it may be the error page of a proxy.
pub(super) fn shorten_message(message: &str) -> String {
    const MAX_CHARS: usize = 400;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_becomes_a_part_of_a_sentence() {
        let cause = std::io::Error::other("request forbidden.");
        assert_eq!(describe_root_error(&cause), "request forbidden");
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let message = shorten_message(&"ä".repeat(1000));
        assert_eq!(message.chars().count(), 403);
        assert_eq!(shorten_message("a\n  b"), "a b");
    }
}
