//! Findings that say the same of another resource: rendered once, and written again with its name.
//!
//! In a large account nearly all findings are of this kind, and rendering them is most of the time of a report.

use std::hash::BuildHasher as _;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use super::cause::is_of_resource;
use super::{Finding, WriteError};
use crate::report::maps::HashMap;

/// The number of renderings that are kept: about a kilobyte each.
const MOST_RENDERINGS: usize = 4_096;

/// The renderings of a JSON writer.
#[derive(Default)]
pub(super) struct Renderings {
    known: HashMap<u64, Rendering>,
    buffer: Vec<u8>,
}

/// A rendered finding, and where the id and the resource are in it.
struct Rendering {
    finding: Finding,
    text: Vec<u8>,
    id: Range<usize>,
    resource: Range<usize>,
}

impl Renderings {
    /// Writes a finding as `render` renders it.
    ///
    /// # Errors
    /// The rendering or the output failed.
    pub(super) fn write_finding(
        &mut self,
        finding: &Finding,
        out: &mut dyn Write,
        render: impl FnOnce(&mut Vec<u8>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let said = (
            finding.rule.id,
            &finding.region,
            &finding.explanation.message,
        );
        let slot = is_shareable(finding).then(|| self.known.hasher().hash_one(said));
        if let Some(known) = slot.and_then(|slot| self.known.get(&slot))
            && says_the_same(&known.finding, finding)
        {
            return known.write_for(finding, out);
        }
        self.buffer.clear();
        render(&mut self.buffer)?;
        out.write_all(&self.buffer)?;
        if let Some(slot) = slot
            && self.known.len() < MOST_RENDERINGS
            && let Some(rendering) = Rendering::new(finding, &self.buffer)
        {
            self.known.insert(slot, rendering);
        }
        Ok(())
    }
}

impl Rendering {
    fn new(finding: &Finding, text: &[u8]) -> Option<Self> {
        let id = find_value(text, "id", &finding.id())?;
        let resource = find_value(text, "resource", &finding.resource)?;
        (id.end < resource.start).then(|| Rendering {
            finding: finding.clone(),
            text: text.to_vec(),
            id,
            resource,
        })
    }

    fn write_for(&self, finding: &Finding, out: &mut dyn Write) -> Result<(), WriteError> {
        out.write_all(&self.text[..self.id.start])?;
        out.write_all(finding.id().as_bytes())?;
        out.write_all(&self.text[self.id.end..self.resource.start])?;
        out.write_all(finding.resource.as_bytes())?;
        Ok(out.write_all(&self.text[self.resource.end..])?)
    }
}

/// Whether nothing of a finding is about its resource alone, and no character of its name is escaped.
fn is_shareable(finding: &Finding) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    let mut causes = finding.explanation.causes.iter();
    finding.waiver.is_none()
        && finding.place.is_none()
        && finding.sources.is_empty()
        && finding.resource.bytes().all(is_plain)
        && !(finding.status.is_trouble() && causes.any(|cause| is_of_resource(finding, cause)))
}

fn says_the_same(one: &Finding, other: &Finding) -> bool {
    std::ptr::eq(one.rule, other.rule)
        && one.severity == other.severity
        && one.status == other.status
        && one.gating == other.gating
        && one.baseline == other.baseline
        && one.kind == other.kind
        && one.backup_tag == other.backup_tag
        && one.account_id == other.account_id
        && one.region == other.region
        && (Arc::ptr_eq(&one.explanation, &other.explanation)
            || one.explanation == other.explanation)
}

/// Returns where the value of a member is in JSON text, if it is this one. A quotation mark in a string is escaped, so
/// none looks like a member.
fn find_value(text: &[u8], name: &str, value: &str) -> Option<Range<usize>> {
    let text = std::str::from_utf8(text).ok()?;
    let member = format!("\"{name}\":");
    let at = text.find(&member)? + member.len();
    let start = at + text.get(at..)?.find('"')? + 1;
    let end = start + value.len();
    (text.get(start..end)? == value && text.get(end..)?.starts_with('"')).then_some(start..end)
}
