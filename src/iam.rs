//! KMS key policies, judged as IAM judges them.
//!
//! The one question the product rests on is *can the central account use this KMS key to copy this backup?*
//! [`copy`] asks it and [`merge`] makes the policy that would pass; everything else here answers any question of that form:
//!
//! ```text
//! text ──document──> Document ─┐
//!                              ├─evaluate──> Decision (allowed, denied, conditional, and why)
//! request (who, action, key, ──┘
//!          condition context)
//! ```
//!
//! A condition key is known, known to be absent, or unknown, and so every answer has three values ([`truth::Truth`]).
//! The evaluation logic is that of
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>.
//! Nothing here reads a clock, the environment or a file.

pub mod condition;
pub mod document;
pub mod evaluator;
pub mod explain;
pub mod matching;
pub mod operator;
pub mod principal;
pub mod request;
pub mod trust;
pub mod truth;
pub mod value;

mod read;
