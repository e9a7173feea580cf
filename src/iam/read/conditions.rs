//! From JSON text to conditions.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::iam::condition::Condition;
use crate::iam::operator::Operator;
use crate::iam::quote::shorten_text;

/// The `Condition` block.
pub(super) struct Conditions;

impl<'de> DeserializeSeed<'de> for Conditions {
    type Value = Vec<Condition>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<Condition>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Conditions {
    type Value = Vec<Condition>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from condition operators to condition keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Condition>, A::Error> {
        let mut conditions = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let operator = Operator::parse(&name).ok_or_else(|| {
                Error::custom(format!(
                    "unknown condition operator \"{}\"",
                    shorten_text(&name)
                ))
            })?;
            if !seen.insert(name.clone()) {
                return Err(Error::custom(format!(
                    "condition operator {name} appears twice"
                )));
            }
            map.next_value_seed(Keys {
                operator,
                name: &name,
                conditions: &mut conditions,
            })?;
        }
        Ok(conditions)
    }
}

struct Keys<'a> {
    operator: Operator,
    name: &'a str,
    conditions: &'a mut Vec<Condition>,
}

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an object from condition keys to values under {}",
            self.name
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !seen.insert(key.clone()) {
                return Err(Error::custom(format!(
                    "condition key {} appears twice",
                    shorten_text(&key)
                )));
            }
            let values = map.next_value_seed(Values { list: true })?;
            let operator_name = self.name.to_owned();
            self.conditions.push(Condition {
                operator: self.operator,
                operator_name,
                key,
                values,
            });
        }
        Ok(())
    }
}

/// A string, boolean or number, or (on the outside) a list of them, as text.
struct Values {
    list: bool,
}

impl<'de> DeserializeSeed<'de> for Values {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<String>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = if self.list {
            ", or a list of them,"
        } else {
            ""
        };
        write!(
            f,
            "a string, a boolean or a number{list} as a condition's value"
        )
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Vec<String>, E> {
        Ok(vec![value.to_owned()])
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Vec<String>, E> {
        Ok(vec![value.to_string()])
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Vec<String>, E> {
        Ok(vec![value.to_string()])
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Vec<String>, E> {
        Ok(vec![value.to_string()])
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Vec<String>, E> {
        Ok(vec![value.to_string()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
        if !self.list {
            return Err(Error::custom(
                "a list within a list: expected a string, a boolean or a number",
            ));
        }
        let mut values = Vec::new();
        while let Some(mut value) = seq.next_element_seed(Values { list: false })? {
            values.append(&mut value);
        }
        Ok(values)
    }
}
