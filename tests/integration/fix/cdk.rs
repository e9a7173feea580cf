//! `--as cdk`.
