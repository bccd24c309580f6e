//! What the fake authority says: as RFC 8555 has it, and as the real world has it.

use super::book::{Book, Order, Request};
use crate::script::Gate;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// Where it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Directory,
    NewNonce,
    NewAccount,
    Account,
    NewOrder,
    Order,
    Authorization,
    Finalize,
    Certificate,
    /// RFC 9773.
    RenewalInfo,
    /// Nothing is there.
    Nowhere,
}

/// How it answers.
#[derive(Debug, Clone)]
pub enum Say {
    /// As it should.
    Well,
    /// Never.
    Mute,
    /// 429, with `Retry-After` in seconds.
    TooMany { retry_after: Duration },
    /// A page of HTML, as what stands before an authority says when that is down.
    Html(u16),
    /// A problem document of this type (`rejectedIdentifier`).
    Problem { status: u16, kind: &'static str, detail: &'static str },
    /// It does what it was asked, and the connection ends before the answer.
    Lost,
    /// As it should, once this is opened.
    When(Gate),
}

/// An answer's parts.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Endpoint {
    /// What a path is for.
    pub(super) fn of(path: &str) -> Self {
        let (first, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
        match (first.trim_start_matches('/'), rest.is_empty()) {
            ("dir", true) => Self::Directory,
            ("nonce", true) => Self::NewNonce,
            ("account", true) => Self::NewAccount,
            ("account", false) => Self::Account,
            ("order", true) => Self::NewOrder,
            ("order", false) => Self::Order,
            ("authorization", false) => Self::Authorization,
            ("finalize", false) => Self::Finalize,
            ("certificate", false) => Self::Certificate,
            ("ari", false) => Self::RenewalInfo,
            _ => Self::Nowhere,
        }
    }
}

impl Answer {
    fn json(status: u16, body: &Value) -> Self {
        let fields = vec![("content-type", "application/json".to_owned())];
        Self { status, fields, body: body.to_string() }
    }

    fn at(mut self, location: String) -> Self {
        self.fields.push(("location", location));
        self
    }

    pub(super) fn problem(status: u16, kind: &str, detail: &str) -> Self {
        let kind = format!("urn:ietf:params:acme:error:{kind}");
        let mut answer = Self::json(status, &json!({ "type": kind, "detail": detail, "status": status }));
        answer.fields = vec![("content-type", "application/problem+json".to_owned())];
        answer
    }

    pub(super) fn too_many(retry_after: Duration) -> Self {
        let detail = "too many certificates (5) already issued for this exact set of identifiers";
        let mut answer = Self::problem(429, "rateLimited", detail);
        answer.fields.push(("retry-after", retry_after.as_secs().to_string()));
        answer
    }

    pub(super) fn html(status: u16) -> Self {
        let fields = vec![("content-type", "text/html".to_owned())];
        let body = format!("<html><body><h1>{status} Sorry</h1>The service is down.</body></html>");
        Self { status, fields, body }
    }
}

/// What it says when it behaves.
pub(super) fn well(book: &mut Book, request: &Request) -> Answer {
    let base = book.base.clone();
    match request.endpoint {
        Endpoint::Directory => Answer::json(200, &directory(book)),
        Endpoint::NewNonce => Answer { status: 200, fields: Vec::new(), body: String::new() },
        Endpoint::NewAccount => account(book, request),
        Endpoint::Account => Answer::json(200, &json!({ "status": "valid" })),
        Endpoint::NewOrder => {
            let identifiers = request.payload["identifiers"].clone();
            book.orders.push(Order { identifiers, certificate: None });
            let number = book.orders.len();
            order(book, 201, number).at(format!("{base}/order/{number}"))
        }
        Endpoint::Order => order(book, 200, number(&request.path)),
        Endpoint::Authorization => authorization(book, &request.path),
        Endpoint::Finalize => finalize(book, request),
        Endpoint::Certificate => match book.orders.get(number(&request.path).wrapping_sub(1)) {
            Some(Order { certificate: Some(chain), .. }) => Answer {
                status: 200,
                fields: vec![("content-type", "application/pem-certificate-chain".to_owned())],
                body: chain.clone(),
            },
            _ => Answer::problem(404, "malformed", "there is no such certificate"),
        },
        Endpoint::RenewalInfo => renewal_info(book),
        Endpoint::Nowhere => Answer::problem(404, "malformed", "there is nothing here"),
    }
}

fn directory(book: &Book) -> Value {
    let base = &book.base;
    let mut directory = json!({
        "newNonce": format!("{base}/nonce"),
        "newAccount": format!("{base}/account"),
        "newOrder": format!("{base}/order"),
        "revokeCert": format!("{base}/revoke"),
        "keyChange": format!("{base}/key"),
        "meta": { "termsOfService": format!("{base}/terms") },
    });
    if book.window.is_some() {
        directory["renewalInfo"] = format!("{base}/ari").into();
    }
    if !book.profiles.is_empty() {
        let named = book.profiles.iter().map(|name| (name.clone(), "as its name says".into())).collect();
        directory["meta"]["profiles"] = Value::Object(named);
    }
    if !book.caa_identities.is_empty() {
        directory["meta"]["caaIdentities"] = book.caa_identities.clone().into();
    }
    directory
}

fn account(book: &mut Book, request: &Request) -> Answer {
    let key = request.protected["jwk"].to_string();
    let known = book.accounts.iter().position(|known| *known == key);
    let place = known.unwrap_or(book.accounts.len());
    if known.is_none() {
        if request.payload["onlyReturnExisting"] == true {
            return Answer::problem(400, "accountDoesNotExist", "there is no account with this key");
        }
        book.accounts.push(key);
    }
    let status = if known.is_some() { 200 } else { 201 };
    let location = format!("{}/account/{}", book.base, place + 1);
    Answer::json(status, &json!({ "status": "valid" })).at(location)
}

/// Counted from 1, as in paths.
fn order(book: &Book, status: u16, number: usize) -> Answer {
    let Some(order) = book.orders.get(number.wrapping_sub(1)) else {
        return Answer::problem(404, "malformed", "there is no such order");
    };
    let base = &book.base;
    let names = order.identifiers.as_array().map_or(0, Vec::len);
    let authorizations: Vec<_> = (0..names).map(|n| format!("{base}/authorization/{number}/{n}")).collect();
    let mut body = json!({
        "status": if order.certificate.is_some() { "valid" } else { "ready" },
        "identifiers": order.identifiers,
        "authorizations": authorizations,
        "finalize": format!("{base}/finalize/{number}"),
        "expires": "2099-01-01T00:00:00Z",
    });
    if order.certificate.is_some() {
        body["certificate"] = format!("{base}/certificate/{number}").into();
    }
    Answer::json(status, &body)
}

/// Proved already.
fn authorization(book: &Book, path: &str) -> Answer {
    let (order, place) = path.rsplit_once('/').unwrap_or_default();
    let order = book.orders.get(number(order).wrapping_sub(1));
    let place: usize = place.parse().unwrap_or(usize::MAX);
    match order.and_then(|order| order.identifiers.get(place)) {
        None => Answer::problem(404, "malformed", "there is no such authorization"),
        Some(identifier) => {
            let challenge = json!({
                "type": "http-01", "status": "valid", "token": "proved-already", "url": format!("{}{path}", book.base),
            });
            let body = json!({
                "status": "valid", "identifier": identifier, "challenges": [challenge], "expires": "2099-01-01T00:00:00Z",
            });
            Answer::json(200, &body)
        }
    }
}

fn finalize(book: &mut Book, request: &Request) -> Answer {
    let number = number(&request.path);
    let csr = request.payload["csr"].as_str().and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
    let (Some(csr), true) = (csr, (1..=book.orders.len()).contains(&number)) else {
        return Answer::problem(400, "badCSR", "no order, or no request for a certificate");
    };
    let (now, (ago, left)) = (SystemTime::now(), book.validity);
    let chain = book.authority.sign(&csr, now - ago, now + left);
    book.orders[number - 1].certificate = Some(chain);
    let location = format!("{}/order/{number}", book.base);
    order(book, 200, number).at(location)
}

fn renewal_info(book: &Book) -> Answer {
    let Some(window) = book.window else {
        return Answer::problem(404, "malformed", "it offers no renewal information");
    };
    let text = |at: SystemTime| jiff::Timestamp::try_from(at).expect("a time of these days").to_string();
    let body = json!({ "suggestedWindow": { "start": text(window.start), "end": text(window.end) } });
    let mut answer = Answer::json(200, &body);
    answer.fields.push(("retry-after", window.retry_after.as_secs().to_string()));
    answer
}

/// The last part of a path.
fn number(path: &str) -> usize {
    path.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}
