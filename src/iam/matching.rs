//! Wildcards, in time linear in the pattern.

use super::truth::Truth;

/// One unit of a pattern, after policy variables were put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Exactly this character.
    Char(char),
    /// `?`: any one character.
    One,
    /// `*`: any run of characters, also none.
    Any,
}

impl Token {
    /// Reads a character, with `*` and `?` as wildcards.
    fn read(c: char) -> Self {
        match c {
            '*' => Token::Any,
            '?' => Token::One,
            c => Token::Char(c),
        }
    }
}

/// Represents the unknown part of a [shape](match_shape): only `*` certainly matches it.
/// A noncharacter, which no AWS identifier contains.
const HOLE: char = '\u{10FFFF}';

/// No ARN is longer, nor any other text whose [shape](match_shape) is asked about.
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>.
pub const LONGEST: usize = 2048;

/// Services whose names and ids have no colon, so that an unknown part of an ARN ends with the id. Objects of S3, recovery
/// points and paths of roles may have one.
///
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
/// Checked 2026-11-29.
const WITHOUT_COLONS: [&str; 14] = [
    "cloudformation",
    "dsql",
    "dynamodb",
    "ec2",
    "eks",
    "elasticfilesystem",
    "events",
    "fsx",
    "kms",
    "rds",
    "redshift",
    "redshift-serverless",
    "storagegateway",
    "timestream",
];

/// The units of a pattern, gathered one by one.
///
/// Adjacent `*` become one, and collection stops as soon as the pattern needs more characters than the text has. So a
/// hostile pattern costs one pass over its characters.
#[derive(Debug)]
pub struct Pattern {
    tokens: Vec<Token>,
    rigid: usize,
    limit: usize,
}

impl Pattern {
    /// An empty pattern for a text of at most `limit` characters.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            tokens: Vec::new(),
            rigid: 0,
            limit,
        }
    }

    /// Adds a unit; `None` if no text within the limit can match.
    pub fn push(&mut self, token: Token) -> Option<()> {
        if token == Token::Any {
            if self.tokens.last() != Some(&Token::Any) {
                self.tokens.push(token);
            }
            return Some(());
        }
        self.rigid += 1;
        self.tokens.push(token);
        (self.rigid <= self.limit).then_some(())
    }

    /// Adds text, with `*` and `?` as wildcards where `wildcards` says so; `None` as in [`push`](Self::push).
    pub fn extend(&mut self, text: &str, wildcards: bool) -> Option<()> {
        text.chars().try_for_each(|c| {
            self.push(match wildcards {
                true => Token::read(c),
                false => Token::Char(c),
            })
        })
    }

    /// What was gathered.
    #[must_use]
    pub fn finish(self) -> Vec<Token> {
        self.tokens
    }
}

/// Reads `*` and `?` as wildcards; `None` where the pattern covers no text of up to `limit` characters.
#[must_use]
pub fn parse_pattern(pattern: &str, limit: usize) -> Option<Vec<Token>> {
    let mut gathered = Pattern::new(limit);
    gathered.extend(pattern, true)?;
    Some(gathered.finish())
}

/// Whether the pattern matches all of the text.
#[must_use]
pub fn covers(pattern: &[Token], text: &str) -> bool {
    covers_each(pattern.iter().copied(), text.chars())
}

/// Whether a pattern matches all of a text.
///
/// Greedy with one point to return to: after a mismatch only the run since the last `*` is tried again, and a run that
/// matched is never longer than the text. So the cost is the pattern's length plus the square of the text's, and the
/// texts here (actions, ARNs) are short.
fn covers_each(
    mut pattern: impl Iterator<Item = Token> + Clone,
    mut text: impl Iterator<Item = char> + Clone,
) -> bool {
    let mut back = None;
    while let Some(c) = text.clone().next() {
        let mut after = pattern.clone();
        match after.next() {
            Some(Token::Any) => {
                // A star at the end matches the rest.
                if after.clone().next().is_none() {
                    return true;
                }
                back = Some((after.clone(), text.clone()));
                pattern = after;
            }
            Some(Token::Char(wanted)) if wanted == c => {
                pattern = after;
                text.next();
            }
            Some(Token::One) if c != HOLE => {
                pattern = after;
                text.next();
            }
            _ => match &mut back {
                Some((after_star, from)) => {
                    pattern = after_star.clone();
                    from.next();
                    text = from.clone();
                }
                None => return false,
            },
        }
    }
    pattern.all(|token| token == Token::Any)
}

/// Whether a pattern with `*` and `?` covers a text.
#[must_use]
pub fn matches_glob(pattern: &str, text: &str) -> bool {
    covers_each(pattern.chars().map(Token::read), text.chars())
}

/// Whether an action of a policy covers a concrete one: wildcards, without regard to case.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>.
#[must_use]
pub fn matches_action(pattern: &str, action: &str) -> bool {
    let pattern = pattern.chars();
    let pattern = pattern.map(|c| Token::read(c.to_ascii_lowercase()));
    covers_each(pattern, action.chars().map(|c| c.to_ascii_lowercase()))
}

/// Whether a pattern with `*` and `?` covers a text of which only the shape is known, as [`match_shape`] answers.
#[must_use]
pub fn match_glob_shape(pattern: &str, shape: &str) -> Truth {
    if !shape.contains(['*', '?']) {
        return matches_glob(pattern, shape).into();
    }
    let tokens = parse_pattern(pattern, LONGEST);
    tokens.map_or(Truth::False, |tokens| match_shape(&tokens, shape))
}

/// Whether the pattern covers a text of which only the shape is known: each `*` in `shape` is an unknown run of
/// characters, possibly none.
///
/// In an ARN of some services an unknown run has no colon. `True` where the pattern covers every text of that shape, `False`
/// where it covers none. Errs to `Unknown`.
#[must_use]
pub fn match_shape(pattern: &[Token], shape: &str) -> Truth {
    if !shape.contains(['*', '?']) {
        return covers(pattern, shape).into();
    }
    if covers(pattern, &shape.replace('*', &HOLE.to_string())) {
        Truth::True
    } else {
        let mut parts = shape.split(':');
        let is_arn = parts.next() == Some("arn");
        let service = parts.nth(1).filter(|_| is_arn);
        let has_colons = service.is_none_or(|it| !WITHOUT_COLONS.contains(&it));
        let shape = parse_pattern(shape, LONGEST);
        let shape = shape.filter(|shape| patterns_overlap(pattern, shape, has_colons));
        shape.map_or(Truth::False, |_| Truth::Unknown)
    }
}

/// Whether some text is covered by both patterns.
///
/// Row by row over the first pattern: `live[j]` says that what was read so far can also be read by the first `j` tokens
/// of the second. `has_colons` says whether an unknown run of the second may have colons.
fn patterns_overlap(pattern: &[Token], shape: &[Token], has_colons: bool) -> bool {
    let mut live = vec![false; shape.len() + 1];
    live[0] = true;
    skip_stars(&mut live, shape);
    for token in pattern {
        let mut next = vec![false; shape.len() + 1];
        for (j, _) in live.iter().enumerate().filter(|(_, alive)| **alive) {
            match (token, shape.get(j)) {
                (Token::Any, _) => next[j..].fill(true),
                (Token::Char(':'), Some(Token::Any)) if !has_colons => {}
                (_, Some(Token::Any)) => next[j] = true,
                (Token::Char(a), Some(Token::Char(b))) if a != b => {}
                (_, Some(_)) => next[j + 1] = true,
                (_, None) => {}
            }
            if *token == Token::Any {
                break;
            }
        }
        skip_stars(&mut next, shape);
        if !next.contains(&true) {
            return false;
        }
        live = next;
    }
    live[shape.len()]
}

/// Advances over every `*` of the shape, which may match nothing.
fn skip_stars(live: &mut [bool], shape: &[Token]) {
    for (j, token) in shape.iter().enumerate() {
        if live[j] && *token == Token::Any {
            live[j + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_runs_and_single_characters() {
        let covered = [
            ("*", ""),
            ("*", "kms:Decrypt"),
            ("a*c", "ac"),
            ("a*c", "abcabc"),
            ("a?c", "abc"),
            ("*b*d", "abcd"),
            ("**", "x"),
            ("a*?", "ab"),
            ("", ""),
            ("*ab", "aab"),
        ];
        for (pattern, text) in covered {
            assert!(matches_glob(pattern, text), "{pattern} {text}");
        }
        let missed = [
            ("", "a"),
            ("?", ""),
            ("a?c", "ac"),
            ("a*c", "abd"),
            ("A", "a"),
            ("a*b*c", "acb"),
        ];
        for (pattern, text) in missed {
            assert!(!matches_glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn actions_ignore_case_and_take_wildcards_anywhere() {
        assert!(matches_action("KMS:reencrypt*", "kms:ReEncryptFrom"));
        assert!(matches_action("kms:*Grant", "kms:CreateGrant"));
        assert!(matches_action("kms:ReEncrypt????", "kms:ReEncryptFrom"));
        assert!(matches_action("*", "kms:Decrypt"));
        assert!(!matches_action("kms:ReEncrypt", "kms:ReEncryptFrom"));
        assert!(!matches_action("kms:*Grant", "kms:ListGrants"));
        assert!(!matches_action("s3:*", "kms:Decrypt"));
    }

    #[test]
    fn a_megabyte_of_stars_ends() {
        let hostile = format!("{}a", "*".repeat(1 << 20));
        assert!(!matches_glob(&hostile, &"b".repeat(2048)));
        let alternating = "*a".repeat(1 << 19);
        assert!(!matches_glob(&alternating, &"a".repeat(2048)));
        let hostile = parse_pattern(&hostile, LONGEST).unwrap();
        assert_eq!(match_shape(&hostile, "ec2.*.amazonaws.com"), Truth::False);
        assert_eq!(parse_pattern(&alternating, LONGEST), None);
        assert!(!matches_action(&alternating, "kms:Decrypt"));
    }

    #[test]
    fn a_shape_is_covered_for_sure_perhaps_or_never() {
        let cases = [
            ("ec2.*.amazonaws.com", Truth::True),
            ("*", Truth::True),
            ("ec2.*", Truth::True),
            ("ec2.eu-west-1.amazonaws.com", Truth::Unknown),
            ("ec2.eu-*.amazonaws.com", Truth::Unknown),
            ("ec2.?*.amazonaws.com", Truth::Unknown),
            ("*.eu-west-1.amazonaws.com", Truth::Unknown),
            ("s3.*.amazonaws.com", Truth::False),
            ("ec2.eu-west-1.amazonaws.com.cn", Truth::False),
            ("rds.eu-west-1.amazonaws.com", Truth::False),
            ("", Truth::False),
        ];
        for (pattern, expected) in cases {
            assert_eq!(
                match_shape(
                    &parse_pattern(pattern, LONGEST).unwrap(),
                    "ec2.*.amazonaws.com"
                ),
                expected,
                "{pattern}"
            );
        }
    }

    #[test]
    fn an_unknown_start_may_be_empty() {
        for (pattern, shape, expected) in [
            ("Backup", "*Backup", Truth::Unknown),
            ("OwnBackup", "*Backup", Truth::Unknown),
            ("Backups", "*Backup", Truth::False),
            ("", "*", Truth::Unknown),
        ] {
            let tokens = parse_pattern(pattern, LONGEST).unwrap();
            assert_eq!(match_shape(&tokens, shape), expected, "{pattern}");
        }
    }

    // The id of a snapshot does not hold another resource, and the key of an object may hold anything.
    #[test]
    fn an_unknown_id_has_no_colon() {
        let snapshot = "arn:aws:ec2:eu-west-1::snapshot/snap-*";
        for (pattern, shape, expected) in [
            ("arn:aws:ec2:*:*:volume/*", snapshot, Truth::False),
            ("arn:aws:ec2:*:*:snapshot/*", snapshot, Truth::True),
            ("arn:aws:ec2:*::snapshot/snap-1", snapshot, Truth::Unknown),
            ("arn:aws:s3:::*:b", "arn:aws:s3:::a/*", Truth::Unknown),
        ] {
            let tokens = parse_pattern(pattern, LONGEST).unwrap();
            assert_eq!(match_shape(&tokens, shape), expected, "{pattern}");
        }
    }
}
