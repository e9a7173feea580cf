//! Three-valued logic.

use std::ops::Not;

/// Whether something holds, where some facts cannot be known offline (Kleene's strong logic).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    /// Holds for all values of the unknown facts.
    True,
    /// Does not hold for any value of the unknown facts.
    False,
    /// Depends on a fact that is not known.
    Unknown,
}

impl Truth {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        !(!self).and(!other)
    }

    /// Whether any item holds; false for none.
    pub fn any(items: impl IntoIterator<Item = Self>) -> Self {
        let mut found = Self::False;
        for item in items {
            found = found.or(item);
            if found == Self::True {
                break;
            }
        }
        found
    }

    /// Whether every item holds; true for none.
    pub fn all(items: impl IntoIterator<Item = Self>) -> Self {
        !Self::any(items.into_iter().map(Not::not))
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, False, True, Unknown};

    #[test]
    fn unknown_loses_only_against_a_sure_answer() {
        assert_eq!((True.and(Unknown), False.and(Unknown)), (Unknown, False));
        assert_eq!((True.or(Unknown), False.or(Unknown)), (True, Unknown));
        assert_eq!(!Unknown, Unknown);
        assert_eq!((Truth::any([]), Truth::all([])), (False, True));
        assert_eq!(Truth::all([True, Unknown, False]), False);
    }
}
