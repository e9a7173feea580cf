//! Resources as backup plans see them, and whether a selection selects them.
//!
//! Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::iam::matching::{LONGEST, Pattern, Token, covers, match_glob_shape};
use crate::iam::truth::Truth;
use crate::model::Resource;
use crate::model::arn::{Arn, partition_of};
use crate::model::backup_plan::{BackupSelection, TagCondition, TagOperator, tag_key};
use crate::model::tag::{ENABLED, Tags, is_kept};
use crate::text::and_more;

use super::backup_types::{ANY, BackupType, type_of};
use super::context::RuleContext;
use super::selection_arns::{ArnPatterns, SelectionArns, has_wildcard};

/// The keys of the tags that a snapshot keeps of resources.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownTags<'a> {
    /// The key of the backup tag.
    pub(super) backup: &'a str,
    /// Those that selections name, if it was collected with them.
    pub(super) selected: Option<&'a BTreeSet<String>>,
}

/// A resource that a plan may select.
#[derive(Debug)]
pub struct Target<'a> {
    /// Its ARN, with `*` for unknown parts.
    pub arn: Cow<'a, str>,
    /// Its name in messages.
    pub name: &'a str,
    /// What its ARN will look like, if a plan or template creates it: `arn` is then a placeholder.
    pub(super) shape: Option<String>,
    pub(super) tags: Cow<'a, Tags>,
    /// Whether only its backup tag is known: it is evaluated as if it had no other tag.
    pub bare: bool,
    /// Whether it exists and its tags were not read: it may have any other tag.
    pub is_unread: bool,
}

impl<'a> Target<'a> {
    /// Returns a resource without ARN and name, of which only the backup tag is known.
    pub(super) fn bare(tags: Tags) -> Self {
        Target {
            arn: Cow::Borrowed(""),
            name: "",
            shape: None,
            tags: Cow::Owned(tags),
            bare: true,
            is_unread: false,
        }
    }

    /// Whether a selection with these ARNs selects it. `known` says which of its tags were read.
    pub(super) fn is_selected_by(
        &self,
        selection: &BackupSelection,
        arns: &SelectionArns,
        known: KnownTags<'_>,
    ) -> Truth {
        let is_exact = self.shape.is_none() && !has_wildcard(&self.arn);
        let arn = is_exact.then_some(self.arn.as_ref());
        let named = |patterns: &ArnPatterns| patterns.cover(arn, |it| self.is_named_by(it));
        let tagged = selection.tags.iter().map(|tag| {
            let other = match self.bare && !self.is_unread {
                true => Truth::False,
                false => Truth::Unknown,
            };
            self.tag(known, &tag.key)
                .map_or(other, |value| (value == Some(&tag.value)).into())
        });
        let starts = if selection.resources.is_empty() && selection.tags.is_empty() {
            Truth::True
        } else {
            named(&arns.resources).or(Truth::any(tagged))
        };
        let conditions = selection.conditions.iter().map(|condition| {
            self.tag(known, tag_key(&condition.key))
                .map_or(Truth::Unknown, |value| holds(condition, value).into())
        });
        starts
            .and(Truth::all(conditions))
            .and(!named(&arns.not_resources))
    }

    /// Whether a pattern of a selection covers the ARN, or the shape that the ARN will have.
    #[must_use]
    pub fn is_named_by(&self, pattern: &str) -> Truth {
        let named = match_glob_shape(pattern, &self.arn);
        let shape = self.shape.as_deref();
        named.or(shape.map_or(Truth::False, |shape| match_parts(pattern, shape)))
    }

    /// Returns the value of a tag; `None` if the snapshot does not keep tags with that key.
    fn tag(&self, known: KnownTags<'_>, key: &str) -> Option<Option<&String>> {
        let value = self.tags.get(key);
        let is_kept = known.selected.is_some_and(|keys| keys.contains(key))
            || (key != "Name" && is_kept(key, known.backup));
        let is_read = key == known.backup || (!self.bare && is_kept);
        (value.is_some() || is_read).then_some(value)
    }
}

/// Returns a resource as plans see it; none where AWS Backup does not select its kind, or its tags were not
/// read.
#[must_use]
pub fn target<'a>(cx: &RuleContext<'a>, resource: Resource<'a>) -> Option<Target<'a>> {
    if !resource.kind().has_backups() {
        return None;
    }
    let (arn, id) = resource.arn_and_id()?;
    let (_, tags) = cx.tags_of(resource).ok()?;
    Some(Target {
        arn: Cow::Borrowed(arn),
        name: id,
        shape: find_shape(cx, resource),
        tags: Cow::Borrowed(tags),
        // An older snapshot has only the backup tag of what was found by it.
        bare: matches!(resource, Resource::Tagged(_)) && cx.snapshot.selected_tags.is_none(),
        is_unread: false,
    })
}

/// Returns a resource as plans would see it if it were tagged `enabled`; none where AWS Backup does not select
/// its kind.
#[must_use]
pub fn as_if_tagged<'a>(cx: &RuleContext<'_>, resource: Resource<'a>) -> Option<Target<'a>> {
    let (arn, id) = resource.arn_and_id()?;
    let known = resource.tags()?.known();
    let mut tags = enabled_tag(cx);
    for (key, value) in known.into_iter().flatten() {
        if !tags.contains_key(key) {
            tags.insert(key.clone(), value.clone());
        }
    }
    resource.kind().has_backups().then(|| Target {
        arn: Cow::Borrowed(arn),
        name: id,
        shape: find_shape(cx, resource),
        tags: Cow::Owned(tags),
        bare: known.is_none(),
        is_unread: known.is_none(),
    })
}

/// Returns a resource of which only the ARN is known, and that it is tagged `enabled`.
#[must_use]
pub fn tagged<'a>(cx: &RuleContext<'_>, arn: &'a str) -> Target<'a> {
    Target {
        arn: Cow::Borrowed(arn),
        name: arn,
        ..Target::bare(enabled_tag(cx))
    }
}

/// Returns a resource of a type in a region that was not read, as if it were tagged `enabled`.
#[must_use]
pub fn any_tagged<'a>(cx: &RuleContext<'_>, row: &BackupType, region: &str) -> Target<'a> {
    let account = cx.snapshot.account_id.as_deref().unwrap_or_default();
    Target {
        arn: Cow::Owned(row.arn_shape(partition_of(region), region, account)),
        name: row.name,
        is_unread: true,
        ..Target::bare(enabled_tag(cx))
    }
}

/// Whether a pattern covers an ARN of which only the shape is known: part by part where the pattern has all parts,
/// as no unknown part has a colon.
fn match_parts(pattern: &str, shape: &str) -> Truth {
    let split = |text| str::splitn(text, 6, ':').collect::<Vec<_>>();
    let (patterns, parts) = (split(pattern), split(shape));
    if patterns.len() != parts.len() {
        return match_glob_shape(pattern, shape);
    }
    let each = patterns.into_iter().zip(parts);
    // In a template, an account that is not known is empty.
    let is_own = |pattern: &str, part: &str| pattern.is_empty() && part == ANY;
    Truth::all(each.map(|(pattern, part)| match is_own(pattern, part) {
        true => Truth::True,
        false => match_glob_shape(pattern, part),
    }))
}

/// Returns the shape of the ARN of a resource that does not exist yet.
pub(super) fn find_shape(cx: &RuleContext<'_>, resource: Resource<'_>) -> Option<String> {
    let (arn, _) = resource.arn_and_id()?;
    if !cx.snapshot.source.is_planned() || Arn::parse(arn).is_some() {
        return None;
    }
    let region = cx.known_region().unwrap_or(ANY);
    let account = cx.snapshot.account_id.as_deref().unwrap_or(ANY);
    Some(type_of(resource)?.arn_shape(partition_of(region), region, account))
}

pub(super) fn enabled_tag(cx: &RuleContext<'_>) -> Tags {
    Tags::from([(cx.settings.tag_key.clone(), ENABLED.to_owned())])
}

// A negated condition holds for a resource without the tag, as in IAM.
fn holds(condition: &TagCondition, value: Option<&String>) -> bool {
    match (condition.operator, value) {
        (TagOperator::Equals, value) => value == Some(&condition.value),
        (TagOperator::NotEquals, value) => value != Some(&condition.value),
        (TagOperator::Like, value) => value.is_some_and(|value| like(&condition.value, value)),
        (TagOperator::NotLike, value) => !value.is_some_and(|value| like(&condition.value, value)),
    }
}

/// Whether a value matches a pattern, in which `*` matches any characters except blanks.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>.
fn like(form: &str, value: &str) -> bool {
    if form.contains('*') && value.contains(char::is_whitespace) {
        return false;
    }
    let mut pattern = Pattern::new(LONGEST);
    let read = form.chars().try_for_each(|c| {
        pattern.push(match c {
            '*' => Token::Any,
            c => Token::Char(c),
        })
    });
    read.is_some() && covers(&pattern.finish(), value)
}

/// The number of ARNs that a description of a selection names.
const MOST_ARNS: usize = 3;

/// Returns what a selection selects: each tag and ARN by itself, or all of them with the conditions that restrict them.
#[must_use]
pub fn describe_selected(selection: &BackupSelection) -> Vec<String> {
    let tags = selection.tags.iter();
    let tags = tags.map(|tag| format!("{}={}", tag.key, tag.value));
    let named: Vec<String> = selection.resources.iter().cloned().chain(tags).collect();
    let conditions: Vec<String> = selection
        .conditions
        .iter()
        .map(describe_condition)
        .collect();
    let left_out = selection.not_resources.iter().map(String::as_str);
    let restrictions = [
        (!conditions.is_empty()).then(|| format!(" where {}", conditions.join(" and "))),
        (!selection.not_resources.is_empty())
            .then(|| format!(" except {}", and_more(left_out, MOST_ARNS))),
    ];
    let restrictions: String = restrictions.into_iter().flatten().collect();
    if restrictions.is_empty() {
        return named;
    }
    let named = match named.len() {
        0 => "everything".to_owned(),
        1..=MOST_ARNS => named.join(" or "),
        _ => and_more(named.iter().map(String::as_str), MOST_ARNS),
    };
    vec![named + &restrictions]
}

fn describe_condition(condition: &TagCondition) -> String {
    let verb = match condition.operator {
        TagOperator::Equals => "is",
        TagOperator::NotEquals => "is not",
        TagOperator::Like => "is like",
        TagOperator::NotLike => "is not like",
    };
    format!("{} {verb} {}", tag_key(&condition.key), condition.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backup_plan::TagMatch;

    const KNOWN: KnownTags<'static> = KnownTags {
        backup: "backup",
        selected: None,
    };

    fn takes(selection: &BackupSelection, arn: &str, tags: &[(&str, &str)]) -> Truth {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let target = Target {
            arn: arn.into(),
            name: "it",
            shape: None,
            tags: Cow::Owned(tags.collect()),
            bare: false,
            is_unread: false,
        };
        target.is_selected_by(selection, &SelectionArns::new(selection), KNOWN)
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|it| (*it).to_owned()).collect()
    }

    fn by_tag(key: &str, value: &str) -> Vec<TagMatch> {
        vec![TagMatch {
            key: key.to_owned(),
            value: value.to_owned(),
        }]
    }

    fn only(operator: TagOperator, key: &str, value: &str) -> TagCondition {
        TagCondition {
            operator,
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    const VOLUME: &str = "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1";
    const ANY_VOLUME: &str = "arn:aws:ec2:eu-west-1:111122223333:volume/*";
    const DATABASE: &str = "arn:aws:rds:eu-west-1:111122223333:db:web";
    const ENABLED: &[(&str, &str)] = &[("backup", "enabled")];

    // Resources or tags, and all conditions, and nothing that is left out.
    #[test]
    fn a_selection_takes_what_the_documentation_says() {
        let volumes = texts(&["arn:aws:ec2:*:*:volume/*"]);
        let tags = by_tag("backup", "enabled");
        let not_custom = only(TagOperator::NotEquals, "backup", "custom");
        let cases = [
            (
                "nothing named is everything",
                BackupSelection::default(),
                [Truth::True; 3],
            ),
            (
                "a tag",
                BackupSelection {
                    tags: tags.clone(),
                    ..BackupSelection::default()
                },
                [Truth::True, Truth::False, Truth::True],
            ),
            (
                "a type or a tag",
                BackupSelection {
                    resources: volumes.clone(),
                    tags: tags.clone(),
                    ..BackupSelection::default()
                },
                [Truth::True, Truth::True, Truth::True],
            ),
            (
                "a type, and a condition",
                BackupSelection {
                    resources: volumes.clone(),
                    conditions: vec![only(TagOperator::Equals, "backup", "enabled")],
                    ..BackupSelection::default()
                },
                [Truth::True, Truth::False, Truth::False],
            ),
            (
                "a tag but not a type",
                BackupSelection {
                    tags: tags.clone(),
                    not_resources: volumes.clone(),
                    ..BackupSelection::default()
                },
                [Truth::False, Truth::False, Truth::True],
            ),
            (
                "without the tag a negated condition holds",
                BackupSelection {
                    conditions: vec![not_custom],
                    ..BackupSelection::default()
                },
                [Truth::True; 3],
            ),
            (
                "another tag is not known",
                BackupSelection {
                    tags: tags.clone(),
                    conditions: vec![only(TagOperator::Equals, "stage", "prod")],
                    ..BackupSelection::default()
                },
                [Truth::Unknown, Truth::False, Truth::Unknown],
            ),
            (
                "keys and values are compared letter by letter",
                BackupSelection {
                    tags: by_tag("Backup", "enabled"),
                    ..BackupSelection::default()
                },
                [Truth::False; 3],
            ),
        ];
        for (name, selection, want) in cases {
            let got = [
                takes(&selection, VOLUME, ENABLED),
                takes(&selection, VOLUME, &[]),
                takes(&selection, DATABASE, ENABLED),
            ];
            assert_eq!(got, want, "{name}");
        }
    }

    // Where only the backup tag was asked for, nothing follows from a tag that is absent.
    #[test]
    fn other_tags_of_what_was_found_by_its_tag_are_not_known() {
        let hourly = "aws-control-tower-backuphourly";
        let by_hour = BackupSelection {
            tags: by_tag(hourly, "true"),
            ..BackupSelection::default()
        };
        let not_by_hour = BackupSelection {
            tags: by_tag("backup", "enabled"),
            conditions: vec![only(TagOperator::NotEquals, hourly, "true")],
            ..BackupSelection::default()
        };
        let target = |bare| Target {
            arn: VOLUME.into(),
            name: "it",
            shape: None,
            tags: Cow::Owned(Tags::from([("backup".to_owned(), "enabled".to_owned())])),
            bare,
            is_unread: false,
        };
        let unread = Target {
            is_unread: true,
            ..target(true)
        };
        assert_eq!(
            unread.is_selected_by(&by_hour, &SelectionArns::new(&by_hour), KNOWN),
            Truth::Unknown
        );
        assert_eq!(
            target(false).is_selected_by(&by_hour, &SelectionArns::new(&by_hour), KNOWN),
            Truth::False
        );
        assert_eq!(
            target(true).is_selected_by(&by_hour, &SelectionArns::new(&by_hour), KNOWN),
            Truth::False
        );
        assert_eq!(
            target(false).is_selected_by(&not_by_hour, &SelectionArns::new(&not_by_hour), KNOWN),
            Truth::True
        );
        assert_eq!(
            target(true).is_selected_by(&not_by_hour, &SelectionArns::new(&not_by_hour), KNOWN),
            Truth::Unknown
        );
    }

    #[test]
    fn a_volume_that_does_not_exist_yet_has_the_shape_of_its_type() {
        let planned = Target {
            arn: "plan.json#aws_ebs_volume.data".into(),
            name: "data",
            shape: Some(ANY_VOLUME.to_owned()),
            tags: Cow::Owned(Tags::new()),
            bare: false,
            is_unread: false,
        };
        for (pattern, want) in [
            ("arn:aws:ec2:*:*:volume/*", Truth::True),
            ("plan.json#aws_ebs_volume.data", Truth::True),
            ("arn:aws:ec2:*:*:instance/*", Truth::False),
            (VOLUME, Truth::Unknown),
        ] {
            let by_pattern = BackupSelection {
                resources: texts(&[pattern]),
                ..BackupSelection::default()
            };
            assert_eq!(
                planned.is_selected_by(&by_pattern, &SelectionArns::new(&by_pattern), KNOWN),
                want,
                "{pattern}"
            );
        }
    }

    #[test]
    fn one_volume_is_not_every_volume() {
        let one = BackupSelection {
            resources: texts(&[VOLUME]),
            ..BackupSelection::default()
        };
        assert_eq!(takes(&one, VOLUME, &[]), Truth::True);
        assert_eq!(takes(&one, ANY_VOLUME, &[]), Truth::Unknown);
        assert_eq!(takes(&one, DATABASE, &[]), Truth::False);
        let service = BackupSelection {
            resources: texts(&["arn:aws:ec2:*"]),
            ..BackupSelection::default()
        };
        assert_eq!(takes(&service, ANY_VOLUME, &[]), Truth::True);
    }

    #[test]
    fn a_star_stands_for_no_blank() {
        for (form, value, want) in [
            ("*", "enabled", true),
            ("*", "", true),
            ("en*", "enabled", true),
            ("*able*", "enabled", true),
            ("en*", "is enabled", false),
            ("*", "a b", false),
            ("a b", "a b", true),
            ("enable?", "enabled", false),
        ] {
            assert_eq!(like(form, value), want, "{form} {value}");
        }
    }
}
