//! Errors as viewers see them: a status, and JSON with a code for programs and words for people.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::config::Verb;

/// An answer that is no picture.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// Seconds after which a 503 or 429 is worth another try.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// Requested paths are quoted up to here, in characters.
const MAX_QUOTED: usize = 128;

impl Error {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn forbidden_origin(origin: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "forbidden_origin",
            format!(
                "pages of {} may not use this relay: add them to http.allowed_origins",
                quoted(origin)
            ),
        )
    }

    /// `verbs`: any of them would do.
    pub(crate) fn not_allowed(verbs: &[Verb]) -> Self {
        let words: Vec<_> = verbs.iter().map(|verb| verb.word()).collect();
        Self::new(
            StatusCode::FORBIDDEN,
            "not_allowed",
            format!(
                "this relay does not allow {}: add it to http.control",
                words.join(", ")
            ),
        )
    }

    /// A camera's own words.
    pub(crate) fn camera_refuses(reason: String, not_allowed: bool) -> Self {
        if not_allowed {
            Self::new(StatusCode::FORBIDDEN, "not_allowed", reason)
        } else {
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "camera_refuses", reason)
        }
    }

    /// A camera that should have answered did not.
    pub(crate) fn no_answer(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "no_answer", message)
    }

    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    }

    pub(crate) fn large_body(max_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is cut off, or longer than {max_bytes} bytes"),
        )
    }

    pub(crate) fn slow_body(waited: Duration) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            format!("the body did not come within {waited:?}"),
        )
    }

    pub(crate) fn no_json() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "no_json",
            "send JSON, with Content-Type: application/json",
        )
    }

    pub(crate) fn unknown_camera(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_camera",
            format!("there is no camera {}", quoted(name)),
        )
    }

    pub(crate) fn no_camera() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_camera",
            "no camera has announced itself yet",
        )
    }

    pub(crate) fn unknown_stream(camera: &str, stream: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_stream",
            format!("camera {camera} offers no stream {stream:?}"),
        )
    }

    /// The message says which stream, and which there are.
    pub(crate) fn no_stream(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_stream", message)
    }

    /// There is a stream, and the route cannot carry it.
    pub(crate) fn unplayable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "unplayable_stream", message)
    }

    pub(crate) fn camera_offline(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "camera_offline", message)
    }

    pub(crate) fn no_picture(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_picture", message)
    }

    pub(crate) fn draining() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "this relay is shutting down: connect again",
        )
    }

    pub(crate) fn not_ready(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message)
    }

    pub(crate) fn too_many_connections(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_connections",
            message,
        )
    }

    pub(crate) fn no_file(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("there is no file {}", quoted(path)),
        )
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// In words, for people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        json!({"error": {"code": self.code, "message": self.message}})
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.json())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

pub(super) async fn no_such_path(uri: Uri) -> Error {
    Error::new(
        StatusCode::NOT_FOUND,
        "not_found",
        format!("there is nothing at {}", quoted(uri.path())),
    )
}

pub(super) async fn no_such_method(method: Method) -> Error {
    Error::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!(
            "{} is not possible here: use {}",
            quoted(method.as_str()),
            match method {
                Method::GET | Method::HEAD => "POST",
                _ => "GET",
            }
        ),
    )
}

fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(MAX_QUOTED).collect::<String>())
}
