//! The IAM roles of the plan that AWS Backup may assume, with their policies.

use crate::model::backup::BackupRole;
use crate::model::{Gap, Listing, Observed};
use crate::source::planned::Planned;

use super::item::Item;
use super::policy::{self, placeholder_arn};
use super::reader::{Link, Reader, Satellites, mark_incomplete, not_in_plan};
use super::view::{Fact, View};

const ROLE: &str = "aws_iam_role";
const POLICIES: [&str; 1] = ["aws_iam_policy"];

/// Types that attach managed policies to roles, with the attributes that name the roles and the policies.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>.
const ATTACHMENTS: [(&str, &str, &str); 3] = [
    ("aws_iam_role_policy_attachment", "role", "policy_arn"),
    ("aws_iam_policy_attachment", "roles", "policy_arn"),
    (
        "aws_iam_role_policy_attachments_exclusive",
        "role_name",
        "policy_arns",
    ),
];

/// The resources that add policies to roles.
struct Parts<'a> {
    /// Those that attach a managed policy, with the attribute that names the policy.
    attachments: Vec<(Satellites<'a>, &'static str)>,
    /// Inline policies.
    inline: Satellites<'a>,
}

/// Reads each role of the plan that a backup selection names, or whose trust policy names AWS Backup.
pub(super) fn read_backup_roles<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let of = |kind: &str, name: &str| reader.find_satellites(kind, name, &[ROLE], &["name", "id"]);
    let attachments = ATTACHMENTS.into_iter();
    let parts = Parts {
        attachments: attachments
            .map(|(kind, role, policy)| (of(kind, role), policy))
            .collect(),
        inline: of("aws_iam_role_policy", "role"),
    };
    let selections = reader.document.items_of("aws_backup_selection");
    let selected: Vec<&str> = selections
        .filter_map(|it| {
            let role = reader.linked_item(&it.view(), "iam_role_arn", &[ROLE], &["arn"]);
            Some(role.ok()??.address)
        })
        .collect();
    for item in reader.document.items_of(ROLE) {
        let trust = policy::policy_text(reader, &item.view(), "assume_role_policy");
        let trusts_backup = trust.as_ref().is_ok_and(|it| {
            it.as_ref()
                .is_some_and(|it| it.contains("backup.amazonaws.com"))
        });
        let is_used = selected.contains(&item.address) || trusts_backup;
        if !is_used || reader.places.is_elsewhere(item) {
            continue;
        }
        let arn = placeholder_arn(reader, item);
        let name = arn.rsplit('/').next().unwrap_or(&arn).to_owned();
        let role = read_role(reader, item, &parts, trust);
        let roles = &mut planned.snapshot_mut().backup_roles;
        // Names that are not known yet may be the same.
        let known = match roles.contains_key(&name) {
            true => Observed::Unknown(item.view().known_after_apply("name")),
            false => Observed::Known(Some(BackupRole { arn, ..role })),
        };
        roles.insert(name, known);
    }
}

fn read_role<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    parts: &Parts<'a>,
    trust: Result<Option<String>, Gap>,
) -> BackupRole {
    let view = item.view();
    let trust = trust.and_then(|it| it.ok_or_else(|| view.known_after_apply("assume_role_policy")));
    let mut role = BackupRole {
        arn: String::new(),
        trust_policy: trust.into(),
        boundary: None,
        attached_policies: Listing::complete(Vec::new()),
        inline_policies: Listing::complete(Vec::new()),
        documents: Default::default(),
    };
    if view.is_set("permissions_boundary") != Some(false) {
        // A boundary whose name is not known may not allow anything.
        let named = name_policy(reader, &view, "permissions_boundary", &mut role);
        role.boundary = match named {
            Ok(None) => None,
            Ok(Some(name)) => Some(name),
            Err(_) => Some("of the plan".to_owned()),
        };
    }
    attach_policies(reader, &view, "managed_policy_arns", &mut role);
    match view.blocks("inline_policy").set_value() {
        Ok(Some(policies)) => {
            for policy in policies {
                add_inline_policy(reader, &policy, &mut role);
            }
        }
        Ok(None) if item.exists => {
            let gap = not_in_plan(&view, "the inline policies");
            mark_incomplete(&mut role.inline_policies, gap);
        }
        Ok(None) => {}
        Err(gap) => mark_incomplete(&mut role.inline_policies, gap),
    }
    for (satellites, attribute) in &parts.attachments {
        match satellites.attached_to(item) {
            Ok(found) => {
                for attachment in found {
                    attach_policies(reader, &attachment.view(), attribute, &mut role);
                }
            }
            Err(gap) => mark_incomplete(&mut role.attached_policies, gap),
        }
    }
    match parts.inline.attached_to(item) {
        Ok(found) => {
            for policy in found {
                add_inline_policy(reader, &policy.view(), &mut role);
            }
        }
        Err(gap) => mark_incomplete(&mut role.inline_policies, gap),
    }
    role
}

/// Attaches the managed policies that an attribute names, one or a list.
fn attach_policies<'a>(reader: &Reader<'a>, view: &View<'a>, name: &str, role: &mut BackupRole) {
    if !name.ends_with('s') {
        return match name_policy(reader, view, name, role) {
            Ok(policy) => add_names(policy, role),
            Err(gap) => mark_incomplete(&mut role.attached_policies, gap),
        };
    }
    if matches!(view.fact(name), Fact::Unset | Fact::Computed(_)) {
        if view.item.exists {
            let gap = not_in_plan(view, "the attached policies");
            mark_incomplete(&mut role.attached_policies, gap);
        }
        return;
    }
    let ids = reader.linked_ids(view, name, &POLICIES);
    if let Some(gap) = ids.gap {
        mark_incomplete(&mut role.attached_policies, gap);
    } else if !ids.possible.is_empty() {
        let gap = view.known_after_apply(name);
        mark_incomplete(&mut role.attached_policies, gap);
    }
    for id in ids.certain {
        let mut policies = reader.document.items_of(POLICIES[0]);
        let own = policies.find(|it| reader.id_of(it) == id);
        let name = own.map_or(id, |it| add_policy(reader, it, role));
        add_names(Some(name), role);
    }
}

fn add_names(names: impl IntoIterator<Item = String>, role: &mut BackupRole) {
    for name in names {
        if !role.attached_policies.items.contains(&name) {
            role.attached_policies.items.push(name);
        }
    }
}

/// Returns the ARN of a managed policy, or the address of one of the plan, whose document is added; `None` if the
/// attribute names none.
fn name_policy<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
    role: &mut BackupRole,
) -> Result<Option<String>, Gap> {
    match reader.linked_item(view, name, &POLICIES, &["arn", "id"])? {
        Some(policy) => Ok(Some(add_policy(reader, policy, role))),
        None => match reader.resolve_link(view, name, &POLICIES) {
            Link::Named(arn) => Ok(Some(arn.to_owned())),
            Link::Nothing => Ok(None),
            Link::To(_) | Link::OneOf(..) | Link::Open(_) => Err(view.known_after_apply(name)),
        },
    }
}

/// Adds the document of a managed policy of the plan, and returns its name.
fn add_policy<'a>(reader: &Reader<'a>, policy: &'a Item<'a>, role: &mut BackupRole) -> String {
    let name = reader.id_of(policy);
    add_document(reader, &policy.view(), &name, role);
    name
}

fn add_inline_policy<'a>(reader: &Reader<'a>, view: &View<'a>, role: &mut BackupRole) {
    // An empty block says that the role has no other inline policy.
    if matches!(view.fact("policy"), Fact::Unset) {
        return;
    }
    let number = role.inline_policies.items.len() + 1;
    let name = view.text("name").known().map(str::to_owned);
    let name = name.unwrap_or_else(|| format!("inline policy {number}"));
    add_document(reader, view, &name, role);
    if !role.inline_policies.items.contains(&name) {
        role.inline_policies.items.push(name);
    }
}

fn add_document<'a>(reader: &Reader<'a>, view: &View<'a>, name: &str, role: &mut BackupRole) {
    let document = policy::policy_text(reader, view, "policy");
    let document = document.and_then(|it| it.ok_or_else(|| view.known_after_apply("policy")));
    role.documents.insert(name.to_owned(), document.into());
}
