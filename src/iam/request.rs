//! The request to evaluate: its principal, action, resource and context.

use std::collections::BTreeMap;

/// What is known about a condition key in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Present with exactly these values.
    Known(Vec<String>),
    /// Present with one value of this shape: each `*` is an unknown run of characters.
    Shaped(String),
    /// Not in the request, or present with this one value.
    Possible(String),
    /// Not in the request.
    Absent,
    /// Not known offline.
    Unknown,
}

impl Value {
    /// Present with this one value.
    #[must_use]
    pub fn one(value: impl Into<String>) -> Self {
        Self::Known(vec![value.into()])
    }

    /// Present with one value, of which each `*` is not known.
    #[must_use]
    pub fn from_shape(text: String) -> Self {
        match text.contains('*') {
            true => Self::Shaped(text),
            false => Self::one(text),
        }
    }

    /// Present with this value where it is known, else unknown.
    #[must_use]
    pub fn known_or_unknown(value: Option<&str>) -> Self {
        value.map_or(Self::Unknown, Self::one)
    }
}

/// The condition keys of a request. A key that was never set is unknown.
///
/// Names are compared without regard to case:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    keys: BTreeMap<String, Value>,
    families: BTreeMap<String, Value>,
}

impl Context {
    /// Sets one key.
    pub fn set(&mut self, key: &str, value: Value) {
        self.keys.insert(key.to_ascii_lowercase(), value);
    }

    /// Sets every key that starts with `prefix` and is not set on its own: `aws:ResourceTag/`.
    pub fn set_family(&mut self, prefix: &str, value: Value) {
        self.families.insert(prefix.to_ascii_lowercase(), value);
    }

    /// What is known about a key.
    #[must_use]
    pub fn get(&self, key: &str) -> &Value {
        let key = key.to_ascii_lowercase();
        let family = || {
            self.families
                .iter()
                .find(|(prefix, _)| key.starts_with(prefix.as_str()))
        };
        self.keys
            .get(&key)
            .or_else(|| family().map(|(_, value)| value))
            .unwrap_or(&Value::Unknown)
    }
}

/// The name of a role that is not known. No role has it.
pub const ANY_NAME: &str = "*";

/// The role that makes the request, through a session whose name is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePrincipal {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The role's account.
    pub account: String,
    /// The role's path with both slashes (`/`, `/service-role/`), or `None` if it is not known.
    pub path: Option<String>,
    /// The role's name, without its path, or [`ANY_NAME`] if it is not known.
    pub name: String,
    /// What messages call it: "the AWS Backup service-linked role".
    pub title: &'static str,
}

impl RolePrincipal {
    /// The role's ARN; where the path is not known, the part between `role/` and the name is a `*`.
    #[must_use]
    pub fn arn(&self) -> String {
        let path = self.path.as_deref().unwrap_or("/*");
        format!(
            "arn:{}:iam::{}:role{path}{}",
            self.partition, self.account, self.name
        )
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The caller.
    pub principal: RolePrincipal,
    /// The action, as AWS writes it: `kms:Decrypt`.
    pub action: String,
    /// The ARN of the resource. Each part that is not known is a `*`.
    pub resource: String,
    /// The condition keys.
    pub context: Context,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_and_a_key_beats_its_family() {
        let mut context = Context::default();
        context.set_family("aws:ResourceTag/", Value::Absent);
        context.set("aws:ResourceTag/Stage", Value::one("prod"));
        assert_eq!(context.get("AWS:resourcetag/STAGE"), &Value::one("prod"));
        assert_eq!(context.get("aws:ResourceTag/Other"), &Value::Absent);
        assert_eq!(context.get("aws:SourceIp"), &Value::Unknown);
    }
}
