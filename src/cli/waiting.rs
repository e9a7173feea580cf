//! The text of the progress display.

use std::collections::BTreeMap;

use crate::text::{pad_to_width, plural, truncate_middle};

/// The width from which each region has its own row, in columns.
pub(super) const WIDE: usize = 100;
/// The width of a region's name, in columns.
const REGION_WIDTH: usize = 15;

/// What a scan has read so far. A list is one service in one region.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    /// The services of each region, and whether each is being read or was read.
    pub(super) regions: BTreeMap<String, Vec<(&'static str, ListState)>>,
    /// The number of retried calls.
    pub(super) retries: usize,
    /// The service, the region and the reason of the last attempt that failed.
    pub(super) last_failure: Option<(String, String, String)>,
    /// The number of throttled calls.
    pub(super) throttled: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListState {
    /// It was not requested yet.
    Waiting,
    /// It is being read.
    Reading,
    /// It was read, completely or not.
    Read,
}

impl Waiting {
    /// Returns the progress in at most `width` columns.
    pub(super) fn describe_total(&self, width: usize) -> String {
        let all = self.regions.values().flatten();
        let read = all.clone().filter(|(_, it)| *it == ListState::Read).count();
        let mut text = format!("{read} of {}", plural(all.count(), "list"));
        if self.retries > 0 {
            let retries = match self.retries {
                1 => "1 retry".to_owned(),
                many => format!("{many} retries"),
            };
            text.push_str(&format!(" · {retries}"));
            if let Some((service, region, reason)) = &self.last_failure {
                text.push_str(&format!(" ({service} {region}: {reason})"));
            }
        }
        if self.throttled > 0 {
            text.push_str(&format!(" · {} throttled", self.throttled));
        }
        truncate_middle(&text, width)
    }

    /// Returns a row for each region in at most `width` columns.
    pub(super) fn describe_regions(&self, width: usize) -> Vec<(&str, String)> {
        let rows = self.regions.iter().map(|(region, lists)| {
            let count = |state| lists.iter().filter(|(_, it)| *it == state).count();
            let reading = lists.iter().filter(|(_, it)| *it == ListState::Reading);
            let reading: Vec<&str> = reading.map(|(service, _)| *service).collect();
            let text = format!(
                "{} {:>2} of {} {}",
                pad_to_width(region, REGION_WIDTH),
                count(ListState::Read),
                plural(lists.len(), "list"),
                reading.join(" ")
            );
            (region.as_str(), truncate_middle(text.trim_end(), width))
        });
        rows.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::display_width;

    fn sample() -> Waiting {
        let lists = |read: usize, reading: usize| {
            let services = ["backup", "cloudformation", "dynamodb", "ebs", "ec2", "efs"];
            let states = services.iter().enumerate().map(|(at, service)| {
                let state = match at {
                    _ if at < read => ListState::Read,
                    _ if at < read + reading => ListState::Reading,
                    _ => ListState::Waiting,
                };
                (*service, state)
            });
            states.collect::<Vec<_>>()
        };
        Waiting {
            regions: BTreeMap::from([
                ("ap-southeast-1".to_owned(), lists(6, 0)),
                ("eu-west-1".to_owned(), lists(3, 2)),
            ]),
            ..Waiting::default()
        }
    }

    #[test]
    fn the_total_counts_lists_retries_and_throttled_calls() {
        let mut waiting = sample();
        assert_eq!(waiting.describe_total(80), "9 of 12 lists");
        waiting.retries = 1;
        assert_eq!(waiting.describe_total(80), "9 of 12 lists · 1 retry");
        waiting.retries = 3;
        let failure = ["ec2", "us-east-1", "500"].map(str::to_owned);
        waiting.last_failure = Some(failure.into());
        assert_eq!(
            waiting.describe_total(80),
            "9 of 12 lists · 3 retries (ec2 us-east-1: 500)"
        );
        waiting.throttled = 12;
        assert_eq!(
            waiting.describe_total(80),
            "9 of 12 lists · 3 retries (ec2 us-east-1: 500) · 12 throttled"
        );
    }

    #[test]
    fn a_failure_without_a_retry_is_not_mentioned() {
        let mut waiting = sample();
        let failure = ["kms", "eu-west-1", "503"].map(str::to_owned);
        waiting.last_failure = Some(failure.into());
        assert_eq!(waiting.describe_total(80), "9 of 12 lists");
    }

    #[test]
    fn every_text_fits_its_width() {
        let mut waiting = sample();
        waiting.retries = 123_456;
        waiting.throttled = 7_890;
        let failure = ["resourcegroupstaggingapi", "ap-southeast-1", "no response"];
        waiting.last_failure = Some(failure.map(str::to_owned).into());
        for width in [20, 40, 80, 100] {
            assert!(display_width(&waiting.describe_total(width)) <= width);
            for (_, row) in waiting.describe_regions(width) {
                assert!(display_width(&row) <= width, "{row}");
            }
        }
    }

    #[test]
    fn a_region_has_its_open_services() {
        assert_eq!(
            sample().describe_regions(WIDE),
            [
                ("ap-southeast-1", "ap-southeast-1   6 of 6 lists".to_owned()),
                (
                    "eu-west-1",
                    "eu-west-1        3 of 6 lists ebs ec2".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn nothing_selected_is_no_list() {
        assert_eq!(Waiting::default().describe_total(80), "0 of 0 lists");
        assert!(Waiting::default().describe_regions(80).is_empty());
    }
}
