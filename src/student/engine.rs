//! What all models of one base share.

use std::sync::Arc;

use crate::format::Format;
use crate::scheduler::Scheduler;

pub(crate) struct Engine {
    pub(crate) scheduler: Scheduler,
    pub(crate) format: Arc<Format>,
}
