//! Everything in one region but its buckets and keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::arn::Arn;
use crate::model::cloudformation::Stack;
use crate::model::dynamodb::Table;
use crate::model::ec2::{EbsDefaults, Instance, Volume};
use crate::model::efs::FileSystem;
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::rds::OptionGroup;
use crate::model::redshift::{Cluster, Namespace};
use crate::model::selection::{Selection, Target};
use crate::model::service::Service;
use crate::model::snapshot::Region;
use crate::model::storage_gateway::{Gateway, GatewayVolume};
use crate::model::tag::{ENABLED, Tags};
use crate::model::vpc::Network;

use super::call::Caller;
use super::coverage::SHARED;
use super::organizations::Policy;
use super::rds::Databases;
use super::s3::Place;
use super::scan_scope::{NotAsked, Reads, asked};
use super::session::Session;
use super::tagging::Tagged;
use super::{
    Plan, backup, backup_jobs, by_id, cloudformation, dynamodb, ec2, efs, rds, redshift,
    storage_gateway, tagging, vpc,
};

/// The resources of a region that have services of their own.
pub(super) struct Lists {
    pub(super) compute: (Listing<Instance>, Listing<Volume>),
    pub(super) databases: (Databases, Listing<OptionGroup>),
    pub(super) file_systems: Listing<FileSystem>,
    pub(super) tables: Listing<Table>,
    pub(super) gateways: (Listing<Gateway>, Listing<GatewayVolume>),
    pub(super) redshift: (Listing<Cluster>, Listing<Namespace>),
    pub(super) stacks: Listing<Stack>,
}

/// What was read in one region.
pub(super) struct Found {
    pub(super) region: Region,
    /// The tags of all its resources; none where only some were named.
    pub(super) tagged: Option<Tagged>,
    /// What the stacks that were named hold.
    pub(super) members: Vec<Target>,
}

/// What is asked for in one region.
fn selected_in(plan: &Plan, region: &str, places: &[Place]) -> Selection {
    let mut selection = plan.selection.clone();
    selection.resources.retain(|arn| {
        let name = Arn::parse(arn).map_or("", |it| it.resource);
        let bucket = places.iter().find(|place| place.name == name);
        match Arn::parse(arn).map_or("", |it| it.region) {
            "" => bucket.is_some_and(|it| it.region.known().is_some_and(|it| it == region)),
            place => place == region,
        }
    });
    selection
}

/// Everything in one region but its buckets and keys.
pub(super) async fn region(
    session: &Session,
    caller: &Arc<Caller>,
    plan: &Plan,
    name: &str,
    policy: &Policy<'_>,
    places: &[Place],
) -> Found {
    let tag_key = plan.tag_key.as_str();
    let selection = selected_in(plan, name, places);
    let reads = &Reads::of(&selection);
    let by_name = !selection.resources.is_empty();
    let arns: Vec<String> = selection.resources.iter().cloned().collect();
    let mut targets: Vec<Target> = arns
        .iter()
        .filter_map(|arn| Target::parse(arn).ok())
        .collect();
    let stacks = if by_name {
        let stacks = asked(
            reads.lists(Service::Cloudformation),
            by_id::stacks(session, caller, name, tag_key, &targets),
        );
        stacks.await
    } else {
        Listing::not_asked()
    };
    let members = by_id::members(&stacks);
    targets.extend(members.iter().cloned());

    let lists = async {
        if by_name {
            return by_id::lists(session, caller, name, tag_key, reads, &targets, stacks).await;
        }
        all_lists(session, caller, name, tag_key, reads).await
    };
    let tagged = async {
        match by_name {
            true => None,
            false => {
                let types = tagging::common(&reads.untold());
                let scope = caller.scope(name, SHARED);
                Some(tagging::collect(&scope, session, tag_key, &types).await)
            }
        }
    };
    let beyond = async {
        // What was named alone is asked for by its ARN, with the other tags.
        let all = reads.beyond && (!by_name || by_id::holds_beyond(&targets));
        asked(all, tagging::beyond(session, caller, name, tag_key)).await
    };
    let jobs = async {
        match by_name {
            true => backup_jobs::some(session, caller, name, plan.now, &arns).await,
            false => backup_jobs::collect(session, caller, name, plan.now).await,
        }
    };
    let (lists, tagged, mut beyond, ebs_defaults, network, backup, (backup_jobs, copy_jobs)) = tokio::join!(
        lists,
        tagged,
        beyond,
        async {
            match reads.ebs_defaults {
                true => ec2::ebs_defaults(session, caller, name).await,
                false => EbsDefaults {
                    encryption: Observed::not_asked(),
                    kms_key: Observed::not_asked(),
                },
            }
        },
        async {
            match reads.lists(Service::Vpc) {
                true => vpc::collect(session, caller, name).await,
                false => no_network(),
            }
        },
        backup::collect(session, caller, name, policy, reads),
        asked(reads.jobs, jobs),
    );
    let Lists {
        compute: (instances, volumes),
        databases: (databases, option_groups),
        file_systems,
        mut tables,
        gateways: (mut gateways, mut gateway_volumes),
        redshift: (redshift_clusters, mut redshift_namespaces),
        stacks,
    } = lists;
    let rds::Databases {
        instances: mut db_instances,
        clusters: mut db_clusters,
        beyond: engines,
    } = databases;

    let mut untold: Vec<(&'static str, &String, &mut Observed<Tags>)> = Vec::new();
    let items = tables.items.iter_mut();
    untold.extend(items.map(|it| ("dynamodb", &it.arn, &mut it.tags)));
    // Where all are listed, gateways and namespaces come with their tags.
    if by_name {
        let items = gateways.items.iter_mut();
        untold.extend(items.map(|it| ("storagegateway", &it.arn, &mut it.tags)));
        let items = gateway_volumes.items.iter_mut();
        untold.extend(items.map(|it| ("storagegateway", &it.arn, &mut it.tags)));
        let items = redshift_namespaces.items.iter_mut();
        untold.extend(items.map(|it| ("redshift", &it.arn, &mut it.tags)));
    }
    let items = db_instances.items.iter_mut();
    untold.extend(items.map(|it| ("rds", &it.arn, &mut it.tags)));
    let items = db_clusters.items.iter_mut();
    untold.extend(items.map(|it| ("rds", &it.arn, &mut it.tags)));
    untold.retain(|(_, _, tags)| tags.known().is_none());
    let mut services: BTreeSet<&'static str> = untold.iter().map(|it| it.0).collect();
    let alone: Vec<(String, String)> = if by_name {
        by_id::alone(&arns, &engines)
    } else {
        Vec::new()
    };
    let by_arn = match &tagged {
        Some(_) => None,
        None => {
            let named = alone.iter().map(|(arn, _)| arn.clone());
            let wanted: Vec<String> = untold.iter().map(|it| it.1.clone()).chain(named).collect();
            Some(tagging::some(session, caller, name, tag_key, &wanted).await)
        }
    };
    if let Some(tags) = tagged.as_ref().or(by_arn.as_ref()) {
        for (_, arn, told) in untold {
            *told = tags.of(arn);
        }
        for (arn, aws_type) in &alone {
            let told = tags.of(arn);
            let enabled = |tags: &Tags| tags.get(tag_key).is_some_and(|it| it == ENABLED);
            if told.known().is_none_or(enabled) {
                beyond.items.extend(tagging::beyond_of(arn, aws_type, told));
                services.insert("backup");
            }
        }
        if !by_name {
            let always = [(Service::Dynamodb, "dynamodb"), (Service::S3, "s3")];
            services.extend(always.iter().filter(|it| reads.lists(it.0)).map(|it| it.1));
        }
        if tags
            .gap
            .as_ref()
            .is_some_and(|gap| gap.kind != GapKind::NotAsked)
        {
            for service in services {
                let gap = tags.gap.as_ref();
                caller
                    .books()
                    .note(name, service, tagging::GET_RESOURCES, gap);
            }
        }
    }
    let listed: BTreeSet<&String> = db_clusters.items.iter().map(|it| &it.arn).collect();
    // Where the list of clusters broke off, one that is not in it may be of any engine.
    let whole = db_clusters.gap.is_none();
    beyond.items.retain(|it| {
        let is_cluster = it.aws_type == rds::ANY_CLUSTER;
        !is_cluster || engines.contains_key(&it.arn) || (whole && !listed.contains(&it.arn))
    });
    for resource in &mut beyond.items {
        if let Some(aws_type) = engines.get(&resource.arn) {
            resource.aws_type = (*aws_type).to_owned();
        }
    }
    let region = Region {
        disabled: false,
        instances,
        volumes,
        ebs_defaults,
        network,
        db_instances,
        db_clusters,
        option_groups,
        file_systems,
        tables,
        gateways,
        gateway_volumes,
        redshift_clusters,
        redshift_namespaces,
        stacks,
        tagged: beyond,
        backup_jobs,
        copy_jobs,
        backup_settings: backup.settings,
        vaults: backup.vaults,
        backup_plans: backup.plans,
        key_names: BTreeMap::new(),
    };
    Found {
        region,
        tagged,
        members,
    }
}

/// The resources of a region, of the services that are asked for.
async fn all_lists(
    session: &Session,
    caller: &Arc<Caller>,
    name: &str,
    tag_key: &str,
    reads: &Reads,
) -> Lists {
    let (instances, volumes, databases, file_systems, tables, gateways, redshift, stacks) = tokio::join!(
        asked(
            reads.lists(Service::Ec2),
            ec2::instances(session, caller, name, tag_key)
        ),
        asked(
            reads.lists(Service::Ebs),
            ec2::volumes(session, caller, name, tag_key)
        ),
        asked(reads.lists(Service::Rds), async {
            let databases = rds::collect(session, caller, name, tag_key).await;
            let instances = &databases.instances.items;
            let groups = rds::option_groups(session, caller, name, instances).await;
            (databases, groups)
        }),
        asked(
            reads.lists(Service::Efs),
            efs::collect(session, caller, name, tag_key)
        ),
        asked(
            reads.lists(Service::Dynamodb),
            dynamodb::collect(session, caller, name)
        ),
        asked(
            reads.lists(Service::Storagegateway),
            storage_gateway::collect(session, caller, name, tag_key)
        ),
        asked(
            reads.lists(Service::Redshift),
            redshift::collect(session, caller, name, tag_key)
        ),
        asked(
            reads.lists(Service::Cloudformation),
            cloudformation::collect(session, caller, name, tag_key)
        ),
    );
    Lists {
        compute: (instances, volumes),
        databases,
        file_systems,
        tables,
        gateways,
        redshift,
        stacks,
    }
}

fn no_network() -> Network {
    Network {
        vpcs: Listing::not_asked(),
        subnets: Listing::not_asked(),
        route_tables: Listing::not_asked(),
        interfaces: Listing::not_asked(),
        endpoints: Listing::not_asked(),
    }
}

pub(super) fn disabled_region() -> Region {
    fn nothing<T>() -> Listing<T> {
        Listing {
            items: Vec::new(),
            gap: Some(Gap::new(GapKind::RegionDisabled, "")),
        }
    }
    let mut region = Region {
        disabled: true,
        instances: nothing(),
        volumes: nothing(),
        db_instances: nothing(),
        db_clusters: nothing(),
        option_groups: nothing(),
        file_systems: nothing(),
        tables: nothing(),
        gateways: nothing(),
        gateway_volumes: nothing(),
        redshift_clusters: nothing(),
        redshift_namespaces: nothing(),
        stacks: nothing(),
        tagged: nothing(),
        backup_jobs: nothing(),
        copy_jobs: nothing(),
        vaults: nothing(),
        backup_plans: nothing(),
        ..Region::default()
    };
    region.network.vpcs = nothing();
    region
}
