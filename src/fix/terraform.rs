//! `--as terraform`
