//! The routes of the page and of the metrics.

use super::access::AccessGuard;
use super::listener;
use super::state::{PageState, PageUpdate};
use crate::bundle::labels::parse_names;
use crate::sink::metrics_format::MetricsFormat;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{DefaultBodyLimit, Json, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, SET_COOKIE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Maximum size of a request in bytes, enough for more than ten thousand labels.
const MAX_BODY_BYTES: usize = 2 << 20;
/// Maximum size of a login request in bytes.
const MAX_LOGIN_BYTES: usize = 8 << 10;
/// Timeout of one message to or from a client.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(20);
/// Interval of messages to readers without new windows.
const UPDATE_INTERVAL: Duration = Duration::from_secs(1);
/// Timeout of one request, with its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Control frames of a reader between two messages to it; a browser sends few.
const MAX_CONTROL_FRAMES: usize = 8;

/// Content security policy: no resources of other hosts, only the page's own scripts, and no embedding by other sites.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self' ws: wss:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Returns the routes of the page with its controls, live channel and metrics.
pub(super) fn page(state: &Arc<PageState>, guard: AccessGuard) -> Router {
    let protected = Router::new()
        .route("/", get(|| async { html(include_str!("page.html")) }))
        .route("/page.js", get(|| async { script(include_str!("page.js")) }))
        .route("/chart.js", get(|| async { script(include_str!("chart.js")) }))
        .route("/edited_field.js", get(|| async { script(include_str!("edited_field.js")) }))
        .route("/live", get(live))
        .route("/labels", get(labels).post(set_labels))
        .route("/tau", post(set_tau))
        .route("/picture", post(set_picture))
        .route("/metrics", get(scrape))
        .with_state(Arc::clone(state))
        .layer(from_fn_with_state(guard.clone(), authorize));
    let public = Router::new()
        .route("/page.css", get(|| async { text("text/css; charset=utf-8", include_str!("page.css")) }))
        .route("/login.js", get(|| async { script(include_str!("login.js")) }))
        .route("/login", post(log_in))
        .route("/health", get(|| async { "ok\n" }))
        .with_state(guard);
    protected
        .merge(public)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(bound_time))
        .layer(middleware::map_response(set_security_headers))
}

/// Returns the routes of the metrics alone.
pub(super) fn metrics(state: &Arc<PageState>, guard: AccessGuard) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(Arc::clone(state))
        .layer(from_fn_with_state(guard, authorize))
        .route("/health", get(|| async { "ok\n" }))
        .layer(middleware::from_fn(bound_time))
        .layer(middleware::map_response(set_security_headers))
}

/// A bound listener with its routes.
pub(super) struct Endpoint {
    pub(super) listener: std::net::TcpListener,
    pub(super) router: Router,
}

/// Serves all endpoints until `stopped` resolves.
pub(super) async fn serve(endpoints: Vec<Endpoint>, stopped: oneshot::Receiver<()>) {
    for Endpoint { listener, router } in endpoints {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => drop(tokio::spawn(listener::serve(listener, router))),
            Err(error) => log::warn!("the live page stopped: {error}"),
        }
    }
    // An error means that the sender was dropped.
    let _ = stopped.await;
}

async fn authorize(State(guard): State<AccessGuard>, request: Request, next: Next) -> Response {
    let checked = guard.check(&request);
    match checked.decide(&guard).await {
        Ok(()) => next.run(request).await,
        Err(error) if guard.needs_token() && request.uri().path() == "/" => {
            (error.status(), html(include_str!("login.html"))).into_response()
        }
        Err(error) => (error.status(), format!("{}\n", error.reason(request.headers()))).into_response(),
    }
}

/// Ends a request that takes too long, as one whose body never ends.
async fn bound_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request took too long\n").into_response(),
    }
}

async fn log_in(State(guard): State<AccessGuard>, request: Request) -> Response {
    if let Err(error) = guard.check_origin(&request) {
        return (error.status(), format!("{}\n", error.reason(request.headers()))).into_response();
    }
    // The client is not authenticated yet, so time and size are limited.
    let body = tokio::time::timeout(MESSAGE_TIMEOUT, axum::body::to_bytes(request.into_body(), MAX_LOGIN_BYTES)).await;
    let body = body.ok().and_then(core::result::Result::ok).unwrap_or_default();
    let token = serde_json::from_slice::<Token>(&body).map(|body| body.token).unwrap_or_default();
    if !guard.try_token(token.trim()).await {
        return (StatusCode::UNAUTHORIZED, "wrong token\n").into_response();
    }
    ([(SET_COOKIE, guard.cookie())], "ok\n").into_response()
}

#[derive(Debug, Deserialize)]
struct Token {
    token: String,
}

#[derive(Debug, Deserialize)]
struct Labels {
    /// One label per line.
    labels: String,
}

#[derive(Debug, Deserialize)]
struct Tau {
    /// In double precision, so that a number beyond single precision is refused as one that is not finite.
    tau: f64,
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
            (StatusCode::ACCEPTED, "the labels take effect once they are embedded\n").into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn set_tau(State(state): State<Arc<PageState>>, Json(Tau { tau }): Json<Tau>) -> Response {
    match state.controls.handle.set_threshold(tau as f32) {
        Ok(()) => "the threshold takes effect with the next window\n".into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn set_picture(State(state): State<Arc<PageState>>, Json(Pictures { on }): Json<Pictures>) -> Response {
    if state.set_shows_pictures(on) {
        return "ok\n".into_response();
    }
    (StatusCode::FORBIDDEN, "pictures are disabled in the settings of the program\n").into_response()
}

async fn scrape(State(state): State<Arc<PageState>>, headers: HeaderMap) -> Response {
    let accepted: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let format = MetricsFormat::accepted(&accepted.join(","));
    match state.metrics.scrape(format) {
        Ok(body) => ([(VARY, "accept")], text(format.media_type(), body)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn live(State(state): State<Arc<PageState>>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(permit) = Arc::clone(&state.reader_permits).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many readers\n").into_response();
    };
    // Readers send next to nothing.
    upgrade.max_message_size(1024).max_frame_size(1024).on_upgrade(async move |socket| {
        send_updates(&state, socket).await;
        drop(permit);
    })
}

/// Sends the newest window to one reader until it disconnects or does not read for too long.
async fn send_updates(state: &PageState, mut socket: WebSocket) {
    let mut updates = state.updates();
    let mut last_picture = None;
    if !send(&mut socket, Message::Text(state.history().into())).await {
        return;
    }
    loop {
        let newest = updates.borrow_and_update().clone();
        if newest.is_closed || !send(&mut socket, Message::Text(state.message(&newest).into())).await {
            return;
        }
        if let Some(picture) = newest.picture.filter(|_| state.shows_pictures() && last_picture != Some(newest.number))
        {
            last_picture = Some(newest.number);
            if !send(&mut socket, Message::Binary(picture)).await {
                return;
            }
        }
        if !wait_for_update(&mut socket, &mut updates).await {
            return;
        }
    }
}

/// Waits for the next window, or for the time of fresh metrics, and reads what the reader sends meanwhile. Returns
/// false at the end. The reader has nothing to say but control frames, such as its close frame: it cannot cause a
/// message.
async fn wait_for_update(socket: &mut WebSocket, updates: &mut watch::Receiver<PageUpdate>) -> bool {
    let changed = tokio::time::timeout(UPDATE_INTERVAL, updates.changed());
    tokio::pin!(changed);
    let mut frames = 0;
    loop {
        tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) if frames < MAX_CONTROL_FRAMES => frames += 1,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
                Some(Ok(_)) => {
                    let reason = "this channel takes no messages, and few control frames".into();
                    let frame = CloseFrame { code: close_code::POLICY, reason };
                    send(socket, Message::Close(Some(frame))).await;
                    return false;
                }
            },
            changed = &mut changed => return !matches!(changed, Ok(Err(_))),
        }
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(MESSAGE_TIMEOUT, socket.send(message)).await, Ok(Ok(())))
}

fn html(body: &'static str) -> Response {
    text("text/html; charset=utf-8", body)
}

fn script(body: &'static str) -> Response {
    text("text/javascript; charset=utf-8", body)
}

fn text(kind: &'static str, body: impl IntoResponse) -> Response {
    ([(CONTENT_TYPE, kind)], body).into_response()
}

/// Adds the security headers of every response.
async fn set_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    response
}
