//! Evaluates the resources of a region on several threads.

use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::analysis::RuleContext;

use super::answer::SharedAnswers;
use super::evaluation::Evaluation;
use super::gating::RegionStakes;
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

impl<'a> Evaluation<'a, '_> {
    /// Evaluates resources of a region and emits their findings in the order of the list.
    pub(super) fn evaluate_subjects(
        &mut self,
        cx: &RuleContext<'a>,
        subjects: Vec<Subject<'a>>,
        stakes: RegionStakes,
    ) {
        let inputs = self.inputs;
        let answers = &SharedAnswers::default();
        if subjects.len() < FEW {
            let evaluated = subjects.into_iter();
            let evaluated =
                evaluated.filter_map(|it| inputs.evaluate_subject(cx, it, answers, stakes));
            return evaluated.for_each(|it| self.emit_evaluated(it));
        }
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads.clamp(1, MAX_THREADS);
        // Batches are dealt in turn, so that taking them in turn restores the order.
        let mut hands: Vec<Vec<Vec<Subject<'a>>>> = (0..threads).map(|_| Vec::new()).collect();
        let mut subjects = subjects.into_iter();
        for turn in (0..threads).cycle() {
            let batch: Vec<Subject<'a>> = subjects.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            hands[turn].push(batch);
        }
        thread::scope(|scope| {
            let receivers = hands.into_iter().map(|hand| {
                let (sender, receiver) = sync_channel::<Vec<EvaluatedResource>>(BATCHES_AHEAD);
                scope.spawn(move || {
                    for batch in hand {
                        let evaluated = batch.into_iter();
                        let evaluated = evaluated
                            .filter_map(|it| inputs.evaluate_subject(cx, it, answers, stakes));
                        // The receiver is gone only if this run ends early.
                        if sender.send(evaluated.collect()).is_err() {
                            return;
                        }
                    }
                });
                receiver
            });
            let receivers: Vec<_> = receivers.collect();
            for receiver in receivers.iter().cycle() {
                // Who has no batch left is followed by nobody who has.
                let Ok(evaluated) = receiver.recv() else {
                    break;
                };
                evaluated.into_iter().for_each(|it| self.emit_evaluated(it));
            }
        });
    }
}
