//! The roles of backup selections that the template creates, with their policies.

use crate::model::backup::BackupRole;
use crate::model::{Gap, Listing, Observed};

use crate::source::planned::add_gap;

use super::build::{Build, locate_gap};
use super::policy;
use super::template::Declared;
use super::value::{Made, Piece, Resolved};

const ROLE: &str = "AWS::IAM::Role";
const MANAGED_POLICY: &str = "AWS::IAM::ManagedPolicy";

/// Types that add an inline policy to roles, with the property that names the roles.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-policy.html>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-rolepolicy.html>.
const INLINE_POLICIES: [(&str, &str); 2] = [
    ("AWS::IAM::Policy", "Roles"),
    ("AWS::IAM::RolePolicy", "RoleName"),
];

/// Reads each role that a backup selection of the template refers to.
pub(super) fn read_backup_roles(build: &mut Build<'_>) {
    for selection in build.of_type("AWS::Backup::BackupSelection") {
        let body = build.properties(&selection).get("BackupSelection");
        let Ok(Some(arn)) = build.text_with_stand_ins(&body.get("IamRoleArn")) else {
            continue;
        };
        let mut roles = build.of_type(ROLE).into_iter();
        let named = roles.find(|role| {
            let made = Made {
                id: role.id.to_owned(),
                attribute: Some("Arn".to_owned()),
            };
            build.stand_in(&Piece::Made(made)).as_ref() == Some(&arn)
        });
        let Some(declared) = named.filter(|it| it.condition.is_none()) else {
            continue;
        };
        let name = arn.rsplit('/').next().unwrap_or(&arn).to_owned();
        let role = read_role(build, &declared, arn);
        let roles = &mut build.planned.snapshot_mut().backup_roles;
        roles.insert(name, Observed::Known(Some(role)));
    }
}

fn read_role<'a>(build: &Build<'a>, declared: &Declared<'a>, arn: String) -> BackupRole {
    let properties = build.properties(declared);
    let trust = properties.get("AssumeRolePolicyDocument");
    let trust = locate_gap(
        "AssumeRolePolicyDocument",
        policy::policy_for_evaluation(build, &trust),
    );
    let mut role = BackupRole {
        arn,
        trust_policy: trust.into(),
        boundary: None,
        attached_policies: Listing::complete(Vec::new()),
        inline_policies: Listing::complete(Vec::new()),
        documents: Default::default(),
    };
    let boundary = properties.get("PermissionsBoundary");
    if !boundary.is_absent() {
        // A boundary whose name is not known may not allow anything.
        let named = name_managed_policy(build, &boundary, &mut role);
        role.boundary = Some(named.unwrap_or_else(|_| "of the template".to_owned()));
    }
    attach_policies(build, &properties.get("ManagedPolicyArns"), &mut role);
    match properties.get("Policies").items() {
        Ok(policies) => {
            for (condition, policy) in policies {
                let name = policy.get("PolicyName").text();
                add_inline_policy(build, policy, name, condition.map(|it| it.gap), &mut role);
            }
        }
        Err(gap) => add_gap(&mut role.inline_policies.gap, &gap),
    }
    for (kind, property) in INLINE_POLICIES {
        for policy in build.of_type(kind) {
            let properties = build.properties(&policy);
            if let Some(gap) = find_role(build, &properties.get(property), declared.id) {
                let gap = gap.or_else(|| build.own_condition_gap(&policy, Some(declared.id)));
                let name = Ok(Some(policy.id.to_owned()));
                add_inline_policy(build, &properties, name, gap, &mut role);
            }
        }
    }
    for policy in build.of_type(MANAGED_POLICY) {
        let properties = build.properties(&policy);
        let Some(gap) = find_role(build, &properties.get("Roles"), declared.id) else {
            continue;
        };
        match gap.or_else(|| build.own_condition_gap(&policy, Some(declared.id))) {
            Some(gap) => add_gap(&mut role.attached_policies.gap, &gap),
            None => add_managed_policy(build, &policy, &mut role),
        }
    }
    role
}

/// Returns whether a list of roles has one: `None` where it has not, and why that is not known where it may.
fn find_role(build: &Build<'_>, roles: &Resolved, id: &str) -> Option<Option<Gap>> {
    let roles = match roles.items() {
        Ok(roles) => roles,
        Err(gap) => return Some(Some(gap)),
    };
    let mut found = roles.into_iter().filter_map(|(condition, role)| {
        let named = build.named_resource(role, ROLE, "RoleName")?;
        (named.id == id).then(|| condition.map(|it| it.gap))
    });
    found.next()
}

fn attach_policies(build: &Build<'_>, arns: &Resolved, role: &mut BackupRole) {
    let arns = match arns.items() {
        Ok(arns) => arns,
        Err(gap) => return add_gap(&mut role.attached_policies.gap, &gap),
    };
    for (condition, arn) in arns {
        let named = match condition {
            Some(open) => Err(open.gap),
            None => name_managed_policy(build, arn, role),
        };
        match named {
            Ok(name) if role.attached_policies.items.contains(&name) => {}
            Ok(name) => role.attached_policies.items.push(name),
            Err(gap) => add_gap(&mut role.attached_policies.gap, &gap),
        }
    }
}

/// Returns the ARN of a managed policy, or the logical id of one of the template, whose document is added.
fn name_managed_policy(
    build: &Build<'_>,
    arn: &Resolved,
    role: &mut BackupRole,
) -> Result<String, Gap> {
    if let Some(policy) = build.referenced_resource(arn, &[MANAGED_POLICY]) {
        add_document(build, &build.properties(&policy), policy.id, role);
        return Ok(policy.id.to_owned());
    }
    let arn = build.text_with_stand_ins(arn)?;
    Ok(arn.unwrap_or_default())
}

fn add_managed_policy<'a>(build: &Build<'a>, policy: &Declared<'a>, role: &mut BackupRole) {
    add_document(build, &build.properties(policy), policy.id, role);
    let attached = &mut role.attached_policies.items;
    if !attached.iter().any(|it| it == policy.id) {
        attached.push(policy.id.to_owned());
    }
}

fn add_inline_policy(
    build: &Build<'_>,
    policy: &Resolved,
    name: Result<Option<String>, Gap>,
    gap: Option<Gap>,
    role: &mut BackupRole,
) {
    if let Some(gap) = gap {
        return add_gap(&mut role.inline_policies.gap, &gap);
    }
    let number = role.inline_policies.items.len() + 1;
    let name = name.ok().flatten();
    let name = name.unwrap_or_else(|| format!("inline policy {number}"));
    add_document(build, policy, &name, role);
    role.inline_policies.items.push(name);
}

fn add_document(build: &Build<'_>, policy: &Resolved, name: &str, role: &mut BackupRole) {
    let document = policy::policy_for_evaluation(build, &policy.get("PolicyDocument"));
    let document = locate_gap("PolicyDocument", document);
    role.documents.insert(name.to_owned(), document.into());
}
