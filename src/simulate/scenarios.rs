//! The scenarios, one file each; each gives a report of its own. Nothing here decides anything: the machine does.

pub(crate) mod cost;
pub(crate) mod dependence;
pub(crate) mod drift;
pub(crate) mod incumbents;
pub(crate) mod promotion;
pub(crate) mod routed;
pub(crate) mod threshold;
pub(crate) mod times;
pub(crate) mod timing;
pub(crate) mod weighted;

use handover::Policy;

use crate::figures::{Goal, Row, shown};
use crate::runs::Size;
use crate::summary::{Share, Times};

/// What every scenario is given.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) size: Size,
    pub(crate) policy: Policy,
}

impl World {
    /// Goals about speed are those of the shipped numbers.
    pub(crate) fn goal(&self, goal: Goal) -> Goal {
        if self.policy == Policy::default() { goal } else { Goal::None }
    }

    pub(crate) fn with(&self, part: u64) -> Size {
        self.size.part(part)
    }
}

/// A share of runs as a row.
pub(crate) fn share_row(name: impl Into<String>, share: Share, goal: Goal) -> Row {
    Row::new(name, share.share, "share of runs", (share.low, share.high), goal)
}

/// A median time as a row.
pub(crate) fn time_row(name: impl Into<String>, times: &Times, unit: &str, goal: Goal) -> Row {
    Row::new(name, times.median(), unit, (times.quantile(0.1), times.quantile(0.9)), goal)
}

/// A share with its interval in a cell.
pub(crate) fn share_cell(share: Share) -> String {
    format!("{:.4} ({:.4} .. {:.4})", share.share, share.low, share.high)
}

/// Median and 90 % quantile in a cell.
pub(crate) fn time_cell(times: &Times) -> String {
    format!("{} / {}", shown(times.median()), shown(times.quantile(0.9)))
}
