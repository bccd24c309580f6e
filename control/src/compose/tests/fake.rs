//! An engine that says what a test wants it to.

use crate::compose::Engine;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// `("GET /version", "HTTP/1.1 200 ...")`: the beginning of a request's first line, and all bytes of the answer. Each
/// answer is given once; of several that fit, the first that is left.
pub(in crate::compose) type Script = Vec<(&'static str, Vec<u8>)>;

pub(in crate::compose) struct Fake {
    pub(in crate::compose) folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// What is not in the script is never answered.
    pub(in crate::compose) fn start(script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(script));
        let fake = Self { folder, asked: asked.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), asked.clone()));
            }
        });
        fake
    }

    pub(in crate::compose) fn engine(&self) -> Engine {
        Engine::new(self.folder.path().join("docker.sock"))
    }

    /// The first lines of the requests.
    pub(in crate::compose) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

pub(in crate::compose) fn answer(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn serve(mut stream: UnixStream, script: Arc<Mutex<Script>>, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    let answer = {
        let mut script = script.lock().unwrap();
        let at = script.iter().position(|(begin, _)| line.starts_with(begin));
        at.map(|at| script.remove(at).1)
    };
    asked.lock().unwrap().push(line);
    match answer {
        Some(answer) => {
            // Who has read enough hangs up.
            let _ = stream.write_all(&answer).await;
        }
        None => std::future::pending().await,
    }
}
