//! The ARNs of the KMS keys in a plan.

use std::collections::BTreeMap;

use crate::model::arn::{Arn, partition_of};
use crate::source::planned::key_arn;

use super::document::Document;
use super::item::{Item, KEYS};
use super::place::Places;
use super::view::Fact;

/// The keys in the plan.
#[derive(Debug, Default)]
pub(super) struct KeyArns {
    /// ARN or placeholder ARN by address.
    arns: BTreeMap<String, String>,
    /// ARNs by key id. A multi-Region key and its replicas have the same id.
    ids: BTreeMap<String, Vec<String>>,
}

impl KeyArns {
    /// Finds the keys in a document.
    pub(super) fn from_document(document: &Document<'_>, places: &Places) -> Self {
        let mut keys = KeyArns::default();
        for kind in KEYS {
            for item in document.items_of(kind) {
                let view = item.view();
                let arn = match view.text("arn") {
                    Fact::Known(arn) if Arn::parse(arn).is_some() => arn.to_owned(),
                    _ => {
                        let region = places.region_of(item);
                        let account = places.account_of(item);
                        key_arn(partition_of(&region), &region, account, item.address)
                    }
                };
                if let Fact::Known(id) = view.text("key_id") {
                    let arns = keys.ids.entry(id.to_owned()).or_default();
                    arns.push(arn.clone());
                }
                keys.arns.insert(item.address.to_owned(), arn);
            }
        }
        keys
    }

    /// Returns the ARN or placeholder ARN of a key in the plan.
    pub(super) fn arn_of(&self, item: &Item<'_>) -> Option<&str> {
        self.arns.get(item.address).map(String::as_str)
    }

    /// Returns the ARN of the key with an id in a region.
    pub(super) fn arn_by_id(&self, id: &str, region: &str) -> Option<&str> {
        let mut arns = self.ids.get(id).into_iter().flatten();
        let arn = arns.find(|arn| Arn::parse(arn).is_some_and(|arn| arn.region == region));
        arn.map(String::as_str)
    }
}
