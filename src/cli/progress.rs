//! The progress display: one line per region, on a terminal only.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::source::aws::meter::Meter;
use crate::text::plural;

use super::args::GlobalArgs;

const TICK: Duration = Duration::from_millis(100);

/// A display that runs until it is finished.
pub(super) struct Display {
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Display {
    /// Starts a display, unless stderr is not a terminal or the arguments disable it.
    pub(super) fn start(
        regions: &[String],
        services: Vec<&'static str>,
        meter: &Arc<Meter>,
        global: &GlobalArgs,
    ) -> Self {
        // Log lines and the display would overwrite each other.
        let disabled = global.quiet || global.no_progress || global.verbose > 0;
        if disabled || !std::io::stderr().is_terminal() {
            return Display { running: None };
        }
        let (done, mut finished) = oneshot::channel();
        let (regions, meter) = (regions.to_vec(), Arc::clone(meter));
        let task = tokio::spawn(async move {
            let lines = Lines::new(&regions);
            let mut tick = tokio::time::interval(TICK);
            loop {
                tokio::select! {
                    _ = &mut finished => break,
                    _ = tick.tick() => lines.draw_progress(&meter, &services),
                }
            }
            lines.clear_lines();
        });
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

struct Lines {
    all: MultiProgress,
    regions: BTreeMap<String, ProgressBar>,
    total: ProgressBar,
}

impl Lines {
    fn new(regions: &[String]) -> Self {
        let all = MultiProgress::new();
        let plain = ProgressStyle::with_template("{msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let lines = regions.iter().map(|region| {
            let bar = all.add(ProgressBar::new_spinner().with_style(plain.clone()));
            (region.clone(), bar)
        });
        let regions = lines.collect();
        let spinner = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
        let total = ProgressBar::new_spinner().with_style(spinner.unwrap_or(plain));
        Lines {
            total: all.add(total),
            regions,
            all,
        }
    }

    fn draw_progress(&self, meter: &Meter, services: &[&'static str]) {
        let progress = meter.progress();
        for (region, bar) in &self.regions {
            let services =
                services
                    .iter()
                    .map(|service| match progress.get(&(region.clone(), *service)) {
                        None => format!("  {service}"),
                        Some(it) if it.open > 0 => format!("… {service}"),
                        Some(_) => format!("✓ {service}"),
                    });
            bar.set_message(format!(
                "{region:<15}{}",
                services.collect::<Vec<_>>().join(" ")
            ));
        }
        let stats = meter.stats();
        let throttled = match stats.throttled {
            0 => String::new(),
            n => format!(", {n} throttled"),
        };
        let calls = plural(
            usize::try_from(stats.api_calls).unwrap_or(usize::MAX),
            "call",
        );
        self.total.set_message(format!("{calls}{throttled}"));
        self.total.tick();
    }

    fn clear_lines(&self) {
        let _ = self.all.clear();
    }
}
