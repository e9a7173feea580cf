//! What each rule declares that it needs of an account: enough for its findings, and nothing that changes none.

use std::collections::BTreeSet;

use backup_check::evaluate::{Options, evaluate, list_needs};
use backup_check::model::fact::{Fact, Needs};
use backup_check::model::observed::{Gap, Listing, Observed};
use backup_check::model::service::Service;
use backup_check::model::snapshot::{Region, Snapshot};
use backup_check::rule::Rule;
use backup_check::rules;
use backup_check::settings::Settings;

use super::{Standard, read_fixture, read_json};

fn skip_list<T>() -> Listing<T> {
    Listing {
        items: Vec::new(),
        gap: Some(Gap::not_asked()),
    }
}

fn skip_fact<T>() -> Observed<T> {
    Observed::Unknown(Gap::not_asked())
}

/// Removes the resources that only their tags show. A scan that does not ask for tagged resources says that the list
/// of their type is incomplete, and has no findings on them.
fn remove_unlisted(snapshot: &mut Snapshot) {
    for region in snapshot.regions.values_mut() {
        region.tagged.items.retain(|it| it.exists.is_none());
    }
}

/// Removes what a scan with these needs does not read.
fn remove_unneeded(snapshot: &mut Snapshot, needs: &Needs) {
    let lacks = |fact| !needs.includes(fact);
    let is_scanned = |name: &String| snapshot.regions.get(name).is_some_and(|it| !it.disabled);
    snapshot.elsewhere.retain(|name, _| match is_scanned(name) {
        true => !lacks(Fact::TagsInScannedRegions),
        false => !lacks(Fact::OtherRegions),
    });
    if lacks(Fact::Plans) {
        snapshot.backup_policy = skip_fact();
    }
    if lacks(Fact::Organization) {
        snapshot.organization_id = skip_fact();
    }
    if lacks(Fact::Roles) {
        snapshot.backup_roles.clear();
    }
    if lacks(Fact::RolePolicies) {
        for role in snapshot.backup_roles.values_mut() {
            if let Observed::Known(Some(role)) = role {
                role.attached_policies = skip_list();
                role.inline_policies = skip_list();
                role.documents.clear();
            }
        }
    }
    if lacks(Fact::Keys) {
        snapshot.keys.clear();
    }
    if !needs.includes_resources(Service::S3) {
        snapshot.buckets = skip_list();
    }
    for bucket in &mut snapshot.buckets.items {
        if lacks(Fact::BucketVersioning) {
            bucket.versioning = skip_fact();
        }
        if lacks(Fact::BucketEncryption) {
            bucket.encryption = skip_fact();
        }
        if lacks(Fact::BucketLifecycle) {
            bucket.expiry = skip_fact();
        }
        if lacks(Fact::BucketEvents) {
            bucket.event_bridge = skip_fact();
        }
    }
    let regions = snapshot.regions.values_mut();
    for region in regions.filter(|it| !it.disabled) {
        remove_facts(region, needs);
        remove_lists(region, needs);
    }
}

fn remove_facts(region: &mut Region, needs: &Needs) {
    let lacks = |fact| !needs.includes(fact);
    if lacks(Fact::EbsDefaults) {
        region.ebs_defaults.encryption = skip_fact();
        region.ebs_defaults.kms_key = skip_fact();
    }
    if lacks(Fact::BackupSettings) {
        region.backup_settings = skip_fact();
    }
    if lacks(Fact::Jobs) {
        region.backup_jobs = skip_list();
        region.copy_jobs = skip_list();
    }
    if lacks(Fact::Vaults) {
        region.vaults = skip_list();
    }
    if lacks(Fact::Plans) {
        region.backup_plans = skip_list();
    }
    if lacks(Fact::OptionGroups) {
        region.option_groups = skip_list();
    }
    if lacks(Fact::TaggedResources) {
        region.tagged = skip_list();
    }
    if lacks(Fact::Keys) {
        region.key_names.clear();
    }
}

fn remove_lists(region: &mut Region, needs: &Needs) {
    let lacks = |service| !needs.includes_resources(service);
    if lacks(Service::Ec2) {
        region.instances = skip_list();
    }
    if lacks(Service::Ebs) {
        region.volumes = skip_list();
    }
    // One list has the instances and clusters of three services.
    if [Service::Rds, Service::Documentdb, Service::Neptune]
        .into_iter()
        .all(lacks)
    {
        region.db_instances = skip_list();
        region.db_clusters = skip_list();
    }
    if lacks(Service::Efs) {
        region.file_systems = skip_list();
    }
    if lacks(Service::Fsx) {
        region.fsx_file_systems = skip_list();
        region.fsx_volumes = skip_list();
    }
    if lacks(Service::Dynamodb) {
        region.tables = skip_list();
    }
    if lacks(Service::Storagegateway) {
        region.gateways = skip_list();
        region.gateway_volumes = skip_list();
    }
    if lacks(Service::Redshift) {
        region.redshift_clusters = skip_list();
        region.redshift_namespaces = skip_list();
    }
    if lacks(Service::Cloudformation) {
        region.stacks = skip_list();
    }
    if lacks(Service::Vpc) {
        region.network.vpcs = skip_list();
        region.network.subnets = skip_list();
        region.network.route_tables = skip_list();
        region.network.endpoints = skip_list();
        region.network.interfaces = skip_list();
    }
}

/// Every account and case with a snapshot, by what names it.
fn list_snapshots() -> Vec<(String, Snapshot, Settings, bool)> {
    let mut found = Vec::new();
    for name in ["clean", "mixed", "no-access"] {
        let path = super::folder("fixtures/accounts").join(format!("{name}.json"));
        found.push((
            name.to_owned(),
            read_json(&path),
            Settings::default(),
            false,
        ));
    }
    for rule in rules::ALL {
        for case in read_fixture(rule).cases {
            let name = format!("{}: {}", rule.id, case.name);
            let settings = case.settings();
            found.push((name, case.snapshot().unwrap(), settings, case.preflight));
        }
    }
    found
}

/// Returns the findings of a rule that say something, with what decides the exit code.
fn find(
    rule: &Rule,
    snapshot: &Snapshot,
    settings: &Settings,
    preflight: bool,
) -> BTreeSet<String> {
    let options = Options {
        preflight,
        ..options_of(rule)
    };
    let report = evaluate(snapshot, settings, &options, &rules::ALL);
    let said = report
        .findings
        .iter()
        .filter(|it| it.status.as_str() != "skip");
    let said = said.map(|it| {
        let status = it.status.as_str();
        format!(
            "{status} {} {} {}",
            it.gating, it.resource, it.explanation.message
        )
    });
    said.collect()
}

fn options_of(rule: &Rule) -> Options {
    Options {
        standard: Standard::Guide,
        only: BTreeSet::from([rule.id]),
        ..Options::default()
    }
}

#[test]
fn what_a_rule_declares_is_enough_for_its_findings() {
    let mut wrong = Vec::new();
    for (name, snapshot, settings, preflight) in list_snapshots() {
        for rule in rules::ALL {
            let needs = list_needs(&options_of(rule), &rules::ALL);
            let mut reduced = snapshot.clone();
            remove_unneeded(&mut reduced, &needs);
            let mut listed = snapshot.clone();
            if !needs.includes(Fact::TaggedResources) {
                remove_unlisted(&mut listed);
            }
            let full = find(rule, &listed, &settings, preflight);
            let reduced = find(rule, &reduced, &settings, preflight);
            let lost = full
                .difference(&reduced)
                .map(|it| format!("{} of {name} loses {it}", rule.id));
            wrong.extend(lost);
        }
    }
    let count = wrong.len();
    wrong.truncate(20);
    assert!(count == 0, "{count} findings change:\n{}", wrong.join("\n"));
}

#[test]
fn what_a_rule_declares_decides_some_finding() {
    let snapshots = list_snapshots();
    let mut idle = Vec::new();
    for rule in rules::ALL {
        let Needs::Only(needs) = list_needs(&options_of(rule), &rules::ALL) else {
            panic!("{} needs everything", rule.id);
        };
        for fact in rule.reads {
            let mut fewer = needs.clone();
            fewer.remove(fact);
            let fewer = Needs::Only(fewer);
            let decides =
                |(_, snapshot, settings, preflight): &(String, Snapshot, Settings, bool)| {
                    let mut reduced = snapshot.clone();
                    remove_unneeded(&mut reduced, &fewer);
                    find(rule, snapshot, settings, *preflight)
                        != find(rule, &reduced, settings, *preflight)
                };
            if !snapshots.iter().any(decides) {
                idle.push(format!("{} reads {fact:?}", rule.id));
            }
        }
    }
    assert!(
        idle.is_empty(),
        "no finding depends on:\n{}",
        idle.join("\n")
    );
}
