//! The conditions of a template.

use crate::model::{Gap, GapKind};

use super::compose::describe_place;
use super::node::{Entry, Mark, Node};
use super::template::{Conditions, Template};
use super::value::{Open, Piece, Resolved, Truth};

/// The longest chain of conditions that is evaluated.
const DEEPEST: usize = 100;

impl Template<'_> {
    /// The value of a condition.
    pub(super) fn evaluate_condition(&self, name: &str, mark: Mark, depth: usize) -> Truth {
        let open = |why: &str| {
            let what = format!("condition {name}");
            let message = format!("line {}: {what}: {why}", mark.line);
            let gap = Gap::new(GapKind::Unreadable, message);
            Truth::Open(Open::from_gap(what, gap))
        };
        match self.conditions.borrow().get(name) {
            Some(Some(known)) => return known.clone(),
            Some(None) => return open("it depends on itself"),
            None => {}
        }
        let declared = self.root.get("Conditions").and_then(|all| all.get(name));
        let Some(node) = declared else {
            return open("the template has no such condition");
        };
        if depth > DEEPEST {
            return open("the chain of conditions is too long");
        }
        self.conditions.borrow_mut().insert(name.to_owned(), None);
        let truth = match self.evaluate_rule(node, depth + 1) {
            Truth::Open(open) => {
                let what = format!("condition {name}");
                Truth::Open(Open::from_gap(what.clone(), open.gap).named(what))
            }
            known => known,
        };
        let mut conditions = self.conditions.borrow_mut();
        conditions.insert(name.to_owned(), Some(truth.clone()));
        truth
    }

    /// Assumes that a condition holds, and what follows from it. Returns what was known before.
    pub(super) fn assume_condition(&self, name: &str) -> Conditions {
        // Exports are the same for every resource.
        self.cache_exports();
        let mut assumed = Conditions::new();
        self.infer_condition(name, true, &mut assumed, 0);
        self.conditions.replace(assumed)
    }

    fn infer_condition(&self, name: &str, holds: bool, known: &mut Conditions, depth: usize) {
        if depth > DEEPEST || known.contains_key(name) {
            return;
        }
        let truth = if holds { Truth::Yes } else { Truth::No };
        known.insert(name.to_owned(), Some(truth));
        let all = self.root.get("Conditions");
        if let Some(rule) = all.and_then(|it| it.get(name)) {
            self.infer_parts(rule, holds, known, depth + 1);
        }
    }

    fn infer_parts(&self, rule: &Node, holds: bool, known: &mut Conditions, depth: usize) {
        let [Entry { name, node, .. }] = rule.entries() else {
            return;
        };
        match (name.as_str(), holds) {
            ("Condition", _) => {
                if let Some(name) = node.text() {
                    self.infer_condition(name, holds, known, depth);
                }
            }
            ("Fn::Not", _) => {
                for part in node.items() {
                    self.infer_parts(part, !holds, known, depth);
                }
            }
            ("Fn::And", true) | ("Fn::Or", false) => {
                for part in node.items() {
                    self.infer_parts(part, holds, known, depth);
                }
            }
            _ => {}
        }
    }

    fn evaluate_rule(&self, node: &Node, depth: usize) -> Truth {
        let wrong = |what: &str, why: &str| {
            let what = describe_place(what, node.at);
            Truth::Open(Open::new(GapKind::Unreadable, what, why))
        };
        let [
            Entry {
                name,
                node: argument,
                ..
            },
        ] = node.entries()
        else {
            return wrong("a condition", "it is not a condition function");
        };
        if depth > 2 * DEEPEST {
            return wrong(name, "it is nested too deeply");
        }
        let each = || {
            argument
                .items()
                .iter()
                .map(|item| self.evaluate_rule(item, depth))
        };
        match (name.as_str(), argument.items()) {
            ("Condition", _) => match argument.text() {
                Some(name) => self.evaluate_condition(name, argument.at, depth),
                None => wrong(name, "it does not name a condition"),
            },
            ("Fn::Equals", [one, other]) => {
                let central = self.around.map(|it| it.central_account);
                compare_values(&self.resolve_node(one), &self.resolve_node(other), central)
            }
            ("Fn::Not", [_]) => match each().next() {
                Some(Truth::Yes) => Truth::No,
                Some(Truth::No) => Truth::Yes,
                Some(open) => open,
                None => wrong(name, "its arguments do not have the expected form"),
            },
            ("Fn::And", [_, ..]) => each().fold(Truth::Yes, |all, one| match (all, one) {
                (Truth::No, _) | (_, Truth::No) => Truth::No,
                (Truth::Yes, one) => one,
                (open, _) => open,
            }),
            ("Fn::Or", [_, ..]) => each().fold(Truth::No, |any, one| match (any, one) {
                (Truth::Yes, _) | (_, Truth::Yes) => Truth::Yes,
                (Truth::No, one) => one,
                (open, _) => open,
            }),
            ("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                wrong(name, "its arguments do not have the expected form")
            }
            _ => wrong(name, "the function is not supported"),
        }
    }
}

/// Compares two values: `Fn::Equals` compares text. The account of the stack is not the central one.
fn compare_values(one: &Resolved, other: &Resolved, central: Option<&str>) -> Truth {
    if one == other {
        return Truth::Yes;
    }
    let mut truth: Option<Truth> = None;
    for one in one.candidates() {
        for other in other.candidates() {
            let compared = compare_candidates(one, other, central);
            match &truth {
                None => truth = Some(compared),
                Some(so_far) if *so_far == compared => {}
                Some(_) => {
                    truth = None;
                    break;
                }
            }
        }
        if truth.is_none() {
            break;
        }
    }
    truth.unwrap_or_else(|| {
        let gap = one.text().err().or_else(|| other.text().err());
        Truth::Open(Open::from_gap(
            "Fn::Equals",
            gap.unwrap_or_else(Gap::not_collected),
        ))
    })
}

fn compare_candidates(one: &Resolved, other: &Resolved, central: Option<&str>) -> Truth {
    if one == other {
        return Truth::Yes;
    }
    let known = |value: &Resolved| value.text().map(Option::unwrap_or_default);
    match (known(one), known(other)) {
        (Ok(one), Ok(other)) if one == other => Truth::Yes,
        (Ok(_), Ok(_)) => Truth::No,
        (Ok(text), Err(_)) if is_account(other) && Some(text.as_str()) == central => Truth::No,
        (Err(_), Ok(text)) if is_account(one) && Some(text.as_str()) == central => Truth::No,
        // What a resource or the deployment names is never empty.
        (Ok(text), Err(_)) if text.is_empty() && is_never_empty(other) => Truth::No,
        (Err(_), Ok(text)) if text.is_empty() && is_never_empty(one) => Truth::No,
        (Err(gap), _) | (_, Err(gap)) => Truth::Open(Open::from_gap("Fn::Equals", gap)),
    }
}

fn is_account(value: &Resolved) -> bool {
    matches!(value, Resolved::Text(phrase) if phrase.0.as_slice() == [Piece::Account])
}

fn is_never_empty(value: &Resolved) -> bool {
    let has_content = |piece: &Piece| !matches!(piece, Piece::Open(_));
    matches!(value, Resolved::Text(phrase) if phrase.0.iter().any(has_content))
}

/// What separates the condition of a stack from that of its resource, in the name of both.
const AND: &str = " and ";

/// Returns the name of the condition of a nested stack and of its resource.
pub(super) fn join_conditions(stack: &str, own: &str) -> String {
    format!("{stack}{AND}{own}")
}

/// Returns the condition that a resource names in its own template; `None` if it has only that of its stack. The names
/// of both begin with the stacks around them.
pub(super) fn find_own_condition<'c>(id: &str, condition: &'c str) -> Option<&'c str> {
    let last = condition.rsplit(AND).next()?;
    let mut parts = last.rsplit('/');
    let own = parts.next()?;
    (parts.next() == id.rsplit('/').nth(1)).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::find_own_condition;

    #[test]
    fn the_condition_of_a_stack_is_not_that_of_a_resource() {
        for (id, condition, own) in [
            ("Vpc", "Own", Some("Own")),
            ("Child/Vpc", "Child/Own", Some("Own")),
            ("Child/Vpc", "Outer", None),
            ("Child/Vpc", "Outer and Child/Own", Some("Own")),
            ("Child/Inner/Vpc", "Outer and Child/Middle", None),
            ("Child/Inner/Vpc", "Child/Middle and Inner/Own", Some("Own")),
        ] {
            assert_eq!(find_own_condition(id, condition), own, "{id} {condition}");
        }
    }
}
