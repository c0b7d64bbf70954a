//! Headers that every answer gets.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::{
    App,
    origin::{self, Origin},
};

/// No type is guessed; pages of configured origins may read the answer, the age of a picture included. Pictures can be embedded
/// anywhere as images: that needs no permission.
pub(super) async fn add(State(app): State<App>, request: Request, next: Next) -> Response {
    let reader = match origin::of(request.headers(), &app.config.http.allowed_origins) {
        Origin::Allowed(origin) => Some(origin.clone()),
        Origin::Own | Origin::Foreign(_) => None,
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        if let Some(origin) = reader {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("X-Timestamp, X-Sightline-Age-Ms, X-Sightline-Stale"),
            );
        }
        if !app.config.http.allowed_origins.is_empty() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
    }
    response
}
