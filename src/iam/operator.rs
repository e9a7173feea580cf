//! Names of condition operators.

/// How two ordered values are compared: the policy's value is on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `...Equals`
    Equal,
    /// `...LessThan`
    Less,
    /// `...LessThanEquals`
    LessOrEqual,
    /// `...GreaterThan`
    Greater,
    /// `...GreaterThanEquals`
    GreaterOrEqual,
}

/// What an operator compares, without its negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Exact.
    String,
    /// Exact but for case.
    StringIgnoreCase,
    /// With wildcards.
    StringLike,
    /// Decimal numbers.
    Numeric(Order),
    /// Moments.
    Date(Order),
    /// `true` or `false`.
    Bool,
    /// Base64 text, byte for byte.
    Binary,
    /// An address within a CIDR range.
    IpAddress,
    /// An ARN, part by part, with wildcards. `ArnEquals` and `ArnLike` are the same.
    Arn,
    /// Whether the key is absent.
    Null,
}

/// How the values of a multivalued key are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// `ForAnyValue:`
    AnyValue,
    /// `ForAllValues:`
    AllValues,
}

/// A condition operator.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// `ForAnyValue:` or `ForAllValues:`.
    pub quantifier: Option<Quantifier>,
    /// What is compared.
    pub comparison: Comparison,
    /// `...Not...`.
    pub negated: bool,
    /// `...IfExists`.
    pub if_exists: bool,
}

impl Operator {
    /// Reads an operator's name, without regard to case; `None` where IAM has no such operator.
    ///
    /// `NullIfExists` is none: `IfExists` goes on every operator but `Null`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let (quantifier, rest) = match lower.split_once(':') {
            None => (None, lower.as_str()),
            Some(("foranyvalue", rest)) => (Some(Quantifier::AnyValue), rest),
            Some(("forallvalues", rest)) => (Some(Quantifier::AllValues), rest),
            Some(_) => return None,
        };
        let (base, if_exists) = rest
            .strip_suffix("ifexists")
            .map_or((rest, false), |base| (base, true));
        let (comparison, negated) = match base {
            "stringequals" => (Comparison::String, false),
            "stringnotequals" => (Comparison::String, true),
            "stringequalsignorecase" => (Comparison::StringIgnoreCase, false),
            "stringnotequalsignorecase" => (Comparison::StringIgnoreCase, true),
            "stringlike" => (Comparison::StringLike, false),
            "stringnotlike" => (Comparison::StringLike, true),
            "bool" => (Comparison::Bool, false),
            "binaryequals" => (Comparison::Binary, false),
            "ipaddress" => (Comparison::IpAddress, false),
            "notipaddress" => (Comparison::IpAddress, true),
            "arnequals" | "arnlike" => (Comparison::Arn, false),
            "arnnotequals" | "arnnotlike" => (Comparison::Arn, true),
            "null" if !if_exists => (Comparison::Null, false),
            _ => parse_ordered(base)?,
        };
        Some(Self {
            quantifier,
            comparison,
            negated,
            if_exists,
        })
    }
}

fn parse_ordered(base: &str) -> Option<(Comparison, bool)> {
    let (kind, order): (fn(Order) -> Comparison, &str) = match base.strip_prefix("numeric") {
        Some(order) => (Comparison::Numeric, order),
        None => (Comparison::Date, base.strip_prefix("date")?),
    };
    let (order, negated) = match order {
        "equals" => (Order::Equal, false),
        "notequals" => (Order::Equal, true),
        "lessthan" => (Order::Less, false),
        "lessthanequals" => (Order::LessOrEqual, false),
        "greaterthan" => (Order::Greater, false),
        "greaterthanequals" => (Order::GreaterOrEqual, false),
        _ => return None,
    };
    Some((kind(order), negated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_part_of_a_name() {
        let operator = Operator::parse("ForAllValues:StringNotEqualsIgnoreCaseIfExists").unwrap();
        assert_eq!(operator.quantifier, Some(Quantifier::AllValues));
        assert_eq!(operator.comparison, Comparison::StringIgnoreCase);
        assert!(operator.negated && operator.if_exists);
        let operator = Operator::parse("DateGreaterThanEquals").unwrap();
        assert_eq!(operator.comparison, Comparison::Date(Order::GreaterOrEqual));
    }

    #[test]
    fn refuses_what_iam_does_not_have() {
        let names = [
            "StringEqual",
            "NullIfExists",
            "ForSomeValues:Bool",
            "",
            "NumericLike",
            "ForAnyValue:",
            "BoolNot",
        ];
        for name in names {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
