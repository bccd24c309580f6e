//! A small HTTP server that says who it is.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Interval;

/// Ends with its value.
pub(super) struct Backend {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

type Body = BoxBody<Bytes, Infallible>;

impl Backend {
    pub(super) async fn start(name: &'static str, track: &'static str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service =
                    service_fn(
                        move |request| async move { Ok::<_, Infallible>(answer(&request, name, track)) },
                    );
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Ok(Self { address, serving })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn answer(request: &Request<Incoming>, name: &'static str, track: &'static str) -> Response<Body> {
    let path = request.uri().path();
    if path == "/events" {
        return Response::builder()
            .header("content-type", "text/event-stream")
            .body(events(name))
            .expect("the parts are constants");
    }
    let status = path.strip_prefix("/status/").and_then(|status| status.parse::<StatusCode>().ok());
    let text = match path {
        "/health" => "healthy\n".to_owned(),
        _ => format!("{name} ({track}) {} {path}\n", request.method()),
    };
    let mut response = Response::new(Full::from(text).boxed());
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    response
}

/// One event a second, for a minute.
struct Events {
    name: &'static str,
    left: u32,
    ticks: Interval,
}

fn events(name: &'static str) -> Body {
    Events { name, left: 60, ticks: tokio::time::interval(Duration::from_secs(1)) }.boxed()
}

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        ready!(self.ticks.poll_tick(cx));
        self.left -= 1;
        let event = format!("data: {} has {} events left\n\n", self.name, self.left);
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}
