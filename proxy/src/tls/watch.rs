//! Certificates that change on disk are put in force without being told to.

use crate::lifecycle::Changer;
use crate::observe::events;
use mizan_api::Happening;
use mizan_certs::{CertificateInfo, Fault, Gravity, ServerTls, Unsaved};
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
        let looked = tokio::task::spawn_blocking(move || changer.refresh_certificates(false)).await;
        match looked {
            Ok(Look::Unchanged) | Err(_) => {}
            Ok(Look::Changed(news)) => {
                trouble = Trouble::default();
                report(&news);
            }
            Ok(Look::Refused(why)) => trouble.note(why),
        }
    }
}

/// Says what is in force now.
pub(crate) fn report(changes: &Changes) {
    for certificate in &changes.new {
        tracing::info!("certificate in force: {certificate}");
        events::publish(Happening::Certificate {
            names: certificate.names.clone(),
            issuer: certificate.issuer.clone(),
            not_after_unix_ms: certificate.not_after.max(0).unsigned_abs().saturating_mul(1000),
        });
    }
    for line in &changes.doubtful {
        tracing::warn!("{line}");
    }
}

/// What a look at the files came to.
pub(crate) enum Look {
    Unchanged,
    Changed(Changes),
    /// What the files hold now cannot be served; the last certificates stay in force.
    Refused(String),
}

/// New certificates are in force.
pub(crate) struct Changes {
    new: Vec<CertificateInfo>,
    /// What is wrong with files and stands in nothing's way.
    doubtful: Vec<String>,
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

/// Reads the files again where one of them changed, or whatever they are where `anyway` says so.
pub(crate) fn look(
    config: &mizan_config::Config,
    last: &Arc<ServerTls>,
    unsaved: &Unsaved,
    anyway: bool,
) -> (Look, Option<Arc<ServerTls>>) {
    let now = crate::clock::unix_seconds().cast_signed();
    if !anyway && !last.stamps().changed() && !last.is_stale(now) {
        return (Look::Unchanged, None);
    }
    let loaded = ServerTls::load(config, Some(last), unsaved, crate::clock::unix_seconds);
    let (doubtful, grave): (Vec<&Fault>, Vec<&Fault>) =
        loaded.faults.iter().partition(|fault| fault.gravity == Gravity::Doubtful);
    match loaded.tls {
        Some(next) if grave.is_empty() => {
            let doubtful = doubtful.iter().map(|fault| lines(&[fault])).collect();
            let changes = Changes { new: differences(last, &next), doubtful };
            (Look::Changed(changes), Some(Arc::new(next)))
        }
        _ => {
            let why = lines(&grave);
            // The other sites' certificates are taken up all the same.
            let around = ServerTls::load_around(config, last, unsaved, crate::clock::unix_seconds);
            let around = around.filter(|next| !differences(last, next).is_empty());
            if let Some(next) = &around {
                report(&Changes { new: differences(last, next), doubtful: Vec::new() });
            }
            (Look::Refused(why), around.map(Arc::new))
        }
    }
}

fn differences(last: &ServerTls, next: &ServerTls) -> Vec<CertificateInfo> {
    let known: Vec<&str> = last.describe().map(|certificate| certificate.fingerprint.as_str()).collect();
    let new = next.describe().filter(|certificate| !known.contains(&certificate.fingerprint.as_str()));
    new.cloned().collect()
}

fn lines(faults: &[&Fault]) -> String {
    let line = |fault: &&Fault| match &fault.hint {
        Some(hint) => format!("{} ({hint})", fault.message),
        None => fault.message.clone(),
    };
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}
