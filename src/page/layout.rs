//! The frame of every view.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::session::Signed;

/// The views that the navigation names.
const VIEWS: [(&str, &str); 7] = [
    ("/", "Sites"),
    ("/lessons", "Lessons"),
    ("/captures", "Captures"),
    ("/log", "Log"),
    ("/generated", "Generated data"),
    ("/teacher", "Teacher"),
    ("/configuration", "Configuration"),
];

/// A view of somebody who is signed in; `at` is the navigation's path that it belongs to.
pub(crate) fn view(signed: &Signed, at: &str, title: &str, main: Markup) -> Response {
    document(StatusCode::OK, Some((signed, at)), title, main)
}

/// A view without navigation.
pub(crate) fn bare(status: StatusCode, title: &str, main: Markup) -> Response {
    document(status, None, title, main)
}

/// What could not be done, and the way back.
pub(crate) fn problem(signed: Option<&Signed>, status: StatusCode, why: &str) -> Response {
    let main = html! {
        h1 { "That did not work" }
        p.problem role="alert" { (why) }
        p { a href="/" { "Back to the sites" } }
    };
    document(status, signed.map(|signed| (signed, "")), "That did not work", main)
}

/// A file to keep; its name is made of a site's name, which holds nothing but letters, digits and a few signs.
pub(crate) fn download(name: &str, body: Body) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/jsonl".to_owned())];
    let keep = [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    (kind, keep, body).into_response()
}

/// The hidden field that makes a form one of this person's.
pub(crate) fn form_token(signed: &Signed) -> Markup {
    html! { input type="hidden" name="form_token" value=(signed.form_token); }
}

fn document(status: StatusCode, signed: Option<(&Signed, &str)>, title: &str, main: Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " - Apprentice" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/style.css";
                @if signed.is_some() { script src="/assets/page.js" defer {} }
            }
            body {
                @if let Some((signed, at)) = signed {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        strong { "Apprentice" }
                        nav aria-label="Views" {
                            @for (path, name) in VIEWS {
                                a href=(path) aria-current=[(path == at).then_some("page")] { (name) }
                            }
                        }
                        form method="post" action="/sign-out" {
                            (form_token(signed))
                            @if let Some(actor) = &signed.actor { bdi { (actor) } " " }
                            button { "Sign out" }
                        }
                    }
                }
                main id="main" { (main) }
            }
        }
    };
    (status, Html(page.into_string())).into_response()
}
