//! Conditions: whether a statement's `Condition` block holds for a request.
//!
//! All operators and all keys must hold; of several values one is enough, and a negated operator must match none:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>.

use super::matching;
use super::matching::{LONGEST, Pattern, Token};
use super::operator::{Comparison, Operator, Quantifier};
use super::request::{Context, Value};
use super::truth::Truth;
use super::value;
use super::value::Expanded;
use crate::model::arn::Arn;

/// One key under one operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is compared and how.
    pub operator: Operator,
    /// The operator as the policy writes it.
    pub operator_name: String,
    /// The condition key as the policy writes it.
    pub key: String,
    /// The policy's values, as text: JSON booleans and numbers count as their text.
    pub values: Vec<String>,
}

/// One value of the request.
#[derive(Clone, Copy)]
enum Given<'a> {
    Text(&'a str),
    Shape(&'a str),
}

impl Condition {
    /// Whether this condition holds. `variables` says whether the policy's version has policy variables.
    ///
    /// A missing key fails a condition, and fulfills a negated one, `...IfExists` and `ForAllValues:`; it fails every
    /// `ForAnyValue:`. Sources:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>,
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>.
    #[must_use]
    pub fn holds(&self, variables: bool, context: &Context) -> Truth {
        let present = context.get(&self.key);
        if self.operator.comparison == Comparison::Null {
            return self.check_absence(present);
        }
        self.holds_for(present, variables, context)
    }

    fn holds_for(&self, present: &Value, variables: bool, context: &Context) -> Truth {
        match present {
            Value::Unknown => Truth::Unknown,
            Value::Possible(value) => {
                let either = [Value::Absent, Value::one(value)];
                let [absent, present] = either.map(|it| self.holds_for(&it, variables, context));
                if absent == present {
                    absent
                } else {
                    Truth::Unknown
                }
            }
            Value::Absent if self.operator.if_exists => Truth::True,
            Value::Absent => Truth::from(match self.operator.quantifier {
                Some(Quantifier::AllValues) => true,
                Some(Quantifier::AnyValue) => false,
                None => self.operator.negated,
            }),
            Value::Known(values) => {
                let given: Vec<_> = values.iter().map(|value| Given::Text(value)).collect();
                self.combine_values(&given, variables, context)
            }
            Value::Shaped(shape) => self.combine_values(&[Given::Shape(shape)], variables, context),
        }
    }

    fn combine_values(&self, given: &[Given], variables: bool, context: &Context) -> Truth {
        let one = |given: &Given| self.matches_any(*given, variables, context);
        let negate = |truth: Truth| if self.operator.negated { !truth } else { truth };
        match self.operator.quantifier {
            Some(Quantifier::AllValues) => Truth::all(given.iter().map(|given| negate(one(given)))),
            Some(Quantifier::AnyValue) => Truth::any(given.iter().map(|given| negate(one(given)))),
            None => negate(Truth::any(given.iter().map(one))),
        }
    }

    /// Whether one value of the request matches one of the policy's.
    ///
    /// AWS says of an empty list that it "does not affect the policy", which can be read either way.
    fn matches_any(&self, given: Given, variables: bool, context: &Context) -> Truth {
        if self.values.is_empty() {
            return Truth::Unknown;
        }
        Truth::any(self.values.iter().map(|policy| {
            compare_values(self.operator.comparison, given, policy, variables, context)
        }))
    }

    /// `Null`: `true` asks that the key is absent, `false` that it is present.
    ///
    /// With a set operator it is always true, or always false, according to
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html>. Policy simulators
    /// ignore the set operator. If the two differ, the answer is unknown.
    fn check_absence(&self, present: &Value) -> Truth {
        let plain = self.check_plain_absence(present);
        match (self.operator.quantifier, plain) {
            (None, _)
            | (Some(Quantifier::AllValues), Truth::True)
            | (Some(Quantifier::AnyValue), Truth::False) => plain,
            (Some(_), _) => Truth::Unknown,
        }
    }

    fn check_plain_absence(&self, present: &Value) -> Truth {
        if self.values.is_empty() {
            return Truth::Unknown;
        }
        let absent = match present {
            Value::Unknown | Value::Possible(_) => Truth::Unknown,
            Value::Absent => Truth::True,
            Value::Known(_) | Value::Shaped(_) => Truth::False,
        };
        Truth::any(self.values.iter().map(|value| match value.trim() {
            value if value.eq_ignore_ascii_case("true") => absent,
            value if value.eq_ignore_ascii_case("false") => !absent,
            _ => Truth::False,
        }))
    }
}

/// Whether one value of the request matches one value of the policy, before negation.
fn compare_values(
    comparison: Comparison,
    given: Given,
    policy: &str,
    variables: bool,
    context: &Context,
) -> Truth {
    let shape = matches!(given, Given::Shape(_));
    let (Given::Text(text) | Given::Shape(text)) = given;
    let fold = matches!(comparison, Comparison::StringIgnoreCase | Comparison::Bool);
    let folded = if fold {
        text.to_lowercase()
    } else {
        String::new()
    };
    let text = if fold { folded.as_str() } else { text };
    let limit = if shape { LONGEST } else { text.chars().count() };
    let policy_tokens =
        |wildcards| expand_policy_value(policy, wildcards, variables, limit, context);
    let result = match comparison {
        Comparison::String => policy_tokens(false).map(|tokens| match_tokens(&tokens, text, shape)),
        Comparison::StringLike => {
            policy_tokens(true).map(|tokens| match_tokens(&tokens, text, shape))
        }
        Comparison::StringIgnoreCase | Comparison::Bool => {
            policy_tokens(false).map(|tokens| match_tokens(&lowercase_tokens(&tokens), text, shape))
        }
        Comparison::Arn => policy_tokens(true).map(|tokens| match_arn(&tokens, text, shape)),
        _ => Ok(compare_typed(comparison, text, policy, shape)),
    };
    result.unwrap_or_else(|truth| truth)
}

/// [`compare_values`] for operators without wildcards and policy variables.
fn compare_typed(comparison: Comparison, text: &str, policy: &str, shape: bool) -> Truth {
    match comparison {
        _ if shape => Truth::Unknown,
        Comparison::Numeric(order) => value::compare_ordered(
            order,
            value::parse_number(text),
            value::parse_number(policy),
        )
        .into(),
        Comparison::Date(order) => {
            value::compare_ordered(order, value::parse_date(text), value::parse_date(policy)).into()
        }
        Comparison::IpAddress => value::in_range(text, policy).into(),
        Comparison::Binary => (text.trim_end_matches('=') == policy.trim_end_matches('=')).into(),
        _ => Truth::False,
    }
}

impl From<Option<bool>> for Truth {
    /// A value that is not of its kind matches nothing.
    fn from(holds: Option<bool>) -> Self {
        Self::from(holds == Some(true))
    }
}

fn expand_policy_value(
    policy: &str,
    wildcards: bool,
    variables: bool,
    limit: usize,
    context: &Context,
) -> Result<Vec<Token>, Truth> {
    if !variables {
        let mut pattern = Pattern::new(limit);
        let fits = pattern.extend(policy, wildcards);
        return fits.map(|()| pattern.finish()).ok_or(Truth::False);
    }
    match value::expand_variables(policy, wildcards, limit, context) {
        Expanded::Tokens(tokens) => Ok(tokens),
        Expanded::Nothing => Err(Truth::False),
        Expanded::Unknown => Err(Truth::Unknown),
    }
}

fn lowercase_tokens(tokens: &[Token]) -> Vec<Token> {
    let mut lowered = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token {
            Token::Char(c) => lowered.extend(c.to_lowercase().map(Token::Char)),
            wildcard => lowered.push(*wildcard),
        }
    }
    lowered
}

fn match_tokens(pattern: &[Token], text: &str, shape: bool) -> Truth {
    if shape && text.contains(ROLE_WITHOUT_PATH) && names_reserved_path(pattern) {
        Truth::False
    } else if shape {
        matching::match_shape(pattern, text)
    } else {
        matching::covers(pattern, text).into()
    }
}

/// The resource of a role's ARN whose path is not known, up to its name.
const ROLE_WITHOUT_PATH: &str = "role/*";

/// Paths of roles that only AWS creates: service-linked roles, and those of IAM Identity Center. A role that a user names
/// has another path.
///
/// Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>,
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>.
const RESERVED_PATHS: [&str; 2] = ["role/aws-reserved/", "role/aws-service-role/"];

fn names_reserved_path(pattern: &[Token]) -> bool {
    let is_path = |path: &&str, window: &[Token]| {
        let characters = path.chars().map(Token::Char);
        characters.eq(window.iter().copied())
    };
    RESERVED_PATHS.iter().any(|path| {
        let mut windows = pattern.windows(path.len());
        windows.any(|window| is_path(path, window))
    })
}

/// Each of an ARN's six parts on its own, so that no wildcard reaches over a colon.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>.
/// A pattern of fewer parts is not documented for conditions: it may be completed with wildcards, or match nothing.
fn match_arn(pattern: &[Token], text: &str, shape: bool) -> Truth {
    let Some(arn) = Arn::parse(text) else {
        return Truth::False;
    };
    if pattern == [Token::Any] {
        return Truth::True;
    }
    let parts: Vec<&[Token]> = pattern
        .splitn(6, |token| *token == Token::Char(':'))
        .collect();
    if parts.len() < 6 {
        return match_tokens(pattern, text, shape).and(Truth::Unknown);
    }
    let given = [
        "arn",
        arn.partition,
        arn.service,
        arn.region,
        arn.account,
        arn.resource,
    ];
    Truth::all(
        parts
            .into_iter()
            .zip(given)
            .map(|(pattern, part)| match_tokens(pattern, part, shape)),
    )
}

#[cfg(test)]
mod tests {
    use super::Truth::{False, True, Unknown};
    use super::*;

    const ROLE: &str = "arn:aws:iam::692653576357:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup";

    fn holds(operator: &str, key: &str, values: &[&str]) -> Truth {
        let mut context = Context::default();
        context.set("one", Value::one("Blue"));
        context.set("many", Value::Known(vec!["a".into(), "b".into()]));
        context.set("nothing", Value::Known(Vec::new()));
        context.set("none", Value::Absent);
        context.set("yes", Value::one("true"));
        context.set("perhaps", Value::Possible("false".into()));
        context.set("number", Value::one("10"));
        context.set("when", Value::one("2026-03-03T06:00:00Z"));
        context.set("ip", Value::one("203.0.113.7"));
        context.set("role", Value::one(ROLE));
        context.set("service", Value::Shaped("ec2.*.amazonaws.com".into()));
        let unplaced = "arn:aws:iam::111122223333:role/*Backup";
        context.set("unplaced", Value::Shaped(unplaced.into()));
        context.set("bytes", Value::one("QmluYXJ5VmFsdWVJbkJhc2U2NA=="));
        let condition = Condition {
            operator: Operator::parse(operator).unwrap(),
            operator_name: operator.into(),
            key: key.into(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        condition.holds(true, &context)
    }

    #[test]
    fn a_missing_key_fails_unless_the_operator_says_otherwise() {
        let cases = [
            ("StringEquals", False),
            ("StringNotEquals", True),
            ("StringLike", False),
            ("ArnNotLike", True),
            ("NotIpAddress", True),
            ("NumericNotEquals", True),
            ("Bool", False),
            ("StringEqualsIfExists", True),
            ("StringNotEqualsIfExists", True),
            ("ForAllValues:StringEquals", True),
            ("ForAllValues:StringNotEquals", True),
            ("ForAnyValue:StringEquals", False),
            ("ForAnyValue:StringNotEquals", False),
            ("ForAnyValue:StringEqualsIfExists", True),
        ];
        for (operator, expected) in cases {
            assert_eq!(holds(operator, "none", &["x"]), expected, "{operator}");
            assert_eq!(holds(operator, "never set", &["x"]), Unknown, "{operator}");
        }
    }

    // Of two possible requests both must have the same answer.
    #[test]
    fn what_may_be_absent_is_known_where_its_absence_changes_nothing() {
        assert_eq!(holds("Bool", "perhaps", &["true"]), False);
        assert_eq!(holds("BoolIfExists", "perhaps", &["false"]), True);
        assert_eq!(holds("Bool", "perhaps", &["false"]), Unknown);
        assert_eq!(holds("BoolIfExists", "perhaps", &["true"]), Unknown);
        assert_eq!(holds("StringNotEquals", "perhaps", &["true"]), True);
        assert_eq!(holds("Null", "perhaps", &["true"]), Unknown);
    }

    #[test]
    fn null_asks_for_absence() {
        assert_eq!(holds("Null", "none", &["true"]), True);
        assert_eq!(holds("Null", "none", &["false"]), False);
        assert_eq!(holds("Null", "one", &["True"]), False);
        assert_eq!(holds("Null", "service", &["false"]), True);
        assert_eq!(holds("Null", "unheard of", &["false"]), Unknown);
        // What an empty list asks for is not documented.
        assert_eq!(holds("Null", "none", &[]), Unknown);
        // A value that is neither true nor false asks for nothing.
        assert_eq!(holds("Null", "none", &["yes"]), False);
        assert_eq!(holds("Null", "one", &["yes"]), False);
        assert_eq!(holds("ForAllValues:Null", "one", &["true"]), Unknown);
        assert_eq!(holds("ForAllValues:Null", "one", &["false"]), True);
        assert_eq!(holds("ForAnyValue:Null", "none", &["true"]), Unknown);
        assert_eq!(holds("ForAnyValue:Null", "none", &["false"]), False);
    }

    // The unknown part of a text may make it a number, a date or an address.
    #[test]
    fn a_partly_known_text_is_not_compared_by_its_type() {
        for (operator, value) in [
            ("NumericEquals", "1"),
            ("DateLessThan", "2030-01-01T00:00:00Z"),
            ("IpAddress", "10.0.0.0/8"),
            ("BinaryEquals", "QQ=="),
        ] {
            assert_eq!(holds(operator, "service", &[value]), Unknown, "{operator}");
        }
    }

    #[test]
    fn values_are_ored_and_negated_values_nored() {
        assert_eq!(holds("StringEquals", "one", &["Red", "Blue"]), True);
        assert_eq!(holds("StringNotEquals", "one", &["Red", "Blue"]), False);
        assert_eq!(holds("StringNotEquals", "one", &["Red", "Green"]), True);
        assert_eq!(holds("StringEquals", "one", &["blue"]), False);
        assert_eq!(holds("StringEqualsIgnoreCase", "one", &["BLUE"]), True);
        assert_eq!(holds("StringLike", "one", &["B?u*"]), True);
        assert_eq!(holds("StringEquals", "one", &["B*"]), False);
        assert_eq!(holds("StringEquals", "one", &[]), Unknown);
        assert_eq!(
            holds("StringEquals", "one", &["${unheard of}", "Blue"]),
            True
        );
        assert_eq!(holds("StringEquals", "one", &["${unheard of}"]), Unknown);
        assert_eq!(holds("StringEquals", "one", &["${none}"]), False);
        assert_eq!(holds("StringNotEquals", "one", &["${none}"]), True);
        assert_eq!(holds("StringEquals", "one", &["${none, 'Blue'}"]), True);
        assert_eq!(holds("StringLike", "one", &["${*}"]), False);
    }

    #[test]
    fn sets_are_compared_value_by_value() {
        assert_eq!(
            holds("ForAllValues:StringEquals", "many", &["a", "b", "c"]),
            True
        );
        assert_eq!(holds("ForAllValues:StringEquals", "many", &["a"]), False);
        assert_eq!(holds("ForAnyValue:StringEquals", "many", &["b", "c"]), True);
        assert_eq!(holds("ForAnyValue:StringNotEquals", "many", &["a"]), True);
        assert_eq!(
            holds("ForAnyValue:StringNotEquals", "many", &["a", "b"]),
            False
        );
        assert_eq!(holds("ForAllValues:StringNotEquals", "many", &["c"]), True);
        assert_eq!(holds("ForAllValues:StringEquals", "nothing", &["a"]), True);
        assert_eq!(holds("ForAnyValue:StringEquals", "nothing", &["a"]), False);
    }

    #[test]
    fn every_kind_compares_in_its_own_way() {
        let cases = [
            ("Bool", "yes", "True", True),
            ("Bool", "yes", "false", False),
            ("NumericEquals", "number", "10.0", True),
            ("NumericLessThan", "number", "10", False),
            ("NumericLessThanEquals", "number", "10", True),
            ("NumericGreaterThan", "number", "9.5", True),
            ("NumericNotEquals", "number", "10", False),
            ("NumericEquals", "number", "ten", False),
            ("DateLessThan", "when", "2027-01-01", True),
            ("DateGreaterThanEquals", "when", "1772517600", True),
            ("IpAddress", "ip", "203.0.113.0/24", True),
            ("NotIpAddress", "ip", "203.0.113.0/24", False),
            (
                "BinaryEquals",
                "bytes",
                "QmluYXJ5VmFsdWVJbkJhc2U2NA==",
                True,
            ),
            ("BinaryEquals", "bytes", "T3RoZXI=", False),
            (
                "ArnEquals",
                "role",
                "arn:aws:iam::692653576357:role/*",
                True,
            ),
            (
                "ArnLike",
                "role",
                "arn:*:iam::692653576357:role/*Backup",
                True,
            ),
            ("ArnLike", "role", "arn:aws:iam:*:role/*", Unknown),
            ("ArnLike", "role", "*", True),
            ("ArnNotLike", "role", "arn:aws:iam::111122223333:*", True),
            ("ArnLike", "one", "*", False),
            (
                "ArnLike",
                "unplaced",
                "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*",
                False,
            ),
            ("StringLike", "unplaced", "*:role/aws-service-role/*", False),
            (
                "ArnLike",
                "unplaced",
                "arn:aws:iam::*:role/service-role/*",
                Unknown,
            ),
            ("ArnLike", "unplaced", "arn:aws:iam::*:role/*Backup", True),
            ("StringLike", "service", "ec2.*", True),
            (
                "StringEquals",
                "service",
                "ec2.eu-west-1.amazonaws.com",
                Unknown,
            ),
            (
                "StringEquals",
                "service",
                "s3.eu-west-1.amazonaws.com",
                False,
            ),
            (
                "StringNotEquals",
                "service",
                "s3.eu-west-1.amazonaws.com",
                True,
            ),
        ];
        for (operator, key, value, expected) in cases {
            assert_eq!(
                holds(operator, key, &[value]),
                expected,
                "{operator} {key} {value}"
            );
        }
    }

    #[test]
    fn the_older_version_has_no_variables() {
        let condition = Condition {
            operator: Operator::parse("StringEquals").unwrap(),
            operator_name: "StringEquals".into(),
            key: "aws:PrincipalAccount".into(),
            values: vec!["${aws:PrincipalAccount}".into()],
        };
        let mut context = Context::default();
        context.set("aws:PrincipalAccount", Value::one("692653576357"));
        assert_eq!(condition.holds(true, &context), True);
        assert_eq!(condition.holds(false, &context), False);
    }
}
