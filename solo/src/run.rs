//! Both parts over a bus inside this process.

use anyhow::Context as _;
use sightline_bus::Bus;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// What a nats-server carries in one message unless it is told otherwise: the demo walks the real path.
const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Serves the configured cameras at `listener` until `shutdown`, or until one part fails. `changes` brings settings of
/// the publisher that were read again.
pub(crate) async fn run(
    config: &Config,
    changes: mpsc::Receiver<sightline_publisher::Config>,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let bus = Bus::local(MAX_PAYLOAD_BYTES);
    // The relay drains with pictures still coming: the publisher stops when it is done.
    let relay_done = CancellationToken::new();
    let relay = async {
        let result =
            sightline_relay::serve(config.relay(), bus.clone(), listener, shutdown.clone()).await;
        relay_done.cancel();
        result.context("the relay failed")
    };
    let publisher = async {
        let extras = sightline_publisher::Extras {
            changes,
            metrics: None,
        };
        let result = sightline_publisher::run_with(
            config.publisher(),
            extras,
            bus.clone(),
            relay_done.clone(),
        )
        .await;
        shutdown.cancel();
        result.context("the publisher failed")
    };
    let (relay, publisher) = tokio::join!(relay, publisher);
    relay.and(publisher)
}
