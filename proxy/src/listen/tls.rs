//! The TLS side of a connection: its handshake, under a deadline, with the certificate that the client's name asks for.

use super::client::IdentityText;
use super::connection::Socket;
use super::http1::{self, Opening};
use super::linger::linger;
use super::refuse;
use super::remember::Remember;
use super::{ClientTls, Edge};
use crate::clock;
use crate::forward::RequestId;
use crate::gate::Permit;
use mizan_acme::ACME_TLS;
use mizan_certs::{ClientIdentity, SiteTls};
use pingora_core::server::ShutdownWatch;
use rustls::server::{Acceptor, ServerConnection};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::{StartHandshake, TlsStream};

/// A fatal alert `unrecognized_name` (RFC 6066, 3), in a record of its own: before the server's hello alerts are plain.
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70];

type Stream = Remember<Box<dyn Socket>>;

/// Serves a connection that came to a TLS listener, from its first byte to its last.
pub(super) async fn serve(
    socket: Box<dyn Socket>,
    peer: IpAddr,
    permit: Permit,
    edge: Arc<Edge>,
    shutdown: ShutdownWatch,
) {
    // The handshake's own memory is gone once it is done.
    let shaken = Box::pin(handshake(socket, peer, &edge)).await;
    let Some((stream, site)) = shaken else { return };
    let (_, session) = stream.get_ref();
    let opening = match session.alpn_protocol() {
        Some(b"h2") => Opening::TlsH2,
        _ => Opening::TlsHttp1,
    };
    let tls = settled(session, &site);
    let client = super::client(peer, Some(tls), permit, &edge);
    http1::serve(super::connection(Box::new(stream), client), opening, edge, shutdown).await;
}

/// `None`: it failed, and the client was told what it can understand.
async fn handshake(
    socket: Box<dyn Socket>,
    peer: IpAddr,
    edge: &Edge,
) -> Option<(TlsStream<Stream>, Arc<SiteTls>)> {
    let deadline = Instant::now() + edge.runtime.snapshot().limits.handshake_timeout;
    let mut acceptor = LazyConfigAcceptor::new(Acceptor::default(), Remember::new(socket));
    let hello = match timeout_at(deadline, &mut acceptor).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(error)) => {
            if let Some(stream) = acceptor.take_io() {
                refuse_opening(stream, peer, &error).await;
            }
            return None;
        }
        Err(_) => return failed(peer, &"it did not begin in time"),
    };
    if asks_for_proof(&hello) {
        let () = prove(hello, peer, deadline, edge).await;
        return None;
    }
    let Some(site) = site_of(&hello, edge) else {
        refuse_name(hello, peer).await;
        return None;
    };
    match timeout_at(deadline, hello.into_stream(site.config.clone())).await {
        Ok(Ok(stream)) => Some((stream, site)),
        Ok(Err(error)) => failed(peer, &error),
        Err(_) => failed(peer, &"it did not end in time"),
    }
}

/// RFC 8737, 3: an authority offers this protocol and no other.
fn asks_for_proof(hello: &StartHandshake<Stream>) -> bool {
    let client_hello = hello.client_hello();
    let Some(mut offered) = client_hello.alpn() else { return false };
    offered.next() == Some(ACME_TLS) && offered.next().is_none()
}

/// An authority looks whether the name is ours: the handshake is all it wants.
async fn prove(hello: StartHandshake<Stream>, peer: IpAddr, deadline: Instant, edge: &Edge) {
    let name = hello.client_hello().server_name().map(str::to_owned);
    let answers = edge.runtime.acme.answers();
    let config = match &name {
        Some(name) => answers.tls(name).await,
        None => None,
    };
    let Some(config) = config else { return refuse_name(hello, peer).await };
    match timeout_at(deadline, hello.into_stream(config)).await {
        Ok(Ok(mut stream)) => {
            tracing::debug!(target: "mizan::tls", client = %peer, name, "the name was proved (tls-alpn-01)");
            // The handshake is done; whether its end is seen does not matter.
            let _ = timeout_at(deadline, stream.shutdown()).await;
        }
        Ok(Err(error)) => drop(failed::<()>(peer, &error)),
        Err(_) => drop(failed::<()>(peer, &"it did not end in time")),
    }
}

fn site_of(hello: &StartHandshake<Stream>, edge: &Edge) -> Option<Arc<SiteTls>> {
    let tls = edge.runtime.server_tls();
    let client_hello = hello.client_hello();
    tls.as_ref()?.find(client_hello.server_name()).cloned()
}

/// Any scanner can bring this about: it is told to those who look for it.
fn failed<T>(peer: IpAddr, why: &dyn std::fmt::Display) -> Option<T> {
    tracing::debug!(target: "mizan::tls", client = %peer, "TLS handshake failed: {why}");
    None
}

/// No certificate is for the name that the client asks for.
async fn refuse_name(hello: StartHandshake<Stream>, peer: IpAddr) {
    let name = hello.client_hello().server_name().unwrap_or("-").to_owned();
    tracing::debug!(target: "mizan::tls", client = %peer, name, "TLS handshake refused: no site has a certificate for the name");
    let mut stream = hello.io;
    if stream.write_all(&UNRECOGNIZED_NAME).await.is_ok() {
        let _ = linger(Box::new(stream)).await;
    }
}

/// The connection did not begin with TLS. A client that speaks plain HTTP is told so in plain HTTP; any other has been sent
/// an alert.
async fn refuse_opening(stream: Stream, peer: IpAddr, error: &io::Error) {
    if !stream.speaks_http() {
        let _: Option<()> = failed(peer, error);
        return;
    }
    let request_id = RequestId::next();
    let (status, rule) = (400, "http-on-tls-port");
    tracing::info!(target: "mizan::refused", client = %peer, status, rule, %request_id, "request refused: plain HTTP came to a TLS port");
    let answer = refuse::answer(status, "This port speaks TLS: use https://", &request_id);
    let mut socket = stream.into_socket();
    if socket.write_all(&answer).await.is_ok() {
        let _ = linger(socket).await;
    }
}

/// What the handshake settled for the connection's requests.
fn settled(session: &ServerConnection, site: &SiteTls) -> ClientTls {
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let identity = certificate.and_then(ClientIdentity::of);
    // A session that is resumed is not verified anew: its certificate may have ended since.
    let ended =
        identity.as_ref().is_some_and(|identity| identity.not_after < clock::unix_seconds().cast_signed());
    ClientTls {
        client_auth: site.client_auth.filter(|_| !ended),
        identity: identity.filter(|_| !ended).as_ref().and_then(IdentityText::of),
        stand_in: site.stand_in,
    }
}
