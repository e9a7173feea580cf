//! The resources of a region that were selected by ARN.

use crate::model::ResourceKind;
use crate::model::cloudformation::{Stack, StackResource};
use crate::model::kind::{kinds_in_stack, type_found_by_tag};
use crate::model::observed::Listing;
use crate::model::selection::{Selection, Target};

use super::cloudformation;
use super::reader::RegionReader;

/// The selected resources of a region.
#[derive(Debug)]
pub struct SelectedResources {
    /// Their ARNs.
    pub arns: Vec<String>,
    /// The resources, and the members of the selected stacks.
    pub targets: Vec<Target>,
}

impl SelectedResources {
    /// Returns the resources of a selection, or `None` if it selects no single resources.
    #[must_use]
    pub fn of_selection(selection: &Selection) -> Option<Self> {
        let arns: Vec<String> = selection.resources.iter().cloned().collect();
        (!arns.is_empty()).then(|| SelectedResources::of_arns(arns))
    }

    /// Returns resources with some ARNs.
    #[must_use]
    pub fn of_arns(arns: Vec<String>) -> Self {
        let targets = arns.iter().filter_map(|arn| Target::parse(arn).ok());
        let targets = targets.collect();
        SelectedResources { arns, targets }
    }

    /// Whether a selected stack may contain resources that are found only by their backup tag.
    #[must_use]
    pub fn has_stacks(&self) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|it| it.kind == ResourceKind::CloudformationStack)
    }

    /// Returns the ARNs and types of the selected resources that no service lists.
    #[must_use]
    pub fn tagged_resources(&self) -> Vec<(String, &'static str)> {
        let found = self.arns.iter();
        found
            .filter_map(|arn| Some((arn.clone(), type_found_by_tag(arn)?)))
            .collect()
    }
}

/// Looks up the selected stacks, with the stacks that are nested in them.
pub async fn find_stacks(
    reader: &RegionReader<'_>,
    selected: &SelectedResources,
) -> Listing<Stack> {
    let arns = Target::ids_of(&selected.targets, ResourceKind::CloudformationStack);
    cloudformation::find_stacks(reader, &arns).await
}

/// Returns the resources of some stacks that can be looked up by id.
#[must_use]
pub fn stack_members(stacks: &Listing<Stack>) -> Vec<Target> {
    let resources = stacks.items.iter().flat_map(|stack| &stack.resources.items);
    let existing = resources.filter(|it| !it.is_gone());
    existing.filter_map(stack_member).collect()
}

fn stack_member(resource: &StackResource) -> Option<Target> {
    let id = resource.physical_id.clone()?;
    let row = kinds_in_stack(&resource.resource_type).next()?;
    Target::from_id(row.kind, id)
}
