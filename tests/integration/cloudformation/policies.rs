//! Key policies with parts that nobody knows: what is said of the central account, and of the own.

use super::*;
use Status::{Fail, Pass, Unknown};

/// What is said of a volume under a key with this policy: is it shared, can the own account use it.
fn verdicts(statements: &str, region: Option<&str>) -> (Status, Status, String) {
    let indented: Vec<String> = statements
        .lines()
        .map(|line| format!("          {line}"))
        .collect();
    let text = format!(
        "
Parameters:
  Open: {{Type: String}}
  Id: {{Type: String, AllowedPattern: '.*'}}
Conditions:
  Maybe: !Equals [!Ref Open, x]
  Yes: !Equals [a, a]
Resources:
  Role:
    Type: AWS::IAM::Role
  Named:
    Type: AWS::IAM::Role
    Properties: {{RoleName: !Ref Id}}
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Version: 2012-10-17
        Statement:
{}
  Data:
    Type: AWS::EC2::Volume
    Properties:
      Encrypted: true
      KmsKeyId: !Ref Key
      Tags: [{{Key: backup, Value: enabled}}]
",
        indented.join("\n")
    );
    let read = read(&text, region, &[]);
    let report = judge(&read.snapshot);
    let found = findings(&report, "Data");
    let (shared, message) = found["kms-key-shared"];
    (
        shared,
        found["kms-key-locally-usable"].0,
        message.to_owned(),
    )
}

const ROOT: &str = "- {Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}, Action: 'kms:*', Resource: '*'}";
const CENTRAL: &str = "- {Effect: Allow, Principal: {AWS: 'arn:aws:iam::692653576357:root'}, Action: 'kms:*', Resource: '*'}";

fn judged(statements: &[&str], region: Option<&str>) -> (Status, Status, String) {
    verdicts(&statements.join("\n"), region)
}

#[test]
fn what_does_not_matter_stays_known() {
    let cases: [(&str, &[&str], Status, Status); 18] = [
        (
            "the own account by its id",
            &[
                "- {Effect: Allow, Principal: {AWS: !Ref AWS::AccountId}, Action: 'kms:*', Resource: '*'}",
            ],
            Fail,
            Pass,
        ),
        ("both", &[ROOT, CENTRAL], Pass, Pass),
        (
            "a role of the template beside them",
            &[
                ROOT,
                CENTRAL,
                "- {Effect: Allow, Principal: {AWS: !GetAtt Role.Arn}, Action: 'kms:Decrypt', Resource: '*'}",
            ],
            Pass,
            Pass,
        ),
        (
            "a role of the template is not the central account",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: !GetAtt Role.Arn}, Action: 'kms:*', Resource: '*'}",
            ],
            Fail,
            Pass,
        ),
        (
            "nor is one with a name that is open",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: !GetAtt Named.Arn}, Action: 'kms:*', Resource: '*'}",
            ],
            Fail,
            Pass,
        ),
        (
            "a role of the own account whose name is open",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:role/${Open}'}, Action: 'kms:*', Resource: '*'}",
            ],
            Fail,
            Pass,
        ),
        (
            "somebody unknown beside the central account",
            &[
                ROOT,
                CENTRAL,
                "- {Effect: Allow, Principal: {AWS: !Ref Open}, Action: 'kms:*', Resource: '*'}",
            ],
            Pass,
            Pass,
        ),
        (
            "in one list with the central account",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: [!Ref Open, '692653576357']}, Action: 'kms:*', Resource: '*'}",
            ],
            Pass,
            Pass,
        ),
        (
            "an unknown service",
            &[
                ROOT,
                CENTRAL,
                "- {Effect: Deny, Principal: {Service: !Ref Open}, Action: 'kms:*', Resource: '*'}",
            ],
            Pass,
            Pass,
        ),
        (
            "an unknown action beside all others",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: '692653576357'}, Action: ['kms:*', !Ref Open], Resource: '*'}",
            ],
            Pass,
            Pass,
        ),
        (
            "a statement that is there",
            &[
                ROOT,
                "- !If [Yes, {Effect: Allow, Principal: {AWS: '692653576357'}, Action: 'kms:*', Resource: '*'}, !Ref AWS::NoValue]",
            ],
            Pass,
            Pass,
        ),
        (
            "the same either way",
            &[
                ROOT,
                "- !If [Maybe, {Effect: Allow, Principal: {AWS: '692653576357'}, Action: 'kms:*', Resource: '*'}, {Effect: Allow, Principal: {AWS: '692653576357'}, Action: 'kms:*', Resource: '*'}]",
            ],
            Pass,
            Pass,
        ),
        (
            "the own region",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: '692653576357'}, Action: 'kms:*', Resource: '*', Condition: {StringEquals: {'kms:ViaService': !Sub 'ec2.${AWS::Region}.amazonaws.com'}}}",
            ],
            Pass,
            Pass,
        ),
        (
            "one of two accounts",
            &[
                ROOT,
                "- {Effect: Allow, Principal: '*', Action: 'kms:*', Resource: '*', Condition: {StringEquals: {'kms:CallerAccount': ['692653576357', !Ref Open]}}}",
            ],
            Pass,
            Pass,
        ),
        (
            "a condition on the own account",
            &[
                ROOT,
                "- {Effect: Allow, Principal: '*', Action: 'kms:*', Resource: '*', Condition: {StringEquals: {'kms:CallerAccount': !Ref AWS::AccountId}}}",
            ],
            Fail,
            Pass,
        ),
        (
            "a denial of somebody of the own account",
            &[
                ROOT,
                CENTRAL,
                "- {Effect: Deny, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:user/${Open}'}, Action: 'kms:*', Resource: '*'}",
            ],
            Pass,
            Unknown,
        ),
        (
            "somebody else who may be named",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: [!If [Maybe, 'arn:aws:iam::333344445555:root', !Ref AWS::NoValue], !Ref AWS::AccountId]}, Action: 'kms:*', Resource: '*'}",
            ],
            Fail,
            Pass,
        ),
        (
            "an action that may be denied and is not needed",
            &[
                ROOT,
                CENTRAL,
                "- {Effect: Deny, Principal: '*', Action: [!If [Maybe, 'kms:ScheduleKeyDeletion', !Ref AWS::NoValue]], Resource: '*'}",
            ],
            Pass,
            Pass,
        ),
    ];
    for (name, statements, shared, usable) in cases {
        for region in [None, Some("eu-west-1")] {
            let (got, own, message) = judged(statements, region);
            assert_eq!((got, own), (shared, usable), "{name}: {message}");
        }
    }
}

// AWS SAM makes the role of a function, which no template shows.
#[test]
fn the_role_of_a_sam_function_is_the_own_accounts() {
    let text = "Transform: AWS::Serverless-2016-10-31
Resources:
  Work: {Type: AWS::Serverless::Function}
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {AWS: [!GetAtt WorkRole.Arn, !Ref AWS::AccountId]}, Action: 'kms:*', Resource: '*'}]}
  Data: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !Ref Key}}
";
    let report = judge(&read(text, None, &[]).snapshot);
    expect(
        &report,
        &[
            ("Data", "kms-key-shared", Fail, ""),
            ("Data", "kms-key-locally-usable", Pass, ""),
        ],
    );
}

#[test]
fn what_matters_is_unknown_and_says_on_what_it_depends() {
    let cases: [(&str, &[&str], &str); 9] = [
        (
            "somebody unknown",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: !Ref Open}, Action: 'kms:*', Resource: '*'}",
            ],
            "parameter Open is the principal",
        ),
        (
            "an account that is open",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${Open}:root'}, Action: 'kms:*', Resource: '*'}",
            ],
            "parameter Open",
        ),
        (
            "another stack's role",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: !ImportValue x}, Action: 'kms:*', Resource: '*'}",
            ],
            "the export x",
        ),
        (
            "a denial of somebody unknown",
            &[
                ROOT,
                CENTRAL,
                "- {Effect: Deny, Principal: {AWS: !Ref Open}, Action: 'kms:*', Resource: '*'}",
            ],
            "parameter Open",
        ),
        (
            "an unknown action",
            &[
                ROOT,
                "- {Effect: Allow, Principal: {AWS: '692653576357'}, Action: [!Ref Open], Resource: '*'}",
            ],
            "parameter Open is the action",
        ),
        (
            "an unknown effect",
            &[
                ROOT,
                "- {Effect: !Ref Open, Principal: {AWS: '692653576357'}, Action: 'kms:*', Resource: '*'}",
            ],
            "parameter Open",
        ),
        (
            "a statement that may be there",
            &[
                ROOT,
                "- !If [Maybe, {Effect: Allow, Principal: {AWS: '692653576357'}, Action: 'kms:*', Resource: '*'}, !Ref AWS::NoValue]",
            ],
            "condition Maybe is true",
        ),
        (
            "a statement of a macro",
            &[ROOT, CENTRAL, "- {'Fn::Transform': {Name: Mine}}"],
            "Fn::Transform in line",
        ),
        (
            "everybody but somebody unknown",
            &[
                ROOT,
                CENTRAL,
                "- {Effect: Deny, NotPrincipal: {AWS: [!Ref Open]}, Action: 'kms:*', Resource: '*'}",
            ],
            "parameter Open",
        ),
    ];
    for (name, statements, words) in cases {
        let (got, _, message) = judged(statements, None);
        assert_eq!(got, Unknown, "{name}: {message}");
        assert!(message.contains(words), "{name}: {message}");
    }
}

#[test]
fn a_region_by_name_is_compared_once_it_is_known() {
    let via = "- {Effect: Allow, Principal: {AWS: '692653576357'}, Action: 'kms:*', Resource: '*', Condition: {StringEquals: {'kms:ViaService': ec2.eu-west-1.amazonaws.com}}}";
    assert_eq!(judged(&[ROOT, via], None).0, Unknown);
    assert_eq!(judged(&[ROOT, via], Some("eu-west-1")).0, Pass);
    assert_eq!(judged(&[ROOT, via], Some("eu-west-3")).0, Fail);
    let key = "- {Effect: Allow, Principal: {AWS: '692653576357'}, Action: 'kms:*', Resource: 'arn:aws:kms:eu-west-1:*:key/*'}";
    assert_eq!(judged(&[ROOT, key], None).0, Unknown);
    assert_eq!(judged(&[ROOT, key], Some("eu-west-1")).0, Pass);
    // Statements keep the numbers that they have in the template.
    let open = "- {Effect: Allow, Principal: {AWS: ['111122223333', !Ref Open]}, Action: 'kms:ListAliases', Resource: '*'}";
    let grants = "- {Effect: Allow, Principal: {AWS: '692653576357'}, Action: 'kms:CreateGrant', Resource: '*'}";
    let (_, _, message) = judged(&[ROOT, open, grants], None);
    assert!(message.contains("statement 3"), "{message}");
    // Somebody in the own account can change the policy, so an account that may is the own one.
    let literal = "- {Effect: Allow, Principal: {AWS: 'arn:aws:iam::111122223333:root'}, Action: 'kms:*', Resource: '*'}";
    assert_eq!(judged(&[literal], None).1, Pass);
    assert_eq!(judged(&[literal], None).0, Fail);
    // Two open names in one statement may be the principal, and what it asks for.
    let two = "- {Effect: Allow, Principal: {AWS: ['111122223333', !Ref Open]}, Action: ['kms:Encrypt', !Ref Id], Resource: '*'}";
    assert_eq!(judged(&[ROOT, two], None).0, Unknown);
}

#[test]
fn a_policy_that_is_open_as_a_whole_or_broken_is_told() {
    for (policy, words) in [
        ("!Ref Open", "--parameter Open"),
        ("!ImportValue x", "another stack"),
        ("'{{resolve:ssm:p}}'", "dynamic reference"),
        ("[1]", "KeyPolicy"),
        ("{Statement: []}", "at least one statement"),
        ("{Statement: [{Effect: allow, Principal: '*'}]}", "allow"),
    ] {
        let text = format!(
            "Parameters: {{Open: {{Type: String}}}}\n{}",
            of(&format!(
                "Key:\n  Type: AWS::KMS::Key\n  Properties: {{KeyPolicy: {policy}}}\nData:\n  Type: AWS::EC2::Volume\n  Properties: {{Encrypted: true, KmsKeyId: !Ref Key}}"
            ))
        );
        let report = judge(&read(&text, None, &[]).snapshot);
        expect(&report, &[("Data", "kms-key-shared", Unknown, words)]);
    }
}
