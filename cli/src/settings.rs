//! Settings in layers: defaults, then a TOML file, then the environment, then flags.
//!
//! A key that no program knows is refused, with the nearest one that it does know: a misspelt
//! setting that is silently ignored costs an evening.

use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use serde::{Serialize, de::DeserializeOwned};

/// `SIGHTLINE_NATS__URL` is `nats.url`.
pub const ENV_PREFIX: &str = "SIGHTLINE";

/// Where settings come from, beside the defaults.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The file to read, if any. It must exist.
    pub file: Option<PathBuf>,
    /// What flags set: dotted key and TOML value (see [`Layers::set`]).
    flags: Vec<(String, config::Value)>,
    /// Read instead of the process's environment; for tests.
    environment: Option<config::Map<String, String>>,
}

/// Settings that cannot be used. Each message names the key, and where it came from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not there, or is not TOML.
    #[error("cannot read the settings in {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// There is no such setting.
    #[error("there is no setting {key:?}{}", hint(.nearest.as_deref()))]
    UnknownKey {
        /// What was given.
        key: String,
        /// The known setting that is most like it.
        nearest: Option<String>,
    },
    /// The value is of the wrong kind or out of range.
    #[error("{0}")]
    Value(String),
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

impl Layers {
    /// Layers with a file and the process's environment.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }

    /// Sets `key` (dotted) as a flag does: above all other layers. Nothing happens without a value.
    pub fn set<V: Into<config::Value>>(&mut self, key: impl Into<String>, value: Option<V>) {
        if let Some(value) = value {
            self.flags.push((key.into(), value.into()));
        }
    }

    /// All layers in one `T`.
    pub fn load<T>(&self) -> Result<T, Error>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let defaults = toml::to_string(&T::default())
            .map_err(|error| Error::Value(format!("the defaults cannot be written: {error}")))?;
        let mut builder = Config::builder().add_source(File::from_str(&defaults, FileFormat::Toml));
        if let Some(path) = &self.file {
            builder = builder.add_source(self.read(path)?);
        }
        builder = builder.add_source(
            Environment::with_prefix(ENV_PREFIX)
                .prefix_separator("_")
                // Values stay text until a setting asks for a number: a password may be "0123".
                .separator("__")
                .source(Some(self.environment.clone().unwrap_or_else(environment))),
        );
        for (key, value) in &self.flags {
            builder = builder
                .set_override(key, value.clone())
                .map_err(|error| Error::Value(format!("{key}: {error}")))?;
        }
        builder
            .build()
            .and_then(Config::try_deserialize)
            .map_err(|error| explain(&error))
    }

    fn read(&self, path: &Path) -> Result<File<config::FileSourceString, FileFormat>, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        // Read once more by the crate below; this time for an error that names line and column.
        text.parse::<toml::Table>().map_err(|error| Error::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(File::from_str(&text, FileFormat::Toml))
    }
}

/// The variables that are settings. `SIGHTLINE_CONFIG` names the file, and is read by the command line.
fn environment() -> config::Map<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(ENV_PREFIX) && name != "SIGHTLINE_CONFIG")
        .collect()
}

/// The sample file for `T`: every key at its default.
pub fn sample<T: Default + Serialize>() -> String {
    toml::to_string(&T::default()).unwrap_or_default()
}

/// Turns "unknown field `a`, expected one of `b`, `c`" into a suggestion.
fn explain(error: &config::ConfigError) -> Error {
    let text = error.to_string();
    let Some((_, rest)) = text.split_once("unknown field `") else {
        return Error::Value(text);
    };
    let mut names = rest.split('`').step_by(2);
    let field = names.next().unwrap_or_default().to_owned();
    let nearest = names
        .filter(|name| !name.is_empty() && *name != field && is_key(name))
        .map(|name| (strsim::damerau_levenshtein(&field, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .min()
        .map(|(_, name)| name.to_owned());
    Error::UnknownKey {
        key: field,
        nearest,
    }
}

fn is_key(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        site: String,
        limit: u32,
        nats: Nats,
        cameras: BTreeMap<String, Camera>,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Nats {
        url: String,
        password: String,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Camera {
        source: String,
        quality: u8,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                site: "local".into(),
                limit: 5,
                nats: Nats::default(),
                cameras: BTreeMap::new(),
            }
        }
    }

    fn layers(file: &str, environment: &[(&str, &str)]) -> (Layers, tempfile::NamedTempFile) {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), file).unwrap();
        let mut layers = Layers::new(Some(path.path().to_owned()));
        layers.environment = Some(
            environment
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        );
        (layers, path)
    }

    #[test]
    fn later_layers_win() {
        let (mut layers, _file) = layers(
            "site = 'file'\nlimit = 6\n[nats]\nurl = 'file'",
            &[("SIGHTLINE_LIMIT", "7"), ("SIGHTLINE_NATS__URL", "env")],
        );
        layers.set("nats.url", Some("flag"));
        let settings: Sample = layers.load().unwrap();
        assert_eq!(settings.site, "file");
        assert_eq!(settings.limit, 7);
        assert_eq!(settings.nats.url, "flag");
    }

    #[test]
    fn a_password_of_digits_stays_a_string() {
        let (layers, _file) = layers("", &[("SIGHTLINE_NATS__PASSWORD", "0123")]);
        assert_eq!(layers.load::<Sample>().unwrap().nats.password, "0123");
    }

    #[test]
    fn entries_of_a_map_are_set_from_every_layer() {
        let (mut layers, _file) = layers(
            "[cameras.gate]\nsource = 'a'\nquality = 3",
            &[("SIGHTLINE_CAMERAS__GATE__QUALITY", "9")],
        );
        layers.set("cameras.door-2.source", Some("test://"));
        let settings: Sample = layers.load().unwrap();
        assert_eq!(settings.cameras["gate"].quality, 9);
        assert_eq!(settings.cameras["gate"].source, "a");
        assert_eq!(settings.cameras["door-2"].source, "test://");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        for (file, wanted) in [
            (
                "sit = 'a'",
                r#"there is no setting "sit"; did you mean "site"?"#,
            ),
            (
                "[nats]\nurll = 'a'",
                r#"there is no setting "urll"; did you mean "url"?"#,
            ),
            (
                "[cameras.a]\nqualty = 1",
                r#"there is no setting "qualty"; did you mean "quality"?"#,
            ),
            ("zzzzzzzz = 1", r#"there is no setting "zzzzzzzz""#),
        ] {
            let (layers, _file) = layers(file, &[]);
            let error = layers.load::<Sample>().unwrap_err().to_string();
            assert_eq!(error, wanted);
        }
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        let (layers, _file) = layers("limit = 'many'", &[]);
        let error = layers.load::<Sample>().unwrap_err().to_string();
        assert!(error.contains("limit"), "{error}");
    }

    #[test]
    fn broken_toml_names_the_line() {
        let (layers, _file) = layers("site = 'a'\nlimit = = 4", &[]);
        let error = layers.load::<Sample>().unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
