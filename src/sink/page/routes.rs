//! What is answered at which path.

use super::guard::{COOKIE_NAME, Guard};
use super::listener::BoundedListener;
use super::state::PageState;
use crate::bundle::labels::parse_names;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Json, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The largest request, in bytes: some ten thousand labels.
const LARGEST: usize = 2 << 20;
/// The largest request to log in, in bytes: a token.
const TOKEN: usize = 8 << 10;
/// How long one message may take to a reader before it is let go.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a reader hears something when there are no windows.
const PULSE: Duration = Duration::from_secs(1);
/// How long a wrong token is thought about.
const DELAY: Duration = Duration::from_millis(300);

/// Nothing from elsewhere, no script but the page's own, in no other site's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self' ws: wss:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The page with its controls, its live channel, and metrics.
pub(super) fn page(state: &Arc<PageState>, guard: Guard) -> Router {
    let inside = Router::new()
        .route("/", get(|| async { html(include_str!("page.html")) }))
        .route("/page.js", get(|| async { text("text/javascript; charset=utf-8", include_str!("page.js")) }))
        .route("/live", get(live))
        .route("/labels", get(labels).post(set_labels))
        .route("/tau", post(set_tau))
        .route("/picture", post(set_picture))
        .route("/metrics", get(scrape))
        .with_state(Arc::clone(state))
        .layer(from_fn_with_state(guard.clone(), admit));
    let outside = Router::new()
        .route("/page.css", get(|| async { text("text/css; charset=utf-8", include_str!("page.css")) }))
        .route("/login.js", get(|| async { text("text/javascript; charset=utf-8", include_str!("login.js")) }))
        .route("/login", post(log_in))
        .route("/health", get(|| async { "ok\n" }))
        .with_state(guard);
    inside.merge(outside).layer(DefaultBodyLimit::max(LARGEST)).layer(middleware::map_response(harden))
}

/// Metrics alone.
pub(super) fn metrics(state: &Arc<PageState>, guard: Guard) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(Arc::clone(state))
        .layer(from_fn_with_state(guard, admit))
        .route("/health", get(|| async { "ok\n" }))
        .layer(middleware::map_response(harden))
}

/// Serves until `stopped`.
pub(super) async fn serve(listeners: Vec<(std::net::TcpListener, Router)>, stopped: oneshot::Receiver<()>) {
    for (listener, router) in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                tokio::spawn(async move {
                    if let Err(error) = axum::serve(BoundedListener::new(listener), router).await {
                        log::warn!("the live page has ended: {error}");
                    }
                });
            }
            Err(error) => log::warn!("the live page has ended: {error}"),
        }
    }
    // It also ends when the other side is gone.
    let _ = stopped.await;
}

async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) if guard.is_closed() && request.uri().path() == "/" => {
            (refusal.status(), html(include_str!("login.html"))).into_response()
        }
        Err(refusal) => (refusal.status(), format!("{}\n", refusal.reason())).into_response(),
    }
}

async fn log_in(State(guard): State<Guard>, request: Request) -> Response {
    if let Err(refusal) = guard.check_origin(&request) {
        return (refusal.status(), refusal.reason()).into_response();
    }
    // Whoever asks has not said yet who they are.
    let body = tokio::time::timeout(PATIENCE, axum::body::to_bytes(request.into_body(), TOKEN)).await;
    let body = body.ok().and_then(core::result::Result::ok).unwrap_or_default();
    let token = serde_json::from_slice::<Token>(&body).map(|body| body.token).unwrap_or_default();
    if !guard.knows(token.trim()) {
        tokio::time::sleep(DELAY).await;
        return (StatusCode::UNAUTHORIZED, "this is not the token\n").into_response();
    }
    let cookie = format!("{COOKIE_NAME}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000", token.trim());
    match HeaderValue::from_str(&cookie) {
        Ok(cookie) => ([(SET_COOKIE, cookie)], "ok\n").into_response(),
        Err(_) => (StatusCode::BAD_REQUEST, "a browser cannot keep this token: make one of letters and digits\n")
            .into_response(),
    }
}

#[derive(Debug, Deserialize)]
struct Token {
    token: String,
}

#[derive(Debug, Deserialize)]
struct Labels {
    /// One a line.
    labels: String,
}

#[derive(Debug, Deserialize)]
struct Tau {
    tau: f32,
}

#[derive(Debug, Deserialize)]
struct Pictures {
    on: bool,
}

async fn labels(State(state): State<Arc<PageState>>) -> String {
    state.labels().join("\n")
}

async fn set_labels(State(state): State<Arc<PageState>>, Json(Labels { labels }): Json<Labels>) -> Response {
    match parse_names(&labels) {
        Ok(names) => {
            state.controls.label_updater.ask(names);
            (StatusCode::ACCEPTED, "they take effect when they are embedded\n").into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn set_tau(State(state): State<Arc<PageState>>, Json(Tau { tau }): Json<Tau>) -> Response {
    match state.controls.handle.set_threshold(tau) {
        Ok(()) => "it takes effect with the next window\n".into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn set_picture(State(state): State<Arc<PageState>>, Json(Pictures { on }): Json<Pictures>) -> Response {
    if state.set_shows(on) {
        return "ok\n".into_response();
    }
    (StatusCode::FORBIDDEN, "this program was started with --no-picture\n").into_response()
}

async fn scrape(State(state): State<Arc<PageState>>) -> Response {
    match state.metrics.scrape() {
        Ok(body) => text("application/openmetrics-text; version=1.0.0; charset=utf-8", body),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn live(State(state): State<Arc<PageState>>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = Arc::clone(&state.places).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many look already\n").into_response();
    };
    // Nobody has to tell the page much.
    upgrade.max_message_size(1024).on_upgrade(async move |socket| {
        tell(&state, socket).await;
        drop(place);
    })
}

/// Tells one reader the newest window, again and again; it goes when it does not read.
async fn tell(state: &PageState, mut socket: WebSocket) {
    let mut updates = state.updates();
    let mut shown = None;
    if !send(&mut socket, Message::Text(state.history().into())).await {
        return;
    }
    loop {
        let newest = updates.borrow_and_update().clone();
        if newest.over || !send(&mut socket, Message::Text(state.state(&newest).into())).await {
            return;
        }
        if let Some(picture) = newest.picture.filter(|_| state.shows() && shown != Some(newest.number)) {
            shown = Some(newest.number);
            if !send(&mut socket, Message::Binary(picture)).await {
                return;
            }
        }
        // What the reader says, its farewell above all, is heard while the next window is waited for.
        tokio::select! {
            said = socket.recv() => {
                if !matches!(said, Some(Ok(_))) {
                    return;
                }
            }
            // Without windows the page still shows that recognition lives.
            changed = tokio::time::timeout(PULSE, updates.changed()) => {
                if matches!(changed, Ok(Err(_))) {
                    return;
                }
            }
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(PATIENCE, socket.send(message)).await, Ok(Ok(())))
}

fn html(body: &'static str) -> Response {
    text("text/html; charset=utf-8", body)
}

fn text(kind: &'static str, body: impl IntoResponse) -> Response {
    ([(CONTENT_TYPE, kind)], body).into_response()
}

/// What holds for every answer.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    response
}
