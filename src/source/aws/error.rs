//! What a call that failed leaves behind.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::model::observed::{Gap, GapKind};

use super::call::Operation;
use super::meter::THROTTLING_CODES;

/// Codes with which AWS denies a call.
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

/// The gap that a failed call leaves: denied, throttled, or anything else.
pub(super) fn gap<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Gap
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
                .and_then(|answer| answer.body().bytes())
                .is_none_or(<[u8]>::is_empty);
            // Answers to HEAD have no body, and so no code.
            let code = match (known, status) {
                ("", Some(403)) if empty => "AccessDenied",
                ("", Some(404)) if empty => "NotFound",
                ("", Some(503)) if empty => "SlowDown",
                ("", _) => return unreadable(operation, error, status),
                (code, _) => code,
            };
            let kind = if DENIAL_CODES.contains(&code)
                || DENIAL_CODES
                    .iter()
                    .any(|it| code.ends_with(&format!(".{it}")))
            {
                GapKind::Denied
            } else if THROTTLING_CODES.contains(&code) {
                GapKind::Throttled
            } else {
                GapKind::Error
            };
            operation.gap(kind, code, shortened(message))
        }
        SdkError::TimeoutError(_) => operation.gap(GapKind::Error, "Timeout", "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let code = if failure.is_timeout() {
                "Timeout"
            } else {
                "ConnectionError"
            };
            operation.gap(GapKind::Error, code, innermost(error))
        }
        SdkError::ResponseError(_) => unreadable(operation, error, status),
        _ => operation.gap(GapKind::Error, "RequestError", innermost(error)),
    }
}

/// An answer that is none of AWS's, or not a whole one.
fn unreadable(
    operation: Operation,
    error: &(dyn std::error::Error + 'static),
    status: Option<u16>,
) -> Gap {
    let message = match status {
        Some(status) if !(200..300).contains(&status) => {
            format!(
                "an answer with status {status} that is none of AWS's; is there a proxy between?"
            )
        }
        _ => innermost(error),
    };
    operation.gap(GapKind::Error, "UnreadableAnswer", message)
}

/// The last error of a chain: the one that says what really happened.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<ErrorMetadata>() {
        Some(answer) => {
            let (code, message) = (answer.code(), answer.message());
            shortened(&format!(
                "{}: {}",
                code.unwrap_or("Unknown"),
                message.unwrap_or_default()
            ))
        }
        None => shortened(&last.to_string()),
    }
}

// A proxy's error page is no message.
pub(super) fn shortened(message: &str) -> String {
    const LONGEST: usize = 400;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let message = shortened(&"ä".repeat(1000));
        assert_eq!(message.chars().count(), 403);
        assert_eq!(shortened("a\n  b"), "a b");
    }
}
