//! Cameras over the bus inside the process, with sources that do as they are told, mostly in paused time.

mod control;
mod failure;
mod flow;
mod h264;
mod jpeg;
mod offers;
mod presence;
mod rig;
mod sources;
mod streams;
mod sub;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sightline_bus::{Bus, Delivery, Subscription};
use sightline_proto::{
    Announce, CameraState, Demand, Frame, JPEG, Message as _,
    assemble::{Assembler, Progress},
    subject::Topic,
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    cores::Cores,
    picture::{Image, Picture},
    source::{DropReason, Error, Hint, Output, Source, SourceUrl},
};
use rig::*;
use sources::*;

const MIB: usize = 1 << 20;

fn publisher() -> Arc<Publisher> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let instance = format!("instance-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    Arc::new(Publisher {
        version: "1",
        instance,
        cameras: 1.into(),
        metrics: crate::metrics::Metrics::new([]),
        cores: Cores::default(),
    })
}

fn camera(source: impl Source + 'static) -> Camera {
    Camera {
        name: "farm/gate".parse().unwrap(),
        title: "The gate".into(),
        from: named(source),
        offer: Offer::default(),
        settings: Settings {
            quality: 80,
            max_fps: 0.0,
        },
        max_size: None,
        always: false,
        control: vec![Verb::Keyframe],
    }
}

fn named(source: impl Source + 'static) -> Named {
    Named {
        source: Arc::new(source),
        scheme: "fake".into(),
        shown: "fake://".into(),
    }
}

/// The test pattern, small.
fn test_pattern(fps: u32) -> Camera {
    let url = format!("test://?size=160x90&fps={fps}");
    let source = crate::source::parse(&SourceUrl::new(&url, BTreeMap::new()).unwrap());
    Camera {
        from: Named {
            source: source.unwrap().into(),
            ..named(Fake::new(|_| Play::default()))
        },
        ..camera(Fake::new(|_| Play::default()))
    }
}
