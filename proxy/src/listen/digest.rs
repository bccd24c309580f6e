//! What the engine asks of a stream beside its bytes.

use super::connection::Connection;
use super::linger::LINGER_TIME;
use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

#[async_trait]
impl Shutdown for Connection {
    async fn shutdown(&mut self) {
        let goodbye = AsyncWriteExt::shutdown(self);
        // A client that does not read must not hold the request's resources.
        let _ = tokio::time::timeout(LINGER_TIME, goodbye).await;
    }
}

impl UniqueID for Connection {
    fn id(&self) -> UniqueIDType {
        self.client.id
    }
}

impl Ssl for Connection {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.h2.is_some().then_some(ALPN::H2)
    }
}

impl GetTimingDigest for Connection {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Connection {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(self.digest.clone())
    }
}

impl GetSocketDigest for Connection {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}

#[async_trait]
impl Peek for Connection {}
