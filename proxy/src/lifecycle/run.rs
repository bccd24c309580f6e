//! Start, serve, drain.

use super::candidate::Candidate;
use super::change::{Changer, Installed};
use super::signals::{Signals, Wish};
use crate::admin;
use crate::clock;
use crate::forward::Forwarder;
use crate::history::History;
use crate::listen::{BindError, Edge, Listeners};
use crate::observe::events;
use crate::runtime::Runtime;
use crate::snapshot::{BuildError, Next};
use crate::state::{State, StateError};
use crate::tls::{self, Look};
use mizan_acme::{Agent, Answers, News, PlanError, Settings};
use mizan_api::Happening;
use mizan_certs::Unsaved;
use pingora_core::apps::HttpServerOptions;
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::HttpProxy;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// How long a start waits for the first answers of discovery before it serves without them.
const FIRST_ANSWERS: Duration = Duration::from_secs(3);
/// How long the connections get to send what their last requests left in their buffers: an HTTP/2 stream ends before its
/// last frame is out.
const LAST_FRAMES: Duration = Duration::from_millis(100);
/// The engine's own bound on tries at one request; `retries.tries` decides long before.
const ENGINE_TRIES: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct RunOptions {
    /// Where the configuration came from, for SIGHUP.
    pub(crate) file: Option<PathBuf>,
    /// Worker threads, for the size of the upstream pools.
    pub(crate) threads: usize,
}

/// Why a start failed; nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("{0}")]
    Build(String),
    #[error(transparent)]
    Admin(#[from] admin::AdminError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Certificates(#[from] PlanError),
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
}

impl From<BuildError> for RunError {
    fn from(error: BuildError) -> Self {
        Self::Build(error.to_string())
    }
}

/// A proxy that serves.
pub(crate) struct Running {
    changer: Arc<Changer>,
    edge: Arc<Edge>,
    signals: Signals,
    admin: Option<JoinHandle<()>>,
    ticker: JoinHandle<()>,
    certificates: JoinHandle<()>,
    ordering: JoinHandle<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("listeners", &self.listeners()).finish_non_exhaustive()
    }
}

/// Binds everything, builds the first snapshot, and begins to serve.
pub(crate) async fn start(candidate: Candidate, options: RunOptions) -> Result<Running, RunError> {
    let Candidate { config, material, .. } = candidate;
    let signals = Signals::listen().map_err(RunError::Signals)?;
    let mut listeners = Listeners::default();
    let prepared = listeners.prepare(&config.listen)?;
    let admin_socket = config.admin.as_ref().map(admin::bind).transpose()?;
    let state = config.state.as_deref().map(State::open).transpose()?.map(Arc::new);
    let draining = Arc::new(AtomicBool::new(false));
    let next = Next::first(config, &material.upstream, state.clone(), draining.clone())?;
    let (acme, who_installs) = acme();
    let plan = acme.prepare(Settings::of(&next.snapshot.config))?;
    let runtime = Runtime::new(next.snapshot, acme.clone(), draining);
    let history = History::open(state, runtime.metrics.clone());
    runtime.install_tls(material.server);
    for service in &runtime.snapshot().services {
        service.enter_force();
    }
    wait_for_discovery(&runtime).await;
    let engine = engine(&runtime, options.threads);
    let edge = Arc::new(Edge { engine, runtime });
    tracing::info!("configuration 1 in force");
    // First, so that no authority comes before there is an answer: another process may have ordered.
    acme.follow(plan);
    listeners.install(prepared, &edge);
    let installed = Installed { listeners, ground: next.ground };
    let changer = Changer::new(edge.clone(), options.file, installed);
    let calls = admin::Admin::new(changer.clone(), edge.runtime.clone(), history);
    let admin = admin_socket.map(|socket| tokio::spawn(admin::serve(socket, calls)));
    let ticker = tokio::spawn(tick(edge.runtime.clone()));
    let certificates = tokio::spawn(tls::watch(changer.clone()));
    // It is set once, here.
    let _ = who_installs.set(Arc::downgrade(&changer));
    let ordering = tokio::spawn(acme.run());
    Ok(Running { changer, edge, signals, admin, ticker, certificates, ordering })
}

/// What gets certificates. It puts them in force through a changer, which comes to be after it.
fn acme() -> (Arc<Agent>, Arc<OnceLock<Weak<Changer>>>) {
    let who_installs: Arc<OnceLock<Weak<Changer>>> = Arc::default();
    let changer = who_installs.clone();
    let told = move |news| match news {
        News::Issued => {
            if let Some(changer) = changer.get().and_then(Weak::upgrade) {
                take_up(&changer);
            }
        }
        News::Failed { names, why } => events::publish(Happening::CertificateFailed { names, why }),
    };
    let answers = Arc::new(Answers::default());
    (Agent::new(answers, Arc::new(Unsaved::default()), told), who_installs)
}

/// Puts a new certificate in force.
fn take_up(changer: &Changer) {
    match changer.refresh_certificates(true) {
        Look::Changed(news) => tls::report(&news),
        Look::Refused(why) => {
            tracing::error!("certificates refused, the last ones stay in force:\n{why}");
        }
        Look::Unchanged => {}
    }
}

impl Running {
    /// The addresses that clients reach, as bound.
    pub(crate) fn listeners(&self) -> Vec<String> {
        self.changer.listeners()
    }

    /// Serves until a signal asks for the end, then drains.
    pub(crate) async fn until_stopped(mut self) {
        loop {
            match self.signals.next().await {
                Wish::Reload => self.reload(),
                Wish::Drain => return self.drain().await,
            }
        }
    }

    fn reload(&self) {
        // A start that is bad is refused; a change that is bad changes nothing.
        let _told = tokio::task::block_in_place(|| self.changer.reload());
    }

    /// No new connections; idle ones get a moment for the request that may be on its way; the last request is finished.
    async fn drain(mut self) {
        let drain = self.edge.runtime.snapshot().config.drain.clone();
        // Nothing is ordered that nobody could prove any more.
        self.edge.runtime.acme.end();
        self.ordering.abort();
        // Nobody is sent away before the door is shut: a client that is told to close would only come back to it.
        self.changer.stop_listening().await;
        self.edge.runtime.drain();
        self.changer.say_goodbye();
        events::publish(Happening::Ending);
        tracing::info!("draining: {} requests under way", self.edge.runtime.active_requests());
        let finish = async {
            tokio::time::sleep(drain.idle_grace).await;
            self.edge.runtime.idle().await;
            tokio::time::sleep(LAST_FRAMES).await;
        };
        tokio::select! {
            finished = tokio::time::timeout(drain.timeout, finish) => match finished {
                Ok(()) => tracing::info!("drained"),
                Err(_) => tracing::warn!(
                    "{} requests were still under way after {} s and are broken off",
                    self.edge.runtime.active_requests(), drain.timeout.as_secs_f32()
                ),
            },
            () = asked_twice(&mut self.signals) => tracing::warn!("asked to end a second time: leaving at once"),
        }
        self.ticker.abort();
        self.certificates.abort();
        if let Some(admin) = self.admin {
            admin.abort();
            // Waited for, so that its socket file is gone before the process is.
            let _ = admin.await;
        }
    }
}

/// What time alone changes is noticed four times a second; what is counted goes to its window once a second.
async fn tick(runtime: Arc<Runtime>) {
    let mut quarters = tokio::time::interval(Duration::from_millis(250));
    quarters.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for quarter in 0_u64.. {
        quarters.tick().await;
        for service in &runtime.snapshot_arc().services {
            service.look();
            if quarter % 4 == 0 {
                service.steering.books().for_each(|book| book.tick(clock::now()));
            }
        }
    }
}

async fn asked_twice(signals: &mut Signals) {
    while signals.next().await != Wish::Drain {}
}

/// Gives names a moment to be resolved, so that a start under traffic does not begin with errors.
async fn wait_for_discovery(runtime: &Runtime) {
    let all_answered = async {
        for service in &runtime.snapshot_arc().services {
            service.until_ready().await;
        }
    };
    if tokio::time::timeout(FIRST_ANSWERS, all_answered).await.is_err() {
        let snapshot = runtime.snapshot_arc();
        tracing::warn!(
            "discovery has not answered yet for: {}; serving without",
            snapshot.not_ready().join(", ")
        );
    }
}

/// What one HTTP/2 client may send ahead of the endpoints that its requests go to, in bytes: several uploads that stall do
/// not hold up the others, and a client does not hold more memory than this.
const H2_CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What of an upload in small frames may wait for its endpoint: each frame counts for as many bytes as it falls short of 256.
/// Enough for a stream's whole window in messages of 8 bytes.
const H2_SMALL_DATA: usize = 2 * 1024 * 1024;

fn engine(runtime: &Arc<Runtime>, threads: usize) -> Arc<HttpProxy<Forwarder>> {
    let keepalive: usize = runtime.snapshot().config.services.iter().map(|service| service.keepalive).sum();
    let conf = ServerConf {
        threads,
        max_retries: ENGINE_TRIES,
        // One pool for all services: `keepalive` bounds each service, this bounds their sum.
        upstream_keepalive_pool_size: keepalive.max(1024),
        ..ServerConf::default()
    };
    let mut proxy = HttpProxy::new(Forwarder::new(runtime.clone()), Arc::new(conf));
    let limits = &runtime.snapshot().limits;
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(limits.idle_timeout);
    proxy.server_options = Some(options);
    let mut h2 = pingora_core::protocols::http::v2::server::default_h2_options();
    h2.max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX));
    h2.max_concurrent_streams(limits.streams);
    h2.initial_connection_window_size(H2_CONNECTION_WINDOW);
    // Resets are held to a rate by the listener. The engine's own bounds are numbers that a page's cancelled requests (20
    // that come together) or a long life (1024 errors) go beyond.
    h2.max_pending_accept_reset_streams(mizan_policy::h2::Limits::default().resets.saved as usize);
    h2.max_local_error_reset_streams(None);
    h2.data_frame_budget(H2_SMALL_DATA);
    proxy.h2_options = Some(h2);
    proxy.handle_init_modules();
    Arc::new(proxy)
}
