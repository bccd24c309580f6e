//! A certificate authority that fails as it is told, and keeps every request.
//!
//! It speaks as much of RFC 8555 as a client needs: names count as proved already, so an order is ready at once, and what
//! is asked for is signed. It verifies nothing, least of all signatures.

mod answer;
mod book;
mod server;

pub use answer::{Endpoint, Say};
pub use book::{Request, Window};

use super::edge::Ca;
use super::ports::Port;
use crate::Authority;
use book::Book;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A running authority; it stops when dropped.
#[derive(Debug)]
pub struct FakeCa {
    port: Port,
    authority: Arc<Authority>,
    book: Arc<Mutex<Book>>,
    serving: JoinHandle<()>,
}

impl FakeCa {
    pub async fn start() -> Self {
        let (port, authority) = (Port::reserve(), Arc::new(Authority::new("Fake")));
        let book = Arc::new(Mutex::new(Book::new(&format!("https://{}", port.addr()), authority.clone())));
        let serving = server::serve(port.addr(), &authority, book.clone()).await;
        Self { port, authority, book, serving }
    }

    /// From now on it answers there so.
    pub fn on(&self, endpoint: Endpoint, say: Say) -> &Self {
        self.book().scripts.entry(endpoint).or_default().then = Some(say);
        self
    }

    /// The next request there is answered so; several of these are used up in turn.
    pub fn once(&self, endpoint: Endpoint, say: Say) -> &Self {
        self.book().scripts.entry(endpoint).or_default().once.push_back(say);
        self
    }

    /// It answers as it should again, everywhere.
    pub fn behave(&self) -> &Self {
        self.book().scripts.clear();
        self
    }

    /// How long what it issues from now on is valid: from `ago` before now until `left` from now.
    pub fn validity(&self, ago: Duration, left: Duration) -> &Self {
        self.book().validity = (ago, left);
        self
    }

    /// It offers renewal information (RFC 9773) from now on, this for every certificate. The directory says so.
    pub fn window(&self, window: Window) -> &Self {
        self.book().window = Some(window);
        self
    }

    /// The profiles that its directory names.
    pub fn profiles(&self, names: &[&str]) -> &Self {
        self.book().profiles = names.iter().map(ToString::to_string).collect();
        self
    }

    /// Whose records of CAA it looks for.
    pub fn caa_identity(&self, name: &str) -> &Self {
        self.book().caa_identities = vec![name.to_owned()];
        self
    }

    /// Its clock is late by so much.
    pub fn clock_behind(&self, by: Duration) -> &Self {
        self.book().behind = by;
        self
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.book().requests.clone()
    }

    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.endpoint == endpoint).collect()
    }

    /// How often an order was asked for, whatever the answer was.
    pub fn asked_for_orders(&self) -> usize {
        self.requests_to(Endpoint::NewOrder).len()
    }

    /// How many orders it made.
    pub fn orders(&self) -> usize {
        self.book().orders.len()
    }

    /// How many accounts it made.
    pub fn accounts(&self) -> usize {
        self.book().accounts.len()
    }

    /// How many certificates it made.
    pub fn issued(&self) -> usize {
        self.book().orders.iter().filter(|order| order.certificate.is_some()).count()
    }

    /// The payload of the last request for an order.
    ///
    /// # Panics
    /// When there was none.
    pub fn last_order(&self) -> Value {
        self.requests_to(Endpoint::NewOrder).pop().expect("an order was asked for").payload
    }

    /// The root of what it issues, in PEM.
    pub fn roots(&self) -> String {
        self.authority.root()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no panic holds it")
    }
}

impl Ca for FakeCa {
    fn directory(&self) -> String {
        format!("https://{}/dir", self.port.addr())
    }

    fn ca_pem(&self) -> String {
        self.authority.root()
    }
}

impl Drop for FakeCa {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
