//! What relays may ask a camera for, one word each.

/// What relays may ask a camera for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// A key frame now.
    Keyframe,
    /// JPEG quality.
    Quality,
    /// Pictures per second at most.
    MaxFps,
    /// The size of the source's pictures.
    Size,
    /// Controls of a V4L2 camera.
    Controls,
}

impl Verb {
    pub(crate) const ALL: [Self; 5] = [
        Self::Keyframe,
        Self::Quality,
        Self::MaxFps,
        Self::Size,
        Self::Controls,
    ];

    /// The word in a configuration.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Keyframe => "keyframe",
            Self::Quality => "quality",
            Self::MaxFps => "max_fps",
            Self::Size => "size",
            Self::Controls => "controls",
        }
    }

    /// What the words of a configuration allow. The error lists the known ones.
    pub(crate) fn all_of(words: &[String]) -> Result<Vec<Self>, String> {
        let verb = |word: &String| {
            let known = Self::ALL.into_iter().find(|verb| verb.word() == word);
            known.ok_or_else(|| {
                let words = Self::ALL.map(Self::word).join(", ");
                format!("there is no {word:?} to allow, known are {words}")
            })
        };
        words.iter().map(verb).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_verbs_and_others_are_refused_with_the_known_ones() {
        let words = Verb::ALL.map(|verb| verb.word().to_owned());
        assert_eq!(Verb::all_of(&words).unwrap(), Verb::ALL);
        let error = Verb::all_of(&["reboot".into()]).unwrap_err();
        assert!(
            error.contains("reboot") && error.contains("keyframe, quality"),
            "{error}"
        );
    }
}
