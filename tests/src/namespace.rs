//! A host of its own: a network namespace behind one link that can be cut, slow and lossy. Needs root.

use std::{net::Ipv4Addr, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::process::Launch;

/// The name, and with it the link and all processes' view of it, goes when this is dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    inner_link: String,
    outside: Ipv4Addr,
    inside: Ipv4Addr,
}

impl Namespace {
    /// Makes one. Fails, with the reason, where that is not allowed.
    pub fn create() -> Result<Self> {
        let (b, c) = (rand::random_range(128..=254), rand::random_range(0..=255));
        let number: u32 = rand::random_range(0..0xFF_FFFF);
        let host = Self {
            name: format!("sightline-{number:06x}"),
            inner_link: format!("sl{number:06x}i"),
            outside: Ipv4Addr::new(10, b, c, 1),
            inside: Ipv4Addr::new(10, b, c, 2),
        };
        let outer_link = format!("sl{number:06x}o");
        let (name, inner) = (host.name.as_str(), host.inner_link.as_str());
        run(&["ip", "netns", "add", name])
            .context("network namespaces need root, iproute2 and a kernel that has them")?;
        run(&[
            "ip",
            "link",
            "add",
            &outer_link,
            "type",
            "veth",
            "peer",
            "name",
            inner,
            "netns",
            name,
        ])?;
        run(&[
            "ip",
            "addr",
            "add",
            &format!("{}/30", host.outside),
            "dev",
            &outer_link,
        ])?;
        // Packets as they are on a wire: a lost one is not 64 KiB.
        run(&["ip", "link", "set", &outer_link, "up", "gso_max_segs", "1"])?;
        host.run(&[
            "ip",
            "addr",
            "add",
            &format!("{}/30", host.inside),
            "dev",
            inner,
        ])?;
        host.run(&["ip", "link", "set", inner, "up", "gso_max_segs", "1"])?;
        host.run(&["ip", "link", "set", "lo", "up"])?;
        Ok(host)
    }

    /// Starts a program there.
    pub fn enter(&self, launch: Launch) -> Launch {
        launch.under(&["ip", "netns", "exec", &self.name])
    }

    /// Our end of the link.
    pub fn outside(&self) -> String {
        self.outside.to_string()
    }

    /// Its end of the link.
    pub fn inside(&self) -> String {
        self.inside.to_string()
    }

    /// From now on no packet passes, and nobody is told.
    pub fn cut(&self) -> Result<()> {
        for chain in ["INPUT", "OUTPUT"] {
            let link = if chain == "INPUT" { "-i" } else { "-o" };
            self.run(&[
                "iptables",
                "-I",
                chain,
                link,
                &self.inner_link,
                "-j",
                "DROP",
            ])?;
        }
        Ok(())
    }

    /// Takes back [`Namespace::cut`] and [`Namespace::lose`].
    pub fn heal(&self) -> Result<()> {
        self.run(&["iptables", "-F"])
    }

    /// Loses this part of the packets of each direction, by chance.
    pub fn lose(&self, part: f64) -> Result<()> {
        let part = part.to_string();
        for chain in ["INPUT", "OUTPUT"] {
            let link = if chain == "INPUT" { "-i" } else { "-o" };
            let rule = ["iptables", "-I", chain, link, &self.inner_link];
            let chance = [
                "-m",
                "statistic",
                "--mode",
                "random",
                "--probability",
                &part,
            ];
            self.run(&[&rule[..], &chance, &["-j", "DROP"]].concat())?;
        }
        Ok(())
    }

    /// Lets no more than this out of it; up to 200 ms of that wait, as in the modem of an uplink.
    pub fn limit_uplink(&self, kbit_per_second: u32) -> Result<()> {
        let rate = format!("{kbit_per_second}kbit");
        self.run(&[
            "tc",
            "qdisc",
            "replace",
            "dev",
            &self.inner_link,
            "root",
            "tbf",
            "rate",
            &rate,
            "burst",
            "16kb",
            "latency",
            "200ms",
        ])
    }

    /// Bytes that went out of it so far, and came into it.
    pub fn traffic_bytes(&self) -> Result<(u64, u64)> {
        let counter = |name: &str| -> Result<u64> {
            let path = format!("/sys/class/net/{}/statistics/{name}", self.inner_link);
            let out = output(&["ip", "netns", "exec", &self.name, "cat", &path])?;
            Ok(out.trim().parse()?)
        };
        Ok((counter("tx_bytes")?, counter("rx_bytes")?))
    }

    fn run(&self, words: &[&str]) -> Result<()> {
        run(&[&["ip", "netns", "exec", &self.name], words].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = run(&["ip", "netns", "delete", &self.name]) {
            eprintln!("{error:#}");
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    output(words).map(drop)
}

fn output(words: &[&str]) -> Result<String> {
    let output = Command::new(words[0])
        .args(&words[1..])
        .output()
        .with_context(|| format!("cannot run {}", words[0]))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{}: {}",
        words.join(" "),
        told.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
