//! DynamoDB tables, including global tables and those of AWS SAM. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-table-ssespecification.html>.

use crate::model::dynamodb::Table;
use crate::model::place::TableReplica;
use crate::model::snapshot::DefaultFact;
use crate::model::{Gap, Observed};

use crate::source::planned::add_gap;

use super::build::{Build, locate_gap, not_yet, require_agreement};
use super::template::Declared;
use super::value::{Open, Phrase, Piece, Resolved};
use crate::source::defaults::DYNAMODB_KEY;

pub(super) fn read_tables(build: &mut Build<'_>) {
    for kind in ["AWS::DynamoDB::Table", "AWS::Serverless::SimpleTable"] {
        for declared in build.of_type(kind) {
            let properties = build.template.properties(&declared);
            let mut specification = properties.get("SSESpecification");
            if kind == "AWS::Serverless::SimpleTable" {
                let globals = build.template.find_section("Globals");
                let globals = globals.and_then(|it| it.get("SimpleTable"));
                let globals = globals.and_then(|it| it.get("SSESpecification"));
                let globals = globals.map(|it| build.template.resolve_node(it));
                specification = add_globals(specification, globals);
            }
            let table = Table {
                arn: build.declare_resource(&declared, ""),
                id: declared.id.to_owned(),
                tags: build.tags(&properties, "Tags"),
                state: not_yet(),
                kms_key: read_key(build, &specification, &specification),
                size: not_yet(),
            };
            build.note_default(
                &table.arn,
                &properties,
                "SSESpecification",
                DefaultFact::Encryption,
            );
            build.stack_region().tables.items.push(table);
        }
    }
    for declared in build.of_type("AWS::DynamoDB::GlobalTable") {
        read_global_table(build, &declared);
    }
}

/// Adds what the globals of AWS SAM say to a property: its own entries override theirs.
///
/// Source: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>.
fn add_globals(own: Resolved, globals: Option<Resolved>) -> Resolved {
    match (own, globals) {
        (own, None) => own,
        (Resolved::Absent, Some(globals)) => globals,
        (Resolved::Map(mut own), Some(Resolved::Map(globals))) => {
            for (name, value) in globals {
                if !own.iter().any(|(it, _)| *it == name) {
                    own.push((name, value));
                }
            }
            Resolved::Map(own)
        }
        (own, Some(_)) => own,
    }
}

fn read_key(
    build: &Build<'_>,
    specification: &Resolved,
    holder: &Resolved,
) -> Observed<Option<String>> {
    let read = || -> Result<Option<String>, Gap> {
        if specification.get("SSEEnabled").as_boolean()? != Some(true) {
            return Ok(None);
        }
        build.key_or(&holder.get("KMSMasterKeyId"), Some(DYNAMODB_KEY))
    };
    locate_gap("SSESpecification", read()).into()
}

/// Reads the replicas of a global table: each has its own tags and key. One is in the stack's region.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html>.
fn read_global_table<'a>(build: &mut Build<'a>, declared: &Declared<'a>) {
    let properties = build.template.properties(declared);
    let replicas = properties.get("Replicas");
    let here = build.region().to_owned();
    let mut is_here = false;
    let mut open = None;
    match replicas.items() {
        Err(gap) => open = Some(gap),
        Ok(items) => {
            let alone = items.len() == 1;
            for (condition, replica) in items {
                let own = replica.get("Region") == Resolved::Text(Phrase::one(Piece::Region));
                let region = match replica.get("Region").text() {
                    _ if own || alone => here.clone(),
                    Ok(Some(region)) => region,
                    missing => {
                        let gap = missing.err().unwrap_or_else(Gap::not_collected);
                        open.get_or_insert(gap);
                        continue;
                    }
                };
                is_here |= region == here;
                add_replica(build, declared, &region, replica, condition);
            }
        }
    }
    if let Some(gap) = open {
        add_gap(&mut build.stack_region().tables.gap, &gap);
        if !is_here {
            let replica = Resolved::Open(Open::from_gap("Replicas", gap));
            add_replica(build, declared, &here, &replica, None);
        }
    }
}

fn add_replica<'a>(
    build: &mut Build<'a>,
    declared: &Declared<'a>,
    region: &str,
    replica: &Resolved,
    condition: Option<Open>,
) {
    let properties = build.template.properties(declared);
    let part = match region == build.region() {
        true => String::new(),
        false => format!("/{region}"),
    };
    let specification = properties.get("SSESpecification");
    let table = Table {
        arn: build.declare_resource(declared, &part),
        id: declared.id.to_owned(),
        tags: build.tags(replica, "Tags"),
        state: not_yet(),
        kms_key: read_key(build, &specification, &replica.get("SSESpecification")),
        size: not_yet(),
    };
    let replica = TableReplica::Item(region.to_owned());
    build.planned.declaration_mut(&table.arn).replica = Some(replica);
    let listed = &mut build.planned.region_mut(region).tables.items;
    match (listed.iter_mut().find(|it| it.arn == table.arn), condition) {
        // The same replica under another condition.
        (Some(other), Some(open)) => {
            require_agreement(&mut other.tags, &table.tags, &open.gap);
            require_agreement(&mut other.kms_key, &table.kms_key, &open.gap);
        }
        (Some(_), None) => {}
        (None, _) => listed.push(table),
    }
}
