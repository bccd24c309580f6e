//! A DNS server in this process, by UDP and TCP on one port, and a zone that it can serve and update.

use hickory_proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{SOA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// What came, and how.
pub(super) struct Asked {
    pub(super) bytes: Vec<u8>,
    pub(super) message: Message,
    pub(super) tcp: bool,
}

impl Asked {
    /// An answer with nothing in it yet.
    pub(super) fn answer(&self, code: ResponseCode) -> Message {
        let mut answer = Message::response(self.message.metadata.id, self.message.metadata.op_code);
        answer.metadata.response_code = code;
        answer.queries.clone_from(&self.message.queries);
        answer
    }

    pub(super) fn query(&self) -> &Query {
        &self.message.queries[0]
    }
}

/// Serves until the test's runtime ends. `None` of `say`: no answer.
pub(super) async fn serve(say: impl Fn(&Asked) -> Option<Message> + Send + Sync + 'static) -> SocketAddr {
    serve_at(Ipv4Addr::LOCALHOST.into(), 0, say).await
}

/// At this address, and at a free port for 0.
pub(super) async fn serve_at(
    address: IpAddr,
    port: u16,
    say: impl Fn(&Asked) -> Option<Message> + Send + Sync + 'static,
) -> SocketAddr {
    let (udp, tcp) = loop {
        if let Ok(udp) = UdpSocket::bind((address, port)).await
            && let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("it is bound")).await
        {
            break (udp, tcp);
        }
        // For a moment it is somebody's source port.
        tokio::task::yield_now().await;
    };
    let address = udp.local_addr().expect("it is bound");
    let say = Arc::new(move |bytes: &[u8], tcp| {
        let message = Message::from_vec(bytes).expect("a message");
        let answer = say(&Asked { bytes: bytes.to_vec(), message, tcp })?;
        Some(answer.to_vec().expect("it can be sent"))
    });
    let saying = say.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            if let Some(answer) = saying(&buffer[..length], false) {
                let _ = udp.send_to(&answer, from).await;
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.expect("a length");
            let mut bytes = vec![0; length.into()];
            stream.read_exact(&mut bytes).await.expect("a message");
            if let Some(answer) = say(&bytes, true) {
                stream.write_u16(u16::try_from(answer.len()).expect("short")).await.expect("a listener");
                stream.write_all(&answer).await.expect("a listener");
            }
        }
    });
    address
}

/// A zone that takes any update.
#[derive(Clone)]
pub(super) struct Zone {
    origin: Name,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Zone {
    pub(super) fn new(origin: &str) -> Self {
        let origin = name(origin);
        let soa = SOA::new(origin.clone(), origin.clone(), 1, 60, 60, 60, 60);
        let records = Arc::new(Mutex::new(vec![Record::from_rdata(origin.clone(), 60, RData::SOA(soa))]));
        Self { origin, records }
    }

    pub(super) fn with(self, owner: &str, data: RData) -> Self {
        self.add(Record::from_rdata(name(owner), 60, data));
        self
    }

    pub(super) fn add(&self, record: Record) {
        self.records.lock().expect("no panic").push(record);
    }

    pub(super) fn holds(&self, owner: &Name) -> bool {
        self.origin.zone_of(owner)
    }

    /// The values of its TXT records, sorted.
    pub(super) fn texts(&self, owner: &str) -> Vec<String> {
        let (owner, records) = (name(owner), self.records.lock().expect("no panic"));
        let mut texts: Vec<String> =
            records.iter().filter(|record| record.name == owner).filter_map(text).collect();
        texts.sort();
        texts
    }

    pub(super) fn answer(&self, asked: &Asked) -> Message {
        if asked.message.metadata.op_code == OpCode::Update {
            assert_eq!(*asked.query().name(), self.origin);
            self.update(&asked.message);
            return asked.answer(ResponseCode::NoError);
        }
        let records = self.records.lock().expect("no panic");
        let at_name: Vec<&Record> =
            records.iter().filter(|record| record.name == *asked.query().name()).collect();
        let code = if at_name.is_empty() { ResponseCode::NXDomain } else { ResponseCode::NoError };
        let mut answer = asked.answer(code);
        answer.metadata.authoritative = true;
        let found = at_name.into_iter().filter(|record| record.record_type() == asked.query().query_type());
        answer.add_answers(found.cloned());
        if answer.answers.is_empty() {
            answer.add_authority(records[0].clone());
        }
        answer
    }

    /// RFC 2136, 3.4.2.
    fn update(&self, update: &Message) {
        let mut records = self.records.lock().expect("no panic");
        for change in &update.authorities {
            records.retain(|record| record.name != change.name || record.data != change.data);
            if change.dns_class == DNSClass::IN {
                records.push(change.clone());
            }
        }
    }
}

fn text(record: &Record) -> Option<String> {
    let RData::TXT(text) = &record.data else { return None };
    Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned())
}

pub(super) fn txt(value: &str) -> RData {
    RData::TXT(TXT::new(vec![value.into()]))
}

pub(super) fn name(text: &str) -> Name {
    super::parse(text).expect("a name")
}

/// Whether it is about TXT records.
pub(super) fn is_text(asked: &Asked) -> bool {
    asked.query().query_type() == RecordType::TXT
}
