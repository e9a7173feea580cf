//! Values of conditions: policy variables, and how each kind of value compares.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::matching::{Pattern, Token};
use super::operator::Order;
use super::request::{Context, Value};
use super::truth::Truth;

/// A policy's text with its variables put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expanded {
    /// What is compared.
    Tokens(Vec<Token>),
    /// Nothing is equal to it or like it: a variable has no value in this request, or the text is longer than any value.
    Nothing,
    /// A variable's value is not known.
    Unknown,
}

/// Puts the values of `${...}` into a text, and reads `*` and `?` as wildcards where `wildcards` says so.
/// `limit` is the number of characters of what the text is compared with.
///
/// `${*}`, `${?}` and `${$}` are those characters themselves; `${key, 'default'}` has a default. What a variable brings
/// in is never a wildcard.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>.
#[must_use]
pub fn expand_variables(text: &str, wildcards: bool, limit: usize, context: &Context) -> Expanded {
    let mut pattern = Pattern::new(limit);
    match fill_pattern(&mut pattern, text, wildcards, context) {
        None => Expanded::Nothing,
        Some(Truth::Unknown) => Expanded::Unknown,
        Some(_) => Expanded::Tokens(pattern.finish()),
    }
}

/// Whether every variable has a known value; `None` as in [`Expanded::Nothing`].
fn fill_pattern(
    pattern: &mut Pattern,
    text: &str,
    wildcards: bool,
    context: &Context,
) -> Option<Truth> {
    let mut known = Truth::True;
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        // A "${" that is never closed is plain text, and so is everything after it: looking on for a closing brace from
        // each further "${" would be quadratic.
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        pattern.extend(&rest[..start], wildcards)?;
        match read_variable(&rest[start + 2..start + length], context) {
            Variable::Text(text) => pattern.extend(&text, false)?,
            Variable::NoValue => return None,
            Variable::Unknown => known = Truth::Unknown,
        }
        rest = &rest[start + length + 1..];
    }
    pattern.extend(rest, wildcards)?;
    Some(known)
}

enum Variable {
    Text(String),
    NoValue,
    Unknown,
}

fn read_variable(inside: &str, context: &Context) -> Variable {
    if matches!(inside, "*" | "?" | "$") {
        return Variable::Text(inside.to_owned());
    }
    let (name, default) = match inside.split_once(',') {
        Some((name, default)) => (name.trim(), unquote(default.trim())),
        None => (inside.trim(), None),
    };
    match (context.get(name), default) {
        (Value::Known(values), _) if values.len() == 1 => Variable::Text(values[0].clone()),
        (Value::Absent, Some(default)) => Variable::Text(default.to_owned()),
        // A multivalued key cannot be a variable, so it has no value here.
        (Value::Known(_) | Value::Absent, _) => Variable::NoValue,
        (Value::Shaped(_) | Value::Possible(_) | Value::Unknown, _) => Variable::Unknown,
    }
}

fn unquote(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.strip_suffix('\'')
}

/// Whether an order holds between the request's value and the policy's; `None` where one of them is not of its kind.
#[must_use]
pub fn compare_ordered(order: Order, request: Option<f64>, policy: Option<f64>) -> Option<bool> {
    let ordering = request?.partial_cmp(&policy?)?;
    Some(match order {
        Order::Equal => ordering == Ordering::Equal,
        Order::Less => ordering == Ordering::Less,
        Order::LessOrEqual => ordering != Ordering::Greater,
        Order::Greater => ordering == Ordering::Greater,
        Order::GreaterOrEqual => ordering != Ordering::Less,
    })
}

/// Reads a decimal number.
#[must_use]
pub fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    // `f64` also reads "inf" and "nan", which no policy means.
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { text.parse().ok() } else { None }
}

/// Reads a moment, in seconds since 1970: a W3C form of ISO 8601, or Unix time. Four digits are a year.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date>.
#[must_use]
pub fn parse_date(text: &str) -> Option<f64> {
    let text = text.trim();
    parse_iso_date(text).or_else(|| parse_number(text))
}

fn parse_iso_date(text: &str) -> Option<f64> {
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = parse_digits(parts.next()?, 4)?;
    let month = parts
        .next()
        .map_or(Some(1), |month| parse_digits(month, 2))?;
    let day = parts.next().map_or(Some(1), |day| parse_digits(day, 2))?;
    let sound = parts.next().is_none() && (1..=12).contains(&month) && (1..=31).contains(&day);
    let midnight = sound.then(|| count_days(year, month, day) * 86_400)?;
    let seconds = time.map_or(Some(0.0), parse_time)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of a four-digit year fit into 52 bits"
    )]
    Some(midnight as f64 + seconds)
}

/// Seconds since midnight UTC of `hh:mm[:ss[.s]]` with `Z` or an offset.
fn parse_time(text: &str) -> Option<f64> {
    let zone_at = text.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = text.split_at(zone_at);
    let offset = match zone.as_bytes() {
        b"Z" | b"z" => 0,
        [sign, ..] => {
            let (hours, minutes) = match zone[1..].split_once(':') {
                Some(parts) => parts,
                None => zone.get(1..3).zip(zone.get(3..))?,
            };
            let seconds = parse_digits(hours, 2)? * 3600 + parse_digits(minutes, 2)? * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        [] => return None,
    };
    let mut parts = time.splitn(3, ':');
    let hours = parse_digits(parts.next()?, 2)?;
    let minutes = parse_digits(parts.next()?, 2)?;
    let seconds = parts.next().map_or(Some(0.0), parse_number)?;
    let sound = hours <= 24 && minutes < 60 && (0.0..=60.0).contains(&seconds);
    let whole = i32::try_from(hours * 3600 + minutes * 60 - offset).ok()?;
    sound.then(|| f64::from(whole) + seconds)
}

fn parse_digits(text: &str, count: usize) -> Option<i64> {
    let sound = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if sound { text.parse().ok() } else { None }
}

/// Days from 1970-01-01, in the proleptic Gregorian calendar, with years that begin in March.
fn count_days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Whether an address lies in a CIDR range; without a prefix length the range is that one address.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IPAddress>.
#[must_use]
pub fn in_range(address: &str, range: &str) -> bool {
    let (network, length) = match range.trim().split_once('/') {
        Some((network, length)) => (network, Some(length)),
        None => (range.trim(), None),
    };
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    let (Ok(address), Ok(network)) = (address.trim().parse().map(bits), network.parse().map(bits))
    else {
        return false;
    };
    let Ok(length) = length.map_or(Ok(network.1), str::parse::<u32>) else {
        return false;
    };
    let mask = match length {
        0 => 0,
        length if length <= network.1 => u128::MAX << (128 - length),
        _ => return false,
    };
    address.1 == network.1 && address.0 & mask == network.0 & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, wildcards: bool) -> String {
        let mut context = Context::default();
        context.set("aws:PrincipalAccount", Value::one("692653576357"));
        context.set("aws:star", Value::one("*"));
        context.set("aws:none", Value::Absent);
        context.set("aws:list", Value::Known(vec!["a".into(), "b".into()]));
        match expand_variables(text, wildcards, 100, &context) {
            Expanded::Tokens(tokens) => tokens
                .iter()
                .map(|token| match token {
                    Token::Any => "<any>".to_owned(),
                    Token::One => "<one>".to_owned(),
                    Token::Char(c) => c.to_string(),
                })
                .collect(),
            Expanded::Nothing => "no value".into(),
            Expanded::Unknown => "unknown".into(),
        }
    }

    #[test]
    fn variables_bring_in_plain_text() {
        assert_eq!(text("a${AWS:principalaccount}b", true), "a692653576357b");
        assert_eq!(text("${*}*${?}?${$}", true), "*<any>?<one>$");
        assert_eq!(text("${aws:star}*", false), "**");
        assert_eq!(text("${aws:star}*", true), "*<any>");
        assert_eq!(text("${aws:none, 'all'}", true), "all");
        assert_eq!(text("${aws:none}", true), "no value");
        assert_eq!(text("${aws:list}", true), "no value");
        assert_eq!(text("${aws:elsewhere}", true), "unknown");
        assert_eq!(text("${aws:elsewhere}${aws:none}", true), "no value");
        assert_eq!(text("$5 ${open", true), "$5 ${open");
    }

    #[test]
    fn a_megabyte_of_open_variables_ends() {
        let hostile = "${".repeat(1 << 19);
        let expanded = expand_variables(&hostile, true, hostile.len(), &Context::default());
        assert!(matches!(expanded, Expanded::Tokens(_)));
        let expanded = expand_variables(&hostile, true, 100, &Context::default());
        assert_eq!(expanded, Expanded::Nothing);
    }

    #[test]
    fn each_order_holds_on_its_side() {
        for (order, expected) in [
            (Order::Equal, [false, true, false]),
            (Order::Less, [true, false, false]),
            (Order::LessOrEqual, [true, true, false]),
            (Order::Greater, [false, false, true]),
            (Order::GreaterOrEqual, [false, true, true]),
        ] {
            let found = [1.0, 2.0, 3.0].map(|it| compare_ordered(order, Some(it), Some(2.0)));
            assert_eq!(found, expected.map(Some), "{order:?}");
        }
    }

    #[test]
    fn dates_come_in_every_w3c_form() {
        let day = Some(1_577_836_800.0);
        assert_eq!(parse_date("2020-01-01"), day);
        assert_eq!(parse_date("2020"), day);
        assert_eq!(parse_date("2020-01"), day);
        assert_eq!(parse_date("2020-01-01T00:00Z"), day);
        assert_eq!(parse_date("2020-01-01T01:00:00+01:00"), day);
        assert_eq!(
            parse_date("2019-12-31T23:30:00.5-0030"),
            Some(1_577_836_800.5)
        );
        assert_eq!(parse_date("1577836800"), day);
        assert_eq!(parse_date("1969-12-31"), Some(-86_400.0));
        assert_eq!(parse_date("2000-02-29"), Some(951_782_400.0));
        assert_eq!(parse_date("2019-12-31T24:00Z"), day);
        // A number, not a year of four digits.
        assert_eq!(parse_date("+202"), Some(202.0));
        for bad in [
            "2020-01-01-01",
            "2020-01-32",
            "2020-01-01T25:00Z",
            "2020-01-01T10:60Z",
            "2020-01-01T10:00:61Z",
            "",
            "soon",
            "2020-13-01",
            "2020-01-01T",
            "2020-01-01T10:00",
            "2020-01-01T10:00+é",
            "2020-1-1",
            "nan",
        ] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_fall_into_ranges() {
        assert!(in_range("203.0.113.7", "203.0.113.0/24"));
        assert!(in_range("203.0.113.7", "203.0.113.7"));
        assert!(in_range("2001:db8::1", "2001:DB8::/32"));
        assert!(in_range("203.0.113.7", "0.0.0.0/0"));
        assert!(!in_range("203.0.114.7", "203.0.113.0/24"));
        assert!(!in_range("203.0.113.7", "::/0"));
        for bad in ["", "/", "203.0.113.7/33", "203.0.113.0/x", "203.0.113.*"] {
            assert!(!in_range("203.0.113.7", bad), "{bad}");
        }
    }
}
