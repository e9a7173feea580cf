//! What the databases of a template are made from: snapshots and other databases, whose encryption they inherit.

use crate::model::arn::Arn;
use crate::model::observed::AccountFact;
use crate::model::place::KeyOrigin;
use crate::model::{Gap, Observed};
use crate::source::planned::unplanned;

use super::build::Build;
use super::template::Declared;
use super::value::{Open, Phrase, Piece, Resolved};

pub(super) const CLUSTER: &str = "AWS::RDS::DBCluster";
pub(super) const INSTANCE: &str = "AWS::RDS::DBInstance";

/// Properties that make a database from an existing one, and the name of what it inherits from.
pub(super) const SOURCES: [&str; 9] = [
    "DBSnapshotIdentifier",
    "DBClusterSnapshotIdentifier",
    "SnapshotIdentifier",
    "SourceDBInstanceIdentifier",
    "SourceDbiResourceId",
    "SourceDBInstanceAutomatedBackupsArn",
    "SourceDBClusterIdentifier",
    "SourceDbClusterResourceId",
    "ReplicationSourceIdentifier",
];

/// Returns the property that names what a database is made from, and its value; none for a new database.
pub(super) fn find_source(properties: &Resolved) -> Option<(&'static str, Resolved)> {
    let named = SOURCES.iter().map(|name| (*name, properties.get(name)));
    named.into_iter().find(|(_, value)| !is_none(value))
}

/// Returns the properties of a database for each value of the first one of `names` that may be absent or not, and why
/// it is not known; `None` if it is known which of them are absent.
pub(super) fn split_choice(properties: &Resolved, names: &[&str]) -> Option<(Vec<Resolved>, Gap)> {
    let set = |open: &Open| Resolved::Text(Phrase::one(Piece::Open(open.clone())));
    // Only a database with a source has a region of it.
    let has_source = !is_none(&properties.get("SourceRegion"));
    names.iter().find_map(|name| {
        let value = properties.get(name);
        let gap = value.text().err()?;
        let candidates = match &value {
            Resolved::Open(open) if !has_source => vec![Resolved::Absent, set(open)],
            Resolved::OneOf(_, candidates) => candidates.clone(),
            _ => return None,
        };
        let variants = candidates.iter().map(|it| properties.with(name, it));
        Some((variants.collect(), gap))
    })
}

/// Returns a fact that is the same for all values that a choice may have.
pub(super) fn agree_on<T: Clone + PartialEq>(
    facts: impl IntoIterator<Item = Observed<T>>,
    gap: &Gap,
) -> Observed<T> {
    let facts = facts.into_iter().map(|it| it.get().cloned());
    let facts: Result<Vec<T>, Gap> = facts.collect();
    match facts {
        Ok(mut facts) if facts.windows(2).all(|it| it[0] == it[1]) => match facts.pop() {
            Some(fact) => Observed::Known(fact),
            None => Observed::Unknown(gap.clone()),
        },
        Ok(_) => Observed::Unknown(gap.clone()),
        Err(open) => Observed::Unknown(open),
    }
}

/// Returns why absent properties are unknown: they are inherited; none for a new database.
pub(super) fn find_inheritance(properties: &Resolved) -> Option<Gap> {
    let (name, value) = find_source(properties)?;
    let gap = unplanned(format!(
        "inherited from its {name}, which is not in the template"
    ));
    let fact = match (name, value.text()) {
        ("SourceDBInstanceIdentifier", Ok(Some(id))) => Some(AccountFact::DbInstance(id)),
        ("SourceDBClusterIdentifier", Ok(Some(id))) => Some(AccountFact::DbCluster(id)),
        _ => None,
    };
    let is_here = is_none(&properties.get("SourceRegion"));
    Some(match fact.filter(|_| is_here) {
        Some(fact) => gap.needing(fact),
        None => gap,
    })
}

/// Returns the database of the template that a database has its data, engine and key from: the source of a
/// replica or clone in the same region, or of a restore to a point in time.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Managing.Clone.html>.
pub(super) fn find_source_in_template<'a>(
    build: &Build<'a>,
    properties: &Resolved,
) -> Option<Declared<'a>> {
    let (name, value) = find_source(properties)?;
    let (kind, identifier) = match name {
        "SourceDBInstanceIdentifier" => (INSTANCE, "DBInstanceIdentifier"),
        "SourceDBClusterIdentifier" => (CLUSTER, "DBClusterIdentifier"),
        "SourceDbiResourceId" => (INSTANCE, "DbiResourceId"),
        "SourceDbClusterResourceId" => (CLUSTER, "DBClusterResourceId"),
        _ => return None,
    };
    if may_be_elsewhere(build, properties) {
        return None;
    }
    // A cluster's instance may be the source too, and is encrypted as its cluster.
    build.named_resource(&name_in_arn(build, value), kind, identifier)
}

/// Whether a database may have its source in another region than the stack's, by its `SourceRegion`.
fn may_be_elsewhere(build: &Build<'_>, properties: &Resolved) -> bool {
    let region = properties.get("SourceRegion");
    !is_none(&region) && region.text() != Ok(Some(build.region().to_owned()))
}

/// Whether a database has its source in another region than the stack's. A name is one of the same region, and an
/// ARN contains its region.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>.
pub(super) fn is_elsewhere(build: &Build<'_>, properties: &Resolved) -> bool {
    let region = properties.get("SourceRegion").text();
    if region.is_ok() && may_be_elsewhere(build, properties) {
        return true;
    }
    let Some((_, Resolved::Text(Phrase(pieces)))) = find_source(properties) else {
        return false;
    };
    // The last piece may be the identifier of a database, which no ARN needs to name its region.
    let known = pieces.iter().map_while(|it| build.stand_in(it));
    let arn = format!("{}:name", known.collect::<String>());
    Arn::parse(&arn).is_some_and(|it| it.region != build.region())
}

/// Returns the identifier in the ARN of a database of the stack's region that is composed of the identifier, or
/// the value itself.
fn name_in_arn(build: &Build<'_>, value: Resolved) -> Resolved {
    let Resolved::Text(phrase) = &value else {
        return value;
    };
    let Some((last @ Piece::Made(_), before)) = phrase.0.split_last() else {
        return value;
    };
    let before: Option<String> = before.iter().map(|it| build.stand_in(it)).collect();
    let arn = before
        .map(|before| format!("{before}name"))
        .unwrap_or_default();
    let is_local = Arn::parse(&arn).is_some_and(|it| {
        let resource = it.resource;
        it.region == build.region() && matches!(resource, "db:name" | "cluster:name")
    });
    match is_local {
        true => Resolved::Text(Phrase::one(last.clone())),
        false => value,
    }
}

/// The deepest choice between sources that is followed.
pub(super) const DEEPEST_CHOICE: usize = 4;

/// The longest chain of sources that is followed.
pub(super) const LONGEST_CHAIN: usize = 20;

/// Whether a database that is restored or replicated uses the key that it names. A restored instance does
/// not, and `StorageEncrypted` is never used: the APIs have no parameter for it.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html>.
pub(super) fn takes_key(kind: &str, properties: &Resolved) -> bool {
    let restores = [
        "DBSnapshotIdentifier",
        "DBClusterSnapshotIdentifier",
        "SourceDbiResourceId",
        "SourceDBInstanceAutomatedBackupsArn",
        "UseLatestRestorableTime",
        "RestoreTime",
    ];
    kind == CLUSTER || restores.iter().all(|name| is_none(&properties.get(name)))
}

/// Returns where a DB instance has its key from, if it cannot be given one. A replica in another region can.
pub(super) fn find_key_origin(build: &Build<'_>, properties: &Resolved) -> Option<KeyOrigin> {
    if !takes_key(INSTANCE, properties) {
        return Some(KeyOrigin::Backup);
    }
    find_source(properties)?;
    let region = properties.get("SourceRegion");
    let is_here = is_none(&region) || region.text() == Ok(Some(build.region().to_owned()));
    let source = find_source_in_template(build, properties);
    is_here.then(|| KeyOrigin::Source(source.map(|it| it.id.to_owned())))
}

/// Whether a name is absent. A parameter expresses that with an empty string.
pub(super) fn is_none(name: &Resolved) -> bool {
    matches!(
        name.text().as_ref().map(Option::as_deref),
        Ok(None | Some(""))
    )
}
