//! Remedies of resources that a plan or a template declares, in the language of the file: the argument or the
//! property to set, not a command or a migration.

mod address;
mod bucket;
mod device;
mod endpoint;
mod key;

use super::remedy::{Declaration, Language, Remedy};
use crate::model::place::{DeclarationFacts, DeviceHolder};
use crate::model::snapshot::{Snapshot, Source};
use address::{own_id, strip_indexes};

/// How many days automated backups are kept in a proposed declaration.
const BACKUP_DAYS: u32 = 7;

/// What automated backups do to a DB instance that exists.
const RESTARTED: &str = "A DB instance that exists may be restarted: choose a quiet time.";

/// A declaration with the sentence that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// What to declare.
    pub declaration: Declaration,
    /// The fix, which is the same for all resources that need the same change.
    pub fix: String,
}

/// A resource of a file.
struct Site<'a> {
    snapshot: &'a Snapshot,
    language: Language,
    /// The file that declares it.
    file: &'a str,
    /// The address of what declares it.
    address: &'a str,
    /// The condition of the template under which it is created.
    condition: Option<&'a str>,
    facts: &'a DeclarationFacts,
    /// Whether it certainly exists: an argument that replaces it would lose its data.
    exists: bool,
}

/// Returns the remedy of a declared resource in the language of its file; `None` if there is none, or if it would
/// replace a resource that exists.
#[must_use]
pub fn declare(snapshot: &Snapshot, remedy: &Remedy, arn: &str) -> Option<Declared> {
    let language = match snapshot.source {
        Source::TerraformPlan => Language::Hcl,
        Source::Cloudformation => Language::Template,
        _ => return None,
    };
    // An attached volume has its own declaration, and one that the file does not declare has none.
    let part = match remedy {
        Remedy::UseCustomerKey { holder, .. } => holder.as_deref().unwrap_or(arn),
        _ => arn,
    };
    let no_facts = DeclarationFacts::default();
    let facts = snapshot.declarations.get(part).unwrap_or(&no_facts);
    let holder = facts.device.as_ref().map(|it| &it.holder);
    let place = match holder {
        Some(DeviceHolder::LaunchTemplate(place)) => place,
        _ => snapshot.places.get(part)?,
    };
    let site = Site {
        snapshot,
        language,
        file: &place.file,
        address: place.address.as_deref()?,
        condition: place.own_condition.as_deref(),
        facts,
        exists: part.starts_with("arn:") || (holder.is_some() && arn.starts_with("arn:")),
    };
    let mut written = site.write_remedy(remedy)?;
    written.notes.extend(facts.module_source.as_ref().map(|source| {
        format!("Its module comes from {source}: if you cannot change that, set this through its inputs.")
    }));
    let logical_id = own_id(site.address);
    // No logical id of the text names what a loop makes.
    let loop_body = place.loop_body.as_deref();
    let loop_body = loop_body.filter(|_| !written.lines.is_empty());
    let address = match language {
        // One declaration is for all instances, of the resource and of its module.
        Language::Hcl => strip_indexes(written.configurer.as_deref().unwrap_or(site.address)),
        Language::Template => loop_body.unwrap_or(logical_id).to_owned(),
    };
    let is_mergeable = language == Language::Template
        && loop_body.is_none()
        && !(written.lines.is_empty() && written.separate.is_empty());
    Some(Declared {
        declaration: Declaration {
            language,
            address,
            file: place.file.clone(),
            place: match place.line {
                Some(line) => format!("{}:{line}", place.file),
                None => place.file.clone(),
            },
            logical_id: is_mergeable.then(|| logical_id.to_owned()),
            lines: written.lines,
            separate: written.separate,
            notes: written.notes,
            key_parameter: written.key_parameter,
        },
        fix: written.fix,
    })
}

/// What to write for a remedy.
#[derive(Default)]
struct Written {
    /// Lines of the resource.
    lines: Vec<String>,
    /// Lines of other resources.
    separate: Vec<String>,
    /// What else to change.
    notes: Vec<String>,
    /// The name of the parameter or variable for a key that the lines use.
    key_parameter: Option<String>,
    /// The sentence that asks for it.
    fix: String,
    /// The address of the resource that is changed, where that is another one.
    configurer: Option<String>,
}

impl Site<'_> {
    fn write_remedy(&self, remedy: &Remedy) -> Option<Written> {
        match remedy {
            Remedy::UseCustomerKey { kind, region, .. } => self.write_key(*kind, region),
            Remedy::EnableVersioning { .. } => Some(self.write_versioning()),
            Remedy::ExpireNoncurrentVersions { .. } => Some(self.write_expiry()),
            Remedy::EnableEventBridge { .. } => Some(self.write_event_bridge()),
            Remedy::EnableAutomatedBackups { .. } => Some(self.write_retention()),
            Remedy::CreateS3Endpoint {
                vpc_id,
                region,
                route_tables,
            } => {
                let tables = route_tables.as_ref().map(|it| it.private.as_slice());
                Some(self.write_endpoint(vpc_id, region, tables.unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// Returns the retention that turns on automated backups.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.Enabling.html>.
    fn write_retention(&self) -> Written {
        let line = match self.language {
            Language::Hcl => format!("backup_retention_period = {BACKUP_DAYS}"),
            Language::Template => format!("BackupRetentionPeriod: {BACKUP_DAYS}"),
        };
        let fix = format!("Set `{line}` in its declaration.");
        let notes = match self.may_exist() {
            true => vec![RESTARTED.to_owned()],
            false => Vec::new(),
        };
        Written {
            lines: vec![line],
            notes,
            fix,
            ..Written::default()
        }
    }

    /// Whether the resource may exist: a plan says so, and a template does not.
    fn may_exist(&self) -> bool {
        self.exists || self.language == Language::Template
    }
}
