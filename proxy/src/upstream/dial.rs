//! Connecting to an endpoint: confirmed first where it is in doubt, counted, given up when the endpoint leaves.

use super::guard::OpenConnection;
use super::{Address, Endpoint};
use async_trait::async_trait;
use pingora_core::connectors::l4::Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::{Error, ErrorType, Result};
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// A connect that takes longer has the name looked up again: a removed container's address hangs instead of refusing.
const SLOW: Duration = Duration::from_millis(150);
/// How long a request waits for discovery to confirm an address that is in doubt.
const CONFIRM: Duration = Duration::from_millis(250);

/// The kind of a connect that was given up because the endpoint is no longer the service's.
pub(crate) const LEFT: ErrorType = ErrorType::Custom("EndpointLeft");

#[derive(Debug)]
pub(super) struct Dial {
    endpoint: Weak<Endpoint>,
}

impl Dial {
    pub(super) fn new(endpoint: Weak<Endpoint>) -> Self {
        Self { endpoint }
    }
}

#[async_trait]
impl Connect for Dial {
    async fn connect(&self, _address: &SocketAddr) -> Result<Stream> {
        let Some(endpoint) = self.endpoint.upgrade() else {
            return Error::e_explain(LEFT, "the endpoint is gone");
        };
        if !endpoint.confirm(CONFIRM).await {
            return Error::e_explain(LEFT, "discovery does not confirm the endpoint's address");
        }
        tokio::select! {
            biased;
            () = endpoint.left() => Error::e_explain(LEFT, "the endpoint left while it was dialled"),
            stream = open(&endpoint) => {
                let mut stream = stream.map_err(|error| Error::because(kind(&error), "cannot connect", error))?;
                stream.tracer = Some(OpenConnection::tracer(&endpoint));
                Ok(stream)
            }
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

/// Connects, and has the name looked up again once that takes long.
async fn open(endpoint: &Arc<Endpoint>) -> io::Result<Stream> {
    let connecting = async {
        match &endpoint.address {
            Address::Tcp(address) => TcpStream::connect(address).await.map(Stream::from),
            Address::Unix(path) => UnixStream::connect(path).await.map(Stream::from),
        }
    };
    let mut connecting = std::pin::pin!(connecting);
    if let Ok(connected) = tokio::time::timeout(SLOW, &mut connecting).await {
        return connected;
    }
    endpoint.kick();
    connecting.await
}
