//! Signing in with the admin token, and out.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use crate::Page;
use crate::guard::{Sent, fields, is_from_here};
use crate::layout;

/// Characters of a name in the log.
const NAME_MAX: usize = 64;

pub(crate) async fn view() -> Response {
    layout::bare(StatusCode::OK, "Sign in", form(None))
}

pub(crate) async fn enter(State(page): State<Page>, request: Request) -> Response {
    let (now_ms, again) = ((page.admin.clock)(), |status, why| layout::bare(status, "Sign in", form(Some(why))));
    if !is_from_here(request.headers()) {
        return again(StatusCode::FORBIDDEN, "This form was sent by another site.");
    }
    if !page.sessions.may_try(now_ms) {
        return again(StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens. Wait a minute.");
    }
    let fields = match fields(request, &page).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let said = |name: &str| fields.get(name).map(|value| value.trim()).unwrap_or_default();
    if !page.admin.token.is(said("token")) {
        page.sessions.note_wrong(now_ms);
        return again(StatusCode::UNAUTHORIZED, "That is not the admin token.");
    }
    let name: String = said("name").chars().filter(|character| !character.is_control()).take(NAME_MAX).collect();
    match page.sessions.open(Some(name).filter(|name| !name.is_empty()), now_ms) {
        Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(error) => layout::problem(None, StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(crate) async fn leave(State(page): State<Page>, sent: Sent) -> Response {
    ([(header::SET_COOKIE, page.sessions.close(&sent.signed))], Redirect::to("/sign-in")).into_response()
}

fn form(problem: Option<&str>) -> Markup {
    html! {
        form.sign-in method="post" action="/sign-in" {
            h1 { "Apprentice" }
            p { "Sign in with the admin token: what the variable " code { "admin.token_env" } " says, or the file " code { "admin-token" } " in the data folder." }
            @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
            label { "Admin token" input type="password" name="token" required autofocus autocomplete="current-password"; }
            label { "Your name, for the log" input type="text" name="name" maxlength=(NAME_MAX) autocomplete="username"; }
            button.primary { "Sign in" }
        }
    }
}
