//! haproxy in front of relays, with the configuration that the project ships.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::{
    eventually,
    fleet::{Relay, SOON},
    http, port,
    process::{Process, root},
};

/// Where the program is on Debian.
pub const PROGRAM: &str = "/usr/sbin/haproxy";

/// The shipped configuration.
pub fn config() -> PathBuf {
    root().join("deploy/haproxy/haproxy.cfg")
}

/// Starts it with these relays in the place of containers, and its files in `folder`. Gives the one address
/// (`host:port`) that they then have.
pub async fn start(relays: &[&Relay], folder: &Path) -> (Process, String) {
    let address = format!("127.0.0.1:{}", port::free());
    let shipped = std::fs::read_to_string(config()).expect("the configuration is there");
    let mut config = String::new();
    for line in shipped.lines() {
        if line.trim() == "bind :8080" {
            config += &format!("    bind {address}\n");
        } else if line.trim().starts_with("server-template") {
            for (n, relay) in relays.iter().enumerate() {
                config += &format!("    server relay-{n} {}\n", relay.address());
            }
        } else {
            config += &format!("{line}\n");
        }
    }
    let has = |address: &str| config.contains(address);
    assert!(has(&address) && relays.iter().all(|relay| has(relay.address())));
    let path = folder.join("haproxy.cfg");
    std::fs::write(&path, config).expect("the folder can be written to");
    let arguments = ["-f".to_owned(), path.display().to_string()];
    let process = Process::start("haproxy", PROGRAM.as_ref(), &arguments).expect("it starts");
    until_passed_on(&address).await;
    (process, address)
}

/// Waits until a relay answers at the address of a load balancer.
pub async fn until_passed_on(address: &str) {
    eventually("requests are passed on", SOON, async || {
        let status = http::get(address, "/healthz").await?.status;
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await;
}
