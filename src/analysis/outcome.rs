//! The result of a check.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::declaration::Declared;
use super::remedy::Remedy;
use crate::model::{Gap, GapKind};
use crate::text::and_more;

/// The result of a check: an outcome, or the gap that made it inconclusive.
pub type CheckResult = Result<Outcome, Gap>;

/// Ids and lists that a program can read, by name.
pub type Evidence = BTreeMap<String, Value>;

/// The verdict of a check, before severities: a violation fails or warns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Does not apply.
    Skip,
    /// The resource is in the state that the rule names.
    Pass,
    /// Could not be checked, as the user excluded the data it needs. Ranks above a pass when outcomes are
    /// combined.
    NotAsked,
    /// The resource is in a passing state that needs attention, independent of the rule's severity.
    Warn,
    /// Could not be checked.
    Unknown,
    /// The resource is not in the state that the rule names.
    Breach,
}

/// The most parts that a message names; more are counted.
const MOST_PARTS: usize = 20;

/// A reason of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The subject that findings with the same reason share: the ARN of a key, a region's setting.
    pub about: Option<String>,
    /// What was found, with ids that can be pasted.
    pub message: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// The parts of the resource that it applies to: volumes of an instance.
    pub parts: Vec<String>,
    /// What would remove the cause; empty where no change in this account does.
    pub remedies: Vec<Remedy>,
}

impl Cause {
    /// Adds the parts and remedies of an equal cause.
    fn extend(&mut self, other: Cause) {
        self.parts.extend(other.parts);
        for remedy in other.remedies {
            if !self.remedies.contains(&remedy) {
                self.remedies.push(remedy);
            }
        }
    }

    /// Returns the message with the parts that it applies to.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.parts.is_empty() {
            return self.message.clone();
        }
        let parts = self.parts.iter().map(String::as_str);
        format!("{} ({})", self.message, and_more(parts, MOST_PARTS))
    }
}

/// The verdict of a check with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The reasons: at least one.
    pub causes: Vec<Cause>,
    /// Ids and lists that a program can read.
    pub evidence: Evidence,
    /// Whether it is unknown because something could not be read.
    pub unread: bool,
    /// Whether it is a violation of the guide alone, in a rule whose other violations AWS enforces.
    pub is_guide_only: bool,
}

/// A check that ended in a gap is unknown.
impl From<CheckResult> for Outcome {
    fn from(result: CheckResult) -> Self {
        result.unwrap_or_else(|gap| Outcome::unknown(&gap))
    }
}

impl Outcome {
    /// Creates a pass: the resource is in the state that the rule names.
    pub fn pass(message: impl Into<String>) -> Self {
        Outcome::new(Verdict::Pass, message)
    }

    /// Creates a violation: the resource is not in the state that the rule names.
    pub fn breach(message: impl Into<String>) -> Self {
        Outcome::new(Verdict::Breach, message)
    }

    /// Creates a warning: the resource is in a passing state that needs attention.
    pub fn warn(message: impl Into<String>) -> Self {
        Outcome::new(Verdict::Warn, message)
    }

    /// Creates a skip: the rule does not apply.
    pub fn skip(message: impl Into<String>) -> Self {
        Outcome::new(Verdict::Skip, message)
    }

    /// Creates an inconclusive outcome from what could not be read.
    #[must_use]
    pub fn unknown(gap: &Gap) -> Self {
        if gap.kind == GapKind::NotAsked {
            return Outcome::new(Verdict::NotAsked, gap.to_string());
        }
        let mut outcome = Outcome::new(Verdict::Unknown, gap.to_string());
        outcome.unread = gap.kind.is_read_failure();
        if !gap.operation.is_empty() {
            outcome = outcome.with("operation", gap.operation.as_str());
        }
        if !gap.action.is_empty() {
            outcome = outcome.with("action", gap.action.as_str());
        }
        if gap.kind == GapKind::Denied {
            outcome = outcome.fix(describe_permission_fix(gap));
        }
        // One missing permission is one root cause, however many findings it hides.
        let about = if gap.operation.is_empty() {
            &gap.message
        } else {
            &gap.operation
        };
        let about = about.clone();
        outcome.about(about)
    }

    fn new(verdict: Verdict, message: impl Into<String>) -> Self {
        Outcome {
            verdict,
            causes: vec![Cause {
                about: None,
                message: message.into(),
                fix: None,
                parts: Vec::new(),
                remedies: Vec::new(),
            }],
            evidence: Evidence::new(),
            unread: false,
            is_guide_only: false,
        }
    }

    /// Marks a violation as one of the guide alone, in a rule whose other violations AWS enforces.
    #[must_use]
    pub fn guide_only(mut self) -> Self {
        self.is_guide_only = true;
        self
    }

    /// Returns the verdict for rules that ask whether a copy can work.
    #[must_use]
    pub fn verdict_on_copy(&self) -> Verdict {
        match self.verdict {
            Verdict::Breach if self.is_guide_only => Verdict::Warn,
            verdict => verdict,
        }
    }

    /// Adds an aside to every message.
    #[must_use]
    pub fn noted(mut self, aside: &str) -> Self {
        for cause in &mut self.causes {
            cause.message.push_str(&format!(" ({aside})"));
        }
        self
    }

    /// Sets the subject that findings with the same reason share.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        let subject = subject.into();
        for cause in &mut self.causes {
            cause.about = Some(subject.clone());
        }
        self
    }

    /// Prefixes the reasons with the rule that they come from, for another rule's message. The finding of
    /// that rule has the remedies.
    #[must_use]
    pub fn under(self, rule: &str) -> Self {
        self.after(rule).without_remedies()
    }

    /// Prefixes the reasons with what they lead to.
    #[must_use]
    pub fn after(mut self, consequence: &str) -> Self {
        for cause in &mut self.causes {
            cause.message = format!("{consequence}: {}", cause.message);
        }
        self
    }

    /// Converts the outcome to a warning with another message.
    #[must_use]
    pub fn lightened(mut self, message: String) -> Self {
        let fix = self.fixes();
        self.verdict = Verdict::Warn;
        self.causes.truncate(1);
        for cause in &mut self.causes {
            cause.message.clone_from(&message);
            cause.fix.clone_from(&fix);
        }
        self
    }

    /// Sets the fix.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        let fix = fix.into();
        for cause in &mut self.causes {
            cause.fix = Some(fix.clone());
        }
        self
    }

    /// Adds a change that would make the check pass, where there is one.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<Option<Remedy>>) -> Self {
        if let Some(remedy) = remedy.into() {
            for cause in &mut self.causes {
                cause.remedies.push(remedy.clone());
            }
        }
        self
    }

    /// Removes all remedies: somebody else has to make the change.
    #[must_use]
    pub fn without_remedies(mut self) -> Self {
        for cause in &mut self.causes {
            cause.remedies.clear();
        }
        self
    }

    /// Replaces commands in fixes, and remedies by declarations: a resource of a plan or template is changed only
    /// in its declaration. `declare` returns the declaration of a remedy, if there is one.
    #[must_use]
    pub fn declared(mut self, rule: &str, declare: impl Fn(&Remedy) -> Option<Declared>) -> Self {
        for cause in &mut self.causes {
            let remedies = std::mem::take(&mut cause.remedies);
            let declared: Option<Vec<Declared>> = remedies.iter().map(&declare).collect();
            match declared.filter(|it| !it.is_empty()) {
                Some(declared) => {
                    cause.fix = declared.first().map(|it| it.fix.clone());
                    let declared = declared.into_iter().map(|it| it.declaration);
                    cause.remedies = declared.map(Remedy::Declare).collect();
                }
                None => refer_to_declaration(cause, rule),
            }
        }
        self
    }

    /// Adds evidence.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.evidence.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the part of the resource that it applies to.
    #[must_use]
    pub fn part(mut self, part: Option<&str>) -> Self {
        if let Some(part) = part {
            for cause in &mut self.causes {
                cause.parts.push(part.to_owned());
            }
        }
        self
    }

    /// Returns the worst outcome of a resource's parts, with the reasons of all parts that are as bad. `None`
    /// where there are no parts.
    ///
    /// Evidence of the same name keeps its first value; if the parts differ, all values are in a list under
    /// the plural of the name: `key_arn` and `key_arns`.
    pub fn worst(parts: impl IntoIterator<Item = Outcome>) -> Option<Outcome> {
        let mut parts: Vec<Outcome> = parts.into_iter().collect();
        // Most resources have one part, and there is nothing to combine.
        if let [only] = parts.as_slice()
            && only.causes.len() == 1
        {
            return parts.pop();
        }
        let verdict = parts.iter().map(|part| part.verdict).max()?;
        let worst = || parts.iter().filter(|part| part.verdict == verdict);
        let unread = worst().any(|part| part.unread);
        let is_guide_only = worst().all(|part| part.is_guide_only);
        let mut causes: Vec<Cause> = Vec::new();
        let mut places: BTreeMap<(String, Option<String>), usize> = BTreeMap::new();
        let mut values: BTreeMap<String, Distinct> = BTreeMap::new();
        for part in parts.into_iter().filter(|part| part.verdict == verdict) {
            for cause in part.causes {
                let place = (cause.message.clone(), cause.about.clone());
                match places.get(&place) {
                    Some(known) => causes[*known].extend(cause),
                    None => {
                        places.insert(place, causes.len());
                        causes.push(cause);
                    }
                }
            }
            for (name, value) in part.evidence {
                values.entry(name).or_default().add(value);
            }
        }
        let mut evidence = Evidence::new();
        for (name, Distinct { list: known, .. }) in values {
            if known.len() > 1 {
                let plural = if name.ends_with('s') {
                    name.clone()
                } else {
                    format!("{name}s")
                };
                evidence.insert(plural, union(&known));
            }
            if let Some(first) = known.into_iter().next() {
                evidence.entry(name).or_insert(first);
            }
        }
        Some(Outcome {
            verdict,
            causes,
            evidence,
            unread,
            is_guide_only,
        })
    }

    /// Returns all reasons in one line.
    #[must_use]
    pub fn message(&self) -> String {
        let sentences: Vec<String> = self.causes.iter().map(Cause::sentence).collect();
        sentences.join("; ")
    }

    /// Returns all fixes in one line.
    #[must_use]
    pub fn fixes(&self) -> Option<String> {
        let mut fixes: Vec<&str> = Vec::new();
        for fix in self.causes.iter().filter_map(|cause| cause.fix.as_deref()) {
            if !fixes.contains(&fix) {
                fixes.push(fix);
            }
        }
        (!fixes.is_empty()).then(|| fixes.join(" "))
    }
}

/// Returns what to do about a denied call. No permission of the credentials outweighs an explicit deny.
fn describe_permission_fix(gap: &Gap) -> String {
    let action = &gap.action;
    match gap.denial() {
        Some(denial) if denial.is_organization => format!(
            "Ask the administrators of the organization to exempt the scan from the deny of {action}: IAM permissions in this account do not override it."
        ),
        Some(denial) => format!(
            "Change the policy that denies {action}: {} overrides every permission.",
            denial.policy
        ),
        None => format!(
            "Allow {action} for the credentials of the scan; `backup-check iam-policy` prints the policy it needs."
        ),
    }
}

/// A copy prerequisite that a resource violates, or that could not be checked.
#[derive(Debug, Clone)]
pub struct Shortcoming {
    /// The rule.
    pub rule: &'static str,
    /// What the rule answered.
    pub outcome: Outcome,
}

/// The shortcomings of stack members by ARN: what the first phase of the evaluation hands to the second.
pub type Shortcomings = BTreeMap<String, Vec<Shortcoming>>;

/// Distinct values, in the order in which they were added.
#[derive(Default)]
struct Distinct {
    list: Vec<Value>,
    seen: BTreeSet<String>,
}

impl Distinct {
    fn add(&mut self, value: Value) {
        if self.seen.insert(value.to_string()) {
            self.list.push(value);
        }
    }
}

fn union(values: &[Value]) -> Value {
    let mut all = Distinct::default();
    for value in values {
        match value {
            Value::Array(items) => items.iter().cloned().for_each(|item| all.add(item)),
            other => all.add(other.clone()),
        }
    }
    Value::Array(all.list)
}

/// Replaces commands in the fix of a cause.
fn refer_to_declaration(cause: &mut Cause, rule: &str) {
    if let Some(fix) = cause.fix.as_mut().filter(|it| it.contains("`aws ")) {
        *fix = format!("Change it where it is declared: `backup-check explain {rule}` says how.");
    }
}

#[cfg(test)]
mod tests {
    use super::super::remedy::{Declaration, Language};
    use super::*;

    #[test]
    fn the_worst_part_speaks_for_the_whole() {
        let merged = Outcome::worst([
            Outcome::pass("fine").part(Some("vol-1")),
            Outcome::breach("bad")
                .with("key_arn", "a")
                .with("actions", vec!["x"])
                .part(Some("vol-2")),
            Outcome::breach("bad")
                .with("key_arn", "b")
                .with("actions", vec!["x", "y"])
                .part(Some("vol-3")),
            Outcome::skip("no").part(Some("vol-4")),
        ])
        .unwrap();
        assert_eq!(merged.verdict, Verdict::Breach);
        assert_eq!(merged.message(), "bad (vol-2, vol-3)");
        assert_eq!(merged.evidence["key_arn"], "a");
        assert_eq!(merged.evidence["key_arns"], serde_json::json!(["a", "b"]));
        assert_eq!(merged.evidence["actions"], serde_json::json!(["x", "y"]));
        assert_eq!(Outcome::worst([]), None);
    }

    fn replace_key(arn: &str) -> Remedy {
        Remedy::ReplaceKey {
            key_arn: arn.to_owned(),
        }
    }

    #[test]
    fn equal_causes_of_parts_keep_all_their_remedies() {
        let part = |arn: &str| Outcome::breach("bad").remedy(replace_key(arn));
        let merged = Outcome::worst([
            part("a"),
            part("b"),
            part("a"),
            Outcome::breach("worse").remedy(None),
            Outcome::warn("fine").remedy(replace_key("c")),
        ])
        .unwrap();
        let remedies: Vec<&[Remedy]> = merged.causes.iter().map(|it| &it.remedies[..]).collect();
        let expected = [replace_key("a"), replace_key("b")];
        assert_eq!(remedies, [&expected[..], &[]]);
    }

    #[test]
    fn what_is_changed_elsewhere_has_no_remedy() {
        let outcome = Outcome::breach("bad").remedy(replace_key("a"));
        for moved in [
            outcome.clone().under("some-rule"),
            outcome.clone().declared("some-rule", |_| None),
            outcome.without_remedies(),
        ] {
            assert_eq!(moved.causes[0].remedies, []);
        }
    }

    #[test]
    fn a_gap_outweighs_a_pass_and_a_breach_outweighs_a_gap() {
        let gap = Outcome::unknown(&Gap::not_collected());
        let worst = |a: Outcome, b: Outcome| Outcome::worst([a, b]).unwrap().verdict;
        assert_eq!(worst(Outcome::pass(""), gap.clone()), Verdict::Unknown);
        assert_eq!(worst(gap, Outcome::breach("")), Verdict::Breach);
        assert_eq!(worst(Outcome::skip(""), Outcome::pass("")), Verdict::Pass);
        let left_out = Outcome::unknown(&Gap::not_asked());
        assert_eq!(
            worst(Outcome::pass(""), left_out.clone()),
            Verdict::NotAsked
        );
        assert_eq!(worst(left_out, Outcome::warn("")), Verdict::Warn);
    }
    #[test]
    fn only_a_call_that_failed_is_unread() {
        let of = |kind| Outcome::unknown(&Gap::new(kind, "why"));
        let (denied, open) = (of(GapKind::Denied), of(GapKind::Open));
        assert!(denied.unread && !open.unread && !of(GapKind::NotAsked).unread);
        let is_unread =
            |parts: [&Outcome; 2]| Outcome::worst(parts.map(Clone::clone)).unwrap().unread;
        assert!(is_unread([&open, &denied]) && !is_unread([&open, &open]));
        // What is certainly wrong does not depend on the call.
        assert!(!is_unread([&Outcome::breach("bad"), &denied]));
    }

    #[test]
    fn a_violation_of_the_guide_alone_is_no_obstacle_to_a_copy() {
        let guide_only = Outcome::breach("bad").guide_only();
        assert_eq!(guide_only.verdict_on_copy(), Verdict::Warn);
        assert_eq!(Outcome::breach("bad").verdict_on_copy(), Verdict::Breach);
        assert_eq!(
            Outcome::pass("").guide_only().verdict_on_copy(),
            Verdict::Pass
        );
        let worst = |other: Outcome| Outcome::worst([guide_only.clone(), other]).unwrap();
        assert!(!worst(Outcome::breach("worse")).is_guide_only);
        assert!(worst(guide_only.clone()).is_guide_only && worst(Outcome::pass("")).is_guide_only);
    }

    #[test]
    fn a_lighter_outcome_has_one_message_and_each_fix_once() {
        let part = |message: &str, fix: &str| Outcome::breach(message).fix(fix);
        let parts = [part("a", "Do."), part("b", "Do."), part("c", "Then that.")];
        let both = Outcome::worst(parts).unwrap();
        assert_eq!(both.fixes().as_deref(), Some("Do. Then that."));
        let light = both.lightened("all".to_owned());
        assert_eq!(
            (light.verdict, light.message()),
            (Verdict::Warn, "all".to_owned())
        );
        assert_eq!(light.fixes().as_deref(), Some("Do. Then that."));
        assert_eq!(Outcome::pass("fine").fixes(), None);
    }
    #[test]
    fn a_declaration_replaces_fix_and_remedies_and_no_declaration_only_commands() {
        let declaration = Declaration {
            language: Language::Hcl,
            address: "aws_ebs_volume.data".to_owned(),
            file: "main.tf".to_owned(),
            place: "main.tf".to_owned(),
            logical_id: None,
            lines: Vec::new(),
            separate: Vec::new(),
            notes: Vec::new(),
            key_parameter: None,
        };
        let declared = Declared {
            declaration: declaration.clone(),
            fix: "Set it.".to_owned(),
        };
        let outcome = Outcome::breach("bad").fix("Run `aws it`.").about("key");
        assert_eq!(outcome.causes[0].about.as_deref(), Some("key"));
        let found = outcome.clone().remedy(replace_key("a"));
        let found = found.declared("some-rule", |_| Some(declared.clone()));
        assert_eq!(found.fixes().as_deref(), Some("Set it."));
        assert_eq!(found.causes[0].remedies, [Remedy::Declare(declaration)]);
        let other = "Change it where it is declared: `backup-check explain some-rule` says how.";
        let found = outcome.declared("some-rule", |_| None);
        assert_eq!(found.fixes().as_deref(), Some(other));
        let asked = Outcome::breach("bad")
            .fix("Ask.")
            .declared("some-rule", |_| None);
        assert_eq!(asked.fixes().as_deref(), Some("Ask."));
    }
}
