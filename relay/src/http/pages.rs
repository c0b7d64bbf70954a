//! The page and its files, from this binary.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{App, Error};

/// `web/`, without what only its developers need.
#[derive(RustEmbed)]
#[folder = "../web"]
#[include = "*.html"]
#[include = "*.css"]
#[include = "*.svg"]
#[include = "*.png"]
#[include = "*.ico"]
#[include = "*.webmanifest"]
#[include = "*.js"]
#[exclude = "node_modules/*"]
#[exclude = "test/*"]
#[exclude = "tests/*"]
#[exclude = "*.test.js"]
#[exclude = "*.config.js"]
#[allow_missing = true]
struct Files;

/// `/`: every camera.
pub(crate) fn wall(app: &App, headers: &HeaderMap) -> Response {
    page(app, "index.html", headers)
}

/// `/status`: the fleet.
pub(super) async fn status(State(app): State<App>, headers: HeaderMap) -> Response {
    page(&app, "status.html", &headers)
}

/// `/watch/{site}/{camera}`: one camera. The page finds out by itself whether there is one.
pub(super) async fn camera(State(app): State<App>, headers: HeaderMap) -> Response {
    page(&app, "index.html", &headers)
}

/// `/static/...`: the page's files. Other origins may use them: the player is one.
pub(super) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = Files::get(&path) else {
        return Error::no_file(&path).into_response();
    };
    let mut response = answer(file, content_type(&path), &headers);
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}

fn page(app: &App, name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Files::get(name) else {
        return Error::no_file(name).into_response();
    };
    let mut response = answer(file, "text/html; charset=utf-8", headers);
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy(&app.config.http.allowed_origins)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// Browsers ask each time whether a file has changed: a relay that was replaced is noticed at once.
fn answer(file: EmbeddedFile, content_type: &'static str, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let tag = hash[..16]
        .iter()
        .fold(String::from("\""), |tag, byte| format!("{tag}{byte:02x}"))
        + "\"";
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().trim_start_matches("W/") == tag);
    let common = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    if known {
        (StatusCode::NOT_MODIFIED, common).into_response()
    } else {
        (
            common,
            [(header::CONTENT_TYPE, content_type)],
            file.data.into_owned(),
        )
            .into_response()
    }
}

/// Nothing from elsewhere, no inline script, no embedding but by configured origins.
fn policy(allowed_origins: &[String]) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
         connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self' {}",
        allowed_origins.join(" ")
    )
    .trim_end()
    .to_owned()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
