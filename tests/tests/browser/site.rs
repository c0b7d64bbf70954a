//! Somebody's own web site.

use hyper::{Request, Response, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

/// The address of a site that has no pages yet.
pub(crate) struct Site(TcpListener);

/// A site of one page. It ends when this is dropped.
pub(crate) struct Running(JoinHandle<()>);

/// What the site shows.
#[derive(Clone)]
pub(crate) struct Content {
    /// What stands in the page's body.
    pub(crate) body: String,
    /// The content security policy of the page.
    pub(crate) policy: String,
    /// What stands in `/style.css`.
    pub(crate) style: &'static str,
}

impl Site {
    /// Takes a free port.
    pub(crate) async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a port"))
    }

    /// `127.0.0.1:port`
    pub(crate) fn address(&self) -> String {
        self.0.local_addr().expect("an address").to_string()
    }

    /// Begins to answer.
    pub(crate) fn serve(self, content: Content) -> Running {
        Running(tokio::spawn(async move {
            while let Ok((stream, _)) = self.0.accept().await {
                let content = content.clone();
                let answer = move |request| std::future::ready(content.answer(&request));
                let connection = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                // Ends with the browser.
                tokio::spawn(connection);
            }
        }))
    }
}

impl Content {
    fn answer(&self, request: &Request<Incoming>) -> hyper::http::Result<Response<String>> {
        let (content_type, body) = if request.uri().path() == "/style.css" {
            ("text/css", self.style.to_owned())
        } else {
            let head = "<!doctype html><meta charset=utf-8><title>Our farm</title>\
                <link rel=icon href=data:,><link rel=stylesheet href=/style.css>";
            ("text/html", format!("{head}{}", self.body))
        };
        Response::builder()
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_SECURITY_POLICY, &self.policy)
            .body(body)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
