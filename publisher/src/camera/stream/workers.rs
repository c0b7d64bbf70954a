//! Which of what a source gives becomes which stream.

use std::sync::Arc;

use sightline_proto::{AUDIO, H265};

use super::super::input::Arrived;
use super::{Work, encoded, jpeg::Jpeg, pass::Pass, send::Sender};
use crate::source::{
    Units,
    unit::{Format, Unit},
};

/// JPEGs of whatever comes.
pub(super) struct Pictures<'a> {
    sender: Sender<'a>,
    jpeg: Jpeg,
}

impl<'a> Pictures<'a> {
    pub(super) fn new(sender: Sender<'a>, jpeg: Jpeg) -> Self {
        Self { sender, jpeg }
    }
}

impl Work for Pictures<'_> {
    async fn picture(&mut self, picture: &Arc<Arrived>, missed: u64) {
        self.jpeg.picture(&mut self.sender, picture, missed).await;
    }

    async fn unit(&mut self, unit: Unit, skipped: u64, units: &mut Units) {
        self.jpeg.unit(&mut self.sender, unit, skipped, units).await;
    }

    async fn joined(&mut self, newest: Option<&Arc<Arrived>>, units: &mut Units) {
        self.jpeg.joined(&mut self.sender, newest, units).await;
    }

    fn rest(&mut self) {
        self.jpeg.rest();
    }
}

/// H.264: the camera's own, or made of its pictures.
pub(super) struct Video<'a> {
    sender: Sender<'a>,
    encoded: encoded::Video,
    pass: Pass,
}

impl<'a> Video<'a> {
    pub(super) fn new(sender: Sender<'a>) -> Self {
        Self {
            sender,
            encoded: encoded::Video::default(),
            pass: Pass::default(),
        }
    }
}

impl Work for Video<'_> {
    async fn picture(&mut self, picture: &Arc<Arrived>, missed: u64) {
        self.pass.rest();
        self.encoded
            .picture(&mut self.sender, picture, missed)
            .await;
    }

    async fn unit(&mut self, unit: Unit, skipped: u64, units: &mut Units) {
        if matches!(unit.format, Format::H264(_)) {
            self.encoded.rest();
            self.pass.unit(&mut self.sender, unit, skipped, units).await;
        }
    }

    async fn joined(&mut self, newest: Option<&Arc<Arrived>>, units: &mut Units) {
        self.encoded.joined(&mut self.sender, newest).await;
        self.pass.joined(&mut self.sender, units).await;
    }

    fn rest(&mut self) {
        self.encoded.rest();
        self.pass.rest();
    }
}

/// Units of one codec, as they come.
pub(super) struct Passed<'a> {
    sender: Sender<'a>,
    pass: Pass,
}

impl<'a> Passed<'a> {
    pub(super) fn new(sender: Sender<'a>) -> Self {
        Self {
            sender,
            pass: Pass::default(),
        }
    }
}

impl Work for Passed<'_> {
    async fn picture(&mut self, _: &Arc<Arrived>, _: u64) {}

    async fn unit(&mut self, unit: Unit, skipped: u64, units: &mut Units) {
        if matches!(
            (&unit.format, self.sender.stream.name),
            (Format::H265(_), H265) | (Format::Aac(_), AUDIO)
        ) {
            self.pass.unit(&mut self.sender, unit, skipped, units).await;
        }
    }

    async fn joined(&mut self, _: Option<&Arc<Arrived>>, units: &mut Units) {
        self.pass.joined(&mut self.sender, units).await;
    }

    fn rest(&mut self) {
        self.pass.rest();
    }
}

/// What a second source gives: its video as it comes, or its pictures as JPEGs.
pub(super) struct AsGiven<'a> {
    sender: Sender<'a>,
    jpeg: Jpeg,
    pass: Pass,
}

impl<'a> AsGiven<'a> {
    pub(super) fn new(sender: Sender<'a>) -> Self {
        Self {
            sender,
            jpeg: Jpeg::default(),
            pass: Pass::default(),
        }
    }
}

impl Work for AsGiven<'_> {
    async fn picture(&mut self, picture: &Arc<Arrived>, missed: u64) {
        self.pass.rest();
        self.jpeg.picture(&mut self.sender, picture, missed).await;
    }

    async fn unit(&mut self, unit: Unit, skipped: u64, units: &mut Units) {
        self.jpeg.rest();
        self.pass.unit(&mut self.sender, unit, skipped, units).await;
    }

    async fn joined(&mut self, newest: Option<&Arc<Arrived>>, units: &mut Units) {
        match newest {
            Some(_) => self.jpeg.joined(&mut self.sender, newest, units).await,
            None => self.pass.joined(&mut self.sender, units).await,
        }
    }

    fn rest(&mut self) {
        self.jpeg.rest();
        self.pass.rest();
    }
}
