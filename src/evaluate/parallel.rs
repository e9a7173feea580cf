//! Prepares the places of a snapshot and evaluates their resources, on several threads.

use std::convert::Infallible;

use crate::model::snapshot::{Region, Snapshot};
use crate::report::Part;

use super::evaluation::{Evaluation, Inputs};
use super::in_order::{count_threads, map_in_order};
use super::places::{Place, PreparedPlace};
use super::resource::{EvaluatedResource, Subject};

/// The resources that a thread evaluates before it hands over what it found: few, so that few findings are held and all
/// threads end at about the same time.
const BATCH: usize = 32;

/// The batches that a thread may be ahead.
const BATCHES_AHEAD: usize = 4;

/// The resources from which more than one thread pays. A thread costs about as much as checking ten resources.
const FEW: usize = 256;

/// The most threads. More would wait for the one that writes.
const MAX_THREADS: usize = 8;

/// Resources of one place, next to each other in the report.
type Batch<'p, 'a> = (&'p PreparedPlace<'a>, Vec<Subject<'a>>);

impl<'a> Evaluation<'a, '_> {
    /// Evaluates places and emits their findings in their order.
    pub(super) fn evaluate_places(&mut self, places: &[Place<'a>], part: &Part<'_>) {
        let threads = match has_few_resources(self.inputs.snapshot) {
            true => 1,
            false => count_threads(MAX_THREADS),
        };
        let mut prepared = prepare_places(self.inputs, places, part, threads);
        let unread = prepared.iter_mut().filter_map(|it| it.unread.take());
        self.unread.extend(unread);
        let subjects: Vec<Vec<Subject<'a>>> = prepared
            .iter_mut()
            .map(|it| std::mem::take(&mut it.subjects))
            .collect();
        let of_places = prepared.iter().zip(subjects);
        let batches = of_places.flat_map(|(place, subjects)| split_batches(place, subjects));
        let inputs = self.inputs;
        let work = |batch| evaluate_batch(inputs, batch);
        let emit = |evaluated: Vec<EvaluatedResource>| {
            evaluated.into_iter().for_each(|it| self.emit_evaluated(it));
            Ok::<_, Infallible>(())
        };
        match threads {
            1 => {
                let Ok(()) = batches.map(work).try_for_each(emit);
            }
            _ => {
                let Ok(()) = map_in_order(batches, threads, BATCHES_AHEAD, work, emit);
            }
        }
    }
}

fn has_few_resources(snapshot: &Snapshot) -> bool {
    let of_regions = snapshot.regions.values().flat_map(Region::resources);
    snapshot.buckets.items.len() + of_regions.take(FEW).count() < FEW
}

/// Prepares places on several threads. Returns those of the part, in their order.
fn prepare_places<'a>(
    inputs: &Inputs<'a>,
    places: &[Place<'a>],
    part: &Part<'_>,
    threads: usize,
) -> Vec<PreparedPlace<'a>> {
    let prepare = |place: &Place<'a>| inputs.prepare_place(*place, part);
    if threads == 1 {
        return places.iter().filter_map(prepare).collect();
    }
    let mut prepared = Vec::new();
    let keep = |place| {
        prepared.extend(place);
        Ok::<_, Infallible>(())
    };
    let Ok(()) = map_in_order(places, threads, places.len(), prepare, keep);
    prepared
}

fn split_batches<'p, 'a>(
    place: &'p PreparedPlace<'a>,
    subjects: Vec<Subject<'a>>,
) -> impl Iterator<Item = Batch<'p, 'a>> {
    let mut subjects = subjects.into_iter();
    std::iter::from_fn(move || {
        let batch: Vec<Subject<'a>> = subjects.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then_some((place, batch))
    })
}

fn evaluate_batch<'a>(
    inputs: &Inputs<'a>,
    (place, subjects): Batch<'_, 'a>,
) -> Vec<EvaluatedResource> {
    let evaluated = subjects.into_iter().filter_map(|subject| {
        inputs.evaluate_subject(&place.cx, subject, &place.answers, place.stakes)
    });
    evaluated.collect()
}
