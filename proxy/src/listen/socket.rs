//! Listening sockets: bound first, accepting later.

use super::client::LOCAL_PEER;
use super::connection::Socket;
use crate::unix_socket;
use mizan_config::model::ListenAddress;
use socket2::{Domain, Protocol, SockAddr, TcpKeepalive, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};

/// Connections the kernel holds until they are accepted (capped by net.core.somaxconn).
const BACKLOG: i32 = 4096;

/// When a silent connection is probed, and how often.
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(15);

/// Why an address could not be had, in one line with what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{}", hint(address, source))]
pub(crate) struct BindError {
    address: String,
    source: io::Error,
}

/// A socket that has its address; what connects waits in the kernel's queue until it is accepted.
pub(super) enum Bound {
    Tcp(socket2::Socket, SocketAddr),
    Unix(std::os::unix::net::UnixListener, PathBuf),
}

pub(super) enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

pub(super) fn bind(address: &ListenAddress) -> Result<Bound, BindError> {
    let bound = match address {
        ListenAddress::AnyAddress(port) => bind_any(*port),
        ListenAddress::Tcp(address) => bind_tcp(*address),
        ListenAddress::Unix(path) => {
            unix_socket::bind(path).map(|listener| Bound::Unix(listener, path.clone()))
        }
    };
    bound.map_err(|source| BindError { address: written(address), source })
}

impl Bound {
    pub(super) fn name(&self) -> String {
        match self {
            Bound::Tcp(_, address) => address.to_string(),
            Bound::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }

    pub(super) fn accepting(self) -> io::Result<Listening> {
        match self {
            Bound::Tcp(socket, _) => Ok(Listening::Tcp(TcpListener::from_std(socket.into())?)),
            Bound::Unix(listener, _) => Ok(Listening::Unix(UnixListener::from_std(listener)?)),
        }
    }
}

impl Listening {
    /// Lets the kernel complete no further connections, so that the queue can be emptied before the socket is closed.
    pub(super) fn shrink_queue(&self) {
        let shrunk = match self {
            Listening::Tcp(listener) => rustix::net::listen(listener, 0),
            Listening::Unix(listener) => rustix::net::listen(listener, 0),
        };
        if let Err(error) = shrunk {
            tracing::debug!("cannot shrink a listener's queue: {error}");
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Socket>, IpAddr)> {
        match self {
            Listening::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Box::new(stream), peer.ip().to_canonical()))
            }
            Listening::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), LOCAL_PEER))
            }
        }
    }
}

/// Errors of accept(2) that are a connection's own end and no reason to pause.
pub(super) fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | NotConnected
    )
}

/// `[::]` takes both families; a machine without IPv6 gets `0.0.0.0`.
fn bind_any(port: u16) -> io::Result<Bound> {
    match bind_tcp((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if no_ipv6(&error) => bind_tcp((Ipv4Addr::UNSPECIFIED, port).into()),
        bound => bound,
    }
}

fn no_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    code == Some(Errno::AFNOSUPPORT.raw_os_error()) || code == Some(Errno::ADDRNOTAVAIL.raw_os_error())
}

fn bind_tcp(address: SocketAddr) -> io::Result<Bound> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != IpAddr::V6(Ipv6Addr::UNSPECIFIED))?;
    }
    // Accepted connections inherit both. Answers are gathered before they are sent: waiting for more would only delay
    // them. A tunnel whose client is gone without a word ends when its probes go unanswered.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY))?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    // With SO_REUSEADDR two sockets may share an address until one of them listens: be the one.
    socket.listen(BACKLOG)?;
    let bound = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok(Bound::Tcp(socket, bound))
}

fn written(address: &ListenAddress) -> String {
    match address {
        ListenAddress::AnyAddress(port) => format!(":{port}"),
        ListenAddress::Tcp(address) => address.to_string(),
        ListenAddress::Unix(path) => format!("unix:{}", path.display()),
    }
}

fn hint(address: &str, error: &io::Error) -> String {
    let port = address.rsplit(':').next().unwrap_or(address);
    match error.kind() {
        io::ErrorKind::AddrInUse if address.starts_with("unix:") => {
            ". Another process answers on that socket: stop it, or choose another path".into()
        }
        io::ErrorKind::AddrInUse => format!(
            ". Another process has the port: see which with `ss -ltnp 'sport = :{port}'` and stop it, or choose another port"
        ),
        io::ErrorKind::PermissionDenied => {
            ". Ports below 1024 need root or CAP_NET_BIND_SERVICE; a higher port needs neither".into()
        }
        io::ErrorKind::AddrNotAvailable => ". This machine does not have that address".into(),
        _ => String::new(),
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
