//! One message to one server, and its answer.

use super::error::DnsError;
use hickory_proto::op::{Edns, Message, MessageType, Query};
use hickory_proto::rr::{Name, RecordType};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Of an exchange by TCP, the connection included.
const TCP_LIMIT: Duration = Duration::from_secs(5);

/// Of each attempt by UDP.
const UDP_LIMIT: Duration = Duration::from_millis(1500);
const UDP_ATTEMPTS: u32 = 2;

/// The UDP payload we take: what passes every network in one piece (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1232;

/// By TCP (RFC 7766). Whether the answer is one is for the caller to see.
pub(super) async fn by_tcp(server: SocketAddr, message: &[u8]) -> Result<Vec<u8>, DnsError> {
    let exchange = async {
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        let mut stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
        let mut answer = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    match timeout(TCP_LIMIT, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(DnsError::Unreachable { server, error }),
        Err(_) => Err(DnsError::Mute { server, limit: TCP_LIMIT }),
    }
}

/// Asks a server for what it knows by itself: by UDP, and by TCP where the answer does not fit.
pub(super) async fn ask(server: SocketAddr, name: &Name, kind: RecordType) -> Result<Message, DnsError> {
    let mut query = Message::query();
    query.metadata.recursion_desired = false;
    query.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD);
    query.set_edns(edns);
    let bytes = query.to_vec().map_err(|_| DnsError::Name(name.to_ascii()))?;
    let answer = by_udp(server, &query, &bytes).await?;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let answer = Message::from_vec(&by_tcp(server, &bytes).await?).ok();
    answer.filter(|answer| is_to(&query, answer)).ok_or(DnsError::Garbage(server))
}

async fn by_udp(server: SocketAddr, query: &Message, bytes: &[u8]) -> Result<Message, DnsError> {
    for _ in 0..UDP_ATTEMPTS {
        match timeout(UDP_LIMIT, datagram(server, query, bytes)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => return Err(DnsError::Unreachable { server, error }),
            Err(_) => {}
        }
    }
    Err(DnsError::Mute { server, limit: UDP_LIMIT * UDP_ATTEMPTS })
}

async fn datagram(server: SocketAddr, query: &Message, bytes: &[u8]) -> io::Result<Message> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(bytes).await?;
    let mut buffer = [0; UDP_PAYLOAD as usize];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // What is something else may be a forgery: the answer may be behind it.
        if let Ok(answer) = Message::from_vec(&buffer[..length])
            && is_to(query, &answer)
        {
            return Ok(answer);
        }
    }
}

/// Whether one is the answer to the other.
pub(super) fn is_to(query: &Message, answer: &Message) -> bool {
    answer.metadata.id == query.metadata.id
        && answer.metadata.message_type == MessageType::Response
        && answer.metadata.op_code == query.metadata.op_code
        // Updates are answered without their zone by some.
        && (answer.queries.is_empty() || answer.queries == query.queries)
}
