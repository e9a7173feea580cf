//! The progress display: rows on a terminal, else a line every ten seconds.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::source::aws::meter::Meter;

use super::args::GlobalArgs;
use super::output::print_stderr;
use super::waiting::{ListState, WIDE, Waiting};

/// The time between two drawings on a terminal.
const TICK: Duration = Duration::from_millis(100);
/// The longest silence where there is no terminal.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);
/// The width of the spinner and the elapsed time before the total, in columns.
const PREFIX_WIDTH: usize = 8;
/// The width where it is unknown, in columns.
const DEFAULT_WIDTH: usize = 80;

/// A display that runs until it is finished.
pub(super) struct Display {
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Display {
    /// Starts a display, unless the arguments disable it.
    pub(super) fn start(
        regions: &[String],
        services: Vec<&'static str>,
        meter: &Arc<Meter>,
        global: &GlobalArgs,
    ) -> Self {
        if global.quiet || global.no_progress {
            return Display { running: None };
        }
        let (done, finished) = oneshot::channel();
        let (regions, meter) = (regions.to_vec(), Arc::clone(meter));
        let observe = move || observe_scan(&regions, &services, &meter);
        // Log lines and rows would overwrite each other.
        let has_rows = global.verbose == 0 && std::io::stderr().is_terminal();
        let task = match has_rows {
            true => tokio::spawn(draw_rows(observe, finished)),
            false => tokio::spawn(print_lines(observe, finished)),
        };
        Display {
            running: Some((done, task)),
        }
    }

    /// Starts lines that say what is waited for before the scan.
    pub(super) fn announce_wait(what: &'static str, global: &GlobalArgs) -> Self {
        if global.quiet || global.no_progress {
            return Display { running: None };
        }
        let (done, finished) = oneshot::channel();
        let task = tokio::spawn(repeat_line(move || what.to_owned(), finished));
        Display {
            running: Some((done, task)),
        }
    }

    /// Stops the display and clears it.
    pub(super) async fn finish(self) {
        if let Some((done, task)) = self.running {
            let _ = done.send(());
            let _ = task.await;
        }
    }
}

/// Returns the state of a scan.
fn observe_scan(regions: &[String], services: &[&'static str], meter: &Meter) -> Waiting {
    let progress = meter.progress();
    let state =
        |region: &String, service: &'static str| match progress.get(&(region.clone(), service)) {
            None => ListState::Waiting,
            Some(it) if it.open > 0 => ListState::Reading,
            Some(_) => ListState::Read,
        };
    let rows = regions.iter().map(|region| {
        let lists = services.iter().map(|it| (*it, state(region, *it)));
        (region.clone(), lists.collect())
    });
    let stats = meter.stats();
    let failure = meter.last_failure();
    Waiting {
        regions: rows.collect(),
        retries: usize::try_from(stats.retries).unwrap_or(usize::MAX),
        last_failure: failure.map(|it| (it.service, it.region, it.reason)),
        throttled: usize::try_from(stats.throttled).unwrap_or(usize::MAX),
    }
}

/// Prints the total every ten seconds.
async fn print_lines(observe: impl Fn() -> Waiting, finished: oneshot::Receiver<()>) {
    repeat_line(|| observe().describe_total(DEFAULT_WIDTH), finished).await;
}

/// Prints a line every ten seconds.
async fn repeat_line(write: impl Fn() -> String, mut finished: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _ = &mut finished => break,
            () = tokio::time::sleep(LONGEST_SILENCE) => print_stderr(&write()),
        }
    }
}

/// Draws a row for each region on a wide terminal, and the total.
async fn draw_rows(observe: impl Fn() -> Waiting, mut finished: oneshot::Receiver<()>) {
    let width = terminal_size::terminal_size_of(std::io::stderr());
    let width = width.map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
    let rows = Rows::new(&observe(), width);
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = &mut finished => break,
            _ = tick.tick() => rows.draw_progress(&observe()),
        }
    }
    rows.clear_rows();
}

struct Rows {
    width: usize,
    all: MultiProgress,
    regions: BTreeMap<String, ProgressBar>,
    total: ProgressBar,
}

impl Rows {
    fn new(waiting: &Waiting, width: usize) -> Self {
        let all = MultiProgress::new();
        let plain = ProgressStyle::with_template("{msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let names = waiting.regions.keys().filter(|_| width >= WIDE);
        let regions = names.map(|region| {
            let bar = all.add(ProgressBar::new_spinner().with_style(plain.clone()));
            (region.clone(), bar)
        });
        let regions = regions.collect();
        let spinner = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
        let total = ProgressBar::new_spinner().with_style(spinner.unwrap_or(plain));
        Rows {
            width,
            total: all.add(total),
            regions,
            all,
        }
    }

    fn draw_progress(&self, waiting: &Waiting) {
        for (region, row) in waiting.describe_regions(self.width) {
            if let Some(bar) = self.regions.get(region) {
                bar.set_message(row);
            }
        }
        let width = self.width.saturating_sub(PREFIX_WIDTH);
        self.total.set_message(waiting.describe_total(width));
        self.total.tick();
    }

    fn clear_rows(&self) {
        let _ = self.all.clear();
    }
}
