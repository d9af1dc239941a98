//! Shows orders, findings and proofs to people, as server-rendered pages. One has a script: it checks a receipt, and the
//! page says how to do the same without it.
//!
//! Reading order: [`layout`] (what every page shares), [`now`], [`timeline`], [`ask`], [`orders`],
//! [`subjects`], [`conditions`], [`decisions`] (one module a page), [`weave`] (the page a lawyer signs), [`picture`] (timelines
//! as SVG).

mod ask;
pub mod conditions;
pub mod decisions;
mod layout;
mod now;
mod orders;
pub mod picture;
mod subjects;
mod timeline;
pub mod weave;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use docket::Docket;
use law::Time;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the console gets the law in force and the time from.
#[derive(Clone)]
pub struct Console {
    /// The docket in force.
    pub docket: Arc<dyn Fn() -> Arc<Docket> + Send + Sync>,
    /// The instant.
    pub now: fn() -> Time,
    /// The conditions as they stand at an instant, or why that cannot be said. It may read files.
    pub conditions: Conditions,
    /// The decisions on record.
    pub decisions: Decisions,
}

/// Who shows decisions, out of a log that is kept. It may read files.
#[derive(Clone)]
pub struct Decisions {
    /// Those that are sought, the newest first; `None` where no log is kept.
    pub newest: Listing,
    /// The one of an index.
    pub one: Arc<dyn Fn(Option<u64>, u64) -> Result<decisions::Looked, String> + Send + Sync>,
}

impl Default for Decisions {
    /// None, because no log is kept.
    fn default() -> Self {
        Self { newest: Arc::new(|_sought| Ok(None)), one: Arc::new(|_sealed, _index| Ok(decisions::Looked::Missing)) }
    }
}

/// Who lists the decisions that are sought.
pub type Listing = Arc<dyn Fn(&decisions::Sought) -> Result<Option<decisions::Newest>, String> + Send + Sync>;

/// Who says how conditions stand.
pub type Conditions = Arc<dyn Fn(Time) -> Result<conditions::Standing, String> + Send + Sync>;

type Params = BTreeMap<String, String>;
type Asked = Result<Query<Params>, QueryRejection>;

/// The routes of the console.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/", get(now_page))
        .route("/timeline", get(timeline_page))
        .route("/ask", get(ask_page))
        .route("/orders", get(orders_page))
        .route("/orders/{id}", get(order_page))
        .route("/subjects", get(subjects_page))
        .route("/subjects/{id}", get(subject_page))
        .route("/conditions", get(conditions_page))
        .route("/conditions/{order}/{id}", get(condition_page))
        .route("/decisions", get(decisions_page))
        .route("/decisions/{index}", get(decision_page))
        .route("/decisions/sealed/{log}/{index}", get(sealed_page))
        .route("/decision.js", get(script))
        .route("/console.css", get(style))
        .fallback(missing)
        .with_state(console)
}

/// Only this origin's style sheet, no script at all, and nobody may frame the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same with the one script of this origin. It may connect to nothing: what is typed into its page stays there.
const SCRIPTED: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; script-src 'self'";

fn page(status: StatusCode, html: maud::Markup) -> Response {
    page_under(POLICY, status, html)
}

fn page_under(policy: &'static str, status: StatusCode, html: maud::Markup) -> Response {
    let mut response = (status, Html(html.into_string())).into_response();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn now_page(State(console): State<Console>) -> Response {
    page(StatusCode::OK, now::page(&(console.docket)(), (console.now)()))
}

async fn timeline_page(State(console): State<Console>, params: Asked) -> Response {
    let params = match params {
        Ok(Query(params)) => params,
        Err(rejection) => return unreadable(&console, &rejection),
    };
    let (status, html) = timeline::page(&(console.docket)(), &params, (console.now)());
    page(status, html)
}

async fn ask_page(State(console): State<Console>, params: Asked) -> Response {
    let params = match params {
        Ok(Query(params)) => params,
        Err(rejection) => return unreadable(&console, &rejection),
    };
    let (status, html) = ask::page(&(console.docket)(), &params, (console.now)());
    page(status, html)
}

async fn orders_page(State(console): State<Console>) -> Response {
    page(StatusCode::OK, orders::list(&(console.docket)()))
}

async fn order_page(State(console): State<Console>, Path(id): Path<String>) -> Response {
    let docket = (console.docket)();
    // An order can be read while attestations cannot.
    let conditions = standing(&console, &docket).await.map(|standing| standing.conditions).unwrap_or_default();
    match orders::one(&docket, &id, &conditions) {
        Some(html) => page(StatusCode::OK, html),
        None => not_found(&console, &format!("There is no order `{id}`.")),
    }
}

async fn subjects_page(State(console): State<Console>) -> Response {
    page(StatusCode::OK, subjects::list(&(console.docket)()))
}

async fn subject_page(State(console): State<Console>, Path(id): Path<String>) -> Response {
    match subjects::one(&(console.docket)(), &id, (console.now)()) {
        Some(html) => page(StatusCode::OK, html),
        None => not_found(&console, &format!("There is no subject `{id}`.")),
    }
}

/// How the conditions stand of the orders that are on file here.
async fn standing(console: &Console, docket: &Docket) -> Result<conditions::Standing, String> {
    let (ask, now) = (Arc::clone(&console.conditions), (console.now)());
    let found = tokio::task::spawn_blocking(move || ask(now)).await.unwrap_or_else(|error| Err(error.to_string()));
    found.map(|mut standing| {
        let on_file = |order: &str| docket.corpus().instruments.iter().any(|known| known.id == order);
        standing.conditions.retain(|condition| on_file(&condition.order));
        standing
    })
}

async fn conditions_page(State(console): State<Console>) -> Response {
    let docket = (console.docket)();
    let found = standing(&console, &docket).await;
    let status = if found.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    page(status, conditions::list(&docket, &found))
}

async fn condition_page(State(console): State<Console>, Path((order, id)): Path<(String, String)>) -> Response {
    let docket = (console.docket)();
    let found = standing(&console, &docket).await;
    let Ok(standing) = &found else {
        return page(StatusCode::INTERNAL_SERVER_ERROR, conditions::list(&docket, &found));
    };
    match standing.conditions.iter().find(|condition| condition.order == order && condition.id == id) {
        Some(condition) => page(StatusCode::OK, conditions::one(&docket, condition, (console.now)())),
        None => not_found(&console, &format!("There is no condition `{id}` of `{order}`.")),
    }
}

async fn decisions_page(State(console): State<Console>, params: Asked) -> Response {
    let params = match params {
        Ok(Query(params)) => params,
        Err(rejection) => return unreadable(&console, &rejection),
    };
    let docket = (console.docket)();
    let sought = match decisions::sought(&docket, &params) {
        Ok(decisions::Wanted::List(sought)) => sought,
        Ok(decisions::Wanted::One(index)) => return Redirect::to(&format!("/decisions/{index}")).into_response(),
        Err(why) => {
            return page(StatusCode::BAD_REQUEST, layout::problem(&docket, "The question cannot be read", &why));
        }
    };
    let ask = Arc::clone(&console.decisions.newest);
    let found = tokio::task::spawn_blocking(move || (ask(&sought), sought)).await;
    let (newest, sought) = match found {
        Ok(found) => found,
        Err(error) => (Err(error.to_string()), decisions::Sought::all(&docket)),
    };
    let status = if newest.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    page(status, decisions::list(&docket, &newest, &sought))
}

async fn decision_page(State(console): State<Console>, Path(index): Path<String>) -> Response {
    one_decision(&console, None, &index).await
}

async fn sealed_page(State(console): State<Console>, Path((log, index)): Path<(u64, String)>) -> Response {
    one_decision(&console, Some(log), &index).await
}

async fn one_decision(console: &Console, sealed: Option<u64>, index: &str) -> Response {
    let no_such = || not_found(console, &format!("There is no decision `{index}`."));
    let Ok(number) = index.parse() else { return no_such() };
    let ask = Arc::clone(&console.decisions.one);
    let found =
        tokio::task::spawn_blocking(move || ask(sealed, number)).await.unwrap_or_else(|error| Err(error.to_string()));
    match found {
        Ok(decisions::Looked::Missing) => no_such(),
        Ok(decisions::Looked::Waiting(trouble)) => {
            page(StatusCode::ACCEPTED, decisions::waiting(&(console.docket)(), number, trouble.as_deref()))
        }
        Ok(decisions::Looked::Retired) => page(StatusCode::GONE, decisions::retired(&(console.docket)(), number)),
        Ok(decisions::Looked::Found(found)) => {
            page_under(SCRIPTED, StatusCode::OK, decisions::one(&(console.docket)(), &found))
        }
        Err(why) => {
            let html = layout::problem(&(console.docket)(), "The log cannot be read", &why);
            page(StatusCode::INTERNAL_SERVER_ERROR, html)
        }
    }
}

async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, decisions::SCRIPT).into_response()
}

async fn missing(State(console): State<Console>) -> Response {
    not_found(&console, "There is no such page.")
}

fn not_found(console: &Console, what: &str) -> Response {
    page(StatusCode::NOT_FOUND, layout::problem(&(console.docket)(), "Not found", what))
}

fn unreadable(console: &Console, rejection: &QueryRejection) -> Response {
    let what = format!("The address cannot be read: {}.", rejection.body_text());
    page(StatusCode::BAD_REQUEST, layout::problem(&(console.docket)(), "The question cannot be read", &what))
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=300")], layout::STYLE)
        .into_response()
}
