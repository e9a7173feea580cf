//! `--as cdk`
