//! What makes the causes of several findings one: reports tell a root cause once.

use crate::analysis::Cause;
use crate::report::{Finding, Status};

use crate::text::replace_word;

/// Shorter ids are words that a message may hold by chance.
const SHORTEST_ID: usize = 4;

/// What makes two causes one: a missing fact is the same whichever rules needed it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    status: Status,
    rule: Option<&'static str>,
    subject: String,
    mendable: bool,
}

impl Key {
    /// The key of one cause of a finding.
    pub(super) fn of(finding: &Finding, cause: &Cause) -> Self {
        let unknown = finding.status == Status::Unknown;
        Key {
            status: finding.status,
            rule: (!unknown).then_some(finding.rule.id),
            subject: match &cause.about {
                // Replicas of a multi-Region key differ in the region only, and each has its own policy.
                Some(about) if about.starts_with("arn:") => about.clone(),
                Some(about) => template(about, finding),
                None => template(&cause.message, finding),
            },
            // A denied call and one that failed differ in what mends them.
            mendable: unknown && cause.fix.is_some(),
        }
    }
}

/// A sentence that may name the resource it is about.
#[derive(Debug)]
pub(super) struct Wording<'a> {
    /// With placeholders for the names of the resource.
    template: String,
    /// As it is, where all resources have it letter by letter.
    exact: Option<&'a str>,
}

impl Wording<'_> {
    pub(super) fn text(&self) -> &str {
        self.exact.unwrap_or(&self.template)
    }

    /// Whether it has placeholders.
    pub(super) fn varies(&self) -> bool {
        self.exact.is_none()
    }
}

/// Adds a finding's sentence to those known, the same but for the names of the resource once.
pub(super) fn note<'a>(wordings: &mut Vec<Wording<'a>>, exact: &'a str, finding: &Finding) {
    let template = template(exact, finding);
    match wordings.iter_mut().find(|known| known.template == template) {
        Some(known) if known.exact != Some(exact) => known.exact = None,
        Some(_) => {}
        None => wordings.push(Wording {
            template,
            exact: Some(exact),
        }),
    }
}

/// A sentence without the names of the resource it is about, so that the same sentence about two
/// resources is the same text, and a command for one of them can be adapted to the other.
fn template(sentence: &str, finding: &Finding) -> String {
    let mut text = replace_word(sentence, &finding.resource, "<arn>");
    if finding.resource_id.len() >= SHORTEST_ID && finding.resource_id != finding.region {
        text = replace_word(&text, &finding.resource_id, "<id>");
    }
    replace_word(&text, &finding.region, "<region>")
}
