//! `--as terraform`

use std::io::Write;

use super::Change;
use crate::report::{Report, WriteError};

/// Writes.
///
/// # Errors
/// The writer failed.
pub fn write(_: &Report, _: &[Change], _: &mut dyn Write) -> Result<(), WriteError> {
    Ok(())
}
