//! Sockets that behave in ways a listener does not: bound but deaf, or full.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

/// A port that is taken and refuses: bound, not listening. Nobody else can get it while this lives.
#[derive(Debug)]
pub struct Refuses {
    socket: Socket,
}

impl Refuses {
    /// On a port that the system chooses.
    pub fn new() -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("127.0.0.1 has a free port")
    }

    pub fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = stream_socket()?;
        socket.bind(&address.into())?;
        Ok(Self { socket })
    }

    pub fn addr(&self) -> SocketAddr {
        local_address(&self.socket)
    }
}

impl Default for Refuses {
    fn default() -> Self {
        Self::new()
    }
}

/// An address where a connect gets no answer at all, as at the address of a removed container: a listening socket
/// that never accepts and whose backlog is full, so that the kernel drops every further SYN.
#[derive(Debug)]
pub struct Blackhole {
    socket: Socket,
    _fillers: Vec<TcpStream>,
}

impl Blackhole {
    pub async fn new() -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    pub async fn at(address: SocketAddr) -> Self {
        let socket = stream_socket().expect("a socket");
        socket.bind(&address.into()).unwrap_or_else(|e| panic!("bind {address}: {e}"));
        socket.listen(0).expect("listen");
        let address = local_address(&socket);
        let mut fillers = Vec::new();
        loop {
            match timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
                Ok(Ok(stream)) => fillers.push(stream),
                Ok(Err(e)) => panic!("the blackhole at {address} answered: {e}"),
                Err(_) => return Self { socket, _fillers: fillers },
            }
            assert!(fillers.len() < 16, "the backlog of {address} does not fill");
        }
    }

    pub fn addr(&self) -> SocketAddr {
        local_address(&self.socket)
    }
}

/// One port that is free on all of `127.0.0.first` ... `127.0.0.last`: DNS answers carry no port, so several
/// endpoints of a name must share theirs.
pub fn common_port(addresses: &[Ipv4Addr]) -> u16 {
    for _ in 0..100 {
        let first = Refuses::at(SocketAddr::from((addresses[0], 0))).expect("a free port");
        let port = first.addr().port();
        let others: Result<Vec<_>, _> =
            addresses[1..].iter().map(|ip| Refuses::at(SocketAddr::from((*ip, port)))).collect();
        if others.is_ok() {
            return port;
        }
    }
    panic!("no port is free on all of {addresses:?}");
}

fn stream_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn local_address(socket: &Socket) -> SocketAddr {
    socket.local_addr().ok().and_then(|a| a.as_socket()).expect("the socket is bound")
}
