//! Keeps a camera that sends without end from filling the memory between two looks at the clock.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::task::coop;

/// How often the connection is read between two looks at the clock. The library goes on reading as long as there is
/// something, a hundred times and more, and each read may take megabytes.
const READS: usize = 4;

/// More than any task's budget: one that has no limit is left alone.
const MAX_BUDGET: usize = 1_024;

/// The same future, which is given only [`READS`] of its turn's budget.
pub(super) fn modest<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |context| {
        spend(context);
        Pin::new(&mut future).poll(context)
    })
}

/// Spends the budget of this turn down to [`READS`].
fn spend(context: &mut Context<'_>) {
    let mut newest: [Option<coop::RestoreOnPending>; READS] = Default::default();
    for i in 0..MAX_BUDGET {
        if !coop::has_budget_remaining() {
            // The oldest of them gives back what was there before it.
            newest.rotate_left(i % READS);
            for newer in newest.iter().flatten().skip(1) {
                newer.made_progress();
            }
            return;
        }
        let Poll::Ready(taken) = coop::poll_proceed(context) else {
            return;
        };
        if let Some(old) = newest[i % READS].replace(taken) {
            old.made_progress();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_future_gets_a_few_steps_of_each_turn() {
        let steps = std::future::poll_fn(|context| {
            let mut steps = 0;
            while let Poll::Ready(step) = coop::poll_proceed(context) {
                step.made_progress();
                steps += 1;
            }
            Poll::Ready(steps)
        });
        assert_eq!(modest(steps).await, READS);
    }

    #[tokio::test]
    async fn without_a_budget_nothing_is_limited() {
        let ready = coop::unconstrained(modest(std::future::ready(7)));
        assert_eq!(ready.await, 7);
    }
}
