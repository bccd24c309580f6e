//! Connecting to an endpoint: confirmed first where it is in doubt, counted, given up when the endpoint leaves.

use super::guard::OpenConnection;
use super::{Address, Endpoint};
use async_trait::async_trait;
use pingora_core::connectors::l4::Connect;
use pingora_core::protocols::l4::socket::SocketAddr;
use pingora_core::protocols::l4::stream::Stream;
use pingora_core::{Error, ErrorType, OrErr, Result};
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// A connect that takes longer has the name looked up again: a removed container's address hangs instead of refusing.
const SLOW: Duration = Duration::from_millis(150);
/// How long a request waits for discovery to confirm an address that is in doubt.
const CONFIRM: Duration = Duration::from_millis(250);

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
            return Error::e_explain(ErrorType::ConnectError, "the endpoint is gone");
        };
        if endpoint.unconfirmed() && !endpoint.confirm(CONFIRM).await {
            return Error::e_explain(ErrorType::ConnectError, "discovery does not confirm the endpoint's address");
        }
        tokio::select! {
            biased;
            () = endpoint.left() => Error::e_explain(ErrorType::ConnectError, "the endpoint left while it was dialled"),
            stream = open(&endpoint) => {
                let mut stream = stream.or_err(ErrorType::ConnectError, "cannot connect")?;
                stream.tracer = Some(OpenConnection::tracer(&endpoint));
                Ok(stream)
            }
        }
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
