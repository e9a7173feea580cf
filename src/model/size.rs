//! How much data a resource holds, and how that is known.

use serde::{Deserialize, Serialize};

use super::observed::{Gap, GapKind, Observed};

/// The number of bytes in a GiB, the unit in which AWS bills storage.
pub const GIB: u64 = 1 << 30;
/// The number of bytes in a MiB.
const MIB: u64 = 1 << 20;

/// The size of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// In bytes.
    pub bytes: u64,
    /// What the number of bytes says about the data.
    pub basis: Basis,
}

/// What a size says about the data of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// AWS measured the data.
    Measured,
    /// The capacity that was provisioned: a backup is no larger, and smaller where blocks are empty.
    AtMost,
}

impl Size {
    /// Returns the size of a capacity in GiB.
    #[must_use]
    pub fn provisioned_gib(gib: Observed<i64>) -> Observed<Size> {
        scale_number(gib, GIB, Basis::AtMost)
    }

    /// Returns the size of a capacity in MiB, which some services call megabytes.
    #[must_use]
    pub fn provisioned_mib(mib: Observed<i64>) -> Observed<Size> {
        scale_number(mib, MIB, Basis::AtMost)
    }

    /// Returns the size of a capacity in bytes.
    #[must_use]
    pub fn provisioned_bytes(bytes: Observed<i64>) -> Observed<Size> {
        scale_number(bytes, 1, Basis::AtMost)
    }

    /// Returns the size of data that AWS measured in bytes.
    #[must_use]
    pub fn measured_bytes(bytes: Observed<i64>) -> Observed<Size> {
        scale_number(bytes, 1, Basis::Measured)
    }
}

/// Returns a size of some units. Data can be empty, a capacity cannot.
fn scale_number(number: Observed<i64>, unit: u64, basis: Basis) -> Observed<Size> {
    let number = match number {
        Observed::Known(number) => number,
        Observed::Unknown(gap) => return Observed::Unknown(gap),
    };
    let least = i64::from(basis == Basis::AtMost);
    let bytes = u64::try_from(number)
        .ok()
        .filter(|_| number >= least)
        .and_then(|number| number.checked_mul(unit));
    match bytes {
        Some(bytes) => Observed::Known(Size { bytes, basis }),
        None => Observed::Unknown(Gap::new(
            GapKind::Unreadable,
            format!("{number} is not a size"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_no_size_is_unknown_and_not_zero() {
        let bytes = |size: Observed<Size>| size.known().map(|it| it.bytes);
        assert_eq!(
            bytes(Size::provisioned_gib(Observed::Known(8))),
            Some(8_589_934_592)
        );
        assert_eq!(
            bytes(Size::provisioned_mib(Observed::Known(2048))),
            Some(2_147_483_648)
        );
        assert_eq!(bytes(Size::measured_bytes(Observed::Known(0))), Some(0));
        for number in [-1, 0, i64::MAX] {
            assert_eq!(bytes(Size::provisioned_gib(Observed::Known(number))), None);
        }
        assert_eq!(bytes(Size::measured_bytes(Observed::Known(-1))), None);
        assert_eq!(bytes(Size::provisioned_bytes(Observed::default())), None);
    }
}
