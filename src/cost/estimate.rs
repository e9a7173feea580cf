//! The estimate: what is counted, added up by type and region, and priced.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::RuleContext;
use crate::analysis::policy_cache::PolicyCache;
use crate::model::fleet::Outcome;
use crate::model::observed::GapKind;
use crate::model::selection::Selection;
use crate::model::snapshot::{Snapshot, Source};
use crate::model::{Resource, ResourceKind};
use crate::settings::Settings;

use super::billing::{BillingRule, Chain, Payer};
use super::counted::{Counted, Counter, Notes, add_note};
use super::line::{Cost, Line, Side, Total};
use super::metrics::{has_metric, may_have_small_objects};
use super::note::{MANY_FULL_BACKUPS, Note, RECOMMENDED_DAYS};
use super::points::{Points, Schedule};
use super::prices::{Item, Price, PriceList};
use super::volume::{ChangeRate, Figures, Stored, to_gib, transferred_gib};

/// What to estimate.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    /// The services or resources that count.
    pub selection: &'q Selection,
    /// Whether everything that can be backed up counts, as if it were tagged.
    pub preflight: bool,
    /// The share of data that changes between two backups, from 0 to 1; none without a planning figure.
    pub change_rate: Option<ChangeRate>,
    /// The prices.
    pub prices: &'q PriceList,
}

/// What the backups of an account, or of several, cost to keep.
#[derive(Debug)]
pub struct Estimate {
    /// Where the facts come from.
    pub source: Source,
    /// Whether it is of a plan or template, without the account that this is for.
    pub lacks_account: bool,
    /// The account; none of several, and where a plan or template does not name it.
    pub account_id: Option<String>,
    /// The accounts that are added up, by ID; empty for one account.
    pub accounts: Vec<AccountEstimate>,
    /// The account that stores the copies.
    pub central_account_id: String,
    /// The key of the backup tag.
    pub tag_key: String,
    /// When the facts were read, RFC 3339.
    pub collected_at: String,
    /// Whether everything counts, as if it were tagged.
    pub preflight: bool,
    /// The share of data that changes between two backups.
    pub change_rate: Option<ChangeRate>,
    /// A line for each type and region, in this order.
    pub lines: Vec<Line>,
    /// Remarks, with the number of resources or lists that each is about.
    pub notes: Vec<(Note, usize)>,
    /// The prices that were used.
    pub prices: Vec<UsedPrice>,
    /// Why the plans of some resources are not known.
    pub unread_plans: Option<String>,
    /// Why some sizes that were asked for are not known.
    pub unread_sizes: Option<String>,
    /// Whether `--metrics` would read some of the sizes that are not known.
    pub lacks_metrics: bool,
}

/// One of the accounts that are added up.
#[derive(Debug)]
pub struct AccountEstimate {
    /// Its ID.
    pub id: String,
    /// Its name, if the list of accounts has it.
    pub name: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why nothing of it was seen, or why it was left out.
    pub reason: Option<String>,
    /// A line for each type and region, in this order.
    pub lines: Vec<Line>,
    /// What its totals lack.
    pub missing: Missing,
}

/// A price that was used.
#[derive(Debug, Clone, PartialEq)]
pub struct UsedPrice {
    /// What it is for: `ebs-snapshot`, `transfer to eu-west-1`.
    pub item: String,
    /// The region.
    pub region: String,
    /// The price.
    pub price: Price,
}

/// What the totals lack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "JsonMissing")]
pub struct Missing {
    /// The number of types without a price in some region.
    pub types_without_price: usize,
    /// The number of resources of unknown size.
    pub unknown_sizes: usize,
    /// The number of resources whose plans are not known.
    pub unknown_plans: usize,
    /// Whether resources may be missing.
    pub resources: bool,
    /// The number of accounts of which nothing was seen.
    pub accounts: usize,
}

impl Estimate {
    /// Returns the sum of what a payer pays for.
    #[must_use]
    pub fn total(&self, payer: Payer) -> Total {
        Total::of_lines(&self.lines, payer)
    }

    /// Returns what the totals lack.
    #[must_use]
    pub fn missing(&self) -> Missing {
        let unpriced = self.lines.iter().filter(|line| line.lacks_price());
        let unpriced: BTreeSet<ResourceKind> = unpriced.map(|line| line.kind).collect();
        let unseen = self.accounts.iter().filter(|it| it.outcome.is_unseen());
        Missing {
            types_without_price: unpriced.len(),
            unknown_sizes: self.lines.iter().map(|line| line.unknown_sizes).sum(),
            unknown_plans: self.lines.iter().map(|line| line.unknown_plans).sum(),
            resources: self
                .notes
                .iter()
                .any(|(note, _)| note.is_missing_something()),
            accounts: unseen.count(),
        }
    }
}

impl AccountEstimate {
    /// Whether something of it was seen.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        matches!(self.outcome, Outcome::Scanned | Outcome::Partial)
    }
}

impl Missing {
    /// Whether the totals are too low.
    #[must_use]
    pub fn is_something(&self) -> bool {
        *self != Missing::default()
    }
}

/// Estimates what the backups of a snapshot cost to keep.
#[must_use]
pub fn estimate_cost(
    snapshot: &Snapshot,
    settings: &Settings,
    question: &Question<'_>,
) -> Estimate {
    let policies = PolicyCache::default();
    let mut sum = Sum::new(question);
    for region in snapshot.regions.keys() {
        let cx = RuleContext::new(snapshot, settings, region, &policies);
        let mut counter = Counter::new(&cx, question.selection, question.preflight);
        counter.count_resources();
        for counted in &counter.counted {
            sum.add_resource(region, counted);
        }
        for (note, number) in counter.notes {
            add_note(&mut sum.notes, note, number);
        }
    }
    sum.note_what_is_missing(snapshot);
    sum.subtract_rds_allowances(snapshot);
    let (lines, prices) = sum.price_lines();
    Estimate {
        source: snapshot.source,
        lacks_account: snapshot.has_no_account(),
        account_id: snapshot.account_id.clone(),
        accounts: Vec::new(),
        central_account_id: settings.central_account.clone(),
        tag_key: settings.tag_key.clone(),
        collected_at: snapshot.finished_at.clone(),
        preflight: question.preflight,
        change_rate: question.change_rate,
        lines,
        notes: sum.notes.into_iter().collect(),
        prices,
        unread_plans: sum.unread_plans,
        unread_sizes: sum.unread_sizes,
        lacks_metrics: sum.lacks_metrics,
    }
}

/// What is added up before it is priced.
struct Sum<'q> {
    question: &'q Question<'q>,
    drafts: BTreeMap<(ResourceKind, String), Draft>,
    notes: Notes,
    unread_plans: Option<String>,
    unread_sizes: Option<String>,
    lacks_metrics: bool,
}

/// A line before it is priced.
struct Draft {
    line: Line,
    /// GiB by payer, item (none without a price), and region.
    stored: BTreeMap<(Payer, Option<Item>, String), Figures>,
    /// GiB by payer and the region that data goes to.
    transferred: BTreeMap<(Payer, String), Figures>,
}

impl<'q> Sum<'q> {
    fn new(question: &'q Question<'q>) -> Self {
        Sum {
            question,
            drafts: BTreeMap::new(),
            notes: Notes::new(),
            unread_plans: None,
            unread_sizes: None,
            lacks_metrics: false,
        }
    }

    fn add_resource(&mut self, region: &str, counted: &Counted<'_>) {
        let kind = counted.resource.kind();
        let draft = self.drafts.entry((kind, region.to_owned()));
        let draft = draft.or_insert_with(|| Draft::new(kind, region));
        let line = &mut draft.line;
        line.resources += 1;
        line.unknown_sizes += usize::from(!counted.is_sized);
        if let Some(size) = counted.size {
            line.bytes = line.bytes.saturating_add(size.bytes);
            line.basis = line.basis.max(Some(size.basis));
        }
        if let Some(gap) = counted.size_gap {
            match gap.kind {
                GapKind::NotCollected => self.lacks_metrics |= has_metric(counted.resource),
                _ => drop(self.unread_sizes.get_or_insert_with(|| gap.to_string())),
            }
        }
        let schedule = match &counted.schedule {
            Ok(schedule) => {
                if let Some(gap) = &schedule.open {
                    line.unknown_plans += 1;
                    self.unread_plans.get_or_insert_with(|| gap.to_string());
                }
                schedule
            }
            Err(gap) => {
                line.unknown_plans += 1;
                self.unread_plans.get_or_insert_with(|| gap.to_string());
                return;
            }
        };
        let rule = BillingRule::of_kind(kind);
        let schedule = &kept_points(schedule, rule);
        draft.add_points(schedule);
        if let Some(size) = counted.size {
            let gib = to_gib(size.bytes);
            let rate = self.question.change_rate.unwrap_or_default();
            draft.add_volumes(counted.resource, rule, schedule, gib, rate);
        }
        note_schedule(&mut self.notes, counted, rule, schedule);
    }

    /// Notes resources that no region counts.
    fn note_what_is_missing(&mut self, snapshot: &Snapshot) {
        let selection = self.question.selection;
        let lists = snapshot.incomplete_listings();
        let lists = lists
            .iter()
            .filter(|it| it.of.is_none_or(|of| selection.includes_service(of)));
        add_note(&mut self.notes, Note::IncompleteLists, lists.count());
        let unplaced = snapshot.buckets_without_region();
        let unplaced = unplaced.filter(|(it, _)| selection.includes(Resource::Bucket(it)));
        add_note(&mut self.notes, Note::RegionUnknown, unplaced.count());
        if selection.is_everything() {
            let elsewhere = snapshot.elsewhere.iter();
            let elsewhere = elsewhere.filter(|(region, _)| !snapshot.regions.contains_key(*region));
            let number = elsewhere.map(|(_, listing)| listing.items.len()).sum();
            add_note(&mut self.notes, Note::NotScanned, number);
        }
    }

    /// Subtracts the free allowance of RDS in the account of the databases: as much as its databases in the
    /// region have storage.
    fn subtract_rds_allowances(&mut self, snapshot: &Snapshot) {
        let mut left: BTreeMap<String, Figures> = BTreeMap::new();
        for draft in self.drafts.values_mut() {
            for ((payer, item, region), gib) in &mut draft.stored {
                if (*payer, *item) != (Payer::Member, Some(Item::RdsBackup)) {
                    continue;
                }
                let allowance = left.entry(region.clone()).or_insert_with(|| {
                    let free = to_gib(count_database_bytes(snapshot, region));
                    Figures {
                        one: free,
                        planning: free,
                        ceiling: free,
                    }
                });
                let used = *gib;
                *gib = used.beyond(allowance);
                *allowance = allowance.beyond(&used);
            }
        }
    }

    fn price_lines(&mut self) -> (Vec<Line>, Vec<UsedPrice>) {
        let prices = self.question.prices;
        let mut used: BTreeMap<(String, String), Price> = BTreeMap::new();
        let drafts = std::mem::take(&mut self.drafts);
        let lines = drafts.into_values().map(|draft| {
            let mut line = draft.line;
            for ((payer, item, region), gib) in draft.stored {
                let price = item.and_then(|it| Some((it, prices.storage(it, &region)?)));
                let side = line.side_mut(payer);
                side.storage.add(charge(gib, price.map(|(_, price)| price)));
                if let Some((item, price)) = price.filter(|_| gib.ceiling > 0.0) {
                    used.insert((item.as_str().to_owned(), region), price.clone());
                }
            }
            for ((payer, to), gib) in draft.transferred {
                let price = prices.transfer(&line.region, &to);
                let from = line.region.clone();
                line.side_mut(payer).transfer.add(charge(gib, price));
                if let Some(price) = price.filter(|_| gib.ceiling > 0.0) {
                    used.insert((format!("transfer to {to}"), from), price.clone());
                }
            }
            line
        });
        let lines = lines.collect();
        let used = used.into_iter().map(|((item, region), price)| UsedPrice {
            item,
            region,
            price,
        });
        (lines, used.collect())
    }
}

/// Returns the cost of some GiB. Nothing needs no price.
fn charge(gib: Figures, price: Option<&Price>) -> Cost {
    match price {
        Some(price) => Cost {
            usd: gib.times(price.usd),
            lacks_price: false,
        },
        None => Cost {
            usd: Figures::default(),
            lacks_price: gib.ceiling > 0.0,
        },
    }
}

/// Returns the storage of the databases of a region, as far as it is known.
fn count_database_bytes(snapshot: &Snapshot, region: &str) -> u64 {
    let Some(region) = snapshot.regions.get(region) else {
        return 0;
    };
    let instances = region.db_instances.items.iter();
    let instances = instances.filter(|it| !it.is_member()).map(|it| &it.size);
    let clusters = region.db_clusters.items.iter();
    let clusters = clusters.filter(|it| it.is_multi_az()).map(|it| &it.size);
    let sizes = instances.chain(clusters).filter_map(|it| it.known());
    sizes.fold(0, |sum: u64, size| sum.saturating_add(size.bytes))
}

/// Returns the points of a schedule without copies that AWS Backup does not make of the kind.
fn kept_points(schedule: &Schedule, rule: Option<&BillingRule>) -> Schedule {
    let mut schedule = schedule.clone();
    if rule.is_some_and(|rule| !rule.is_copied) {
        schedule.points.retain(|it| !it.is_copy);
    }
    schedule
}

impl Draft {
    fn new(kind: ResourceKind, region: &str) -> Self {
        Draft {
            line: Line {
                kind,
                region: region.to_owned(),
                resources: 0,
                bytes: 0,
                basis: None,
                unknown_sizes: 0,
                unknown_plans: 0,
                member: Side::default(),
                central: Side::default(),
            },
            stored: BTreeMap::new(),
            transferred: BTreeMap::new(),
        }
    }

    fn add_points(&mut self, schedule: &Schedule) {
        for payer in Payer::ALL {
            let points = schedule.points.iter().filter(|it| it.payer == payer);
            let kept = points.clone().map(|it| it.kept).sum();
            let side = self.line.side_mut(payer);
            let (least, most) = side.points.unwrap_or((kept, kept));
            side.points = Some((least.min(kept), most.max(kept)));
            side.grows |= points.clone().any(|it| it.retention_days.is_none());
        }
    }

    fn add_volumes(
        &mut self,
        resource: Resource<'_>,
        rule: Option<&BillingRule>,
        schedule: &Schedule,
        gib: f64,
        rate: ChangeRate,
    ) {
        let chain = rule.map_or(Chain::Full, |rule| rule.chain);
        let item = rule.and_then(|rule| rule.item_of(resource));
        let all = Stored {
            gib,
            chain,
            cold: rule.and_then(|rule| rule.cold.as_ref()),
            free_days: free_days_of(resource),
            rate,
        };
        let places: BTreeSet<(Payer, bool, &str)> = schedule
            .points
            .iter()
            .map(|it| (it.payer, it.is_air_gapped, it.region.as_str()))
            .collect();
        for (payer, is_air_gapped, region) in places {
            let (warm, cold) = all.add_up(schedule, (payer, is_air_gapped, region));
            let cold_item = all.cold.map(|tier| tier.item);
            for (item, stored) in [(item, warm), (cold_item, cold)] {
                let item = item.filter(|_| !is_air_gapped);
                *self
                    .stored
                    .entry((payer, item, region.to_owned()))
                    .or_default() += stored;
            }
        }
        let copies = schedule.points.iter().filter(|it| it.is_copy);
        for copy in copies.filter(|it| it.region != self.line.region) {
            let payer = match copy.payer {
                Payer::Member => Payer::Member,
                Payer::Central => Payer::of_transfer(self.line.kind),
            };
            *self
                .transferred
                .entry((payer, copy.region.clone()))
                .or_default() += transferred_gib(copy, gib, chain, rate);
        }
    }
}

/// Returns the age in days up to which snapshots in the account of a resource are free: of Aurora, as long as
/// its automated backups are kept. RDS keeps them for a day at least.
fn free_days_of(resource: Resource<'_>) -> u32 {
    match resource {
        Resource::DbCluster(cluster) if resource.kind() == ResourceKind::AuroraCluster => {
            let days = cluster.backup_retention_days.known().copied();
            u32::try_from(days.unwrap_or(1)).unwrap_or(1)
        }
        _ => 0,
    }
}

/// Whether points of a resource move to an archive.
fn is_archived(rule: Option<&BillingRule>, points: &[Points]) -> bool {
    let tier = rule.and_then(|rule| rule.cold.as_ref());
    tier.is_some_and(|tier| tier.is_archive) && points.iter().any(|it| it.count_by_tier(tier).1 > 0)
}

/// Adds the notes about what plans keep of a resource.
fn note_schedule(
    notes: &mut Notes,
    counted: &Counted<'_>,
    rule: Option<&BillingRule>,
    schedule: &Schedule,
) {
    let kind = counted.resource.kind();
    let points = &schedule.points;
    let is_incremental = rule.is_some_and(|rule| rule.chain == Chain::Incremental);
    let is_short = |days: Option<u32>| days.is_some_and(|days| days < RECOMMENDED_DAYS);
    let mut local = points.iter().filter(|it| !it.is_copy);
    let mut copies = points.iter().filter(|it| it.is_copy);
    let kept: u64 = points.iter().map(|it| it.kept).sum();
    let facts = [
        (
            Note::ShortLocalRetention,
            is_incremental && local.any(|it| is_short(it.retention_days)),
        ),
        (
            Note::CopyExpiresFirst,
            is_incremental && copies.any(|it| it.kept == 1 && it.retention_days.is_some()),
        ),
        (
            Note::FullBackupsKept,
            rule.is_some_and(|rule| rule.chain == Chain::Full) && kept > MANY_FULL_BACKUPS,
        ),
        (
            Note::NotSelected,
            points.is_empty() && schedule.open.is_none(),
        ),
        (
            Note::RdsAllowance,
            kind == ResourceKind::RdsInstance || kind == ResourceKind::RdsCluster,
        ),
        (Note::AuroraWindow, kind == ResourceKind::AuroraCluster),
        (Note::SmallObjects, may_have_small_objects(counted.resource)),
        (Note::ArchivedInFull, is_archived(rule, points)),
        (
            Note::ColdStorageUnread,
            schedule.is_cold_unread && rule.is_some_and(|rule| rule.cold.is_some()),
        ),
        (Note::Continuous, schedule.is_continuous),
        (Note::OtherAccounts, !schedule.other_accounts.is_empty()),
        (Note::AirGapped, points.iter().any(|it| it.is_air_gapped)),
    ];
    for (note, applies) in facts {
        add_note(notes, note, usize::from(applies));
    }
}
