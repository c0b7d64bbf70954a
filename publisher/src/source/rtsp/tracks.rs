//! Which of a camera's tracks are carried.

use super::Transport;

/// What a track is, as far as it can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    H264,
    H265,
    Jpeg,
    Aac,
}

impl Kind {
    /// By the names of RTP's registry, in lower case.
    fn of(media: &str, encoding: &str) -> Option<Self> {
        match (media, encoding) {
            ("video", "h264") => Some(Self::H264),
            ("video", "h265") => Some(Self::H265),
            ("video" | "image", "jpeg") => Some(Self::Jpeg),
            ("audio", "mpeg4-generic") => Some(Self::Aac),
            _ => None,
        }
    }

    pub(super) fn is_video(self) -> bool {
        self != Self::Aac
    }
}

/// One track that a camera offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer<'a> {
    /// `video`, `audio`, `application`.
    pub(super) media: &'a str,
    /// In lower case.
    pub(super) encoding: &'a str,
    /// Its description can be read.
    pub(super) readable: bool,
}

/// What is taken, by its place in the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) video: (usize, Kind),
    pub(super) audio: Option<usize>,
}

/// The first video and the first sound that can be carried, or in words why there is nothing.
pub(super) fn choose(offers: &[Offer<'_>]) -> Result<Choice, String> {
    let mut taken = offers.iter().enumerate().filter_map(|(i, offer)| {
        let kind = Kind::of(offer.media, offer.encoding)?;
        offer.readable.then_some((i, kind))
    });
    let video = taken.clone().find(|(_, kind)| kind.is_video());
    let audio = taken.find(|(_, kind)| !kind.is_video()).map(|(i, _)| i);
    video.map(|video| Choice { video, audio }).ok_or_else(|| {
        let offered = match offers {
            [] => "nothing".to_owned(),
            _ => list(offers.iter()),
        };
        format!("it offers no video that can be carried (H.264, H.265, JPEG), but {offered}")
    })
}

/// What is left out, for people; `None` if nothing is.
pub(super) fn left_out(offers: &[Offer<'_>], choice: Choice) -> Option<String> {
    let mut rest = offers
        .iter()
        .enumerate()
        .filter(|(i, _)| *i != choice.video.0 && Some(*i) != choice.audio)
        .map(|(_, offer)| offer)
        .peekable();
    rest.peek()?;
    Some(list(rest))
}

/// Tracks that are named to people; what a camera offers beyond them is counted.
const LISTED: usize = 8;

fn list<'a>(offers: impl Iterator<Item = &'a Offer<'a>>) -> String {
    let mut names: Vec<_> = offers
        .map(|offer| format!("{}/{}", word(offer.media), word(offer.encoding)))
        .collect();
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A name that came from the network.
fn word(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_graphic)
        .take(32)
        .collect()
}

impl Transport {
    /// For people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(name: &'static str) -> Offer<'static> {
        let (media, encoding) = name.split_once('/').unwrap();
        Offer {
            media,
            encoding,
            readable: true,
        }
    }

    fn chosen(names: &[&'static str]) -> Result<Choice, String> {
        choose(&names.iter().map(|name| offer(name)).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_of_each_kind_is_taken_and_the_rest_left_out() {
        let offers = [
            "application/vnd.onvif.metadata",
            "audio/opus",
            "video/h264",
            "audio/mpeg4-generic",
            "video/h265",
            "audio/mpeg4-generic",
        ]
        .map(offer);
        let choice = choose(&offers).unwrap();
        assert_eq!(
            choice,
            Choice {
                video: (2, Kind::H264),
                audio: Some(3)
            }
        );
        assert_eq!(
            left_out(&offers, choice).unwrap(),
            "application/vnd.onvif.metadata, audio/opus, video/h265, audio/mpeg4-generic"
        );
    }

    #[test]
    fn sound_is_not_needed() {
        let choice = chosen(&["video/jpeg"]).unwrap();
        assert_eq!((choice.video, choice.audio), ((0, Kind::Jpeg), None));
        assert_eq!(left_out(&[offer("video/jpeg")], choice), None);
    }

    #[test]
    fn sound_whose_description_is_broken_is_left_out() {
        let mut offers = ["video/h265", "audio/mpeg4-generic"].map(offer);
        offers[1].readable = false;
        assert_eq!(choose(&offers).unwrap().audio, None);
    }

    #[test]
    fn without_video_people_learn_what_is_there() {
        assert!(chosen(&[]).unwrap_err().ends_with("but nothing"));
        assert!(
            chosen(&["audio/mpeg4-generic", "video/vp8"])
                .unwrap_err()
                .ends_with("but audio/mpeg4-generic, video/vp8")
        );
        let many = chosen(&["audio/x"; 30]).unwrap_err();
        assert!(many.ends_with("audio/x and 22 more"), "{many}");
    }
}
