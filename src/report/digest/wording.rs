//! What makes the causes of two findings the same root cause, and the sentences that describe it.

use crate::analysis::Cause;
use crate::report::{Finding, Status};
use crate::text::{plural, replace_word};

/// A shorter id could be a common word of the message.
const SHORTEST_ID: usize = 4;

/// The identity of a root cause. A missing fact is the same cause whichever rules need it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CauseKey {
    status: Status,
    rule: Option<&'static str>,
    subject: String,
    has_fix: bool,
}

impl CauseKey {
    pub(super) fn new(finding: &Finding, cause: &Cause) -> Self {
        let is_unknown = finding.status == Status::Unknown;
        CauseKey {
            status: finding.status,
            rule: (!is_unknown).then_some(finding.rule.id),
            subject: match &cause.about {
                // Replicas of a multi-Region key differ only in the region, and each has its own policy.
                Some(about) if about.starts_with("arn:") => about.clone(),
                Some(about) => replace_names(about, finding),
                None => replace_names(&cause.message, finding),
            },
            // A denied call and a failed one have different fixes.
            has_fix: is_unknown && cause.fix.is_some(),
        }
    }
}

/// A sentence about one or more resources.
#[derive(Debug)]
pub(in crate::report) struct Wording<'a> {
    /// The sentence with placeholders for the names of the resource.
    template: String,
    /// The sentence itself, if it is the same for all resources.
    exact: Option<&'a str>,
    /// The sentence about the first resource.
    first: &'a str,
}

impl<'a> Wording<'a> {
    /// Returns the sentence, with placeholders if it differs between resources.
    pub(in crate::report) fn text(&self) -> &str {
        self.exact.unwrap_or(&self.template)
    }

    /// Returns the sentence about the first resource, which has no placeholders.
    pub(in crate::report) fn example(&self) -> &'a str {
        self.first
    }

    pub(in crate::report) fn has_placeholders(&self) -> bool {
        self.exact.is_none()
    }
}

/// Adds the sentence of a finding to the known ones. Sentences that differ only in the names of the
/// resource are one.
pub(super) fn add_wording<'a>(known: &mut Vec<Wording<'a>>, exact: &'a str, finding: &Finding) {
    let template = replace_names(exact, finding);
    match known.iter_mut().find(|it| it.template == template) {
        Some(same) if same.exact != Some(exact) => same.exact = None,
        Some(_) => {}
        None => known.push(Wording {
            template,
            exact: Some(exact),
            first: exact,
        }),
    }
}

/// Returns at most `most` of the sentences; the last one says how many were omitted.
pub(super) fn first_texts(wordings: &[&Wording<'_>], most: usize) -> Vec<String> {
    let shown = wordings.iter().take(most);
    let mut texts: Vec<String> = shown.map(|it| it.text().to_owned()).collect();
    let omitted = wordings.len() - texts.len();
    if let (Some(last), 1..) = (texts.last_mut(), omitted) {
        last.push_str(&format!(" (and {})", plural(omitted, "similar message")));
    }
    texts
}

/// Returns a sentence with placeholders for the names of the resource that it is about. The same sentence
/// about two resources becomes the same text, and a command for one can be adapted to the other.
fn replace_names(sentence: &str, finding: &Finding) -> String {
    // Most sentences have no ARN, and to look for a long one takes time.
    let may_have_name = !finding.resource.starts_with("arn:") || sentence.contains("arn:");
    let mut text = match may_have_name {
        true => replace_word(sentence, &finding.resource, "<arn>"),
        false => sentence.to_owned(),
    };
    if finding.resource_id.len() >= SHORTEST_ID && finding.resource_id != finding.region {
        text = replace_word(&text, &finding.resource_id, "<id>");
    }
    replace_word(&text, &finding.region, "<region>")
}
