use crate::support::{Client, Head, Relay};

async fn get_with(relay: &Relay, path: &str, header: &str) -> (Head, Vec<u8>) {
    let mut client = Client::connect(relay.address).await;
    client
        .send(&format!(
            "GET {path} HTTP/1.0\r\nHost: relay\r\n{header}\r\n\r\n"
        ))
        .await;
    let head = client.head().await;
    (head, client.rest().await)
}

#[tokio::test]
async fn the_wall_and_each_camera_are_one_page_that_loads_nothing_from_elsewhere() {
    let relay = Relay::with(|c| c.http.allowed_origins = vec!["https://home.example".into()]).await;
    for path in ["/", "/?site=farm", "/watch/farm/gate"] {
        let (head, text) = relay.get_text(path).await;
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(
            head.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(text.to_lowercase().starts_with("<!doctype html>"), "{path}");
        let policy = head.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
        assert!(policy.ends_with("frame-ancestors 'self' https://home.example"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(head.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(head.header("referrer-policy"), Some("no-referrer"));
    }
}

#[tokio::test]
async fn files_may_be_used_by_other_origins_and_are_sent_once() {
    let relay = Relay::start().await;
    let path = "/static/src/player.js";
    let (head, file) = relay.get(path).await;
    assert_eq!(head.status, 200);
    assert_eq!(
        head.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(head.header("access-control-allow-origin"), Some("*"));
    assert!(!file.is_empty());
    let tag = head.header("etag").unwrap();
    for known in [tag.to_owned(), format!("\"other\", W/{tag}")] {
        let (head, file) = get_with(&relay, path, &format!("If-None-Match: {known}")).await;
        assert_eq!(head.status, 304);
        assert!(file.is_empty());
    }
    let (head, _) = get_with(&relay, path, "If-None-Match: \"other\"").await;
    assert_eq!(head.status, 200);
}

#[tokio::test]
async fn what_only_developers_need_is_not_served() {
    let relay = Relay::start().await;
    for path in [
        "/static/package.json",
        "/static/test/encode.js",
        "/static/node_modules/ws/index.js",
        "/static/src/words.test.js",
        "/static/../Cargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static//etc/passwd",
    ] {
        let (head, json) = relay.get_json(path).await;
        assert_eq!(head.status, 404, "{path}");
        assert_eq!(json["error"]["code"], "not_found", "{path}");
    }
}
