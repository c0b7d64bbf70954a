//! A camera as it stands in the API: docs/ref/http.md.

use std::collections::BTreeMap;

use serde::Serialize;

use super::camera::{Camera, Offer};

/// [`Camera`] in the API.
#[derive(Debug, Serialize)]
pub(crate) struct View<'a> {
    name: String,
    site: &'a str,
    camera: &'a str,
    title: &'a str,
    online: bool,
    state: &'static str,
    reason: &'a str,
    last_seen_us: i64,
    source: &'a str,
    streams: Vec<OfferView<'a>>,
    viewers: usize,
    publisher: PublisherView<'a>,
    dropped: &'a BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct OfferView<'a> {
    name: &'a str,
    codec: &'static str,
    width: u32,
    height: u32,
    fps: f32,
    bits_per_second: u32,
    codec_string: &'a str,
}

#[derive(Debug, Serialize)]
struct PublisherView<'a> {
    version: &'a str,
    instance: &'a str,
}

impl Camera {
    /// As it stands in the API. `viewers` are those of this relay.
    pub(crate) fn view(&self, viewers: usize) -> View<'_> {
        View {
            name: self.name.to_string(),
            site: self.name.site().as_str(),
            camera: self.name.camera().as_str(),
            title: &self.title,
            online: self.online,
            state: self.state.word(),
            reason: &self.reason,
            last_seen_us: self.last_seen_us,
            source: &self.source,
            streams: self.streams.iter().map(Offer::view).collect(),
            viewers,
            publisher: PublisherView {
                version: &self.version,
                instance: &self.instance,
            },
            dropped: &self.dropped,
        }
    }
}

impl Offer {
    fn view(&self) -> OfferView<'_> {
        OfferView {
            name: self.name.as_str(),
            codec: self.codec.word(),
            width: self.width,
            height: self.height,
            fps: self.fps,
            bits_per_second: self.bits_per_second,
            codec_string: &self.codec_string,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use sightline_proto::{Announce, CameraState, Codec, Count, Stream};

    #[test]
    fn a_camera_stands_in_the_api_as_documented() {
        let announce = Announce {
            title: "Gate".into(),
            state: CameraState::Live.into(),
            source: "v4l2".into(),
            version: "0.1.0".into(),
            instance: "k3v9".into(),
            streams: vec![Stream {
                name: "jpeg".into(),
                codec: Codec::Jpeg.into(),
                width: 1_280,
                height: 720,
                fps: 30.0,
                bits_per_second: 21_000_000,
                codec_string: String::new(),
                codec_config: Bytes::new(),
            }],
            dropped: vec![Count {
                reason: "truncated".into(),
                count: 3,
            }],
            ..Announce::default()
        };
        let camera = Camera::announced("farm/gate".parse().unwrap(), &announce, 7);
        let wanted = serde_json::json!({
            "name": "farm/gate", "site": "farm", "camera": "gate", "title": "Gate",
            "online": true, "state": "live", "reason": "", "last_seen_us": 7, "source": "v4l2",
            "streams": [{"name": "jpeg", "codec": "jpeg", "width": 1280, "height": 720, "fps": 30.0,
                         "bits_per_second": 21_000_000, "codec_string": ""}],
            "viewers": 2,
            "publisher": {"version": "0.1.0", "instance": "k3v9"},
            "dropped": {"truncated": 3}
        });
        assert_eq!(serde_json::to_value(camera.view(2)).unwrap(), wanted);
    }
}
