//! The init segment: what a player must know before the first frame. ISO/IEC 14496-12, 8.2 and 8.8.

use bytes::Bytes;
use mp4_atom::{
    Audio, Avc1, Codec, Dinf, Dref, Encode as _, FixedPoint, FourCC, Ftyp, Hdlr, Mdhd, Mdia, Minf,
    Moov, Mp4a, Mvex, Mvhd, Pasp, Smhd, Stbl, Stco, Stsd, Tkhd, Trak, Trex, Url, Visual, Vmhd,
    esds::{DecoderConfig, DecoderSpecific, EsDescriptor, Esds, SLConfig},
};

use super::{Error, Track, VIDEO_TIMESCALE, fragment::SYNC};
use crate::{aac, h264};

/// Language not said: ISO 639-2.
const UNDETERMINED: &str = "und";

/// objectTypeIndication of AAC, and streamType of audio: ISO/IEC 14496-1, tables 5 and 6.
const MPEG4_AUDIO: u8 = 0x40;
const AUDIO_STREAM: u8 = 5;

/// Pixels an inch that everybody writes.
const DOTS_PER_INCH: u16 = 72;

/// `ftyp` and `moov` of a file with one track or both. No duration is said: the file has no end.
pub fn init_segment(
    video: Option<&h264::Parameters>,
    audio: Option<&aac::Config>,
) -> Result<Bytes, Error> {
    let mut tracks = Vec::new();
    tracks.extend(video.map(video_track));
    tracks.extend(audio.map(audio_track));
    let Some(last) = tracks.last() else {
        return Err(Error::NoTracks);
    };
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"iso5"),
        minor_version: 0x200,
        // iso5: data offsets count from `moof`; iso6: `tfdt`, signed composition offsets.
        compatible_brands: [b"iso5", b"iso6", b"mp41"].map(FourCC::new).to_vec(),
    };
    let moov = Moov {
        mvhd: Mvhd {
            timescale: 1_000,
            rate: FixedPoint::from(1),
            volume: FixedPoint::from(1),
            next_track_id: last.tkhd.track_id + 1,
            ..Mvhd::default()
        },
        mvex: Some(Mvex {
            mehd: None,
            trex: tracks
                .iter()
                .map(|track| trex(track.tkhd.track_id))
                .collect(),
        }),
        trak: tracks,
        ..Moov::default()
    };
    let mut out = Vec::with_capacity(1_024);
    ftyp.encode(&mut out)?;
    moov.encode(&mut out)?;
    Ok(out.into())
}

/// `video/mp4; codecs="avc1.64001F,mp4a.40.2"`, for `MediaSource.isTypeSupported` and HTTP: RFC 6381.
pub fn mime(video: Option<&h264::Parameters>, audio: Option<&aac::Config>) -> String {
    let codecs: Vec<_> = video
        .map(h264::Parameters::codec_string)
        .into_iter()
        .chain(audio.map(aac::Config::codec_string))
        .collect();
    let kind = if video.is_some() { "video" } else { "audio" };
    format!("{kind}/mp4; codecs=\"{}\"", codecs.join(","))
}

fn trex(track_id: u32) -> Trex {
    Trex {
        track_id,
        default_sample_description_index: 1,
        default_sample_flags: SYNC,
        ..Trex::default()
    }
}

fn video_track(parameters: &h264::Parameters) -> Trak {
    // No level allows more than 16 880.
    let [width, height] =
        [parameters.width, parameters.height].map(|side| u16::try_from(side).unwrap_or(u16::MAX));
    let aspect = parameters.pixel_aspect;
    let avc1 = Avc1 {
        visual: Visual {
            data_reference_index: 1,
            width,
            height,
            horizresolution: DOTS_PER_INCH.into(),
            vertresolution: DOTS_PER_INCH.into(),
            frame_count: 1,
            compressor: "".into(),
            depth: 24,
        },
        avcc: parameters.avcc(),
        pasp: aspect.map(|(width, height)| Pasp {
            h_spacing: width.into(),
            v_spacing: height.into(),
        }),
        ..Avc1::default()
    };
    Trak {
        tkhd: Tkhd {
            width: FixedPoint::from(shown_width(width, aspect)),
            height: FixedPoint::from(height),
            ..tkhd(Track::Video)
        },
        mdia: Mdia {
            mdhd: mdhd(VIDEO_TIMESCALE),
            hdlr: hdlr(b"vide", "Video"),
            minf: Minf {
                vmhd: Some(Vmhd::default()),
                ..minf(avc1.into())
            },
        },
        ..Trak::default()
    }
}

/// The width in square pixels, which is what `tkhd` wants.
fn shown_width(width: u16, aspect: Option<(u16, u16)>) -> u16 {
    let Some((across, down)) = aspect.filter(|&(_, down)| down > 0) else {
        return width;
    };
    let shown = u64::from(width) * u64::from(across) / u64::from(down);
    u16::try_from(shown).unwrap_or(u16::MAX).max(1)
}

fn audio_track(config: &aac::Config) -> Trak {
    let mp4a = Mp4a {
        audio: Audio {
            data_reference_index: 1,
            channel_count: config.channels.into(),
            sample_size: 16,
            // Sixteen bits are too few for 88 and 96 kHz; players take the rate from `esds`.
            sample_rate: FixedPoint::from(u16::try_from(config.sample_rate).unwrap_or(0)),
        },
        esds: Esds {
            es_desc: EsDescriptor {
                es_id: 2,
                dec_config: DecoderConfig {
                    object_type_indication: MPEG4_AUDIO,
                    stream_type: AUDIO_STREAM,
                    dec_specific: Some(DecoderSpecific {
                        raw: config.bytes().to_vec(),
                        ..DecoderSpecific::default()
                    }),
                    ..DecoderConfig::default()
                },
                sl_config: SLConfig::default(),
                ..EsDescriptor::default()
            },
        },
        btrt: None,
        taic: None,
    };
    Trak {
        tkhd: Tkhd {
            volume: FixedPoint::from(1),
            alternate_group: 1,
            ..tkhd(Track::Audio)
        },
        mdia: Mdia {
            mdhd: mdhd(config.sample_rate),
            hdlr: hdlr(b"soun", "Audio"),
            minf: Minf {
                smhd: Some(Smhd::default()),
                ..minf(mp4a.into())
            },
        },
        ..Trak::default()
    }
}

fn tkhd(track: Track) -> Tkhd {
    Tkhd {
        track_id: track.id(),
        enabled: true,
        in_movie: true,
        ..Tkhd::default()
    }
}

fn mdhd(timescale: u32) -> Mdhd {
    Mdhd {
        timescale,
        language: UNDETERMINED.into(),
        ..Mdhd::default()
    }
}

fn hdlr(handler: &[u8; 4], name: &str) -> Hdlr {
    Hdlr {
        handler: FourCC::new(handler),
        name: name.into(),
    }
}

/// Media in the same file, and tables that are empty since all frames are in fragments.
fn minf(codec: Codec) -> Minf {
    Minf {
        dinf: Dinf {
            dref: Dref {
                entries: vec![Url::default().into()],
            },
        },
        stbl: Stbl {
            stsd: Stsd {
                codecs: vec![codec],
            },
            stco: Some(Stco::default()),
            ..Stbl::default()
        },
        ..Minf::default()
    }
}

#[cfg(test)]
mod tests {
    use mp4_atom::Decode as _;

    use super::*;
    use crate::h264::samples::{PPS, SPS};

    fn video() -> h264::Parameters {
        h264::Parameters::new(SPS, [PPS]).unwrap()
    }

    fn moov(init: &Bytes) -> Moov {
        let mut rest = &init[..];
        assert_eq!(
            Ftyp::decode(&mut rest).unwrap().major_brand,
            FourCC::new(b"iso5")
        );
        let moov = Moov::decode(&mut rest).unwrap();
        assert!(rest.is_empty());
        moov
    }

    #[test]
    fn both_tracks_are_described() {
        let audio = aac::Config::new(2, 48_000, 2).unwrap();
        let moov = moov(&init_segment(Some(&video()), Some(&audio)).unwrap());
        assert_eq!(moov.mvhd.next_track_id, 3);
        assert_eq!(moov.mvex.unwrap().trex.len(), 2);
        let [video_track, audio_track] = &moov.trak[..] else {
            panic!("{:?}", moov.trak)
        };
        assert_eq!(video_track.mdia.mdhd.timescale, 90_000);
        assert_eq!(audio_track.mdia.mdhd.timescale, 48_000);
        let [Codec::Avc1(avc1)] = &video_track.mdia.minf.stbl.stsd.codecs[..] else {
            panic!("no avc1")
        };
        assert_eq!((avc1.visual.width, avc1.visual.height), (64, 48));
        assert_eq!(avc1.avcc, video().avcc());
        let [Codec::Mp4a(mp4a)] = &audio_track.mdia.minf.stbl.stsd.codecs[..] else {
            panic!("no mp4a")
        };
        let specific = mp4a.esds.es_desc.dec_config.dec_specific.as_ref().unwrap();
        assert_eq!(specific.raw, [0x11, 0x90]);
    }

    #[test]
    fn one_track_alone_is_a_file_and_none_is_not() {
        let audio = aac::Config::new(2, 96_000, 1).unwrap();
        let only_audio = moov(&init_segment(None, Some(&audio)).unwrap());
        assert_eq!(only_audio.trak.len(), 1);
        assert_eq!(only_audio.trak[0].tkhd.track_id, Track::Audio.id());
        assert_eq!(
            moov(&init_segment(Some(&video()), None).unwrap())
                .trak
                .len(),
            1
        );
        assert!(matches!(init_segment(None, None), Err(Error::NoTracks)));
    }

    #[test]
    fn the_type_names_both_codecs() {
        let audio = aac::Config::new(2, 48_000, 2).unwrap();
        assert_eq!(
            mime(Some(&video()), Some(&audio)),
            "video/mp4; codecs=\"avc1.64000A,mp4a.40.2\""
        );
        assert_eq!(mime(None, Some(&audio)), "audio/mp4; codecs=\"mp4a.40.2\"");
    }

    #[test]
    fn oblong_pixels_widen_the_track() {
        let mut parameters = video();
        parameters.pixel_aspect = Some((4, 3));
        let moov = moov(&init_segment(Some(&parameters), None).unwrap());
        assert_eq!(moov.trak[0].tkhd.width, FixedPoint::from(85));
        assert_eq!(shown_width(1_920, Some((u16::MAX, 1))), u16::MAX);
        assert_eq!(shown_width(1, Some((1, u16::MAX))), 1);
    }
}
