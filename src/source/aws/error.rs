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

/// A call that failed, without the type of its error: what is made of it is compiled once, not for each operation.
pub(super) struct FailedCall<'e> {
    /// Its error.
    pub(super) error: &'e (dyn std::error::Error + 'static),
    failure: Failure<'e>,
    response: Option<&'e HttpResponse>,
}

enum Failure<'e> {
    /// The service answered with an error.
    Service { code: &'e str, message: &'e str },
    /// The time limit of the call expired.
    Timeout,
    /// The request was not sent, or had no response.
    Dispatch { is_timeout: bool },
    /// The response cannot be read.
    Response,
    /// Anything else.
    Other,
}

impl<'e> FailedCall<'e> {
    /// Returns a failed call.
    pub(super) fn new<E>(error: &'e SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        FailedCall {
            error,
            failure: match error {
                SdkError::ServiceError(context) => Failure::Service {
                    code: context.err().code().unwrap_or_default(),
                    message: context.err().message().unwrap_or_default(),
                },
                SdkError::TimeoutError(_) => Failure::Timeout,
                SdkError::DispatchFailure(failure) => Failure::Dispatch {
                    is_timeout: failure.is_timeout(),
                },
                SdkError::ResponseError(_) => Failure::Response,
                _ => Failure::Other,
            },
            response: error.raw_response(),
        }
    }

    /// Returns the status of the response, if there is one.
    pub(super) fn status(&self) -> Option<u16> {
        self.response.map(|response| response.status().as_u16())
    }

    /// Returns the gap that it leaves.
    pub(super) fn to_gap(&self, operation: Operation) -> Gap {
        let (error, status) = (self.error, self.status());
        match self.failure {
            Failure::Service {
                code: known,
                message,
            } => {
                let body = self.response.and_then(|response| response.body().bytes());
                let empty = body.is_none_or(<[u8]>::is_empty);
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
            Failure::Timeout => {
                operation.make_gap(GapKind::Error, "Timeout", "no response within the timeout")
            }
            Failure::Dispatch { is_timeout } => {
                let code = match is_timeout {
                    true => "Timeout",
                    false => "ConnectionError",
                };
                operation.make_gap(GapKind::Error, code, describe_root_error(error))
            }
            Failure::Response if SilentResponse::caused(error) => {
                operation.make_gap(GapKind::Error, "Timeout", describe_root_error(error))
            }
            Failure::Response => unreadable_response(operation, error, status),
            Failure::Other => {
                operation.make_gap(GapKind::Error, "RequestError", describe_root_error(error))
            }
        }
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
