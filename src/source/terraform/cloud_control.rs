//! Resources of the AWS Cloud Control API, of its provider or of the AWS provider. Their types are those of
//! CloudFormation, and only tags are read.
//!
//! Source: <https://registry.terraform.io/providers/hashicorp/awscc/latest/docs>,
//! <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/cloudcontrolapi_resource>.

use serde_json::Value;

use crate::model::Gap;
use crate::model::kind::{KINDS, ResourceKind};
use crate::model::tag::Tags;
use crate::source::cloudformation::{list_launchers, list_stack_types};
use crate::source::planned::Planned;
use crate::source::unsupported::UNSUPPORTED;

use super::item::{ALL, Item, NULL};
use super::network::VPCS;
use super::other::{explain_unread, mark_unread, note_unsupported, read_tagged};
use super::reader::Reader;
use super::view::{Fact, contains_true};

/// Beginning of the names of the provider's types.
const PREFIX: &str = "awscc_";

/// Type of the AWS provider whose resources have any type of CloudFormation.
const ANY: &str = "aws_cloudcontrolapi_resource";

/// Type of the endpoints of VPCs, which may be those for S3.
const ENDPOINT: &str = "AWS::EC2::VPCEndpoint";

/// Reads the resources of the provider that are checked by their tags, and marks the lists of the others.
pub(super) fn read_cloud_control<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.items.iter().filter(|it| !it.is_data) {
        if let Some(name) = item.kind.strip_prefix(PREFIX) {
            read_resource(reader, item, &|it| is_named(name, it), planned);
        } else if item.kind == ANY
            && let Some(name) = item.view().text("type_name").known()
        {
            read_resource(reader, item, &|it| it == name, planned);
        }
    }
}

fn read_resource<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    is_type: &dyn Fn(&str) -> bool,
    planned: &mut Planned,
) {
    let rows = KINDS.iter().filter(|row| row.kind.is_backed_up());
    let mut types = rows.flat_map(|row| row.types.iter().map(move |it| (row, it)));
    match types.find(|(_, it)| is_type(it.cloudformation)) {
        Some((row, found)) if row.is_found_by_tag() && item.kind != ANY => {
            let tags = read_tags(reader, item).into();
            read_tagged(reader, item, found.cloudformation, tags, planned);
        }
        Some((row, _)) if !row.is_found_by_tag() || may_tag(item, reader.around.tag_key) => {
            mark_unread(reader, item, row.kind, planned);
        }
        Some(_) => {}
        None if list_stack_types().any(is_type) => {
            mark_unread(reader, item, ResourceKind::CloudformationStack, planned);
        }
        None if UNSUPPORTED.iter().any(|it| is_type(it.cloudformation)) => {
            let tags = read_tags(reader, item).into();
            note_unsupported(reader, item, &tags, planned);
        }
        None if is_type(ENDPOINT) => {
            let service = item.view().text("service_name").known();
            if service.is_some_and(|it| !it.ends_with(".s3")) {
                return;
            }
            let vpcs = reader.possible_ids(&item.view(), "vpc_id", &VPCS);
            let region = planned.region_mut(&reader.places.region_of(item));
            let network = &mut region.network;
            network.note_endpoints_gap(&vpcs.unwrap_or_default(), &explain_unread(item));
        }
        None => {
            if list_launchers().any(is_type) && may_tag(item, reader.around.tag_key) {
                mark_unread(reader, item, ResourceKind::Ec2Instance, planned);
            }
        }
    }
}

/// Whether the name of a type without its prefix is that of a CloudFormation type: `rds_db_instance` for
/// `AWS::RDS::DBInstance`.
fn is_named(name: &str, cloudformation: &str) -> bool {
    let Some((_, path)) = cloudformation.split_once("::") else {
        return false;
    };
    let mut letters = path.bytes().filter(|it| *it != b':');
    let mut named = name.bytes().filter(|it| *it != b'_');
    letters
        .by_ref()
        .all(|it| named.next() == Some(it.to_ascii_lowercase()))
        && named.next().is_none()
}

/// Returns the tags that a snapshot keeps, of an attribute that is a list of keys and values or a map.
fn read_tags(reader: &Reader<'_>, item: &Item<'_>) -> Result<Tags, Gap> {
    let view = item.view();
    let value = match view.fact("tags") {
        Fact::Known(value) => value,
        Fact::Unset | Fact::Computed(_) => return Ok(Tags::new()),
        Fact::Open(gap) => return Err(gap),
    };
    let marks = view.unknown_in("tags");
    if *marks == ALL || contains_true(&item.sensitive["tags"]) {
        return Err(view.known_after_apply("tags"));
    }
    let mut tags = Tags::new();
    for (key, value, is_open) in list_pairs(value, marks) {
        match (key, value.as_str()) {
            (Some("Name"), None) => {}
            (Some(key), _) if !reader.keeps_tag(key) => {}
            (Some(key), value) if !is_open => {
                tags.insert(key.to_owned(), value.unwrap_or_default().to_owned());
            }
            _ => return Err(view.known_after_apply("tags")),
        }
    }
    Ok(tags)
}

/// Returns the key and the value of each tag, and whether one of them is not known yet.
fn list_pairs<'a>(value: &'a Value, marks: &'a Value) -> Vec<(Option<&'a str>, &'a Value, bool)> {
    if let Some(list) = value.as_array() {
        let pairs = list.iter().enumerate().map(|(number, it)| {
            let is_open = marks.get(number).is_some_and(contains_true);
            (it["key"].as_str(), &it["value"], is_open)
        });
        return pairs.collect();
    }
    let known = value.as_object().into_iter().flatten();
    let known = known.map(|(key, it)| (Some(key.as_str()), it, false));
    let open = marks.as_object().into_iter().flatten();
    let open = open.filter(|(_, it)| contains_true(it));
    let open = open.map(|(key, _)| (Some(key.as_str()), &NULL, true));
    known.chain(open).collect()
}

/// Whether a resource may give a tag to what it launches: the key is among its values, or tags that it sets are not
/// known.
fn may_tag(item: &Item<'_>, key: &str) -> bool {
    let marks = item.unknown.as_object().into_iter().flatten();
    let mut set = marks.filter(|(name, _)| item.view().is_set(name) != Some(false));
    contains_text(item.values, key) || set.any(|(name, it)| has_open_tags(name, it))
}

/// Whether a value has a text, also in the JSON text of a desired state.
fn contains_text(value: &Value, text: &str) -> bool {
    match value {
        Value::String(it) => it == text || it.contains(&format!("\"{text}\"")),
        Value::Array(list) => list.iter().any(|it| contains_text(it, text)),
        Value::Object(map) => map
            .iter()
            .any(|(key, it)| key == text || contains_text(it, text)),
        _ => false,
    }
}

/// Whether marks of unknown values have one at or below an attribute of tags.
fn has_open_tags(name: &str, marks: &Value) -> bool {
    match marks {
        _ if name.contains("tag") || name == "desired_state" => contains_true(marks),
        Value::Array(list) => list.iter().any(|it| has_open_tags(name, it)),
        Value::Object(map) => map.iter().any(|(name, it)| has_open_tags(name, it)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_the_name_of_its_cloudformation_type() {
        for (name, cloudformation, is_same) in [
            ("rds_db_instance", "AWS::RDS::DBInstance", true),
            ("ec2_ec2_fleet", "AWS::EC2::EC2Fleet", true),
            ("rds_db_instance_role", "AWS::RDS::DBInstance", false),
            ("rds_db", "AWS::RDS::DBInstance", false),
        ] {
            assert_eq!(is_named(name, cloudformation), is_same, "{name}");
        }
    }
}
