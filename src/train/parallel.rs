//! Work shared out to threads, results in the order of the items whatever the threads did.

use crate::error::TrainError;

/// `f` of every item; thread `k` of `threads` takes items `k`, `k + threads`, ...
pub(crate) fn in_parallel<I: Sync, O: Send>(
    items: &[I],
    threads: usize,
    f: impl Fn(&I) -> Result<O, TrainError> + Sync,
) -> Result<Vec<O>, TrainError> {
    let threads = threads.clamp(1, items.len().max(1));
    if threads == 1 {
        return items.iter().map(f).collect();
    }
    let mut lanes = std::thread::scope(|scope| {
        let f = &f;
        let lane = |k: usize| move || items.iter().skip(k).step_by(threads).map(f).collect::<Result<Vec<O>, _>>();
        // The last lane is this thread's own.
        let others: Vec<_> = (0..threads - 1).map(|k| scope.spawn(lane(k))).collect();
        let own = lane(threads - 1)();
        let mut lanes: Vec<_> = others.into_iter().map(|h| h.join().unwrap_or(Err(TrainError::Worker))).collect();
        lanes.push(own);
        lanes.into_iter().map(|lane| lane.map(Vec::into_iter)).collect::<Result<Vec<_>, _>>()
    })?;
    let mut results = Vec::with_capacity(items.len());
    for i in 0..items.len() {
        let next = lanes.get_mut(i % threads).and_then(Iterator::next);
        results.push(next.ok_or(TrainError::Worker)?);
    }
    Ok(results)
}

#[cfg(test)]
mod tests;
