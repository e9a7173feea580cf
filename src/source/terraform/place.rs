//! Where resources will be: the account, their regions, what stands for their ARNs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::arn::{Arn, is_account_id};
use crate::source::planned::Surroundings;

use super::address::{Part, parts};
use super::document::{Document, Item, data};

/// The name of a region that nobody knows.
pub(super) const UNKNOWN_REGION: &str = "unknown";

/// The regions of the providers, and the account.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Under which key a provider is configured, by the key that resources name it by.
    providers: BTreeMap<String, String>,
    regions: BTreeMap<String, String>,
    accounts: BTreeMap<String, Option<String>>,
    named: Option<String>,
    /// The account; none where the plan does not say.
    pub(super) account: Option<String>,
}

impl Places {
    /// Reads what a document says.
    pub(super) fn read(document: &Document<'_>, around: &Surroundings<'_>) -> Self {
        let (mut providers, mut regions) = (BTreeMap::new(), BTreeMap::new());
        for item in &document.items {
            let Some(provider) = item.provider() else {
                continue;
            };
            let configured = document.provider(provider).to_owned();
            if let Some(region) = own_region(item) {
                regions.entry(configured.clone()).or_insert(region);
            }
            providers.insert(provider.to_owned(), configured);
        }
        let mut accounts: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (name, provider) in document.providers.as_object().into_iter().flatten() {
            let expressions = &provider["expressions"];
            let is_root = provider["module_address"].is_null();
            if let Some(region) = evaluated(document, &expressions["region"], is_root)
                && is_region(&region)
            {
                regions.insert(name.clone(), region);
            }
            let role = &expressions["assume_role"];
            let role = role.get(0).unwrap_or(role);
            if !role.is_null() {
                let arn = evaluated(document, &role["role_arn"], is_root).unwrap_or_default();
                let account = Arn::parse(&arn).map(|arn| arn.account.to_owned());
                accounts.insert(name.clone(), account);
            }
        }
        for item in document.of(data("aws_caller_identity")) {
            let account = item.view().text("account_id").known();
            if let (Some(account), Some(provider)) = (account, item.provider()) {
                let configured = document.provider(provider).to_owned();
                accounts.insert(configured, Some(account.to_owned()));
            }
        }
        let used = used(document).into_iter();
        let main = used
            .max_by_key(|(_, count)| *count)
            .and_then(|(provider, _)| provider);
        let of_main = main.and_then(|main| accounts.remove(main)).flatten();
        Places {
            providers,
            regions,
            accounts,
            named: around.region.map(str::to_owned),
            account: account(document).or(of_main),
        }
    }

    /// The account of a resource: its provider's where that goes into one of its own.
    pub(super) fn account_of(&self, item: &Item<'_>) -> Option<&str> {
        let provider = item.provider().and_then(|it| self.providers.get(it));
        match provider.and_then(|it| self.accounts.get(it)) {
            Some(account) => account.as_deref(),
            None => self.account.as_deref(),
        }
    }

    /// The region of a resource.
    pub(super) fn region(&self, item: &Item<'_>) -> String {
        self.known_region(item)
            .unwrap_or_else(|| UNKNOWN_REGION.to_owned())
    }

    /// The region of a resource, where it is known.
    pub(super) fn known_region(&self, item: &Item<'_>) -> Option<String> {
        own_region(item)
            .or_else(|| {
                self.regions
                    .get(self.providers.get(item.provider()?)?)
                    .cloned()
            })
            .or_else(|| self.named.clone())
    }
}

/// The partition of a region.
pub(super) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// What a resource itself says of its region.
fn own_region(item: &Item<'_>) -> Option<String> {
    if !item.kind.starts_with("aws_") {
        return None;
    }
    let text = |name: &str| item.view().text(name).known();
    if item.is_data {
        let is_region = item.kind == "aws_region";
        let names = ["region", "name", "id"];
        let found = names.into_iter().find_map(text).filter(|_| is_region);
        return found.map(str::to_owned);
    }
    if let Some(region) = text("region").filter(|it| is_region(it)) {
        return Some(region.to_owned());
    }
    let arn = text("arn").and_then(Arn::parse);
    if let Some(arn) = arn.filter(|arn| !arn.region.is_empty()) {
        return Some(arn.region.to_owned());
    }
    if let Some(region) = text("availability_zone").and_then(of_zone) {
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

/// The region of a zone: `eu-central-1` of `eu-central-1a` and of `eu-central-1-ham-1a`.
fn of_zone(zone: &str) -> Option<String> {
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

/// The text of an expression, as far as it is a constant or a variable of the root module.
fn evaluated(document: &Document<'_>, expression: &Value, is_root: bool) -> Option<String> {
    if let Some(constant) = expression["constant_value"].as_str() {
        return Some(constant.to_owned());
    }
    let [Value::String(reference)] = expression["references"].as_array()?.as_slice() else {
        return None;
    };
    let name = match parts(reference).as_slice() {
        [Part::Name("var"), Part::Name(name)] if is_root => *name,
        _ => return None,
    };
    let value = document.variables[name]["value"].as_str();
    let root = document.module("");
    let default = || root?["variables"][name]["default"].as_str();
    value.or_else(default).map(str::to_owned)
}

/// How much is made with each provider.
fn used<'a>(document: &Document<'a>) -> BTreeMap<Option<&'a str>, usize> {
    let mut used = BTreeMap::new();
    for item in document.items.iter().filter(|it| !it.is_data) {
        let provider = item.provider().map(|it| document.provider(it));
        *used.entry(provider).or_default() += 1;
    }
    used
}

/// The account that is planned for: the one whose credentials are used, else the one that all
/// resources are in.
fn account(document: &Document<'_>) -> Option<String> {
    let used = used(document);
    // That of the provider most is made with: others look at other accounts.
    let identities = document.of(data("aws_caller_identity"));
    let own = identities.filter_map(|it| {
        let account = it.view().text("account_id").known()?;
        let count = used.get(&it.provider().map(|it| document.provider(it)))?;
        is_account_id(account).then_some((count, account))
    });
    if let Some((_, account)) = own.max() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_tells_its_region() {
        for (zone, region) in [
            ("eu-central-1a", Some("eu-central-1")),
            ("eu-central-1-ham-1a", Some("eu-central-1")),
            ("us-gov-west-1b", Some("us-gov-west-1")),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(of_zone(zone).as_deref(), region, "{zone}");
        }
    }
}
