//! `--as policy`: the merged key policies alone.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::value::RawValue;

use crate::fix::{Action, Change, Remedy};
use crate::report::WriteError;

/// Writes the policies that keys get: of one key the document itself, of several an object with the
/// documents by the keys' ARNs, of none nothing.
///
/// # Errors
/// The writer failed.
pub fn write(changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let mut policies: BTreeMap<&str, &str> = BTreeMap::new();
    for change in changes {
        if let Remedy::InPlace(actions) = &change.remedy {
            for action in actions {
                if let Action::PutKeyPolicy { key_arn, after, .. } = action {
                    policies.insert(key_arn, after);
                }
            }
        }
    }
    match policies.len() {
        0 => {}
        1 => {
            for policy in policies.values() {
                writeln!(out, "{policy}")?;
            }
        }
        _ => {
            let documents = policies
                .into_iter()
                .map(|(arn, policy)| Ok((arn, serde_json::from_str::<Box<RawValue>>(policy)?)))
                .collect::<Result<BTreeMap<_, _>, serde_json::Error>>()?;
            serde_json::to_writer_pretty(&mut *out, &documents)?;
            writeln!(out)?;
        }
    }
    Ok(())
}
