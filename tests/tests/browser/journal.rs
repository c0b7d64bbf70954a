//! What a tab complains about is noticed.

use std::time::Duration;

use anyhow::ensure;
use sightline_tests::{browser::Chromium, eventually};

use crate::site::{Content, Site};

#[tokio::test]
async fn errors_broken_policies_and_requests_to_other_hosts_are_noticed() {
    let chromium = Chromium::start().await;
    let (site, other) = (Site::bind().await, Site::bind().await);
    let origin = format!("http://{}", site.address());
    let elsewhere = format!("http://{}/picture", other.address());
    let content = |body| Content {
        body,
        policy: "default-src 'none'; style-src 'self'; script-src 'self'; img-src * data:"
            .to_owned(),
        style: "",
    };
    let _other = other.serve(content(String::new()));
    let _site = site.serve(content(format!(
        "<script>window.ran = true</script>\
             <script src=/nothing.js></script><img src={elsewhere}>"
    )));
    let page = chromium.open(&origin).await;
    let _: () = page
        .eval("void setTimeout(() => { console.error('spoken'); throw new Error('thrown'); })")
        .await
        .unwrap();
    let parts = [
        "inline script",
        "console: \"spoken\"",
        "SyntaxError",
        "thrown",
    ];
    eventually("all is noticed", Duration::from_secs(5), async || {
        let complaints = page.journal().complaints(&[]);
        for part in parts {
            let found = complaints.iter().any(|text| text.contains(part));
            ensure!(found, "no {part:?} in {complaints:#?}");
        }
        let requests = page.journal().requests();
        ensure!(requests.contains(&elsewhere), "{requests:?}");
        Ok(())
    })
    .await;
    let but_spoken = page.journal().complaints(&["spoken"]);
    assert!(!but_spoken.iter().any(|text| text.contains("spoken")));
    assert!(!but_spoken.is_empty());
}
