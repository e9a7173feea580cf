//! What the backup role may do: its policies and its permissions boundary, evaluated for the actions that AWS
//! Backup needs.

use std::borrow::Cow;

use crate::iam::aws_managed::{find_known, is_aws_managed};
use crate::iam::document::Document;
use crate::iam::identity::{Effects, is_allowed};
use crate::iam::request::{Context, Request, RolePrincipal, Value};
use crate::iam::truth::Truth;
use crate::key_sharing::facts::Organization;
use crate::model::arn::Arn;
use crate::model::backup::BackupRole;
use crate::model::observed::{Gap, GapKind, Observed};

use super::RuleContext;
use super::backup_types::{ANY, CENTRAL_VAULT, Need};
use super::backup_usage::TypeInUse;
use super::role_call::set_call;

/// Whether a role may make a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// A policy allows it and none denies it.
    Allowed,
    /// No policy allows it.
    NotAllowed,
    /// A policy denies it, by name.
    Denied(String),
    /// The permissions boundary does not allow it, by ARN.
    OutsideBoundary(String),
    /// It depends on something that was not read.
    Unknown(Gap),
}

#[derive(Debug)]
struct Policy {
    name: String,
    content: Content,
}

/// What is known about a policy.
#[derive(Debug)]
enum Content {
    Read(Cow<'static, Document>),
    /// It says nothing about the actions of AWS Backup.
    Silent,
    Unread {
        gap: Gap,
        /// Whether it may deny: policies of AWS that do are known by name.
        may_deny: bool,
    },
}

/// The policies of a role, and where its requests are evaluated.
#[derive(Debug)]
pub struct RolePermissions {
    organization: Organization,
    tag_key: String,
    principal: RolePrincipal,
    policies: Vec<Policy>,
    boundary: Option<Policy>,
}

/// A resource to be backed up.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its region.
    pub region: &'a str,
    /// Its ARN, with `*` for what is not known.
    pub arn: &'a str,
    /// The ARNs of vaults of the central account that it is copied to.
    pub central_vaults: &'a [String],
    /// Whether it is tagged `enabled`: a member of a stack need not be.
    pub is_tagged: bool,
}

impl<'a> Source<'a> {
    /// Describes a resource.
    #[must_use]
    pub fn new(region: &'a str, arn: &'a str, central_vaults: &'a [String]) -> Self {
        Source {
            region,
            arn,
            central_vaults,
            is_tagged: true,
        }
    }

    /// Describes the same for a resource that may have any tags.
    #[must_use]
    pub fn with_any_tags(self) -> Self {
        Source {
            is_tagged: false,
            ..self
        }
    }
}

impl RolePermissions {
    /// Reads the policies of a role.
    #[must_use]
    pub fn new(cx: &RuleContext<'_>, role: &BackupRole) -> Self {
        let attached = role.attached_policies.items.iter();
        let mut policies: Vec<Policy> = attached
            .chain(&role.inline_policies.items)
            .map(|policy| read_policy(role, policy, "policy"))
            .collect();
        let gaps = [&role.attached_policies.gap, &role.inline_policies.gap];
        policies.extend(gaps.into_iter().flatten().map(|gap| Policy {
            name: "another policy".to_owned(),
            content: Content::Unread {
                gap: gap.clone(),
                may_deny: true,
            },
        }));
        let boundary = role.boundary.as_ref();
        RolePermissions {
            organization: cx.own_organization(),
            tag_key: cx.settings.tag_key.clone(),
            principal: read_principal(&role.arn),
            policies,
            boundary: boundary.map(|arn| read_policy(role, arn, "permissions boundary")),
        }
    }

    /// Whether the role may do what a backup needs, on every resource that it needs it on: the worst of them.
    #[must_use]
    pub fn check_need(&self, need: &Need, source: Source<'_>) -> Permission {
        let resources = need.on.iter().flat_map(|place| match *place {
            CENTRAL_VAULT => source.central_vaults.to_vec(),
            place => vec![self.expand(place, source)],
        });
        let mut unknown = None;
        for resource in resources {
            match self.check_action(need.action, resource, source) {
                Permission::Allowed => {}
                Permission::Unknown(gap) => unknown = unknown.or(Some(gap)),
                other => return other,
            }
        }
        unknown.map_or(Permission::Allowed, Permission::Unknown)
    }

    fn expand(&self, place: &str, source: Source<'_>) -> String {
        place
            .replace("{source}", source.arn)
            .replace("{partition}", &self.principal.partition)
            .replace("{region}", source.region)
            .replace("{account}", &self.principal.account)
    }

    fn check_action(&self, action: &str, resource: String, source: Source<'_>) -> Permission {
        let request = Request {
            principal: self.principal.clone(),
            action: action.to_owned(),
            context: self.build_context(&resource, source),
            resource,
        };
        let effects: Vec<Effects> = self
            .policies
            .iter()
            .map(|it| it.effects(&request))
            .collect();
        let boundary = self.boundary.as_ref().map(|it| (it, it.effects(&request)));
        let all = || self.policies.iter().zip(&effects);
        match is_allowed(&effects, boundary.map(|(_, effects)| effects)) {
            Truth::True => Permission::Allowed,
            Truth::Unknown => {
                let open = |effects: &Effects| {
                    effects.allows == Truth::Unknown || effects.denies == Truth::Unknown
                };
                let policies = all().map(|(policy, effects)| (policy, *effects));
                let open: Vec<&Policy> = policies
                    .chain(boundary)
                    .filter(|(_, effects)| open(effects))
                    .map(|(policy, _)| policy)
                    .collect();
                Permission::Unknown(self.explain_open(&open, action))
            }
            Truth::False => {
                let denying = all().find(|(_, it)| it.denies == Truth::True);
                match (denying, boundary) {
                    (Some((policy, _)), _) => Permission::Denied(policy.name.clone()),
                    (None, Some((policy, it))) if it.denies == Truth::True => {
                        Permission::Denied(policy.name.clone())
                    }
                    (None, Some((policy, _)))
                        if effects.iter().any(|it| it.allows != Truth::False) =>
                    {
                        Permission::OutsideBoundary(policy.name.clone())
                    }
                    _ => Permission::NotAllowed,
                }
            }
        }
    }

    /// Returns what an answer depends on: a policy that was not read, else a condition or a resource.
    fn explain_open(&self, open: &[&Policy], action: &str) -> Gap {
        let unread = open.iter().find_map(|policy| match &policy.content {
            Content::Unread { gap, .. } => Some(gap.clone()),
            _ => None,
        });
        unread.unwrap_or_else(|| {
            let names: Vec<&str> = open.iter().map(|it| it.name.as_str()).collect();
            let noun = match names.len() {
                1 => "policy",
                _ => "policies",
            };
            let message = format!(
                "whether the role {} is allowed {action} depends on resources or conditions in {noun} {}",
                self.principal.name,
                names.join(", ")
            );
            Gap::new(GapKind::Open, message)
        })
    }

    /// Returns the context of a request that AWS Backup makes with the role.
    ///
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>.
    fn build_context(&self, resource: &str, source: Source<'_>) -> Context {
        let mut context = Context::default();
        let principal = &self.principal;
        context.set("aws:PrincipalArn", Value::one(principal.arn()));
        set_call(&mut context, &principal.account, source.region);
        self.organization.set(&mut context, &["aws:Principal"]);
        let owner = Arn::parse(resource).map_or("", |arn| arn.account);
        let owner = if owner.is_empty() {
            &principal.account
        } else {
            owner
        };
        if resource != ANY {
            // Of this account or of the central one: AWS Backup copies only within one organization.
            context.set("aws:ResourceAccount", Value::one(owner));
            self.organization.set(&mut context, &["aws:Resource"]);
        }
        if let Some(key) = Arn::parse(resource).filter(|arn| arn.service == "kms") {
            // S3 decrypts objects on behalf of the role.
            let service = format!("s3.{}.amazonaws.com", key.region);
            context.set("kms:ViaService", Value::one(service));
            context.set("kms:CallerAccount", Value::one(&principal.account));
            context.set("aws:ViaAWSService", Value::one("true"));
        }
        if let [vault] = source.central_vaults {
            context.set("backup:CopyTargets", Value::Known(vec![vault.clone()]));
            self.organization.set(&mut context, &["backup:CopyTarget"]);
        }
        // What AWS Backup gives itself in a cluster, as its own policy restricts it.
        let access = "cluster-access-policy/AWSBackupFullAccessPolicyForBackup";
        let access = format!("arn:{}:eks::aws:{access}", principal.partition);
        context.set("eks:policyArn", Value::one(access));
        context.set("eks:accessScope", Value::one("cluster"));
        // What AWS Backup made has its own tag, and the resource has the backup tag.
        context.set(
            "aws:ResourceTag/aws:backup:source-resource",
            Value::Shaped("*".to_owned()),
        );
        let is_own = owner == principal.account && resource != ANY;
        let tag = match resource == source.arn {
            _ if !source.is_tagged || !is_own => None,
            true => Some(Value::one("enabled")),
            // AWS Backup copies the tags of a resource to its recovery points.
            false => Some(Value::Possible("enabled".to_owned())),
        };
        for prefix in ["aws:ResourceTag", "ec2:ResourceTag"] {
            if let Some(value) = &tag {
                context.set(&format!("{prefix}/{}", self.tag_key), value.clone());
            }
        }
        context
    }
}

impl Policy {
    fn effects(&self, request: &Request) -> Effects {
        match &self.content {
            Content::Read(document) => Effects::of(document, request),
            Content::Silent => Effects {
                allows: Truth::False,
                denies: Truth::False,
            },
            Content::Unread { may_deny: true, .. } => Effects::UNREAD,
            Content::Unread { .. } => Effects {
                denies: Truth::False,
                ..Effects::UNREAD
            },
        }
    }
}

/// Returns what is known about a policy of a role: its document, or what its name says. `noun` is what messages
/// call it.
fn read_policy(role: &BackupRole, policy: &str, noun: &str) -> Policy {
    let known = || {
        find_known(policy).map(|known| match known.document {
            Some(document) => Content::Read(Cow::Borrowed(document)),
            None => Content::Silent,
        })
    };
    let content = match role.documents.get(policy) {
        Some(Observed::Known(text)) => match Document::parse_identity(text) {
            Ok(document) => Content::Read(Cow::Owned(document)),
            Err(error) => {
                let message = format!("failed to parse {noun} {policy}: {error}");
                unread(policy, Gap::new(GapKind::Unreadable, message))
            }
        },
        Some(Observed::Unknown(gap)) => known().unwrap_or_else(|| unread(policy, gap.clone())),
        None => known().unwrap_or_else(|| {
            let message = format!(
                "the snapshot does not contain the document of {noun} {policy} of the role {}, which may allow or deny what backups need",
                read_principal(&role.arn).name
            );
            unread(policy, Gap::new(GapKind::NotCollected, message))
        }),
    };
    Policy {
        name: policy.to_owned(),
        content,
    }
}

fn unread(policy: &str, gap: Gap) -> Content {
    Content::Unread {
        gap,
        may_deny: !is_aws_managed(policy),
    }
}

fn read_principal(role_arn: &str) -> RolePrincipal {
    let arn = Arn::parse(role_arn);
    let resource = arn.map_or(role_arn, |arn| arn.resource);
    let path_and_name = resource.strip_prefix("role").unwrap_or(resource);
    let (path, name) = path_and_name
        .rsplit_once('/')
        .unwrap_or(("", path_and_name));
    RolePrincipal {
        partition: arn.map_or("aws", |arn| arn.partition).to_owned(),
        account: arn.map_or("", |arn| arn.account).to_owned(),
        path: Some(format!("{path}/")),
        name: name.to_owned(),
        title: "the backup role",
    }
}

impl RolePermissions {
    /// Checks an action for the resources of a type: those that are tagged, and members of stacks.
    pub fn check_type(
        &self,
        need: &Need,
        used: &TypeInUse<'_>,
        shape: &str,
        vaults: &[String],
    ) -> Permission {
        let source = |arn, is_tagged| match is_tagged {
            true => Source::new(used.region, arn, vaults),
            false => Source::new(used.region, arn, vaults).with_any_tags(),
        };
        let has_members = used.has_more_members || !used.members.is_empty();
        let groups = [
            (&used.arns, true, !used.arns.is_empty() || !has_members),
            (&used.members, false, has_members),
        ];
        let in_use = groups.into_iter().filter(|(_, _, is_used)| *is_used);
        let answers = in_use.map(|(arns, is_tagged, _)| {
            let all = self.check_need(need, source(shape, is_tagged));
            // A policy for some resources may cover those that exist.
            let exist = !arns.is_empty() && arns.iter().all(|it| Arn::parse(it).is_some());
            if !matches!(all, Permission::Unknown(_)) || !exist {
                return all;
            }
            let rest = used.has_more_members.then_some(all);
            let each = arns.iter();
            let each = each.map(|arn| self.check_need(need, source(arn, is_tagged)));
            each.chain(rest)
                .max_by_key(rank)
                .unwrap_or(Permission::Allowed)
        });
        answers.max_by_key(rank).unwrap_or(Permission::Allowed)
    }

    /// Checks an action for the resources of a type whose tags were not read, each with the reason.
    pub fn check_unread<'u>(
        &self,
        need: &Need,
        used: &'u TypeInUse<'_>,
        shape: &str,
        vaults: &[String],
    ) -> Vec<(Permission, &'u Gap)> {
        let source = |arn| Source::new(used.region, arn, vaults);
        // What the role may do to all of them it may do to each.
        if used.unread.is_empty()
            || !matches!(self.check_need(need, source(shape)), Permission::Unknown(_))
        {
            return Vec::new();
        }
        let each = used.unread.iter();
        each.map(|(arn, gap)| (self.check_need(need, source(arn)), gap))
            .collect()
    }
}

/// Ranks what is worse about an action higher.
fn rank(permission: &Permission) -> u8 {
    match permission {
        Permission::Allowed => 0,
        Permission::Unknown(_) => 1,
        _ => 2,
    }
}
