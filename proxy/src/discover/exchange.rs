//! One question to one server: by UDP, and by TCP when the answer does not fit.

use super::message::{Question, Reply, UDP_PAYLOAD};
use mizan_policy::discover::answers::{Answer, Failure};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// Asks `server`, and waits for its answer no longer than `limit`.
pub(super) async fn ask(server: SocketAddr, question: &Question, limit: Duration) -> Answer {
    match tokio::time::timeout(limit, exchange(server, question)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Answer::Failed(Failure::Unreachable),
        Err(_) => Answer::Failed(Failure::Timeout),
    }
}

async fn exchange(server: SocketAddr, question: &Question) -> io::Result<Answer> {
    let id = hickory_proto::op::Message::query().metadata.id;
    let query = question.to_bytes(id).ok_or(io::ErrorKind::InvalidInput)?;
    match by_udp(server, question, &query, id).await? {
        Some(answer) => Ok(answer),
        None => Ok(by_tcp(server, question, &query, id).await.unwrap_or(Answer::Failed(Failure::Truncated))),
    }
}

/// `None` when the answer was cut off.
async fn by_udp(
    server: SocketAddr,
    question: &Question,
    query: &[u8],
    id: u16,
) -> io::Result<Option<Answer>> {
    // A socket of its own for every query: a port that nobody can guess, and none that is deaf after the server's
    // restart (connection tracking keeps the old one's way to a port that is gone).
    let any: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = [0; UDP_PAYLOAD as usize];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match question.read(&buffer[..length], id) {
            Reply::Answer(answer) => return Ok(Some(answer)),
            Reply::CutOff => return Ok(None),
            Reply::Foreign => {}
        }
    }
}

/// RFC 1035, section 4.2.2: two bytes of length before each message.
async fn by_tcp(server: SocketAddr, question: &Question, query: &[u8], id: u16) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat()).await?;
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(match question.read(&bytes, id) {
        Reply::Answer(answer) => answer,
        Reply::CutOff => Answer::Failed(Failure::Truncated),
        Reply::Foreign => Answer::Failed(Failure::Garbage),
    })
}
