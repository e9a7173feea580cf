//! The regions of AWS, to recognize mistyped ones.

use crate::settings::is_region_name;

use super::suggest::suggest_names;

/// Every region. A name that is not among them may be a newer region and is accepted if it is made of the same words.
///
/// Source: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>, and the pages of
/// the AWS GovCloud (US), China and European Sovereign Cloud partitions; checked 2026-11-29.
#[rustfmt::skip]
const REGIONS: [&str; 39] = [
    "af-south-1",
    "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
    "ca-central-1", "ca-west-1",
    "cn-north-1", "cn-northwest-1",
    "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1", "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2",
];

/// The words for the part of an area that names of regions have.
const DIRECTIONS: [&str; 9] = [
    "central",
    "east",
    "north",
    "northeast",
    "northwest",
    "south",
    "southeast",
    "southwest",
    "west",
];

/// Checks the name of a region.
///
/// # Errors
/// It does not have the form of one, or contains a mistyped word; the error suggests the region that may be meant.
pub(super) fn check_region(name: &str) -> Result<(), String> {
    if REGIONS.contains(&name) {
        return Ok(());
    }
    let similar = || suggest_names(name, REGIONS);
    if !is_region_name(name) {
        return Err(format!(
            "expected a region such as eu-central-1{}",
            similar()
        ));
    }
    match has_known_words(name) {
        true => Ok(()),
        false => Err(format!("there is no region {name}{}", similar())),
    }
}

/// Whether a name has a known direction, and an area whose letters are not those of a known one in another order.
fn has_known_words(name: &str) -> bool {
    let words: Vec<&str> = name.split('-').collect();
    let direction = words.iter().rev().nth(1).copied().unwrap_or_default();
    let area = words.first().copied().unwrap_or_default();
    let turned: String = area.chars().rev().collect();
    let is_area = |area: &str| REGIONS.iter().any(|it| it.split('-').next() == Some(area));
    let is_swapped = !is_area(area) && is_area(&turned);
    DIRECTIONS.contains(&direction) && !is_swapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_regions_are_rejected_with_the_meant_one() {
        for (name, meant) in [
            ("eu-centarl-1", "eu-central-1"),
            ("eu-wset-3", "eu-west-3"),
            ("us-est-1", "us-east-1"),
            ("ue-central-1", "eu-central-1"),
            ("ap-souteast-1", "ap-southeast-1"),
            ("eu-west1", "eu-west-1"),
            ("EU-West-1", "eu-west-1"),
        ] {
            let error = check_region(name).unwrap_err();
            assert!(error.contains(meant), "{name}: {error}");
        }
        assert_eq!(
            check_region("europe").unwrap_err(),
            "expected a region such as eu-central-1"
        );
    }

    #[test]
    fn a_region_that_is_newer_than_the_program_is_accepted() {
        for name in REGIONS
            .into_iter()
            .chain(["eu-central-9", "nz-north-1", "us-gov-central-1"])
        {
            assert_eq!(check_region(name), Ok(()), "{name}");
        }
    }
}
