//! Evaluates IAM policies: key policies, backup vault access policies, trust policies, and the policies of
//! a role with its permissions boundary.
//!
//! ```text
//! text ──document──> Document ─┐
//!                              ├─evaluator──> Decision (allowed, explicit deny, implicit deny,
//! request (principal, action, ─┘                        conditional), with its reason
//!          resource, context)
//! ```
//!
//! A condition key is known, known to be absent, or unknown, and so every answer has three values ([`truth::Truth`]).
//! The evaluation logic is that of
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.
//! Nothing here reads a clock, the environment or a file.

pub mod aws_managed;
pub mod condition;
pub mod decision;
pub mod document;
pub mod evaluator;
pub mod explain;
pub mod identity;
pub mod matching;
pub mod operator;
pub mod principal;
pub mod quote;
pub mod request;
pub mod trust;
pub mod truth;
pub mod value;

mod read;
mod statement_match;
