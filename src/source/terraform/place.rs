//! The account and the regions of resources.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::arn::{Arn, is_account_id};
use crate::source::planned::Surroundings;

use super::address::{Part, split_address};
use super::document::Document;
use super::item::{Item, data_type};
use super::view::Fact;

/// Name of a region that is not known.
pub(super) const UNKNOWN_REGION: &str = "unknown";

/// The regions and accounts of the providers, and the account of the plan.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Key of the configuration by the key that resources use.
    providers: BTreeMap<String, String>,
    regions: BTreeMap<String, String>,
    accounts: BTreeMap<String, Option<String>>,
    named: Option<String>,
    /// Account of the plan, if known.
    pub(super) account: Option<String>,
    /// Account that the plan itself names.
    pub(super) named_account: Option<String>,
}

impl Places {
    /// Finds the account and the regions in a document.
    pub(super) fn from_document(document: &Document<'_>, around: &Surroundings<'_>) -> Self {
        let (mut providers, mut seen) = (BTreeMap::new(), BTreeMap::new());
        for item in &document.items {
            let provider = item.provider_key().unwrap_or_default();
            let configured = document.resolve_provider(provider).to_owned();
            if let Some(region) = region_of_item(item) {
                let regions: &mut BTreeSet<String> = seen.entry(configured.clone()).or_default();
                regions.insert(region);
            }
            providers.insert(provider.to_owned(), configured);
        }
        // Since version 6 of the provider, a resource may be in another region than its provider.
        let only = |(provider, regions): (String, BTreeSet<String>)| {
            let is_only = regions.len() == 1;
            Some((provider, regions.into_iter().next().filter(|_| is_only)?))
        };
        let mut regions: BTreeMap<String, String> = seen.into_iter().filter_map(only).collect();
        let mut accounts: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (name, provider) in document.providers.as_object().into_iter().flatten() {
            let expressions = &provider["expressions"];
            let is_root = provider["module_address"].is_null();
            let region = evaluate_expression(document, &expressions["region"], is_root);
            if let Some(region) = region
                .as_ref()
                .and_then(Value::as_str)
                .filter(|it| is_region(it))
            {
                regions.insert(name.clone(), region.to_owned());
            }
            // The last of several roles is the one that works.
            let named = ["assume_role_with_web_identity", "assume_role"];
            let blocks = named.into_iter().map(|it| &expressions[it]);
            let mut roles = blocks.filter_map(|it| it.as_array().map_or(Some(it), |it| it.last()));
            if let Some(role) = roles.rfind(|it| !it.is_null()) {
                let arn = evaluate_expression(document, &role["role_arn"], is_root);
                let account = arn.as_ref().and_then(Value::as_str).and_then(Arn::parse);
                accounts.insert(name.clone(), account.map(|arn| arn.account.to_owned()));
            }
            // The provider refuses to work in any other account.
            let allowed =
                evaluate_expression(document, &expressions["allowed_account_ids"], is_root);
            if let Some([Value::String(account)]) = allowed
                .as_ref()
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                && is_account_id(account)
            {
                accounts.insert(name.clone(), Some(account.clone()));
            }
        }
        for item in document.items_of(data_type("aws_caller_identity")) {
            let account = item.view().text("account_id").known();
            if let (Some(account), Some(provider)) = (account, item.provider_key()) {
                let configured = document.resolve_provider(provider).to_owned();
                accounts.insert(configured, Some(account.to_owned()));
            }
        }
        let used = count_per_provider(document).into_iter();
        let is_default = |key: &Option<&str>| key.is_some_and(|it| !it.contains('.'));
        let main = used
            .max_by_key(|(provider, count)| (*count, is_default(provider)))
            .and_then(|(provider, _)| provider);
        let of_main = main.and_then(|main| accounts.remove(main)).flatten();
        let named = find_account(document)
            .or(of_main)
            .or_else(|| find_same_account(document, main?, &accounts));
        Places {
            providers,
            regions,
            accounts,
            named: around.region.map(str::to_owned),
            account: named
                .clone()
                .or_else(|| around.account_id().map(str::to_owned)),
            named_account: named,
        }
    }

    /// Returns the account of a resource: that of its provider if it assumes a role, else that of the plan.
    pub(super) fn account_of(&self, item: &Item<'_>) -> Option<&str> {
        let provider = item.provider_key().and_then(|it| self.providers.get(it));
        match provider.and_then(|it| self.accounts.get(it)) {
            Some(account) => account.as_deref(),
            None => self.account.as_deref(),
        }
    }

    /// Returns whether a resource is in another account than that of the plan, or may be: its provider works in
    /// another one. The settings of the account do not hold for it.
    pub(super) fn is_elsewhere(&self, item: &Item<'_>) -> bool {
        let provider = item.provider_key().and_then(|it| self.providers.get(it));
        let account = provider.and_then(|it| self.accounts.get(it));
        account.is_some_and(|it| it.is_none() || *it != self.account)
    }

    /// Returns the region of a resource, or [`UNKNOWN_REGION`].
    pub(super) fn region_of(&self, item: &Item<'_>) -> String {
        self.known_region(item)
            .unwrap_or_else(|| UNKNOWN_REGION.to_owned())
    }

    /// Returns the region of a resource if it is known.
    pub(super) fn known_region(&self, item: &Item<'_>) -> Option<String> {
        let own = region_of_item(item);
        if own.is_some() || sets_unknown_region(item) {
            return own;
        }
        let provider = item.provider_key().unwrap_or_default();
        let configured = self.providers.get(provider);
        let of_provider = configured.and_then(|it| self.regions.get(it));
        of_provider.or(self.named.as_ref()).cloned()
    }

    /// Returns the regions in which a resource may have been that the plan destroys.
    pub(super) fn regions_before(&self, values: &Value) -> BTreeSet<String> {
        let text = |name: &str| values[name].as_str();
        let arn = |name: &str| Some(Arn::parse(text(name)?)?.region).filter(|it| !it.is_empty());
        let own = text("region").filter(|it| is_region(it));
        match own.or_else(|| {
            ["arn", "backup_vault_arn", "key_arn"]
                .into_iter()
                .find_map(arn)
        }) {
            Some(region) => BTreeSet::from([region.to_owned()]),
            None => self.regions.values().chain(&self.named).cloned().collect(),
        }
    }
}

/// Whether the configuration of a resource sets its region to a value that is not known yet.
fn sets_unknown_region(item: &Item<'_>) -> bool {
    let view = item.view();
    let is_open = matches!(view.text("region"), Fact::Open(_));
    is_open && !item.is_data && view.is_set("region") == Some(true)
}

/// Returns the region that the attributes of a resource show.
fn region_of_item(item: &Item<'_>) -> Option<String> {
    if !item.kind.starts_with("aws_") {
        return None;
    }
    let text = |name: &str| item.view().text(name).known();
    if item.is_data {
        let names = match item.kind {
            "aws_region" => &["region", "name", "id"][..],
            _ => &["region"],
        };
        let mut found = names.iter().filter_map(|name| text(name));
        return found.find(|it| is_region(it)).map(str::to_owned);
    }
    if let Some(region) = text("region").filter(|it| is_region(it)) {
        return Some(region.to_owned());
    }
    // The id of what configures a region is the region.
    let is_of_region = item.kind == "aws_backup_region_settings";
    if let Some(region) = text("id").filter(|it| is_of_region && is_region(it)) {
        return Some(region.to_owned());
    }
    let arn = text("arn").and_then(Arn::parse);
    if let Some(arn) = arn.filter(|arn| !arn.region.is_empty()) {
        return Some(arn.region.to_owned());
    }
    if let Some(region) = text("availability_zone").and_then(region_of_zone) {
        return Some(region);
    }
    let service = text("service_name").filter(|_| item.kind == "aws_vpc_endpoint")?;
    let region = service.strip_prefix("com.amazonaws.")?.split_once('.')?.0;
    Some(region.to_owned())
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = parts.last().and_then(|it| it.parse::<u8>().ok());
    parts.len() >= 3 && number.is_some()
}

/// Returns the region of an Availability Zone or Local Zone: `eu-central-1` for `eu-central-1a` and
/// `eu-central-1-ham-1a`.
fn region_of_zone(zone: &str) -> Option<String> {
    let mut region: Vec<&str> = Vec::new();
    for part in zone.split('-') {
        let number = part.trim_end_matches(|c: char| c.is_ascii_lowercase());
        if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
            region.push(number);
            let region = region.join("-");
            return is_region(&region).then_some(region);
        }
        region.push(part);
    }
    None
}

/// Returns the value of an expression that is a constant or a variable of the root module.
pub(super) fn evaluate_expression(
    document: &Document<'_>,
    expression: &Value,
    is_root: bool,
) -> Option<Value> {
    if let Some(constant) = expression.get("constant_value") {
        return Some(constant.clone());
    }
    let [Value::String(reference)] = expression["references"].as_array()?.as_slice() else {
        return None;
    };
    let name = match split_address(reference).as_slice() {
        [Part::Name("var"), Part::Name(name)] if is_root => *name,
        _ => return None,
    };
    let value = document.variables[name].get("value");
    let root = document.module_config("");
    let default = || root?["variables"][name].get("default");
    value.or_else(default).cloned()
}

/// Returns the number of resources per provider.
fn count_per_provider<'a>(document: &Document<'a>) -> BTreeMap<Option<&'a str>, usize> {
    let mut used = BTreeMap::new();
    for item in document.items.iter().filter(|it| !it.is_data) {
        let provider = item.provider_key().map(|it| document.resolve_provider(it));
        *used.entry(provider).or_default() += 1;
    }
    used
}

/// Returns the account of the plan: that of the credentials, or else that of all resources.
fn find_account(document: &Document<'_>) -> Option<String> {
    let used = count_per_provider(document);
    // The provider with the most resources: other providers may use other accounts.
    let identities = document.items_of(data_type("aws_caller_identity"));
    let accounts = identities.filter_map(|it| {
        let account = it.view().text("account_id").known()?;
        let count = used.get(&it.provider_key().map(|it| document.resolve_provider(it)))?;
        is_account_id(account).then_some((count, account))
    });
    if let Some((_, account)) = accounts.max() {
        return Some(account.to_owned());
    }
    let managed = document
        .items
        .iter()
        .filter(|it| !it.is_data && it.kind.starts_with("aws_"));
    let arns = managed.filter_map(|it| Arn::parse(it.view().text("arn").known()?));
    let accounts: BTreeSet<&str> = arns
        .map(|arn| arn.account)
        .filter(|account| is_account_id(account))
        .collect();
    match accounts.first() {
        Some(account) if accounts.len() == 1 => Some((*account).to_owned()),
        _ => None,
    }
}

/// Arguments of a provider that say with whose credentials it works.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs#authentication-and-configuration>.
const CREDENTIALS: [&str; 8] = [
    "access_key",
    "assume_role",
    "assume_role_with_web_identity",
    "profile",
    "secret_key",
    "shared_config_files",
    "shared_credentials_files",
    "token",
];

/// Returns the account of another provider that has the same credentials.
fn find_same_account(
    document: &Document<'_>,
    provider: &str,
    accounts: &BTreeMap<String, Option<String>>,
) -> Option<String> {
    let credentials = |name: &str| {
        let expressions = &document.providers[name]["expressions"];
        CREDENTIALS.map(|it| &expressions[it])
    };
    let is_same = |name: &str| {
        let of_module = |name: &str| &document.providers[name]["module_address"];
        of_module(name) == of_module(provider) && credentials(name) == credentials(provider)
    };
    let mut others = accounts.iter().filter(|(name, _)| is_same(name));
    others.find_map(|(_, account)| account.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_contains_its_region() {
        for (zone, region) in [
            ("eu-central-1a", Some("eu-central-1")),
            ("eu-central-1-ham-1a", Some("eu-central-1")),
            ("us-gov-west-1b", Some("us-gov-west-1")),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(region_of_zone(zone).as_deref(), region, "{zone}");
        }
    }
}
