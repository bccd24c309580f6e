//! Whom to ask: the servers of mizan.yml, or those of the system, read again when its files change.

use super::exchange::Server;
use mizan_policy::discover::system;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// The pause between two looks at the system's files.
const LOOK: Duration = Duration::from_secs(1);

/// A larger file is not a resolv.conf or hosts file.
const MOST: u64 = 1 << 20;

#[derive(Debug)]
pub(super) enum Servers {
    /// Those of mizan.yml. The hosts file says nothing then.
    Given(Arc<[Server]>),
    System(System),
}

/// What the system's files said when they were last read.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) servers: Arc<[Server]>,
    hosts: String,
    stamps: [Option<Stamp>; 2],
}

/// Changes whenever a file does, also when it is replaced by an older one.
type Stamp = (SystemTime, u64);

#[derive(Debug)]
pub(super) struct System {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    /// Of one query.
    limit: Duration,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    looked: Instant,
    files: Arc<Files>,
}

impl Servers {
    pub(super) fn new(given: &[SocketAddr], limit: Duration) -> Self {
        if given.is_empty() {
            Self::System(System::new(Path::new("/etc/resolv.conf"), Path::new("/etc/hosts"), limit))
        } else {
            Self::Given(askable(given, limit))
        }
    }
}

impl Files {
    pub(super) fn hosts(&self, host: &str) -> Vec<IpAddr> {
        system::hosts(&self.hosts, host)
    }
}

impl System {
    pub(super) fn new(resolv_conf: &Path, hosts: &Path, limit: Duration) -> Self {
        let (resolv_conf, hosts) = (resolv_conf.to_owned(), hosts.to_owned());
        let files = Arc::new(read([&resolv_conf, &hosts], limit));
        Self { resolv_conf, hosts, limit, known: Mutex::new(Known { looked: Instant::now(), files }) }
    }

    /// What the files say, no older than a second.
    pub(super) async fn files(&self) -> Arc<Files> {
        let known = {
            let mut known = self.known();
            if known.looked.elapsed() < LOOK {
                return known.files.clone();
            }
            // Others go on with what is known until this look ends.
            known.looked = Instant::now();
            known.files.clone()
        };
        let paths = [self.resolv_conf.clone(), self.hosts.clone()];
        let (stamps, limit) = (known.stamps, self.limit);
        let look = move || {
            let paths = [paths[0].as_path(), paths[1].as_path()];
            (paths.map(stamp) != stamps).then(|| Arc::new(read(paths, limit)))
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Some(files)) => {
                tracing::info!(servers = ?files.servers, "the system's resolv.conf or hosts file changed");
                self.known().files = files.clone();
                files
            }
            Ok(None) | Err(_) => known,
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("nothing panics while it holds the lock")
    }
}

fn read(paths: [&Path; 2], limit: Duration) -> Files {
    let stamps = paths.map(stamp);
    let [resolv_conf, hosts] = [(paths[0], stamps[0]), (paths[1], stamps[1])].map(|(path, stamp)| {
        let bytes = if stamp.is_some_and(|(_, length)| length <= MOST) {
            std::fs::read(path)
        } else {
            Ok(Vec::new())
        };
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    });
    Files { servers: askable(&system::servers(&resolv_conf), limit), hosts, stamps }
}

fn askable(addresses: &[SocketAddr], limit: Duration) -> Arc<[Server]> {
    addresses.iter().filter_map(|address| Server::new(*address, limit)).collect()
}

/// `None` when there is no such file: a container made from scratch may have neither.
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
