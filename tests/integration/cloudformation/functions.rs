//! Functions, conditions and parameters, seen by the tag that they come to.

use super::*;

/// The value of the backup tag of a bucket whose tag is the function; or why it is not known.
fn tag_with(sections: &str, function: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
    let text = format!(
        "{sections}\nResources:\n  Role:\n    Type: AWS::IAM::Role\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      Tags:\n        - Key: backup\n          Value: {function}\n"
    );
    let read = read(&text, None, parameters);
    let bucket = &read.snapshot.buckets.items[0];
    match bucket.tags.get() {
        Ok(tags) => Ok(tags["backup"].clone()),
        Err(gap) => Err(format!("{:?} {gap}", gap.kind)),
    }
}

const SECTIONS: &str = "
Parameters:
  Given: {Type: String, Default: enabled}
  Many: {Type: CommaDelimitedList, Default: 'a, enabled ,c'}
  Open: {Type: String}
  Zeros: {Type: String, Default: 010}
  Choice: {Type: String, AllowedValues: [a, b]}
  Stored: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /a/b}
Mappings:
  M: {Top: {Second: enabled, List: [x, enabled]}}
  Chosen: {a: {Tag: enabled, Other: x}, b: {Tag: enabled, Other: y}, c: {Tag: disabled}}
  Octal: {'8': {Tag: enabled}}
Conditions:
  Yes: !Equals [1, '1']
  No: !Not [!Condition Yes]
  Both: !And [!Condition Yes, !Equals [!Ref Given, enabled]]
  Maybe: !Equals [!Ref Open, x]
  NoAndMaybe: !And [!Condition No, !Condition Maybe]
  YesOrMaybe: !Or [!Condition Maybe, !Condition Yes]
  Round: !Not [!Condition About]
  About: !Not [!Condition Round]
  Here: !Equals [!Ref AWS::Region, eu-west-1]
  Same: !Equals [!Ref AWS::Region, !Ref AWS::Region]
Transform: AWS::LanguageExtensions";

#[test]
fn functions_come_to_what_they_say() {
    for function in [
        "!Ref Given",
        "!Select [1, !Ref Many]",
        "!Select ['1', [a, enabled]]",
        "!Sub '${Given}'",
        "!Sub ['en${x}', {x: abled}]",
        "!Sub ['${x}', {x: !Sub ['${y}', {y: !Ref Given}]}]",
        "!Join ['', [en, abled]]",
        "!Join ['-', !Split ['-', enabled]]",
        "!Select [2, !Split [':', 'a:b:enabled']]",
        "!FindInMap [M, Top, Second]",
        "!Select [1, !FindInMap [M, Top, List]]",
        "!FindInMap [M, Top, Nowhere, {DefaultValue: enabled}]",
        "!If [Yes, enabled, disabled]",
        "!If [No, disabled, !Ref Given]",
        "!If [Both, enabled, disabled]",
        "!If [NoAndMaybe, disabled, enabled]",
        "!If [YesOrMaybe, enabled, disabled]",
        "!If [Maybe, enabled, enabled]",
        "!If [Same, enabled, disabled]",
        "{'Fn::Sub': '${Given}'}",
        "! enabled",
        "!Join ['', [! 'Ref': Given]]",
        "!Select [0, [!If [No, a, !Ref AWS::NoValue], enabled]]",
        // Every value that is allowed leads to the same.
        "!FindInMap [Chosen, !Ref Choice, Tag]",
        "!Select [!If [Maybe, 0, 1], [enabled, enabled]]",
        "!Select [0, !Split ['-', !Sub 'enabled-${Choice}-x']]",
        // YAML 1.1 reads octal numbers.
        "!FindInMap [Octal, !Ref Zeros, Tag]",
        "!FindInMap [Octal, 010, Tag]",
    ] {
        assert_eq!(
            tag_with(SECTIONS, function, &[]),
            Ok("enabled".to_owned()),
            "{function}"
        );
    }
    for (function, want) in [
        ("!Base64 enabled", "ZW5hYmxlZA=="),
        ("!Sub '${!Given}'", "${Given}"),
        (
            r#"!ToJsonString {a: [1, true, 'x"y"'], b: !Ref Given}"#,
            r#"{"a":[1,true,"x\"y\""],"b":"enabled"}"#,
        ),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Length [a, b]", "2"),
        ("yes", "true"),
        ("12", "12"),
        ("'012'", "012"),
        ("2012-10-17", "2012-10-17"),
    ] {
        assert_eq!(
            tag_with(SECTIONS, function, &[]),
            Ok(want.to_owned()),
            "{function}"
        );
    }
}

#[test]
fn what_is_open_says_why() {
    for (function, kind, words) in [
        ("!Ref Open", "AfterApply", "--parameter Open="),
        ("!Sub 'en${Open}'", "AfterApply", "parameter Open"),
        ("!Ref Stored", "Unplanned", "Systems Manager"),
        (
            "!If [Maybe, enabled, disabled]",
            "AfterApply",
            "parameter Open",
        ),
        ("!If [Here, enabled, disabled]", "Unplanned", "--region"),
        (
            "!If [Round, enabled, disabled]",
            "Unreadable",
            "depends on itself",
        ),
        ("!If [Nowhere, a, b]", "Unreadable", "no such condition"),
        ("!ImportValue x", "Unplanned", "another stack"),
        (
            "!Ref AWS::AccountId",
            "Unplanned",
            "the account that it is deployed to",
        ),
        ("!Ref AWS::Region", "Unplanned", "--region"),
        ("!Ref Choice", "AfterApply", "it may be one of a, b"),
        (
            "!Sub 'x-${Choice}'",
            "AfterApply",
            "it may be one of x-a, x-b",
        ),
        (
            "!FindInMap [Chosen, !Ref Choice, Other]",
            "AfterApply",
            "one of x, y",
        ),
        (
            "!FindInMap [Chosen, !Ref Open, Tag]",
            "AfterApply",
            "one of enabled, disabled",
        ),
        (
            "!If [Maybe, enabled, !ImportValue x]",
            "AfterApply",
            "one of enabled, something else",
        ),
        ("!Ref AWS::StackName", "AfterApply", "after deployment"),
        ("!Ref Role", "AfterApply", "the name of Role"),
        ("!GetAtt Role.Arn", "AfterApply", "Arn of Role"),
        ("!Select [0, !GetAZs '']", "AfterApply", "GetAZs"),
        ("!Cidr [10.0.0.0/16, 1, 8]", "AfterApply", "Cidr"),
        ("'{{resolve:ssm:/a:1}}'", "Unplanned", "dynamic reference"),
        (
            "!Sub '{{resolve:ssm:${Given}}}'",
            "Unplanned",
            "dynamic reference",
        ),
        ("!Transform {Name: Mine}", "AfterApply", "macro"),
        ("!Bogus x", "Unreadable", "!Bogus in line"),
        ("!Join [a]", "Unreadable", "expected form"),
        ("!Select [7, [a]]", "Unreadable", "no item at this index"),
        (
            "!FindInMap [M, Top, Nowhere]",
            "Unreadable",
            "no such entry",
        ),
        (
            "!ToJsonString {a: !Ref AWS::StackName}",
            "AfterApply",
            "after deployment",
        ),
        // A macro may make it.
        ("!GetAtt Nowhere.Arn", "AfterApply", "Arn of Nowhere"),
        ("[a, b]", "Unreadable", "not a text"),
    ] {
        let Err(why) = tag_with(SECTIONS, function, &[]) else {
            panic!("{function} is known");
        };
        assert!(
            why.starts_with(kind) && why.contains(words),
            "{function}: {why}"
        );
    }
}

#[test]
fn a_name_that_leads_nowhere_is_told() {
    for (function, words) in [
        ("!GetAtt Nowhere.Arn", "no resource"),
        ("!Ref Nowhere", "no parameter and no resource"),
        ("!Sub '${Nowhere}'", "no parameter and no resource"),
    ] {
        let why = tag_with("", function, &[]).unwrap_err();
        assert!(
            why.starts_with("Unreadable") && why.contains(words),
            "{function}: {why}"
        );
    }
}

#[test]
fn a_parameter_takes_what_it_says() {
    let sections = "
Parameters:
  Stage: {Type: String, AllowedValues: [dev, prod]}
  Id: {Type: String, AllowedPattern: '[a-z]+', Default: x}
  Days: {Type: Number, MinValue: 1, MaxValue: 35, Default: 2}
  Short: {Type: String, MaxLength: 3, Default: a}
  Java: {Type: String, AllowedPattern: '(?=x)x', Default: a}
";
    assert_eq!(
        tag_with(sections, "!Ref Stage", &[("Stage", "dev")]),
        Ok("dev".to_owned())
    );
    assert_eq!(
        tag_with(sections, "!Ref Id", &[("Id", "a"), ("Id", "b")]),
        Ok("b".to_owned())
    );
    assert_eq!(
        tag_with(sections, "!Ref Java", &[("Java", "y")]),
        Ok("y".to_owned())
    );
    let text = format!("{sections}\nResources: {{}}\n");
    for (name, value, words) in [
        ("Stage", "test", "AllowedValues: dev, prod"),
        ("Id", "a1", "AllowedPattern [a-z]+"),
        ("Days", "0", "MinValue"),
        ("Days", "36", "MaxValue"),
        ("Days", "many", "not a number"),
        ("Short", "abcd", "MaxLength"),
        ("Stag", "dev", "no such parameter; it has Stage, Id"),
    ] {
        let error = try_read(&text, None, &[(name, value)])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("--parameter {name}")) && error.contains(words),
            "{error}"
        );
    }
    let error = try_read("Resources: {}", None, &[("A", "b")]).unwrap_err();
    assert!(error.to_string().contains("has no parameters"), "{error}");
}

#[test]
fn a_loop_is_written_out() {
    let text = "
Transform: AWS::LanguageExtensions
Parameters:
  Names: {Type: CommaDelimitedList, Default: 'one,two'}
Resources:
  Fn::ForEach::Buckets:
    - Name
    - !Ref Names
    - Bucket${Name}:
        Type: AWS::S3::Bucket
        Properties:
          Tags: [{Key: backup, Value: enabled}, {Key: Name, Value: !Ref Name}]
  Fn::ForEach::Open:
    - Name
    - !ImportValue x
    - ${Name}: {Type: AWS::S3::Bucket}
";
    let read = read(text, None, &[]);
    let names: Vec<&str> = read
        .snapshot
        .buckets
        .items
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    assert_eq!(names, ["Bucketone", "Buckettwo"]);
    let tags = read.snapshot.buckets.items[1].tags.get().unwrap();
    assert_eq!(tags["Name"], "two");
    let gaps = gaps(&read.snapshot);
    assert!(
        gaps.iter()
            .any(|(_, words)| words.contains("Fn::ForEach::Open")),
        "{gaps:?}"
    );
}

#[test]
fn a_text_that_doubles_without_end_is_cut_short() {
    let mut value = "x".to_owned();
    for _ in 0..24 {
        value = format!("!Sub ['${{a}}${{a}}', {{a: {value}}}]");
    }
    let why = tag_with("", &value, &[]).unwrap_err();
    assert!(why.contains("too long"), "{why}");
    let mut conditions = "Conditions:\n  C0: !Equals [a, a]\n".to_owned();
    for n in 1..2000 {
        conditions.push_str(&format!("  C{n}: !Condition C{}\n", n - 1));
    }
    let why = tag_with(&conditions, "!If [C1999, enabled, disabled]", &[]).unwrap_err();
    assert!(why.contains("chain of conditions is too long"), "{why}");
}
