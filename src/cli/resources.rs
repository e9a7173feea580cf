//! The resources of --resource, by ID, name or ARN.

use std::collections::BTreeSet;

use anyhow::{Context, bail};

use crate::model::Resource;
use crate::model::selection::{Selection, Target};
use crate::model::service::Service;
use crate::model::snapshot::Snapshot;
use crate::text::{count_more, plural};

use super::suggest::suggest_names;

/// The number of resources with the same name that an error lists.
const MOST_LISTED: usize = 10;

/// Prefixes of IDs, and the services whose resources have them.
const ID_PREFIXES: [(&str, &[Service]); 5] = [
    ("vol-", &[Service::Ebs, Service::Storagegateway]),
    ("i-", &[Service::Ec2]),
    ("fs-", &[Service::Efs, Service::Fsx]),
    ("fsvol-", &[Service::Fsx]),
    ("sgw-", &[Service::Storagegateway]),
];

/// The resources of --resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SelectedResources {
    /// Their ARNs; addresses of resources of a plan or template.
    pub(super) arns: BTreeSet<String>,
    /// The services of those that have an address and no ARN.
    pub(super) planned: BTreeSet<Service>,
}

impl SelectedResources {
    /// Selects resources by their ARNs, before the account is read.
    ///
    /// # Errors
    /// One is an ID or a name.
    pub(super) fn from_arns(names: &[String]) -> anyhow::Result<Self> {
        if let Some(name) = names.iter().find(|it| !is_arn(it)) {
            bail!(
                "--resource {name}: `collect` needs the ARN; `backup-check scan --resource {name}` finds it by ID or name"
            );
        }
        Ok(SelectedResources {
            arns: names.iter().cloned().collect(),
            planned: BTreeSet::new(),
        })
    }

    /// Finds resources in an account that was read.
    ///
    /// # Errors
    /// A name matches nothing, several resources, or something that cannot be selected.
    pub(super) fn find(names: &[String], snapshot: &Snapshot) -> anyhow::Result<Self> {
        let mut selected = SelectedResources::default();
        for name in names {
            if is_arn(name) {
                selected.arns.insert(name.clone());
                continue;
            }
            let resource =
                find_resource(name, snapshot).with_context(|| format!("--resource {name}"))?;
            let (arn, _) = resource.arn_and_id().unwrap_or_default();
            if !is_arn(arn) {
                selected.planned.extend(resource.kind().service());
            }
            selected.arns.insert(arn.to_owned());
        }
        Ok(selected)
    }
}

/// Whether a value of --resource is an ARN, not an ID or a name.
pub(super) fn is_arn(name: &str) -> bool {
    name.starts_with("arn:")
}

/// Returns what must be read to find resources: themselves if all are ARNs, everything if one is a name.
pub(super) fn selection_to_read(names: &[String]) -> Selection {
    if names.iter().all(|name| is_arn(name)) {
        return Selection {
            resources: names.iter().cloned().collect(),
            ..Selection::default()
        };
    }
    let services: Option<Vec<&[Service]>> = names.iter().map(|it| services_of_id(it)).collect();
    let services = services.unwrap_or_default().concat();
    Selection::of_services(services)
}

/// Returns the services of the resources that may have an ID; `None` if any may.
fn services_of_id(id: &str) -> Option<&'static [Service]> {
    let (_, services) = ID_PREFIXES.iter().find(|(prefix, _)| {
        let digits = id.strip_prefix(prefix);
        digits.is_some_and(|it| {
            matches!(it.len(), 8 | 17) && it.bytes().all(|b| b.is_ascii_hexdigit())
        })
    })?;
    Some(services)
}

fn find_resource<'s>(name: &str, snapshot: &'s Snapshot) -> anyhow::Result<Resource<'s>> {
    let all = list_resources(snapshot);
    let is_called = |resource: &&Resource<'_>| {
        let (arn, id) = resource.arn_and_id().unwrap_or_default();
        name == arn || name == id || resource.name() == Some(name)
    };
    let found: Vec<Resource<'_>> = all.iter().filter(is_called).copied().collect();
    match found.as_slice() {
        [] => {
            let ids = all.iter().filter_map(|it| Some(it.arn_and_id()?.1));
            let names = all.iter().filter_map(|it| it.name());
            let known: BTreeSet<&str> = ids.chain(names).collect();
            let hint = suggest_names(name, known);
            let unread = snapshot.incomplete_listings();
            match unread.first() {
                _ if !hint.is_empty() => bail!("no resource with this ID or name{hint}"),
                None => bail!(
                    "no resource with this ID or name; `backup-check scan --view resources` lists all"
                ),
                Some(list) => bail!(
                    "no resource with this ID or name among those that could be listed ({}); select it by its ARN",
                    list.gap
                ),
            }
        }
        [resource] => {
            let (arn, _) = resource.arn_and_id().unwrap_or_default();
            if is_arn(arn) {
                Target::parse(arn)?;
                snapshot.check_contains(arn)?;
            }
            Ok(*resource)
        }
        several => {
            let arns = several.iter().filter_map(|it| Some(it.arn_and_id()?.0));
            let mut list: Vec<String> = arns
                .take(MOST_LISTED)
                .map(|arn| format!("\n  {arn}"))
                .collect();
            if several.len() > MOST_LISTED {
                list.push(format!("\n  {}", count_more(several.len() - MOST_LISTED)));
            }
            bail!(
                "{} have this ID or name; select by ARN:{}",
                plural(several.len(), "resource"),
                list.concat()
            )
        }
    }
}

/// Returns every resource, also members of clusters and what is being deleted, to say why it cannot be selected.
fn list_resources(snapshot: &Snapshot) -> Vec<Resource<'_>> {
    let regions = snapshot.regions.values();
    let listed = regions.flat_map(|region| {
        let vpcs = region.network.vpcs.items.iter().map(Resource::Vpc);
        region.listed_resources().chain(vpcs)
    });
    let buckets = snapshot.buckets.items.iter().map(Resource::Bucket);
    buckets.chain(listed).collect()
}

/// Returns the region that holds a planned resource.
pub(super) fn region_of_address<'s>(snapshot: &'s Snapshot, address: &str) -> Option<&'s str> {
    let holds = |resource: Resource<'_>| resource.arn_and_id().is_some_and(|it| it.0 == address);
    let mut regions = snapshot.regions.iter();
    let (name, _) = regions.find(|(_, region)| region.listed_resources().any(holds))?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(names: &[&str]) -> Selection {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        selection_to_read(&names)
    }

    #[test]
    fn an_id_limits_what_is_read_and_a_name_does_not() {
        let volume = reads(&["vol-0123456789abcdef0"]);
        let services = [Service::Ebs, Service::Storagegateway];
        assert_eq!(volume, Selection::of_services(services));
        let both = reads(&["i-01234567", "fs-01234567"]);
        let services = [Service::Ec2, Service::Efs, Service::Fsx];
        assert_eq!(both, Selection::of_services(services));
        for names in [&["vol-data"][..], &["orders"], &["i-01234567", "orders"]] {
            assert!(reads(names).is_everything(), "{names:?}");
        }
        let arn = "arn:aws:s3:::logs";
        assert_eq!(reads(&[arn]).resources, BTreeSet::from([arn.to_owned()]));
        assert!(reads(&[arn, "orders"]).is_everything());
    }
}
