//! A scriptable DNS server: one UDP and TCP port on 127.0.0.1.

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

/// What the server says of a name. A name it was told nothing of does not exist.
#[derive(Debug, Clone)]
pub enum Say {
    /// These addresses, TTL 600 s as Docker's.
    Addresses(Vec<Ipv4Addr>),
    /// These addresses; a question for IPv6 is never answered.
    MuteIpv6(Vec<Ipv4Addr>),
    /// The name is there and has no address.
    Empty,
    NxDomain,
    ServFail,
    Refused,
    /// Nothing at all.
    Silence,
    Delay(Duration, Box<Say>),
    /// UDP: the TC bit and no answer; TCP: this.
    Truncated(Box<Say>),
    /// The TC bit on both: no whole answer to be had.
    AlwaysTruncated,
    /// Bytes that are no DNS message.
    Garbage,
    /// A good answer to a question that nobody asked.
    WrongId(Box<Say>),
    /// One after the other, and again from the first.
    InTurn(Vec<Say>),
}

impl Say {
    pub fn addresses(addresses: &[Ipv4Addr]) -> Self {
        Self::Addresses(addresses.to_vec())
    }
}

/// A query that arrived.
#[derive(Debug, Clone)]
pub struct Query {
    /// Without the dot at its end, lower-cased.
    pub name: String,
    pub kind: RecordType,
    pub from: SocketAddr,
    pub tcp: bool,
    pub at: Instant,
}

/// A running server. It falls silent when dropped.
#[derive(Debug)]
pub struct Dns {
    addr: SocketAddr,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    says: Mutex<HashMap<String, (Say, usize)>>,
    queries: Mutex<Vec<Query>>,
}

impl Dns {
    pub async fn start() -> Self {
        let (udp, tcp) = both_sockets().await;
        let addr = udp.local_addr().expect("the socket is bound");
        let shared = Arc::new(Shared::default());
        let tasks = vec![
            tokio::spawn(serve_udp(Arc::new(udp), shared.clone())),
            tokio::spawn(serve_tcp(tcp, shared.clone())),
        ];
        Self { addr, shared, tasks }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Says so of `name` from now on.
    pub fn say(&self, name: &str, what: Say) -> &Self {
        self.shared.says.lock().expect("no panic holds it").insert(name.to_lowercase(), (what, 0));
        self
    }

    /// These addresses from now on.
    pub fn set(&self, name: &str, addresses: &[Ipv4Addr]) -> &Self {
        self.say(name, Say::addresses(addresses))
    }

    pub fn queries(&self) -> Vec<Query> {
        self.shared.queries.lock().expect("no panic holds it").clone()
    }

    /// Queries for the addresses of `name`.
    pub fn count(&self, name: &str) -> usize {
        self.queries().iter().filter(|q| q.name == name && q.kind == RecordType::A).count()
    }

    /// The source ports of all UDP queries.
    pub fn source_ports(&self) -> BTreeSet<u16> {
        self.queries().iter().filter(|q| !q.tcp).map(|q| q.from.port()).collect()
    }

    /// Waits for `more` further queries for `name`: whatever was said before has been heard.
    pub async fn heard(&self, name: &str, more: usize) {
        let aim = self.count(name) + more;
        crate::eventually(format!("{more} queries for {name}"), Duration::from_secs(10), || async {
            self.count(name) >= aim
        })
        .await;
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn note(&self, query: &[u8], from: SocketAddr, tcp: bool) -> Option<(Message, Say)> {
        let message = Message::from_vec(query).ok()?;
        let question = message.queries.first()?;
        let name = question.name().to_ascii().trim_end_matches('.').to_lowercase();
        let kind = question.query_type();
        self.queries.lock().expect("no panic holds it").push(Query {
            name: name.clone(),
            kind,
            from,
            tcp,
            at: Instant::now(),
        });
        let mut says = self.says.lock().expect("no panic holds it");
        let what = match says.get_mut(&name) {
            None => Say::NxDomain,
            // A family that has no address is an empty answer, whatever is said of the other.
            Some((Say::Addresses(_), _)) if kind != RecordType::A => Say::Empty,
            Some((Say::MuteIpv6(_), _)) if kind != RecordType::A => Say::Silence,
            Some((Say::InTurn(list), next)) => {
                let what = list[*next % list.len()].clone();
                *next += 1;
                what
            }
            Some((what, _)) => what.clone(),
        };
        Some((message, what))
    }
}

/// The bytes to send, if any. Waits where a delay is asked for.
async fn reply(query: &Message, what: Say, tcp: bool) -> Option<Vec<u8>> {
    let mut what = what;
    let mut wrong_id = false;
    loop {
        let (code, addresses, truncated) = match what {
            Say::Addresses(list) | Say::MuteIpv6(list) => (ResponseCode::NoError, list, false),
            Say::Empty => (ResponseCode::NoError, Vec::new(), false),
            Say::NxDomain => (ResponseCode::NXDomain, Vec::new(), false),
            Say::ServFail => (ResponseCode::ServFail, Vec::new(), false),
            Say::Refused => (ResponseCode::Refused, Vec::new(), false),
            Say::Truncated(then) if tcp => {
                what = *then;
                continue;
            }
            Say::AlwaysTruncated | Say::Truncated(_) => (ResponseCode::NoError, Vec::new(), true),
            Say::Silence => return None,
            Say::Garbage => return Some(b"\xff\xff no dns".to_vec()),
            Say::Delay(wait, then) => {
                tokio::time::sleep(wait).await;
                what = *then;
                continue;
            }
            Say::WrongId(then) => {
                wrong_id = true;
                what = *then;
                continue;
            }
            Say::InTurn(list) => {
                what = list.into_iter().next()?;
                continue;
            }
        };
        let mut message = Message::response(query.metadata.id ^ u16::from(wrong_id), query.metadata.op_code);
        message.metadata.message_type = MessageType::Response;
        message.metadata.recursion_desired = query.metadata.recursion_desired;
        message.metadata.recursion_available = true;
        message.metadata.response_code = code;
        message.metadata.truncation = truncated;
        message.queries.clone_from(&query.queries);
        let name = query.queries.first()?.name().clone();
        for ip in addresses {
            message.add_answer(Record::from_rdata(name.clone(), 600, RData::A(A(ip))));
        }
        return message.to_vec().ok();
    }
}

async fn serve_udp(socket: Arc<UdpSocket>, shared: Arc<Shared>) {
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let Some((query, what)) = shared.note(&buffer[..length], from, false) else { continue };
        let socket = socket.clone();
        tokio::spawn(async move {
            if let Some(bytes) = reply(&query, what, false).await {
                let _ = socket.send_to(&bytes, from).await;
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, from)) = listener.accept().await else { continue };
        let shared = shared.clone();
        tokio::spawn(async move { tcp_connection(stream, from, &shared).await });
    }
}

async fn tcp_connection(mut stream: TcpStream, from: SocketAddr, shared: &Shared) -> Option<()> {
    loop {
        let length = stream.read_u16().await.ok()?;
        let mut bytes = vec![0; usize::from(length)];
        stream.read_exact(&mut bytes).await.ok()?;
        let (query, what) = shared.note(&bytes, from, true)?;
        // Silence over TCP: the connection stays open and nothing comes.
        if let Some(bytes) = reply(&query, what, true).await {
            stream.write_u16(bytes.len() as u16).await.ok()?;
            stream.write_all(&bytes).await.ok()?;
        }
    }
}

/// UDP and TCP on one port.
async fn both_sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free UDP port");
        let port = udp.local_addr().expect("the socket is bound").port();
        if let Ok(tcp) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}
