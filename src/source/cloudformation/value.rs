//! The values of a template before deployment: known, partly known, or unknown.

use crate::model::{Gap, GapKind};

/// A value whose functions are resolved as far as possible.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    /// Absent: not given, `null` or `AWS::NoValue`.
    Absent,
    Bool(bool),
    /// A number as it was written.
    Number(String),
    Text(Phrase),
    List(Vec<Resolved>),
    Map(Vec<(String, Resolved)>),
    /// Unknown.
    Open(Open),
    /// One of two values, selected by a condition that cannot be evaluated.
    Either(Open, Box<(Resolved, Resolved)>),
}

/// A value that is not known before deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    /// A short description: `parameter Stage`.
    pub(super) what: String,
    /// Why it is not known.
    pub(super) gap: Gap,
}

impl Open {
    pub(super) fn new(kind: GapKind, what: impl Into<String>, why: &str) -> Self {
        let what = what.into();
        let gap = Gap::new(kind, format!("{what}: {why}"));
        Open { what, gap }
    }
}

/// A text as a sequence of non-empty pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Phrase(pub(super) Vec<Piece>);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `AWS::AccountId`.
    Account,
    /// `AWS::Region`.
    Region,
    /// A value that a resource of the template gets when it is created: its `Ref` or an attribute.
    Made(Made),
    Open(Open),
}

/// A `Ref` or attribute of a resource of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// The resource's logical id.
    pub(super) id: String,
    /// The attribute; none for its `Ref`.
    pub(super) attribute: Option<String>,
}

/// The longest text that is built, in bytes.
const LONGEST: usize = 1 << 20;
const MOST_PIECES: usize = 10_000;

impl Phrase {
    pub(super) fn of(text: impl Into<String>) -> Self {
        let mut phrase = Phrase::default();
        phrase.push(Piece::Text(text.into()));
        phrase
    }

    pub(super) fn one(piece: Piece) -> Self {
        Phrase(vec![piece])
    }

    pub(super) fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (_, Piece::Text(text)) if text.is_empty() => {}
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => self.0.push(piece),
        }
    }

    /// Appends a text; returns false if the result would be longer than [`LONGEST`].
    #[must_use]
    pub(super) fn extend(&mut self, other: Phrase) -> bool {
        other.0.into_iter().for_each(|piece| self.push(piece));
        let length = |piece: &Piece| match piece {
            Piece::Text(text) => text.len(),
            _ => 0,
        };
        self.0.len() <= MOST_PIECES && self.0.iter().map(length).sum::<usize>() <= LONGEST
    }

    /// Returns the text if every piece is known.
    pub(super) fn known(&self) -> Result<String, Gap> {
        match self.0.as_slice() {
            [] => Ok(String::new()),
            [Piece::Text(text)] => Ok(text.clone()),
            pieces => Err(pieces
                .iter()
                .find_map(Piece::open)
                .map_or_else(Gap::not_collected, |open| open.gap)),
        }
    }

    /// Returns the `Ref` or attribute that makes up the entire text.
    pub(super) fn made(&self) -> Option<&Made> {
        match self.0.as_slice() {
            [Piece::Made(made)] => Some(made),
            _ => None,
        }
    }
}

impl Piece {
    /// Returns why the piece is not known; none where it is.
    pub(super) fn open(&self) -> Option<Open> {
        match self {
            Piece::Text(_) => None,
            Piece::Account => Some(Open::new(
                GapKind::Unplanned,
                "AWS::AccountId",
                "the template does not contain the account that it is deployed to",
            )),
            Piece::Region => Some(Open::new(
                GapKind::Unplanned,
                "AWS::Region",
                "the template does not contain the region that it is deployed to; pass --region",
            )),
            Piece::Made(made) => Some(Open::new(
                GapKind::AfterApply,
                match &made.attribute {
                    Some(attribute) => format!("{attribute} of {}", made.id),
                    None => format!("the name of {}", made.id),
                },
                "known once it is deployed",
            )),
            Piece::Open(open) => Some(open.clone()),
        }
    }
}

impl Resolved {
    pub(super) fn text_of(text: impl Into<String>) -> Self {
        Resolved::Text(Phrase::of(text))
    }

    pub(super) fn is_absent(&self) -> bool {
        *self == Resolved::Absent
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, name: &str) -> Resolved {
        match self {
            Resolved::Map(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map_or(Resolved::Absent, |(_, value)| value.clone()),
            Resolved::Open(open) => Resolved::Open(open.clone()),
            Resolved::Either(open, both) => {
                Resolved::either(open.clone(), both.0.get(name), both.1.get(name))
            }
            Resolved::Absent => Resolved::Absent,
            _ => Resolved::Open(unexpected_shape("a mapping")),
        }
    }

    /// Returns one of two values; the value itself if they are equal.
    pub(super) fn either(open: Open, one: Resolved, other: Resolved) -> Resolved {
        if one == other {
            one
        } else {
            Resolved::Either(open, Box::new((one, other)))
        }
    }

    /// Reads a value that must be the same in both cases; none where it is absent.
    fn read<T: PartialEq>(
        &self,
        read: &impl Fn(&Resolved) -> Result<T, Gap>,
    ) -> Result<Option<T>, Gap> {
        match self {
            Resolved::Absent => Ok(None),
            Resolved::Open(open) => Err(open.gap.clone()),
            Resolved::Either(open, both) => match (both.0.read(read), both.1.read(read)) {
                (Ok(one), Ok(other)) if one == other => Ok(one),
                _ => Err(open.gap.clone()),
            },
            value => read(value).map(Some),
        }
    }

    /// Returns a text, with or without quotes; none where it is absent.
    pub(super) fn text(&self) -> Result<Option<String>, Gap> {
        self.read(&|value| match value {
            Resolved::Text(phrase) => phrase.known(),
            Resolved::Bool(yes) => Ok(yes.to_string()),
            Resolved::Number(number) => number_as_text(number).map(str::to_owned),
            _ => Err(unexpected_shape("a text").gap),
        })
    }

    /// Returns a boolean, with or without quotes, as CloudFormation accepts both; none where it is absent.
    pub(super) fn as_boolean(&self) -> Result<Option<bool>, Gap> {
        let text = self.text()?;
        text.map(|text| match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(unexpected_shape("true or false").gap),
        })
        .transpose()
    }

    /// Returns an integer, with or without quotes; none where it is absent.
    pub(super) fn as_integer(&self) -> Result<Option<i64>, Gap> {
        let text = self.text()?;
        text.map(|text| {
            let whole = text.trim().parse::<i64>();
            whole.map_err(|_| unexpected_shape("an integer").gap)
        })
        .transpose()
    }

    /// Returns the items of a list, including those of nested lists; a single value is a list of one.
    ///
    /// Each has the condition that it depends on, if that cannot be evaluated.
    pub(super) fn items(&self) -> Result<Vec<(Option<Open>, &Resolved)>, Gap> {
        let mut items = Vec::new();
        self.gather_items(None, &mut items)?;
        Ok(items)
    }

    fn gather_items<'r>(
        &'r self,
        condition: Option<&Open>,
        items: &mut Vec<(Option<Open>, &'r Resolved)>,
    ) -> Result<(), Gap> {
        match self {
            Resolved::Absent => {}
            Resolved::Open(open) => return Err(open.gap.clone()),
            Resolved::List(list) => {
                for item in list {
                    match item {
                        Resolved::Open(_) => items.push((condition.cloned(), item)),
                        _ => item.gather_items(condition, items)?,
                    }
                }
            }
            Resolved::Either(open, both) => {
                both.0.gather_items(Some(open), items)?;
                both.1.gather_items(Some(open), items)?;
            }
            value => items.push((condition.cloned(), value)),
        }
        Ok(())
    }

    /// Reads every item of a list that is completely known.
    pub(super) fn read_list<T>(
        &self,
        read: impl Fn(&Resolved) -> Result<T, Gap>,
    ) -> Result<Vec<T>, Gap> {
        let items = self.items()?.into_iter();
        items
            .map(|(condition, item)| match condition {
                Some(open) => Err(open.gap),
                None => read(item),
            })
            .collect()
    }

    /// Returns a list of texts.
    pub(super) fn text_list(&self) -> Result<Vec<String>, Gap> {
        self.read_list(|item| Ok(item.text()?.unwrap_or_default()))
    }

    /// Converts the value to a text.
    pub(super) fn phrase(self) -> Phrase {
        match self {
            Resolved::Text(phrase) => phrase,
            Resolved::Bool(yes) => Phrase::of(yes.to_string()),
            Resolved::Number(number) => match number_as_text(&number) {
                Ok(number) => Phrase::of(number),
                Err(gap) => Phrase::one(Piece::Open(Open { what: number, gap })),
            },
            Resolved::Open(open) | Resolved::Either(open, _) => Phrase::one(Piece::Open(open)),
            Resolved::Absent | Resolved::List(_) | Resolved::Map(_) => {
                Phrase::one(Piece::Open(unexpected_shape("a text")))
            }
        }
    }
}

/// Returns a number as text if parsing it as a number changes nothing: YAML reads `012` as octal, and an
/// account id would lose its leading zeros.
fn number_as_text(number: &str) -> Result<&str, Gap> {
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    let loses_zeros =
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if loses_zeros {
        let message = format!("{number} is a number and loses its leading zeros; quote it");
        return Err(Gap::new(GapKind::Unreadable, message));
    }
    Ok(number)
}

pub(super) fn unexpected_shape(wanted: &str) -> Open {
    Open {
        what: "a value of another type".to_owned(),
        gap: Gap::new(GapKind::Unreadable, format!("it is not {wanted}")),
    }
}
