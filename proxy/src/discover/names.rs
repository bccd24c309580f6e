//! The names that are watched, each once.

use super::servers::Servers;
use super::watch::Watch;
use mizan_config::model::Resolver;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use tokio::runtime::Handle;

/// One resolver's watchers. Watching ends with the last [`Watch`] of a name.
#[derive(Debug)]
pub(crate) struct Names {
    resolver: Resolver,
    servers: Arc<Servers>,
    runtime: Handle,
    watched: Mutex<HashMap<String, Weak<Watch>>>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum NamesError {
    #[error("nothing runs that could look them up")]
    NoRuntime(#[from] tokio::runtime::TryCurrentError),
}

impl Names {
    /// To be called inside a tokio runtime: that is where the watchers run. That no server is known is no error: there
    /// may be nothing to look up, and the system's resolv.conf may yet come.
    pub(crate) fn new(resolver: &Resolver) -> Result<Arc<Self>, NamesError> {
        Ok(Arc::new(Self {
            resolver: resolver.clone(),
            servers: Arc::new(Servers::new(&resolver.servers, resolver.timeout)),
            runtime: Handle::try_current()?,
            watched: Mutex::default(),
        }))
    }

    /// The watcher of a name; the first to ask starts it.
    pub(crate) fn watch(self: &Arc<Self>, host: &str) -> Arc<Watch> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let mut watched = self.watched.lock().expect("nothing panics while it holds the lock");
        if let Some(watch) = watched.get(&host).and_then(Weak::upgrade) {
            return watch;
        }
        watched.retain(|_, watch| watch.strong_count() > 0);
        let watch = Arc::new(Watch::start(&host, &self.resolver, &self.servers, &self.runtime));
        watched.insert(host, Arc::downgrade(&watch));
        watch
    }
}
