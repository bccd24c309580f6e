//! The end of a connection whose client is still sending.

use super::connection::{READ_SIZE, Socket};
use bytes::BytesMut;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long, and how many bytes, a connection that ends with unread data is drained so that its last answer arrives.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// Ends the sending side and reads what is still under way, bounded in time and bytes: closing with unread data would
/// reset the connection and destroy the answer in the client's hands.
pub(super) async fn linger(mut socket: Box<dyn Socket>) -> io::Result<()> {
    let farewell = async {
        socket.shutdown().await?;
        let mut scratch = BytesMut::with_capacity(READ_SIZE);
        let mut drained = 0;
        while drained < LINGER_BYTES {
            scratch.clear();
            match socket.read_buf(&mut scratch).await? {
                0 => break,
                read => drained += read,
            }
        }
        Ok(())
    };
    tokio::time::timeout(LINGER_TIME, farewell).await.unwrap_or(Ok(()))
}
