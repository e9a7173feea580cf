//! One test binary: each further one would link the AWS SDK again.

mod policy;
mod rules;
