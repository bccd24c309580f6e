//! Certificates that change on disk are put in force without being told to.

use crate::lifecycle::Changer;
use mizan_certs::{Fault, Gravity, ServerTls};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often the files are looked at. A new certificate is in force a moment later than that, at most.
const LOOK: Duration = Duration::from_secs(2);

/// Looks for ever. No thread that serves requests waits for the disk.
pub(crate) async fn watch(changer: Arc<Changer>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut trouble = Trouble::default();
    loop {
        looks.tick().await;
        let changer = changer.clone();
        let looked = tokio::task::spawn_blocking(move || changer.refresh_certificates()).await;
        match looked {
            Ok(Look::Unchanged) | Err(_) => {}
            Ok(Look::Changed(lines)) => {
                trouble = Trouble::default();
                for line in lines {
                    tracing::info!("certificate in force: {line}");
                }
            }
            Ok(Look::Refused(why)) => trouble.note(why),
        }
    }
}

/// What a look at the files came to.
pub(crate) enum Look {
    Unchanged,
    /// New certificates are in force: one line for each that is another one.
    Changed(Vec<String>),
    /// What the files hold now cannot be served; the last certificates stay in force.
    Refused(String),
}

/// Whoever writes a certificate writes its key a moment earlier or later: only what is still wrong at the next look is told,
/// and that once.
#[derive(Default)]
struct Trouble {
    seen: Option<String>,
    told: bool,
}

impl Trouble {
    fn note(&mut self, why: String) {
        if self.seen.as_ref() != Some(&why) {
            *self = Self { seen: Some(why), told: false };
        } else if !self.told {
            self.told = true;
            tracing::error!("certificates refused, the last ones stay in force:\n{why}");
        }
    }
}

/// Reads the files again where one of them changed.
pub(crate) fn look(config: &mizan_config::Config, last: &Arc<ServerTls>) -> (Look, Option<Arc<ServerTls>>) {
    if !last.stamps().changed() {
        return (Look::Unchanged, None);
    }
    let loaded = ServerTls::load(config, Some(last), crate::clock::unix_seconds);
    let grave: Vec<&Fault> =
        loaded.faults.iter().filter(|fault| fault.gravity != Gravity::Doubtful).collect();
    match loaded.tls {
        Some(next) if grave.is_empty() => (Look::Changed(differences(last, &next)), Some(Arc::new(next))),
        _ => (Look::Refused(lines(&grave)), None),
    }
}

fn differences(last: &ServerTls, next: &ServerTls) -> Vec<String> {
    let known: Vec<&str> = last.describe().map(|certificate| certificate.fingerprint.as_str()).collect();
    let new = next.describe().filter(|certificate| !known.contains(&certificate.fingerprint.as_str()));
    new.map(ToString::to_string).collect()
}

fn lines(faults: &[&Fault]) -> String {
    let line = |fault: &&Fault| match &fault.hint {
        Some(hint) => format!("{} ({hint})", fault.message),
        None => fault.message.clone(),
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}
