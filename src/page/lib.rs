//! The operator's page: what the admin API knows and does, for people with a browser.
//!
//! - [`session`]: who is signed in; `guard`: what every request and every form must show;
//! - `layout`: the frame of every view; `words`: a site's state in a sentence; `chart`: numbers as drawings;
//! - `sites`, `site`, `compare`, `lessons`, `captures`, `log`, `about` (teacher, configuration, generated data): the views; `forms`: what
//!   their buttons do; `points`, `difference`: what is said of two answers, and where they differ;
//! - `pulse`: tells open pages that something has changed.
//!
//! Every view is a whole document made here and works without scripts; `assets/page.js` only fetches it again when something has
//! changed. Nothing comes from another host. All text of models, clients and people is escaped by the template language (`maud`), and the
//! policy sent with every view forbids whatever would slip through. Decides nothing and knows nothing that the admin API does not.

mod about;
mod captures;
mod chart;
mod compare;
mod difference;
mod forms;
mod guard;
mod layout;
mod lessons;
mod log;
mod points;
mod pulse;
mod session;
mod sign_in;
mod site;
mod sites;
mod words;

use std::sync::Arc;

use admin::Admin;
use axum::Router;
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use pulse::Pulse;
use session::Sessions;

/// The page of one admin API.
#[derive(Clone)]
pub struct Page {
    pub(crate) admin: Admin,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) pulse: Arc<Pulse>,
}

impl Page {
    /// `secure` says that browsers reach it by TLS alone.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(admin: Admin, secure: bool) -> Result<Self, getrandom::Error> {
        Ok(Self { admin, sessions: Arc::new(Sessions::new(secure)?), pulse: Arc::default() })
    }

    /// The page and the admin API beside it.
    pub fn router(&self) -> Router {
        let signed_in = Router::new()
            .route("/", get(sites::view))
            .route("/sites/{site}", get(site::view))
            .route("/sites/{site}/steer", post(forms::operate))
            .route("/compare/{site}", get(compare::view).post(compare::rate))
            .route("/found/{site}/edit", post(forms::found))
            .route("/lessons", get(lessons::view))
            .route("/lessons/{site}", get(lessons::of_site))
            .route("/lessons/{site}/curve.svg", get(lessons::curve))
            .route("/sites/{site}/labels", get(compare::labels))
            .route("/lessons/{site}/cancel", post(forms::cancel))
            .route("/captures", get(captures::view))
            .route("/captures/export", get(captures::export))
            .route("/captures/erase", post(forms::erase))
            .route("/captures/{site}/{id}", get(captures::exchange))
            .route("/log", get(log::view))
            .route("/generated", get(about::generated))
            .route("/teacher", get(about::teacher))
            .route("/teacher/check", get(about::teacher_check))
            .route("/configuration", get(about::configuration))
            .route("/events", get(pulse::events))
            .route("/sign-out", post(sign_in::leave))
            .layer(from_fn_with_state(self.clone(), guard::signed_in));
        let own = Router::new()
            .route("/sign-in", get(sign_in::view).post(sign_in::enter))
            .route("/assets/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css")], STYLE) }))
            .route("/assets/page.js", get(|| async { ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT) }))
            .route("/assets/icon.svg", get(|| async { ([(header::CONTENT_TYPE, "image/svg+xml")], ICON) }))
            .merge(signed_in)
            .layer(from_fn(guard::headers))
            .layer(from_fn_with_state(self.admin.clone(), admin::with_own_host))
            .with_state(self.clone());
        admin::router(self.admin.clone()).merge(own)
    }
}

const STYLE: &str = include_str!("assets/style.css");
const ICON: &str = include_str!("assets/icon.svg");
const SCRIPT: &str = include_str!("assets/page.js");

#[cfg(test)]
mod tests;
