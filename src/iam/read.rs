//! From JSON text to a [`Document`], in one pass, with the place of every error.

mod conditions;

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::document::{Document, Effect, ParseError, Principal, Select, Statement, Version};
use super::quote::shorten_text;
use super::read::conditions::Conditions;

impl Document {
    /// Reads a policy from its JSON text.
    ///
    /// A string is read as a list of one, and a single statement as a list of one. The work is linear in the text, and nesting
    /// is bounded, so that no text overflows the stack.
    /// Source of the grammar: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.
    ///
    /// # Errors
    ///
    /// If the text is not JSON or not a policy that IAM accepts: an unknown or repeated element, a wrong type,
    /// a missing `Effect`, `Principal` or `Statement`, an element together with its `Not...` twin, an unknown condition
    /// operator or version.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse_document(text, Attachment::Resource)
    }

    /// Reads an identity-based policy, whose principal is the identity that it is attached to: its statements
    /// have no `Principal`.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html>.
    ///
    /// # Errors
    ///
    /// As [`Document::parse`], and if a statement has a `Principal`.
    pub fn parse_identity(text: &str) -> Result<Self, ParseError> {
        parse_document(text, Attachment::Identity)
    }
}

/// What a policy is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attachment {
    Resource,
    Identity,
}

/// Parses a policy; see [`Document::parse`].
fn parse_document(text: &str, attachment: Attachment) -> Result<Document, ParseError> {
    // Some editors put a byte order mark before the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut json = serde_json::Deserializer::from_str(text);
    PolicySeed(attachment)
        .deserialize(&mut json)
        .and_then(|document| json.end().map(|()| document))
        .map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let place = format!(" at line {line} column {column}");
            let message = message.strip_suffix(&place).unwrap_or(&message);
            let message = match error.classify() {
                _ if text.trim().is_empty() => "expected a policy, found nothing".to_owned(),
                Category::Syntax | Category::Eof => format!("not JSON: {message}"),
                Category::Data | Category::Io => message.to_owned(),
            };
            ParseError {
                line,
                column: column.max(1),
                message,
            }
        })
}

/// Keeps a repeated element from silently replacing the first.
struct Names {
    within: String,
    known: &'static [&'static str],
    seen: BTreeSet<&'static str>,
}

impl Names {
    fn new(within: impl Into<String>, known: &'static [&'static str]) -> Self {
        Self {
            within: within.into(),
            known,
            seen: BTreeSet::new(),
        }
    }

    fn check_name<E: Error>(&mut self, name: &str) -> Result<&'static str, E> {
        let Some(known) = self.known.iter().find(|known| **known == name) else {
            let near = self
                .known
                .iter()
                .find(|known| known.eq_ignore_ascii_case(name));
            let expected = match near {
                Some(near) => format!("element names are case-sensitive: {near}"),
                None => format!("expected one of {}", self.known.join(", ")),
            };
            return Err(E::custom(format!(
                "{}: unknown element \"{}\", {expected}",
                self.within,
                shorten_text(name)
            )));
        };
        if self.seen.insert(known) {
            Ok(known)
        } else {
            Err(E::custom(format!("{}: {known} appears twice", self.within)))
        }
    }
}

const AS_TEXT: &str =
    "print the policy alone with `aws kms get-key-policy --query Policy --output text`";

struct PolicySeed(Attachment);

impl<'de> DeserializeSeed<'de> for PolicySeed {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Document, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PolicySeed {
    type Value = Document;

    fn visit_str<E: Error>(self, _: &str) -> Result<Document, E> {
        Err(E::custom(format!(
            "this is a JSON string, which may contain a policy: {AS_TEXT}"
        )))
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a policy: an object with Version and Statement")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut names = Names::new("policy", &["Version", "Id", "Statement"]);
        let (mut version, mut id, mut statements) = (Version::V2008, None, None);
        while let Some(name) = map.next_key::<String>()? {
            if name == "Policy" {
                return Err(Error::custom(format!(
                    "this is the GetKeyPolicy response, which contains the policy as a string: {AS_TEXT}"
                )));
            }
            match names.check_name(&name)? {
                "Version" => version = read_version(&map.next_value_seed(Text("Version"))?)?,
                "Id" => id = Some(map.next_value_seed(Text("Id"))?),
                _ => statements = Some(map.next_value_seed(StatementsSeed(self.0))?),
            }
        }
        let statements = statements.ok_or_else(|| Error::custom("policy: Statement is missing"))?;
        if statements.is_empty() {
            return Err(Error::custom("policy: expected at least one statement"));
        }
        Ok(Document {
            version,
            id,
            statements,
        })
    }
}

fn read_version<E: Error>(text: &str) -> Result<Version, E> {
    match text {
        "2012-10-17" => Ok(Version::V2012),
        "2008-10-17" => Ok(Version::V2008),
        other => Err(E::custom(format!(
            "policy: unknown Version \"{}\", expected \"2012-10-17\" or \"2008-10-17\"",
            shorten_text(other)
        ))),
    }
}

/// A string; no other type is accepted.
struct Text(&'static str);

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<String, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string for {}", self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

struct StatementsSeed(Attachment);

impl<'de> DeserializeSeed<'de> for StatementsSeed {
    type Value = Vec<Statement>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<Statement>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StatementsSeed {
    type Value = Vec<Statement>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a statement or a list of statements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Statement>, A::Error> {
        let mut statements = Vec::new();
        while let Some(statement) = seq.next_element_seed(StatementSeed {
            number: statements.len() + 1,
            attachment: self.0,
        })? {
            statements.push(statement);
        }
        Ok(statements)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<Statement>, A::Error> {
        let only = StatementSeed {
            number: 1,
            attachment: self.0,
        };
        only.visit_map(map).map(|statement| vec![statement])
    }
}

struct StatementSeed {
    number: usize,
    attachment: Attachment,
}

impl<'de> DeserializeSeed<'de> for StatementSeed {
    type Value = Statement;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Statement, D::Error> {
        json.deserialize_map(self)
    }
}

const STATEMENT: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

impl<'de> Visitor<'de> for StatementSeed {
    type Value = Statement;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}: an object", self.number)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Statement, A::Error> {
        let within = format!("statement {}", self.number);
        let mut names = Names::new(within.as_str(), STATEMENT);
        let (mut sid, mut effect, mut conditions) = (None, None, Vec::new());
        let (mut principal, mut action, mut resource) =
            (Select::Missing, Select::Missing, Select::Missing);
        while let Some(name) = map.next_key::<String>()? {
            match names.check_name(&name)? {
                "Sid" => sid = Some(map.next_value_seed(Text("Sid"))?),
                "Effect" => {
                    effect = Some(read_effect(&map.next_value_seed(Text("Effect"))?, &within)?);
                }
                "Principal" => set_element(
                    "Principal",
                    &mut principal,
                    Select::Only(map.next_value_seed(Principals)?),
                    &within,
                )?,
                "NotPrincipal" => set_element(
                    "Principal",
                    &mut principal,
                    Select::Except(map.next_value_seed(Principals)?),
                    &within,
                )?,
                "Action" => set_element(
                    "Action",
                    &mut action,
                    Select::Only(map.next_value_seed(Texts("Action"))?),
                    &within,
                )?,
                "NotAction" => set_element(
                    "Action",
                    &mut action,
                    Select::Except(map.next_value_seed(Texts("NotAction"))?),
                    &within,
                )?,
                "Resource" => set_element(
                    "Resource",
                    &mut resource,
                    Select::Only(map.next_value_seed(Texts("Resource"))?),
                    &within,
                )?,
                "NotResource" => {
                    set_element(
                        "Resource",
                        &mut resource,
                        Select::Except(map.next_value_seed(Texts("NotResource"))?),
                        &within,
                    )?;
                }
                _ => conditions = map.next_value_seed(Conditions)?,
            }
        }
        let missing = |element| Error::custom(format!("{within}: {element} is missing"));
        let effect = effect.ok_or_else(|| missing("Effect"))?;
        match (self.attachment, &principal) {
            (Attachment::Resource, Select::Missing) => return Err(missing("Principal")),
            (Attachment::Identity, Select::Missing) => {
                principal = Select::Only(vec![Principal::Everyone]);
            }
            (Attachment::Resource, _) => {}
            (Attachment::Identity, _) => {
                return Err(Error::custom(format!(
                    "{within}: an identity-based policy has no Principal"
                )));
            }
        }
        Ok(Statement {
            sid,
            effect,
            principal,
            action,
            resource,
            conditions,
        })
    }
}

fn read_effect<E: Error>(text: &str, within: &str) -> Result<Effect, E> {
    match text {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(E::custom(format!(
            "{within}: unknown Effect \"{}\", expected \"Allow\" or \"Deny\"",
            shorten_text(other)
        ))),
    }
}

fn set_element<T: PartialEq, E: Error>(
    element: &str,
    slot: &mut Select<T>,
    value: Select<T>,
    within: &str,
) -> Result<(), E> {
    if *slot == Select::Missing {
        *slot = value;
        Ok(())
    } else {
        Err(E::custom(format!(
            "{within}: {element} and Not{element} exclude each other"
        )))
    }
}

/// A string or a list of strings.
struct Texts(&'static str);

impl<'de> DeserializeSeed<'de> for Texts {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<String>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string or a list of strings for {}", self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = seq.next_element_seed(Text(self.0))? {
            texts.push(text);
        }
        Ok(texts)
    }
}

struct Principals;

impl<'de> DeserializeSeed<'de> for Principals {
    type Value = Vec<Principal>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<Principal>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Principals {
    type Value = Vec<Principal>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "\"*\" or an object with AWS, Service, Federated or CanonicalUser as the principal",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<Principal>, E> {
        if text == "*" {
            return Ok(vec![Principal::Everyone]);
        }
        let found = shorten_text(text);
        Err(E::custom(format!(
            "principal \"{found}\": expected \"*\" or an object such as {{\"AWS\": \"{found}\"}}"
        )))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Principal>, A::Error> {
        let mut names = Names::new(
            "principal",
            &["AWS", "Service", "Federated", "CanonicalUser"],
        );
        let mut principals = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let kind = names.check_name(&name)?;
            let texts = map.next_value_seed(Texts(kind))?;
            principals.extend(texts.into_iter().map(|text| match kind {
                "AWS" if text == "*" => Principal::Everyone,
                "AWS" => Principal::Aws(text),
                "Service" => Principal::Service(text),
                "Federated" => Principal::Federated(text),
                _ => Principal::CanonicalUser(text),
            }));
        }
        Ok(principals)
    }
}
