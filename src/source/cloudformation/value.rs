//! The values of a template before deployment: known, partly known, or unknown.

use crate::model::{Gap, GapKind};
use crate::text::and_more;

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
    /// Unknown: it may be anything.
    Open(Open),
    /// One of several different values, absent ones included, selected by something that is not known.
    OneOf(Open, Vec<Resolved>),
}

/// The value of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Truth {
    Yes,
    No,
    Open(Open),
}

/// A value that is not known before deployment. Two of them are equal only if they are known to be the same
/// value in a deployment.
#[derive(Debug, Clone)]
pub(super) struct Open {
    /// A short description: `parameter Stage`.
    pub(super) what: String,
    /// Why it is not known.
    pub(super) gap: Gap,
    /// The name of the value, if everything of this name is the same value in a deployment:
    /// `AWS::StackName`, a parameter, a condition.
    pub(super) symbol: Option<String>,
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.symbol.is_some() && self.symbol == other.symbol
    }
}

impl Open {
    pub(super) fn new(kind: GapKind, what: impl Into<String>, why: &str) -> Self {
        let what = what.into();
        let gap = Gap::new(kind, format!("{what}: {why}"));
        Open::from_gap(what, gap)
    }

    pub(super) fn from_gap(what: impl Into<String>, gap: Gap) -> Self {
        Open {
            what: what.into(),
            gap,
            symbol: None,
        }
    }

    /// Removes the name, for a value that only depends on it.
    #[must_use]
    pub(super) fn unnamed(mut self) -> Self {
        self.symbol = None;
        self
    }

    /// Names the value: everything of this name is the same value in a deployment.
    #[must_use]
    pub(super) fn named(mut self, symbol: impl Into<String>) -> Self {
        self.symbol = Some(symbol.into());
        self
    }
}

/// A text as a sequence of non-empty pieces.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Phrase(pub(super) Vec<Piece>);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
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
/// The most values that one value may be one of; more are unknown.
pub(super) const MOST_CANDIDATES: usize = 64;
/// How the names of values begin that a stack gets before it creates anything.
const FROM_OUTSIDE: [&str; 3] = ["parameter ", "ssm ", "export "];
/// The most candidates that a message names.
const MOST_NAMES: usize = 5;

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

    /// Returns a text for people, in which unknown parts are named.
    pub(super) fn show(&self) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            piece => {
                let what = piece.open().map(|it| it.what);
                format!("${{{}}}", what.unwrap_or_default())
            }
        });
        pieces.collect()
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

    /// Returns a key that equal names have in common; `None` for what no name equals.
    pub(super) fn name_key(&self) -> Option<String> {
        match self {
            Resolved::Text(phrase) => Some(phrase.show()),
            Resolved::Open(open) | Resolved::OneOf(open, _) => open.symbol.clone(),
            Resolved::Number(number) => Some(number.clone()),
            _ => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        *self == Resolved::Absent
    }

    /// Whether it is not known, and not from the template: no resource that the template creates.
    pub(super) fn is_from_outside(&self) -> bool {
        let open = match self {
            Resolved::Open(open) => open,
            Resolved::Text(Phrase(pieces)) if let [Piece::Open(open)] = pieces.as_slice() => open,
            _ => return false,
        };
        let symbol = open.symbol.as_deref().unwrap_or_default();
        FROM_OUTSIDE.iter().any(|it| symbol.starts_with(it))
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, name: &str) -> Resolved {
        match self {
            Resolved::Map(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map_or(Resolved::Absent, |(_, value)| value.clone()),
            Resolved::Open(open) => Resolved::Open(open.clone().unnamed()),
            Resolved::OneOf(open, candidates) => {
                let members = candidates.iter().map(|it| it.get(name));
                Resolved::one_of(open.clone(), members)
            }
            Resolved::Absent => Resolved::Absent,
            _ => Resolved::Open(unexpected_shape("a mapping")),
        }
    }

    /// Returns one of several values; the value itself if they are all equal.
    pub(super) fn one_of(open: Open, values: impl IntoIterator<Item = Resolved>) -> Resolved {
        let mut distinct: Vec<Resolved> = Vec::new();
        // Equal choices are the same value only if each candidate belongs to one state of what selects it.
        let mut is_aligned = true;
        for value in values {
            let leaves = match value {
                Resolved::OneOf(_, leaves) => leaves,
                leaf => vec![leaf],
            };
            is_aligned &= leaves.len() == 1;
            for leaf in leaves {
                if distinct.contains(&leaf) {
                    is_aligned = false;
                } else {
                    distinct.push(leaf);
                }
            }
            if distinct.len() > MOST_CANDIDATES {
                return Resolved::Open(open.unnamed());
            }
        }
        match distinct.len() {
            0 => Resolved::Open(open.unnamed()),
            1 => distinct.swap_remove(0),
            _ if is_aligned => Resolved::OneOf(open, distinct),
            _ => Resolved::OneOf(open.unnamed(), distinct),
        }
    }

    /// Returns a mapping with another value of a member.
    pub(super) fn with(&self, name: &str, value: &Resolved) -> Resolved {
        let Resolved::Map(members) = self else {
            return self.clone();
        };
        let change = |(key, old): &(String, Resolved)| match key == name {
            true => (key.clone(), value.clone()),
            false => (key.clone(), old.clone()),
        };
        Resolved::Map(members.iter().map(change).collect())
    }

    /// Returns the values that it may be, each of them something else than a choice.
    pub(super) fn candidates(&self) -> &[Resolved] {
        match self {
            Resolved::OneOf(_, candidates) => candidates,
            value => std::slice::from_ref(value),
        }
    }

    /// Changes every value that it may be.
    pub(super) fn map_candidates(self, change: impl Fn(Resolved) -> Resolved) -> Resolved {
        match self {
            Resolved::OneOf(open, candidates) => {
                Resolved::one_of(open, candidates.into_iter().map(change))
            }
            value => change(value),
        }
    }

    /// Reads a fact that must be the same for every value that this may be.
    ///
    /// # Errors
    /// Why it is not known, with the candidates if they differ.
    pub(super) fn agree<T: PartialEq>(
        &self,
        read: impl Fn(&Resolved) -> Result<T, Gap>,
    ) -> Result<T, Gap> {
        let Resolved::OneOf(open, candidates) = self else {
            return read(self);
        };
        let mut facts = candidates.iter().map(read);
        match facts.next() {
            Some(Ok(first)) if facts.all(|it| it.as_ref() == Ok(&first)) => Ok(first),
            _ => Err(name_candidates(open, candidates)),
        }
    }

    /// Returns a text, with or without quotes; none where it is absent.
    pub(super) fn text(&self) -> Result<Option<String>, Gap> {
        self.agree(|value| match value {
            Resolved::Absent => Ok(None),
            Resolved::Text(phrase) => phrase.known().map(Some),
            Resolved::Bool(yes) => Ok(Some(yes.to_string())),
            Resolved::Number(number) => Ok(Some(number.clone())),
            Resolved::Open(open) => Err(open.gap.clone()),
            _ => Err(unexpected_shape("a text").gap),
        })
    }

    /// Returns a boolean, with or without quotes, as CloudFormation accepts both; none where it is absent.
    pub(super) fn as_boolean(&self) -> Result<Option<bool>, Gap> {
        self.agree(
            |value| match value.text()?.map(|it| it.to_ascii_lowercase()) {
                None => Ok(None),
                Some(text) if text == "true" => Ok(Some(true)),
                Some(text) if text == "false" => Ok(Some(false)),
                Some(_) => Err(unexpected_shape("true or false").gap),
            },
        )
    }

    /// Returns an integer, with or without quotes; none where it is absent.
    pub(super) fn as_integer(&self) -> Result<Option<i64>, Gap> {
        self.agree(|value| {
            let text = value.text()?;
            text.map(|text| {
                let whole = text.trim().parse::<i64>();
                whole.map_err(|_| unexpected_shape("an integer").gap)
            })
            .transpose()
        })
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
            Resolved::OneOf(open, candidates) => {
                for candidate in candidates {
                    candidate.gather_items(Some(open), items)?;
                }
            }
            value => items.push((condition.cloned(), value)),
        }
        Ok(())
    }

    /// Reads every item of a list, which must be the same for every list that this may be.
    ///
    /// # Errors
    /// Why an item is not known, or whether it is in the list.
    pub(super) fn read_list<T: PartialEq>(
        &self,
        read: impl Fn(&Resolved) -> Result<T, Gap>,
    ) -> Result<Vec<T>, Gap> {
        self.agree(|list| {
            let items = list.items()?.into_iter();
            items
                .map(|(condition, item)| match condition {
                    Some(open) => Err(open.gap),
                    None => read(item),
                })
                .collect()
        })
    }

    /// Returns the number of items of a list itself, without those of lists in it.
    pub(super) fn count_items(&self) -> usize {
        match self {
            Resolved::List(items) => items.len(),
            _ => 1,
        }
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
            Resolved::Number(number) => Phrase::of(number),
            Resolved::Open(open) => Phrase::one(Piece::Open(open)),
            Resolved::OneOf(open, _) => Phrase::one(Piece::Open(open.unnamed())),
            Resolved::Absent | Resolved::List(_) | Resolved::Map(_) => {
                Phrase::one(Piece::Open(unexpected_shape("a text")))
            }
        }
    }
}

/// Returns why a value is not known, with the values that it may be.
fn name_candidates(open: &Open, candidates: &[Resolved]) -> Gap {
    let mut names: Vec<String> = Vec::new();
    for candidate in candidates {
        let name = match candidate {
            Resolved::Absent => "absent".to_owned(),
            Resolved::Bool(yes) => yes.to_string(),
            Resolved::Number(number) => number.clone(),
            Resolved::Text(phrase) => phrase.show(),
            // What a list or a mapping may contain is not named.
            Resolved::List(_) | Resolved::Map(_) => return open.gap.clone(),
            Resolved::Open(_) | Resolved::OneOf(..) => "something else".to_owned(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut gap = open.gap.clone();
    gap.message = format!(
        "{}; it may be one of {}",
        gap.message,
        and_more(names.iter().map(String::as_str), MOST_NAMES)
    );
    gap
}

pub(super) fn unexpected_shape(wanted: &str) -> Open {
    let gap = Gap::new(GapKind::Unreadable, format!("it is not {wanted}"));
    Open::from_gap("a value of another type", gap)
}
