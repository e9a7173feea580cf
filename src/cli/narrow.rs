//! Narrows a file to what the arguments select of it.

use anyhow::bail;

use crate::model::arn::Arn;
use crate::model::selection::Selection;
use crate::model::snapshot::{Snapshot, Source};

use super::args::AccessArgs;
use super::resources::{is_arn, region_of_address};
use super::select;

/// Narrows a snapshot to the selection and the regions of the arguments.
///
/// # Errors
/// The snapshot lacks something that the arguments select.
pub(super) fn narrow_to_selection(
    snapshot: &mut Snapshot,
    access: &AccessArgs,
    selection: &Selection,
    rules: &[String],
) -> anyhow::Result<()> {
    check_coverage(&snapshot.selection, selection, rules)?;
    let mut regions = access.region.clone();
    if !selection.resources.is_empty() {
        regions = regions_of_resources(snapshot, selection, &regions)?;
    }
    // A template is for one region, and its global tables have replicas in others.
    if snapshot.source == Source::Cloudformation {
        return Ok(());
    }
    narrow_to_regions(snapshot, &regions)
}

/// Checks that a snapshot was collected with everything that the arguments select.
fn check_coverage(
    collected: &Selection,
    selection: &Selection,
    rules: &[String],
) -> anyhow::Result<()> {
    if collected.is_everything() {
        return Ok(());
    }
    let flag = match collected.services.is_empty() {
        true => "--resource",
        false => "--service",
    };
    let names = collected.describe().unwrap_or_default();
    if selection.is_everything() {
        let services = select::services_of_rules(collected, rules)?;
        if let Some(missing) = services
            .iter()
            .find(|it| !collected.includes_settings_of(**it))
        {
            let missing = missing.as_str();
            bail!(
                "the snapshot was collected with {flag} {names} and lacks data for {missing} rules; collect it again with {missing}"
            );
        }
    } else if !collected.covers(selection) {
        let wanted = selection.describe().unwrap_or_default();
        bail!(
            "the snapshot was collected with {flag} {names} and lacks data for {wanted}; collect it again with {wanted}"
        );
    }
    Ok(())
}

/// Returns the regions that hold the selected resources.
///
/// # Errors
/// A resource is not in the snapshot, or not in the regions that the arguments name.
fn regions_of_resources(
    snapshot: &Snapshot,
    selection: &Selection,
    named: &[String],
) -> anyhow::Result<Vec<String>> {
    let mut regions = Vec::new();
    for arn in &selection.resources {
        if let Some(region) = region_of_address(snapshot, arn).filter(|_| !is_arn(arn)) {
            regions.push(region.to_owned());
            continue;
        }
        snapshot.check_contains(arn)?;
        let bucket = snapshot.buckets.items.iter().find(|it| it.arn == *arn);
        match bucket.map(|bucket| bucket.region.known()) {
            None => {
                let region = Arn::parse(arn).map_or("", |arn| arn.region);
                if !named.is_empty() && !named.iter().any(|it| it == region) {
                    bail!("{arn} is not in {}; remove --region", named.join(", "));
                }
                regions.push(region.to_owned());
            }
            Some(Some(region)) if named.is_empty() || named.contains(region) => {
                regions.push(region.clone());
            }
            Some(Some(region)) => bail!(
                "{arn} is in {region}, not in {}; remove --region",
                named.join(", ")
            ),
            // The region of the bucket could not be read, so no region can be excluded.
            Some(None) => regions.extend(snapshot.regions.keys().cloned()),
        }
    }
    Ok(regions)
}

/// Narrows a snapshot to some regions, or keeps all of them where `regions` is empty.
///
/// A plan contains only the regions of its resources: it may have none in a region, or none at all. But if all of
/// its resources are in other regions, the argument is probably wrong.
fn narrow_to_regions(snapshot: &mut Snapshot, regions: &[String]) -> anyhow::Result<()> {
    if regions.is_empty() {
        return Ok(());
    }
    let (missing, found): (Vec<&String>, Vec<&String>) = regions
        .iter()
        .partition(|name| !snapshot.regions.contains_key(*name));
    let is_planned = snapshot.source.is_planned();
    let may_lack = is_planned && (!found.is_empty() || snapshot.regions.is_empty());
    if let (Some(missing), false) = (missing.first(), may_lack) {
        let held: Vec<&str> = snapshot.regions.keys().map(String::as_str).collect();
        let held = held.join(", ");
        match snapshot.source {
            Source::TerraformPlan => {
                bail!("the plan has no resources in {missing}; it has some in {held}")
            }
            Source::TerraformState => {
                bail!("the Terraform state has no resources in {missing}; it has some in {held}")
            }
            _ => bail!("the snapshot has no region {missing}; it contains {held}"),
        }
    }
    snapshot.restrict_to_regions(regions);
    Ok(())
}
