//! Where to connect to, and as whom: options turned into those of the client.

use std::path::Path;

use async_nats::{ConnectOptions, ServerAddr};

use crate::{InvalidOption, Options};

pub(super) fn server_addresses(urls: &str) -> Result<Vec<ServerAddr>, InvalidOption> {
    let servers = urls
        .split(',')
        .map(str::trim)
        .filter(|url| !url.is_empty())
        .map(|url| {
            url.parse::<ServerAddr>()
                .map_err(|error| invalid("url", format!("{}: {error}", without_password(url))))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if servers.is_empty() {
        return Err(invalid(
            "url",
            "is empty: give one like nats://127.0.0.1:4222",
        ));
    }
    Ok(servers)
}

fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://...@{host}"),
        (None, Some((_, host))) => format!("...@{host}"),
        _ => url.to_owned(),
    }
}

/// Hosts and ports, for people: never the user or password that a URL may hold.
pub(super) fn names(servers: &[ServerAddr]) -> String {
    let names: Vec<_> = servers
        .iter()
        .map(|server| format!("{}:{}", server.host(), server.port()))
        .collect();
    names.join(", ")
}

pub(super) fn authenticated(options: &Options) -> Result<ConnectOptions, InvalidOption> {
    let given: Vec<_> = [
        ("user", !options.user.is_empty()),
        ("token", !options.token.is_empty()),
        ("nkey_file", !options.nkey_file.as_os_str().is_empty()),
        ("creds_file", !options.creds_file.as_os_str().is_empty()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
    .collect();
    if let [first, second, ..] = given[..] {
        return Err(invalid(
            second,
            format!("nats.{first} is given too: use one of them"),
        ));
    }
    if options.user.is_empty() && !options.password.is_empty() {
        return Err(invalid("password", "needs nats.user"));
    }
    let connect = match given.first() {
        Some(&"user") => {
            ConnectOptions::with_user_and_password(options.user.clone(), options.password.clone())
        }
        Some(&"token") => ConnectOptions::with_token(options.token.clone()),
        Some(&"nkey_file") => {
            let seed = read("nkey_file", &options.nkey_file)?;
            ConnectOptions::with_nkey(seed.trim().to_owned())
        }
        Some(_) => {
            let creds = read("creds_file", &options.creds_file)?;
            ConnectOptions::with_credentials(&creds)
                .map_err(|error| invalid("creds_file", error.to_string()))?
        }
        None => ConnectOptions::new(),
    };
    encrypted(connect, options)
}

fn encrypted(
    mut connect: ConnectOptions,
    options: &Options,
) -> Result<ConnectOptions, InvalidOption> {
    let tls = &options.tls;
    if tls.required {
        connect = connect.require_tls(true);
    }
    if !tls.ca_file.as_os_str().is_empty() {
        read("tls.ca_file", &tls.ca_file)?;
        connect = connect.add_root_certificates(tls.ca_file.clone());
    }
    match (tls.cert_file.as_os_str(), tls.key_file.as_os_str()) {
        (cert, key) if cert.is_empty() && key.is_empty() => {}
        (cert, _) if cert.is_empty() => {
            return Err(invalid("tls.key_file", "needs nats.tls.cert_file"));
        }
        (_, key) if key.is_empty() => {
            return Err(invalid("tls.cert_file", "needs nats.tls.key_file"));
        }
        _ => {
            read("tls.cert_file", &tls.cert_file)?;
            read("tls.key_file", &tls.key_file)?;
            connect = connect.add_client_certificate(tls.cert_file.clone(), tls.key_file.clone());
        }
    }
    Ok(connect)
}

fn read(key: &'static str, path: &Path) -> Result<String, InvalidOption> {
    std::fs::read_to_string(path)
        .map_err(|error| invalid(key, format!("cannot read {}: {error}", path.display())))
}

pub(super) fn invalid(key: &'static str, reason: impl Into<String>) -> InvalidOption {
    InvalidOption {
        key,
        reason: reason.into(),
    }
}
