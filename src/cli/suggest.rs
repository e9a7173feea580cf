//! Suggestions for mistyped names.

use crate::text::and_more;

/// The number of names that a suggestion lists.
const MOST: usize = 4;

/// Returns the names that a mistyped one may mean, as the end of an error: `; did you mean a or b?`. Empty if
/// no name is similar.
pub(super) fn suggest_names<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let similar = find_similar(typed, names);
    match similar.as_slice() {
        [] => String::new(),
        [name] => format!("; did you mean {name}?"),
        [first, second] => format!("; did you mean {first} or {second}?"),
        names => format!("; did you mean {}?", and_more(names.iter().copied(), MOST)),
    }
}

/// Returns the most similar names: those with the fewest typing errors, else those that contain the text.
pub(super) fn find_similar<'n>(
    typed: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Vec<&'n str> {
    let typed = typed.to_lowercase();
    let names: Vec<&str> = names.into_iter().collect();
    let distance = |name: &&&str| strsim::osa_distance(&name.to_lowercase(), &typed);
    let most = (typed.chars().count() / 3).max(1);
    let least = names.iter().map(|name| distance(&name)).min();
    if let Some(least) = least.filter(|least| *least <= most) {
        let nearest = names.iter().filter(|name| distance(name) == least);
        return nearest.copied().collect();
    }
    // Fewer characters are in too many names.
    let contains = |name: &&&str| typed.len() >= 3 && name.to_lowercase().contains(&typed);
    names.iter().filter(contains).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = [
        "kms-key-shared",
        "kms-key-usable",
        "s3-versioning-enabled",
        "network",
        "proof",
    ];

    #[test]
    fn the_most_similar_name_is_suggested() {
        for (typed, expected) in [
            ("kms-key-sharde", "; did you mean kms-key-shared?"),
            ("KMS-Key-Usable", "; did you mean kms-key-usable?"),
            (
                "s3-versoning-enabled",
                "; did you mean s3-versioning-enabled?",
            ),
            ("netwrok", "; did you mean network?"),
            (
                "kms-key",
                "; did you mean kms-key-shared or kms-key-usable?",
            ),
            ("versioning", "; did you mean s3-versioning-enabled?"),
            ("ey", ""),
            ("nonsense", ""),
            ("", ""),
        ] {
            assert_eq!(suggest_names(typed, NAMES), expected, "{typed}");
        }
    }
}
