//! The resources of a region that count, each once, with their sizes and the points that plans keep of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::RuleContext;
use crate::analysis::backup_plans::{Protection, in_region};
use crate::analysis::backup_target::{as_if_tagged, target};
use crate::analysis::stack_members::{Member, find_members};
use crate::model::cloudformation::Stack;
use crate::model::ec2::Instance;
use crate::model::observed::Gap;
use crate::model::selection::Selection;
use crate::model::size::{Basis, Size};
use crate::model::tag::BackupTag;
use crate::model::{Observed, Resource};

use super::note::Note;
use super::points::{Schedule, plan_points};

/// A resource that counts.
#[derive(Debug)]
pub(super) struct Counted<'a> {
    pub(super) resource: Resource<'a>,
    /// The bytes that are known, and on which basis; none where nothing is known.
    pub(super) size: Option<Size>,
    /// Why its size is not known.
    pub(super) size_gap: Option<&'a Gap>,
    /// Whether all of the size is known.
    pub(super) is_sized: bool,
    /// What plans keep of it.
    ///
    /// # Errors
    /// Why the plans are not known.
    pub(super) schedule: Result<Schedule, Gap>,
}

/// How often each note applies.
pub(super) type Notes = BTreeMap<Note, usize>;

/// Adds resources to the number that a note is about.
pub(super) fn add_note(notes: &mut Notes, note: Note, number: usize) {
    if number > 0 {
        *notes.entry(note).or_default() += number;
    }
}

/// What is counted in a region.
pub(super) struct Counter<'c, 'a> {
    cx: &'c RuleContext<'a>,
    selection: &'c Selection,
    preflight: bool,
    protection: Result<Protection<'a>, Gap>,
    /// ARNs of resources that have been counted.
    seen: BTreeSet<&'a str>,
    pub(super) counted: Vec<Counted<'a>>,
    pub(super) notes: Notes,
}

impl<'c, 'a> Counter<'c, 'a> {
    pub(super) fn new(cx: &'c RuleContext<'a>, selection: &'c Selection, preflight: bool) -> Self {
        Counter {
            cx,
            selection,
            preflight,
            protection: in_region(cx, cx.region),
            seen: BTreeSet::new(),
            counted: Vec::new(),
            notes: Notes::new(),
        }
    }

    /// Counts the resources of the region: instances first, with their volumes, and members of stacks last.
    pub(super) fn count_resources(&mut self) {
        let resources: Vec<Resource<'a>> = self
            .cx
            .snapshot
            .resources_in(self.cx.region)
            .filter(|it| it.kind().has_backups() && self.selection.includes(*it))
            .collect();
        let (instances, others): (Vec<_>, Vec<_>) = resources
            .into_iter()
            .partition(|it| matches!(it, Resource::Instance(_)));
        let mut stacks = Vec::new();
        for resource in instances.into_iter().chain(others) {
            if !self.is_selected(resource) {
                continue;
            }
            match resource {
                // Every resource counts by itself already.
                Resource::Stack(_) if self.preflight => {}
                Resource::Stack(stack) => stacks.push((resource, stack)),
                _ => self.add_resource(resource, resource),
            }
        }
        for (resource, stack) in stacks {
            self.add_members(resource, stack);
        }
    }

    /// Whether a resource is tagged for backup, or all are taken to be.
    fn is_selected(&mut self, resource: Resource<'a>) -> bool {
        let tag = resource.tags().map(|tags| self.cx.backup_tag(tags));
        if !self.preflight && tag == Some(BackupTag::Unknown) {
            add_note(&mut self.notes, Note::TagsUnknown, 1);
        }
        self.preflight || tag == Some(BackupTag::Enabled)
    }

    /// Adds a resource with the points of what it is backed up with: itself, or a stack.
    fn add_resource(&mut self, resource: Resource<'a>, backed_up: Resource<'a>) {
        let (arn, _) = resource.arn_and_id().unwrap_or_default();
        if !self.seen.insert(arn) {
            if matches!(resource, Resource::Volume(_)) && !self.preflight {
                add_note(&mut self.notes, Note::VolumeWithInstance, 1);
            }
            return;
        }
        let own_size = resource.size();
        let (size, is_sized) = match resource {
            Resource::Instance(instance) => self.add_up_volumes(instance),
            _ => {
                let size = own_size.and_then(Observed::known).copied();
                (size, size.is_some())
            }
        };
        let schedule = self.plan_backups(backed_up);
        self.counted.push(Counted {
            resource,
            size,
            size_gap: own_size.and_then(Observed::gap),
            is_sized,
            schedule,
        });
    }

    fn plan_backups(&self, resource: Resource<'a>) -> Result<Schedule, Gap> {
        let protection = self.protection.as_ref().map_err(Gap::clone)?;
        let target = match self.preflight {
            true => as_if_tagged(self.cx, resource),
            false => target(self.cx, resource),
        };
        let target = target.ok_or_else(Gap::not_collected)?;
        Ok(plan_points(self.cx, protection, &target))
    }

    /// Returns the size of an instance: that of its volumes, which then count no more by themselves.
    fn add_up_volumes(&mut self, instance: &'a Instance) -> (Option<Size>, bool) {
        let Observed::Known(ids) = &instance.volumes else {
            return (None, false);
        };
        let (mut bytes, mut is_complete) = (0_u64, true);
        for id in ids {
            let volume = self.cx.volume(id).ok();
            // A volume that is attached to several instances counts with the first.
            if volume.is_some_and(|it| !self.seen.insert(&it.arn)) {
                continue;
            }
            match volume.and_then(|it| it.size.known()) {
                Some(size) => bytes = bytes.saturating_add(size.bytes),
                None => is_complete = false,
            }
        }
        let basis = Basis::AtMost;
        let size = (is_complete || bytes > 0).then_some(Size { bytes, basis });
        (size, is_complete)
    }

    fn add_members(&mut self, resource: Resource<'a>, stack: &'a Stack) {
        add_note(&mut self.notes, Note::StackMembers, 1);
        let members = find_members(self.cx, stack);
        let mut unread = usize::from(!members.gaps.is_empty());
        for member in members.list {
            match member {
                Member::Read(member) => self.add_resource(member, resource),
                Member::NotRead(_) => unread = 1,
            }
        }
        add_note(&mut self.notes, Note::IncompleteLists, unread);
    }
}
