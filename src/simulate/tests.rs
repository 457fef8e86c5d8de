//! Few runs of what the reports are made of, and replays of tiny histories.

mod recorded;
mod worlds;
