//! Connecting to an endpoint: confirmed first where it is in doubt, counted, given up when the endpoint leaves.

use super::guard::OpenConnection;
use super::patient::Patient;
use super::{Address, Endpoint};
use async_trait::async_trait;
use pingora_core::connectors::l4::Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::protocols::l4::virt::{VirtualSocket, VirtualSocketStream};
use pingora_core::{Error, ErrorType, Result};
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// A connect that takes longer has the name looked up again: a removed container's address hangs instead of refusing.
const SLOW: Duration = Duration::from_millis(150);
/// How long a request waits for discovery to confirm an address that is in doubt.
pub(super) const CONFIRM: Duration = Duration::from_millis(250);

/// A connect that hangs for so long is given up, unless discovery still has the address.
pub(super) const HANGS: Duration = Duration::from_millis(500);

/// The kind of a connect that was given up because the endpoint is no longer the service's.
pub(super) const LEFT: ErrorType = ErrorType::Custom("EndpointLeft");

/// How the engine connects to an endpoint.
#[derive(Debug)]
pub(super) struct Dial {
    endpoint: Weak<Endpoint>,
}

/// How it connects for a request that may become a tunnel.
#[derive(Debug)]
pub(super) struct TunnelDial {
    endpoint: Weak<Endpoint>,
}

impl Dial {
    pub(super) fn new(endpoint: Weak<Endpoint>) -> Self {
        Self { endpoint }
    }
}

impl TunnelDial {
    pub(super) fn new(endpoint: Weak<Endpoint>) -> Self {
        Self { endpoint }
    }
}

#[async_trait]
impl Connect for Dial {
    async fn connect(&self, _address: &SocketAddr) -> Result<Stream> {
        dial(&self.endpoint, Opened::into_stream).await
    }
}

#[async_trait]
impl Connect for TunnelDial {
    async fn connect(&self, _address: &SocketAddr) -> Result<Stream> {
        dial(&self.endpoint, Opened::into_patient_stream).await
    }
}

async fn dial(endpoint: &Weak<Endpoint>, into_stream: impl FnOnce(Opened) -> Stream) -> Result<Stream> {
    let Some(endpoint) = endpoint.upgrade() else {
        return Error::e_explain(LEFT, "the endpoint is gone");
    };
    if !endpoint.confirm(CONFIRM).await {
        return Error::e_explain(LEFT, "discovery does not confirm the endpoint's address");
    }
    tokio::select! {
        biased;
        () = endpoint.left() => Error::e_explain(LEFT, "the endpoint left while it was dialled"),
        () = endpoint.vanished() => {
            Error::e_explain(LEFT, "the address hangs, and discovery does not have it any more")
        }
        opened = open(&endpoint) => {
            let opened = opened.map_err(|error| Error::because(kind(&error), "cannot connect", error))?;
            let mut stream = into_stream(opened);
            stream.tracer = Some(OpenConnection::tracer(&endpoint));
            Ok(stream)
        }
    }
}

/// The engine's word for a connect that failed.
fn kind(error: &io::Error) -> ErrorType {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ErrorType::ConnectRefused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => ErrorType::ConnectNoRoute,
        io::ErrorKind::TimedOut => ErrorType::ConnectTimedout,
        _ => ErrorType::ConnectError,
    }
}

/// A connection that was just opened.
enum Opened {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Opened {
    fn into_stream(self) -> Stream {
        match self {
            Self::Tcp(stream) => stream.into(),
            Self::Unix(stream) => stream.into(),
        }
    }

    fn into_patient_stream(self) -> Stream {
        let socket: Box<dyn VirtualSocket> = match self {
            Self::Tcp(stream) => Box::new(Patient::new(stream)),
            Self::Unix(stream) => Box::new(Patient::new(stream)),
        };
        VirtualSocketStream::new(socket).into()
    }
}

/// Connects, and has the name looked up again once that takes long.
async fn open(endpoint: &Arc<Endpoint>) -> io::Result<Opened> {
    let connecting = async {
        match &endpoint.address {
            Address::Tcp(address) => TcpStream::connect(address).await.map(Opened::Tcp),
            Address::Unix(path) => UnixStream::connect(path).await.map(Opened::Unix),
        }
    };
    let mut connecting = std::pin::pin!(connecting);
    if let Ok(connected) = tokio::time::timeout(SLOW, &mut connecting).await {
        return connected;
    }
    endpoint.kick();
    connecting.await
}
