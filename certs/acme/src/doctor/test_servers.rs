//! Servers in this process that a name may lead to, and the DNS that leads there.

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CAA};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// What a DNS server here knows of a name.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    Address(Ipv4Addr),
    /// The value of an `issue`.
    Caa(&'static str),
    Failing,
}

/// Answers over UDP; a name that is not there does not exist.
pub(super) async fn dns(zones: &[(&str, Zone)]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut known: HashMap<String, Vec<Zone>> = HashMap::new();
    for (name, zone) in zones {
        known.entry(format!("{name}.")).or_default().push(zone.clone());
    }
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            socket.send_to(&answer(&query, &known), from).await.unwrap();
        }
    });
    address
}

fn answer(query: &Message, known: &HashMap<String, Vec<Zone>>) -> Vec<u8> {
    let asked = query.queries[0].clone();
    let mut message = Message::response(query.metadata.id, query.metadata.op_code);
    message.add_query(asked.clone());
    match known.get(&asked.name.to_ascii().to_lowercase()) {
        None => message.metadata.response_code = ResponseCode::NXDomain,
        Some(zones) => {
            for zone in zones {
                let data = match (zone, asked.query_type) {
                    (Zone::Address(address), RecordType::A) => RData::A(A(*address)),
                    (Zone::Caa(value), RecordType::CAA) => {
                        let mut caa = CAA::new_issue(false, None, Vec::new());
                        caa.value = value.as_bytes().to_vec();
                        RData::CAA(caa)
                    }
                    (Zone::Failing, _) => {
                        message.metadata.response_code = ResponseCode::ServFail;
                        continue;
                    }
                    _ => continue,
                };
                message.add_answer(Record::from_rdata(asked.name.clone(), 60, data));
            }
        }
    }
    message.to_vec().unwrap()
}

/// What a web server here says: to a request's head, a whole answer.
pub(super) type Say = Arc<dyn Fn(&str) -> String + Send + Sync>;

pub(super) fn say(status: &str, fields: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{fields}content-length: {}\r\n\r\n{body}", body.len())
}

/// A web server; `tls`: with a certificate that it made itself. Its port.
pub(super) async fn web(tls: bool, say: Say) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tls.then(acceptor);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, say) = (acceptor.clone(), say.clone());
            tokio::spawn(async move {
                match acceptor {
                    None => serve(stream, &say).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream, &say).await;
                        }
                    }
                }
            });
        }
    });
    port
}

fn acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["api.example.com".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, say: &Say) {
    let mut head = Vec::new();
    // A handshake's first byte is answered at once, as web servers do that expected text.
    while !head.ends_with(b"\r\n\r\n") && !head.starts_with(&[0x16]) {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let reply = say(&String::from_utf8_lossy(&head));
    if reply.is_empty() {
        // Mute until the client goes.
        let _ = stream.read_u8().await;
        return;
    }
    let _ = stream.write_all(reply.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A port of loopback where nobody listens, for as long as the socket is held.
pub(super) fn dead() -> (TcpSocket, u16) {
    let held = TcpSocket::new_v4().unwrap();
    held.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = held.local_addr().unwrap().port();
    (held, port)
}
