//! What the files hold that a configuration names: certificates, keys, authorities.

mod watch;

pub(crate) use watch::{Look, look, report, watch};

use crate::clock;
use mizan_certs::{ClientTls, Fault, Gravity, ServerTls, Unsaved, load_upstream};
use mizan_config::model::Config;
use mizan_config::{Problems, Source};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything of one configuration, read and found fit to be put in force.
pub(crate) struct Material {
    pub(crate) server: Arc<ServerTls>,
    /// By service.
    pub(crate) upstream: HashMap<String, ClientTls>,
}

/// What came of reading.
pub(crate) struct Reading {
    /// `None`: something cannot be used at all.
    material: Option<Material>,
    faults: Vec<Fault>,
}

/// How much is put up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// A start: better an expired certificate than no service at all.
    Usable,
    /// A change, or a check: what clients would refuse is refused.
    Valid,
}

/// Reads every file. `last`: the certificates in force, whose faults stand in no change's way. `unsaved`: those that the
/// disk did not take.
pub(crate) fn read(config: &Config, last: Option<&ServerTls>, unsaved: &Unsaved) -> Reading {
    let loaded = ServerTls::load(config, last, unsaved, clock::unix_seconds);
    let mut faults = loaded.faults;
    let mut upstream = HashMap::new();
    let mut complete = true;
    for service in &config.services {
        let Some(tls) = &service.tls else { continue };
        let (read, found) = load_upstream(tls);
        faults.extend(found);
        match read {
            Some(read) => drop(upstream.insert(service.name.clone(), read)),
            None => complete = false,
        }
    }
    let material =
        loaded.tls.filter(|_| complete).map(|server| Material { server: Arc::new(server), upstream });
    Reading { material, faults }
}

impl Reading {
    /// What can be put in force and the faults that are put up with, or every fault that stands in the way; drawn where the
    /// file names the files.
    pub(crate) fn fit(
        self,
        strictness: Strictness,
        source: &Source,
    ) -> Result<(Material, Problems), Problems> {
        let stands_in_the_way = |fault: &Fault| match fault.gravity {
            Gravity::Unusable => true,
            Gravity::Invalid => strictness == Strictness::Valid,
            Gravity::Doubtful => false,
        };
        let (refused, told): (Vec<_>, Vec<_>) = self.faults.into_iter().partition(stands_in_the_way);
        match self.material {
            Some(material) if refused.is_empty() => Ok((material, draw(told, source))),
            _ => Err(draw(refused, source)),
        }
    }
}

fn draw(faults: Vec<Fault>, source: &Source) -> Problems {
    let fault =
        |fault: Fault| mizan_config::Fault { place: fault.place, message: fault.message, hint: fault.hint };
    source.problems(faults.into_iter().map(fault).collect())
}
