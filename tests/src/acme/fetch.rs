//! GET over TLS from what may not be there yet.

use crate::raw::{Answer, Raw};
use crate::tls::TlsClient;
use std::net::SocketAddr;
use std::time::Duration;

/// The path of an answer, or `None` while there is no whole one.
pub async fn try_get(client: &TlsClient, addr: SocketAddr, name: &str, path: &str) -> Option<Answer> {
    let mut raw = Raw::over(client.connect(addr, name).await.ok()?).patience(Duration::from_secs(3));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    raw.try_send(request).await.ok()?;
    raw.try_answer("GET").await.ok()
}

/// The body of a 200.
pub async fn body(client: &TlsClient, addr: SocketAddr, path: &str) -> Option<String> {
    let answer = try_get(client, addr, "localhost", path).await?;
    (answer.status == 200).then(|| answer.text())
}
