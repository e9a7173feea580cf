//! Prices: the checked-in table, and files of the same form that replace its prices.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::{Spanned, Value};

use crate::settings::{Config, ConfigError, is_region_name, suggest_field};

/// The checked-in prices.
const BUILT_IN: &str = include_str!("prices.toml");

/// What is billed for a GiB and a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// Snapshots of EBS volumes, EC2 instances and Storage Gateway volumes.
    EbsSnapshot,
    /// Snapshots of EBS volumes in the archive tier.
    EbsArchive,
    /// Backups of RDS beyond the free allowance.
    RdsBackup,
    /// Backups of Aurora outside the window of its automated backups.
    AuroraBackup,
    /// Backups of DocumentDB.
    DocumentdbBackup,
    /// Backups of Neptune.
    NeptuneBackup,
    /// Warm backups of EFS.
    EfsBackup,
    /// Cold backups of EFS.
    EfsColdBackup,
    /// Warm backups of S3.
    S3Backup,
    /// Warm backups of DynamoDB, with advanced features.
    DynamodbBackup,
    /// Cold backups of DynamoDB, with advanced features.
    DynamodbColdBackup,
    /// Backups of FSx for Windows File Server.
    FsxWindowsBackup,
    /// Backups of FSx for Lustre.
    FsxLustreBackup,
    /// Backups of FSx for NetApp ONTAP.
    FsxOntapBackup,
    /// Backups of FSx for OpenZFS.
    FsxOpenzfsBackup,
    /// Snapshots of Redshift.
    RedshiftBackup,
}

impl Item {
    /// Every item, in the order of the price file.
    pub const ALL: [Item; 16] = [
        Item::EbsSnapshot,
        Item::EbsArchive,
        Item::RdsBackup,
        Item::AuroraBackup,
        Item::DocumentdbBackup,
        Item::NeptuneBackup,
        Item::EfsBackup,
        Item::EfsColdBackup,
        Item::S3Backup,
        Item::DynamodbBackup,
        Item::DynamodbColdBackup,
        Item::FsxWindowsBackup,
        Item::FsxLustreBackup,
        Item::FsxOntapBackup,
        Item::FsxOpenzfsBackup,
        Item::RedshiftBackup,
    ];

    /// Returns the key in a price file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Item::EbsSnapshot => "ebs-snapshot",
            Item::EbsArchive => "ebs-archive",
            Item::RdsBackup => "rds-backup",
            Item::AuroraBackup => "aurora-backup",
            Item::DocumentdbBackup => "documentdb-backup",
            Item::NeptuneBackup => "neptune-backup",
            Item::EfsBackup => "efs-backup",
            Item::EfsColdBackup => "efs-cold-backup",
            Item::S3Backup => "s3-backup",
            Item::DynamodbBackup => "dynamodb-backup",
            Item::DynamodbColdBackup => "dynamodb-cold-backup",
            Item::FsxWindowsBackup => "fsx-windows-backup",
            Item::FsxLustreBackup => "fsx-lustre-backup",
            Item::FsxOntapBackup => "fsx-ontap-backup",
            Item::FsxOpenzfsBackup => "fsx-openzfs-backup",
            Item::RedshiftBackup => "redshift-backup",
        }
    }

    fn with_name(name: &str) -> Option<Self> {
        Item::ALL.into_iter().find(|item| item.as_str() == name)
    }
}

/// A price in USD.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// For a GiB and a month, or for a GiB that is transferred.
    pub usd: f64,
    /// The day or the year of the price: `2026-10-06`, `2026`.
    pub as_of: String,
    /// Where it was read.
    pub source: String,
}

/// Prices by item and region, and of transfers by the pair of regions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PriceList {
    storage: BTreeMap<(Item, String), Price>,
    transfer: BTreeMap<(String, String), Price>,
}

/// A price file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    /// The date of prices without one.
    as_of: Option<Spanned<String>>,
    /// The source of prices without one.
    source: Option<Spanned<String>>,
    /// Prices by region and item.
    #[serde(default)]
    region: BTreeMap<Spanned<String>, Entries>,
    /// Prices of transfers by the region that data comes from and the one that it goes to.
    #[serde(default)]
    transfer: BTreeMap<Spanned<String>, Entries>,
}

type Entries = BTreeMap<Spanned<String>, Spanned<Value>>;

impl PriceList {
    /// Returns the checked-in prices.
    ///
    /// # Errors
    /// They cannot be parsed, which a test excludes.
    pub fn built_in() -> Result<Self, ConfigError> {
        PriceList::parse(BUILT_IN)
    }

    /// Parses a price file.
    ///
    /// # Errors
    /// The problem and its line.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let file: PriceFile = toml::from_str(text).map_err(|error| {
            let message = suggest_field(error.message());
            Config::error_at(text, error.span().unwrap_or_default(), &message)
        })?;
        let reader = PriceReader {
            text,
            as_of: file.as_of.as_ref(),
            source: file.source.as_ref(),
        };
        if let Some(as_of) = &file.as_of {
            reader.check_date(as_of.get_ref(), as_of.span())?;
        }
        let mut list = PriceList::default();
        for (region, entries) in &file.region {
            let region = reader.read_region(region)?;
            for (name, value) in entries {
                let Some(item) = Item::with_name(name.get_ref()) else {
                    let names = Item::ALL.map(Item::as_str);
                    return Err(reader.reject_key("item", name, &names));
                };
                let price = reader.read_price(name, value)?;
                list.storage.insert((item, region.clone()), price);
            }
        }
        for (from, entries) in &file.transfer {
            let from = reader.read_region(from)?;
            for (name, value) in entries {
                let to = reader.read_region(name)?;
                let price = reader.read_price(name, value)?;
                list.transfer.insert((from.clone(), to), price);
            }
        }
        Ok(list)
    }

    /// Adds the prices of another list, which replace those of this one.
    #[must_use]
    pub fn replaced_by(mut self, other: PriceList) -> Self {
        self.storage.extend(other.storage);
        self.transfer.extend(other.transfer);
        self
    }

    /// Returns the price of keeping a GiB for a month in a region.
    #[must_use]
    pub fn storage(&self, item: Item, region: &str) -> Option<&Price> {
        self.storage.get(&(item, region.to_owned()))
    }

    /// Returns the price of copying a GiB from a region to another one.
    #[must_use]
    pub fn transfer(&self, from: &str, to: &str) -> Option<&Price> {
        self.transfer.get(&(from.to_owned(), to.to_owned()))
    }

    /// Returns every price.
    pub fn prices(&self) -> impl Iterator<Item = &Price> {
        self.storage.values().chain(self.transfer.values())
    }
}

/// What the prices of a file have in common.
struct PriceReader<'f> {
    text: &'f str,
    as_of: Option<&'f Spanned<String>>,
    source: Option<&'f Spanned<String>>,
}

impl PriceReader<'_> {
    fn fail(&self, span: Range<usize>, message: &str) -> ConfigError {
        Config::error_at(self.text, span, message)
    }

    fn reject_key(&self, what: &str, key: &Spanned<String>, known: &[&str]) -> ConfigError {
        let name = key.get_ref();
        let quoted: Vec<String> = known.iter().map(|it| format!("`{it}`")).collect();
        let message = format!(
            "unknown {what} `{name}`, expected one of {}",
            quoted.join(", ")
        );
        self.fail(key.span(), &suggest_field(&message))
    }

    fn read_region(&self, name: &Spanned<String>) -> Result<String, ConfigError> {
        match is_region_name(name.get_ref()) {
            true => Ok(name.get_ref().clone()),
            false => {
                let message = format!("{:?} is not a region such as eu-central-1", name.get_ref());
                Err(self.fail(name.span(), &message))
            }
        }
    }

    /// Reads a price: a number, or a table with its own date and source.
    fn read_price(
        &self,
        name: &Spanned<String>,
        value: &Spanned<Value>,
    ) -> Result<Price, ConfigError> {
        let span = value.span();
        let mut usd = value.get_ref();
        let mut as_of = self.as_of.map(|it| it.get_ref().clone());
        let mut source = self.source.map(|it| it.get_ref().clone());
        if let Value::Table(table) = value.get_ref() {
            let known = ["usd", "as_of", "source"];
            if let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) {
                return Err(self.reject_key("key", &Spanned::new(span, key.clone()), &known));
            }
            let text = |key: &str| match table.get(key) {
                None => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.clone())),
                Some(Value::Datetime(date)) => Ok(Some(date.to_string())),
                Some(_) => Err(self.fail(span.clone(), &format!("{key} must be a string"))),
            };
            as_of = text("as_of")?.or(as_of);
            source = text("source")?.or(source);
            let missing = || self.fail(span.clone(), "a price needs usd");
            usd = table.get("usd").ok_or_else(missing)?;
        }
        let usd = match usd {
            Value::Float(usd) => *usd,
            Value::Integer(usd) => usd.to_string().parse().unwrap_or(f64::NAN),
            _ => return Err(self.fail(span, "a price must be a number")),
        };
        if !usd.is_finite() || usd < 0.0 {
            return Err(self.fail(span, "a price must not be negative"));
        }
        let (Some(as_of), Some(source)) = (as_of, source) else {
            let message = format!(
                "the price of {} has no date or no source; set as_of and source, at the top or with the price",
                name.get_ref()
            );
            return Err(self.fail(name.span(), &message));
        };
        self.check_date(&as_of, span.clone())?;
        if source.trim().is_empty() {
            return Err(self.fail(span, "source must not be empty"));
        }
        Ok(Price { usd, as_of, source })
    }

    fn check_date(&self, text: &str, span: Range<usize>) -> Result<(), ConfigError> {
        let is_year = text.len() == 4 && text.bytes().all(|it| it.is_ascii_digit());
        match is_year || text.parse::<jiff::civil::Date>().is_ok() {
            true => Ok(()),
            false => {
                let message = format!("as_of must be a date such as \"2026-10-06\", not {text:?}");
                Err(self.fail(span, &message))
            }
        }
    }
}
