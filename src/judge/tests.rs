//! The judge between scripted models: what it asks, what it makes of answers, what it pays.

mod asking;
mod budget;
mod replies;
mod script;
