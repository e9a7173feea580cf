//! What a template's values come to before anything is deployed: known, known in parts, or open.

use crate::model::{Gap, GapKind};

/// A value with its functions worked out as far as that is possible.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    /// Not given: `null`, `AWS::NoValue`.
    Absent,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(Phrase),
    List(Vec<Resolved>),
    Map(Vec<(String, Resolved)>),
    /// Nobody knows.
    Open(Open),
    /// One of two, by a condition that nobody knows.
    Either(Open, Box<(Resolved, Resolved)>),
}

/// Something that nobody knows before the stack is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    /// In a few words: `parameter Stage`.
    pub(super) what: String,
    /// Why.
    pub(super) gap: Gap,
}

impl Open {
    pub(super) fn new(kind: GapKind, what: impl Into<String>, why: &str) -> Self {
        let what = what.into();
        let gap = Gap::new(kind, format!("{what}: {why}"));
        Open { what, gap }
    }
}

/// A text in pieces, none of them empty.
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
    /// What a resource of the template is called once it exists: its `Ref`, or an attribute.
    Made(Made),
    Open(Open),
}

/// A name that a resource gets when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// The resource's logical id.
    pub(super) id: String,
    /// The attribute; none for its `Ref`.
    pub(super) attribute: Option<String>,
}

/// No text of a template that matters is longer.
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

    /// Adds a text; false where it gets longer than anything that is meant.
    #[must_use]
    pub(super) fn extend(&mut self, other: Phrase) -> bool {
        other.0.into_iter().for_each(|piece| self.push(piece));
        let length = |piece: &Piece| match piece {
            Piece::Text(text) => text.len(),
            _ => 0,
        };
        self.0.len() <= MOST_PIECES && self.0.iter().map(length).sum::<usize>() <= LONGEST
    }

    /// The text, where every piece is known.
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

    /// The one name of a resource that the text is.
    pub(super) fn made(&self) -> Option<&Made> {
        match self.0.as_slice() {
            [Piece::Made(made)] => Some(made),
            _ => None,
        }
    }
}

impl Piece {
    /// Why the piece is not known; none where it is.
    pub(super) fn open(&self) -> Option<Open> {
        match self {
            Piece::Text(_) => None,
            Piece::Account => Some(Open::new(
                GapKind::Unplanned,
                "AWS::AccountId",
                "the template does not say in which account it is deployed",
            )),
            Piece::Region => Some(Open::new(
                GapKind::Unplanned,
                "AWS::Region",
                "the template does not say in which region it is deployed; name it with --region",
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

    /// What stands under a key.
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

    /// One of two values, which may be the same.
    pub(super) fn either(open: Open, one: Resolved, other: Resolved) -> Resolved {
        if one == other {
            one
        } else {
            Resolved::Either(open, Box::new((one, other)))
        }
    }

    /// What is the same in both cases, read in one way; none where it is not given.
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

    /// A text, also one that was written without quotes; none where it is not given.
    pub(super) fn text(&self) -> Result<Option<String>, Gap> {
        self.read(&|value| match value {
            Resolved::Text(phrase) => phrase.known(),
            Resolved::Bool(yes) => Ok(yes.to_string()),
            Resolved::Number(number) => number_as_text(number).map(str::to_owned),
            _ => Err(unexpected_shape("a text").gap),
        })
    }

    /// A boolean, also one in quotes as CloudFormation takes it; none where it is not given.
    pub(super) fn as_boolean(&self) -> Result<Option<bool>, Gap> {
        let text = self.text()?;
        text.map(|text| match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(unexpected_shape("true or false").gap),
        })
        .transpose()
    }

    /// A whole number, also one in quotes; none where it is not given.
    pub(super) fn as_integer(&self) -> Result<Option<i64>, Gap> {
        let text = self.text()?;
        text.map(|text| {
            let whole = text.trim().parse::<i64>();
            whole.map_err(|_| unexpected_shape("a whole number").gap)
        })
        .transpose()
    }

    /// The items of a list, those of lists inside it too; one value is a list of one.
    ///
    /// Each comes with the condition that it depends on, where nobody knows that.
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

    /// A list that is known to its end, each item read in one way.
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

    /// A list of texts.
    pub(super) fn text_list(&self) -> Result<Vec<String>, Gap> {
        self.read_list(|item| Ok(item.text()?.unwrap_or_default()))
    }

    /// The value as a piece of a text.
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

/// A number as text, where reading it as a number changes nothing: YAML takes `012` for octal, and
/// account ids lose their zeros.
fn number_as_text(number: &str) -> Result<&str, Gap> {
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    let loses_zeros =
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if loses_zeros {
        let message = format!("{number} is not in quotes, and a number loses its zeros: quote it");
        return Err(Gap::new(GapKind::Unreadable, message));
    }
    Ok(number)
}

pub(super) fn unexpected_shape(wanted: &str) -> Open {
    Open {
        what: "a value of another shape".to_owned(),
        gap: Gap::new(GapKind::Unreadable, format!("it is not {wanted}")),
    }
}
