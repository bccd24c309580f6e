//! A DNS server in this process that says what a test wants, by UDP and TCP on one port.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{RData, Record, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;

#[derive(Debug, Clone)]
pub(super) enum Say {
    /// Those of the family that was asked for.
    Addresses(Vec<IpAddr>),
    /// Nothing when it is asked for IPv6.
    MuteV6(Vec<IpAddr>),
    NoName,
    Code(ResponseCode),
    Nothing,
    Garbage,
    WrongId,
    /// By UDP only that it does not fit.
    ByTcp(Vec<IpAddr>),
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    say: Arc<Mutex<Say>>,
    asked: watch::Receiver<Vec<(Instant, SocketAddr)>>,
}

impl Server {
    pub(super) async fn start(say: Say) -> Self {
        let (udp, tcp) = both().await;
        let address = udp.local_addr().unwrap();
        let say = Arc::new(Mutex::new(say));
        let (asking, asked) = watch::channel(Vec::new());
        tokio::spawn(serve_tcp(tcp, say.clone()));
        tokio::spawn(serve_udp(udp, say.clone(), asking));
        Self { address, say, asked }
    }

    pub(super) fn say(&self, say: Say) {
        *self.say.lock().unwrap() = say;
    }

    /// How often it was asked by UDP.
    pub(super) fn count(&self) -> usize {
        self.asked.borrow().len()
    }

    pub(super) fn sources(&self) -> Vec<SocketAddr> {
        self.asked.borrow().iter().map(|&(_, from)| from).collect()
    }

    /// Waits until it was asked `count` times.
    pub(super) async fn asked(&self, count: usize) {
        self.asked.clone().wait_for(|asked| asked.len() >= count).await.unwrap();
    }
}

/// UDP and TCP on one free port.
async fn both() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(
    socket: UdpSocket,
    say: Arc<Mutex<Say>>,
    asking: watch::Sender<Vec<(Instant, SocketAddr)>>,
) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let answer = answer(&buffer[..length], &say.lock().unwrap(), Transport::Udp);
        asking.send_modify(|asked| asked.push((Instant::now(), from)));
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, say: Arc<Mutex<Say>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let length = stream.read_u16().await.unwrap();
        let mut query = vec![0; length.into()];
        stream.read_exact(&mut query).await.unwrap();
        let answer = answer(&query, &say.lock().unwrap(), Transport::Tcp);
        if let Some(answer) = answer {
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

fn answer(query: &[u8], say: &Say, transport: Transport) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).unwrap();
    let asked = query.queries[0].clone();
    let mut message = Message::response(query.metadata.id, query.metadata.op_code);
    message.add_query(asked.clone());
    let mut add = |addresses: &[IpAddr]| {
        for address in addresses {
            let data = match (address, asked.query_type) {
                (IpAddr::V4(address), RecordType::A) => RData::A(A(*address)),
                (IpAddr::V6(address), RecordType::AAAA) => RData::AAAA(AAAA(*address)),
                _ => continue,
            };
            message.add_answer(Record::from_rdata(asked.name.clone(), 600, data));
        }
    };
    match say {
        Say::MuteV6(_) if asked.query_type == RecordType::AAAA => return None,
        Say::Addresses(addresses) | Say::MuteV6(addresses) => add(addresses),
        Say::ByTcp(addresses) if transport == Transport::Tcp => add(addresses),
        Say::ByTcp(_) => message.metadata.truncation = true,
        Say::NoName => message.metadata.response_code = ResponseCode::NXDomain,
        Say::Code(code) => message.metadata.response_code = *code,
        Say::Nothing => return None,
        Say::Garbage => {
            let mut bytes = message.to_vec().unwrap();
            bytes[5] = 77;
            return Some(bytes);
        }
        Say::WrongId => message.metadata.id ^= 1,
    }
    Some(message.to_vec().unwrap())
}
