//! `--as policy`: the merged key policies alone.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::value::RawValue;

use crate::fix::change::{Action, Change, Method};
use crate::report::{Report, WriteError};

/// Writes the policies to put: the document itself for one key, an object with the documents by key ARN
/// for several, and nothing for none.
///
/// # Errors
/// The writer failed.
pub fn write(_: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let policies = merged_policies(changes);
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

/// Returns a remark if no change puts a key policy.
#[must_use]
pub fn explain_empty(changes: &[Change]) -> Option<&'static str> {
    merged_policies(changes)
        .is_empty()
        .then_some("none of these findings is fixed by a key policy; try --as aws-cli")
}

/// Returns the policies to put, by key ARN.
fn merged_policies(changes: &[Change]) -> BTreeMap<&str, &str> {
    let mut policies = BTreeMap::new();
    for change in changes {
        if let Method::InPlace(actions) = &change.method {
            for action in actions {
                if let Action::PutKeyPolicy { key_arn, after, .. } = action {
                    policies.insert(key_arn.as_str(), after.as_str());
                }
            }
        }
    }
    policies
}
