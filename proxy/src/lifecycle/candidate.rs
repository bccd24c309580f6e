//! A configuration that could be put in force: its file is sound, and so is every file that it names.

use crate::snapshot;
use crate::tls::{self, Material, Strictness};
use mizan_certs::{ServerTls, Unsaved};
use mizan_config::model::Config;
use mizan_config::{Examined, Problems};

pub(crate) struct Candidate {
    pub(crate) config: Config,
    pub(crate) material: Material,
    /// What keeps nothing from running and is probably not meant.
    pub(crate) warnings: Problems,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("{0}")]
    Problems(Problems),
    #[error(transparent)]
    Build(#[from] snapshot::BuildError),
}

impl Candidate {
    /// `last`: the certificates in force. `unsaved`: those that the disk did not take.
    pub(crate) fn of(
        examined: Examined,
        last: Option<&ServerTls>,
        unsaved: &Unsaved,
        strictness: Strictness,
    ) -> Result<Self, Unfit> {
        let Examined { config, warnings, source } = examined;
        // What only the router sees.
        snapshot::router(&config)?;
        let read = tls::read(&config, last, unsaved).fit(strictness, &source);
        let (material, told) = read.map_err(Unfit::Problems)?;
        Ok(Self { config, material, warnings: warnings.join(told) })
    }
}
