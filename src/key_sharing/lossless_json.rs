//! JSON that keeps what a policy's author wrote: the order of members, and strings and numbers to the letter.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value.
#[derive(Debug, Clone)]
pub enum LosslessJson {
    /// A string, number, boolean or null, as it was written.
    Scalar(Box<RawValue>),
    /// A list.
    List(Vec<LosslessJson>),
    /// An object's members in their order.
    Object(Vec<(String, LosslessJson)>),
}

impl LosslessJson {
    /// Each level is read anew, so the text must be known to nest to a bounded depth, as that of a
    /// [`Document`](crate::iam::document::Document) is.
    fn from_raw(raw: Box<RawValue>) -> Result<Self, serde_json::Error> {
        match raw.get().as_bytes().first() {
            Some(b'[') => serde_json::from_str(raw.get()).map(Self::List),
            Some(b'{') => {
                serde_json::from_str(raw.get()).map(|Members(members)| Self::Object(members))
            }
            _ => Ok(Self::Scalar(raw)),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(super) fn from_value(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).and_then(Self::from_raw)
    }
}

impl<'de> Deserialize<'de> for LosslessJson {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Self::from_raw(Box::deserialize(json)?).map_err(Error::custom)
    }
}

impl Serialize for LosslessJson {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(raw) => raw.serialize(json),
            Self::List(items) => json.collect_seq(items),
            Self::Object(members) => {
                let mut map = json.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

struct Members(Vec<(String, LosslessJson)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_rewritten() {
        let text = r#"{"b":1.50,"a":[1e2,"\u0041 \"x\"",{"z":null,"y":true,"x":{}}],"c":-0}"#;
        let json = LosslessJson::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&json).unwrap(), text);
    }
}
