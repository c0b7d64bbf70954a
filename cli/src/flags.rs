//! The flags that every program takes.

use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Exit, settings::Layers};

/// The flags that every program takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// TOML file with settings; deploy/config has one for each program that shows all of them
    #[arg(global = true, long, value_name = "FILE", env = "SIGHTLINE_CONFIG")]
    config: Option<PathBuf>,
    /// Form of the log: text or json [default: text]
    #[arg(global = true, long, value_name = "FORM", value_parser = ["text", "json"])]
    log: Option<String>,
}

impl Flags {
    /// The file with settings, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// All layers in one `T`; `set` adds what the program's own flags say. An error ends the program with
    /// [`Exit::Settings`].
    pub fn load<T>(&self, set: impl FnOnce(&mut Layers)) -> anyhow::Result<T>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let mut layers = Layers::new(self.config.clone());
        layers.set("log.format", self.log.as_deref());
        set(&mut layers);
        layers.load().map_err(|error| Exit::Settings.because(error))
    }
}
