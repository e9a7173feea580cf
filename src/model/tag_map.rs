//! The tags of a resource, as a sorted list: nearly all resources have a few.

use std::ops::Index;
use std::{fmt, slice, vec};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Tags of a resource, as far as rules and reports read them: see [`is_kept`](super::tag::is_kept).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

impl Tags {
    /// Returns no tags.
    #[must_use]
    pub fn new() -> Self {
        Tags::default()
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(known, _)| known.as_str().cmp(key))
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&String> {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// Whether there is a tag with the key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a tag.
    pub fn insert(&mut self, key: String, value: String) {
        match self.find(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                // Doubling, as lists do, would waste room in each of 100,000 resources.
                self.0.reserve_exact(1);
                self.0.insert(at, (key, value));
            }
        }
    }

    /// Removes a tag.
    pub fn remove(&mut self, key: &str) {
        if let Ok(at) = self.find(key) {
            self.0.remove(at);
        }
    }

    /// Keeps the tags with some keys.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }

    /// Returns the keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Returns the tags, sorted by key.
    pub fn iter(&self) -> Iter<'_> {
        self.into_iter()
    }
}

/// An iterator over tags.
pub type Iter<'a> = std::iter::Map<
    slice::Iter<'a, (String, String)>,
    fn(&'a (String, String)) -> (&'a String, &'a String),
>;

impl<'a> IntoIterator for &'a Tags {
    type Item = (&'a String, &'a String);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl IntoIterator for Tags {
    type Item = (String, String);
    type IntoIter = vec::IntoIter<(String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Index<&str> for Tags {
    type Output = String;

    fn index(&self, key: &str) -> &String {
        match self.find(key) {
            Ok(at) => &self.0[at].1,
            Err(_) => unreachable!("no tag {key:?}"),
        }
    }
}

impl Extend<(String, String)> for Tags {
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, tags: I) {
        for (key, value) in tags {
            self.insert(key, value);
        }
    }
}

impl FromIterator<(String, String)> for Tags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tags: I) -> Self {
        let mut all = Tags::new();
        all.extend(tags);
        all
    }
}

impl<const N: usize> From<[(String, String); N]> for Tags {
    fn from(tags: [(String, String); N]) -> Self {
        tags.into_iter().collect()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TagVisitor;

        impl<'de> Visitor<'de> for TagVisitor {
            type Value = Tags;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tags, A::Error> {
                let mut tags = Tags::new();
                while let Some((key, value)) = map.next_entry()? {
                    tags.insert(key, value);
                }
                Ok(tags)
            }
        }

        deserializer.deserialize_map(TagVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_key_counts_and_keys_are_sorted() {
        let tags: Tags = serde_json::from_str(r#"{"b": "1", "a": "2", "b": "3"}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&tags).unwrap(),
            r#"{"a":"2","b":"3"}"#
        );
        assert_eq!(tags.get("b").map(String::as_str), Some("3"));
        assert_eq!(tags.get("c"), None);
        assert!(serde_json::from_str::<Tags>("[]").is_err());
    }
}
