use super::text::tests::{facts, webhook};
use super::*;
use mizan_config::deploy::model::WebhookFormat;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(20);

/// In every URL here, and nowhere else.
const SECRET: &str = "T0-sesame";

/// What a server does with one connection, each in its turn; the last one is for all that follow.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Answer(&'static str),
    Hang,
    Reset,
}

const OK: Turn = Turn::Answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
const BROKEN: Turn = Turn::Answer("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n");

#[derive(Debug, Clone)]
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(turns: &'static [Turn]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut turns = turns.iter();
            let mut turn = *turns.next().unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_zero_linger().unwrap();
                tokio::spawn(serve(stream, turn, Arc::clone(&kept)));
                turn = turns.next().copied().unwrap_or(turn);
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/services/{SECRET}?token={SECRET}", self.address)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    turn: Turn,
    requests: Arc<Mutex<Vec<String>>>,
) {
    let mut request = String::new();
    let whole = |request: &str| {
        let (head, body) = request.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        (body.len() >= length.parse().ok()?).then_some(())
    };
    while whole(&request).is_none() {
        let mut bytes = [0; 4096];
        let Ok(length @ 1..) = stream.read(&mut bytes).await else { return };
        request += std::str::from_utf8(&bytes[..length]).unwrap();
    }
    requests.lock().unwrap().push(request);
    match turn {
        Turn::Answer(answer) => {
            stream.write_all(answer.as_bytes()).await.unwrap();
            // Until the other side has read it.
            let _ = stream.read(&mut [0; 1]).await;
        }
        Turn::Hang => std::future::pending().await,
        // Without lingering, a close is a reset.
        Turn::Reset => {}
    }
}

fn notifier(webhooks: Vec<Webhook>) -> Notifier {
    let pauses = [Duration::from_millis(1); 2];
    Notifier { tries: Tries { pauses }, ..Notifier::new(webhooks) }
}

/// Tells one webhook, and gives what could not be told.
async fn told(webhook: Webhook) -> Vec<String> {
    told_by(notifier(vec![webhook])).await
}

async fn told_by(mut notifier: Notifier) -> Vec<String> {
    notifier.tell(NotifyOn::Deployed, &facts());
    assert!(!format!("{notifier:?}").contains(SECRET), "{notifier:?}");
    let failed = notifier.finish(LONG).await;
    assert!(!failed.concat().contains(SECRET), "the URL is a secret: {failed:?}");
    failed
}

fn slack(url: &str) -> Webhook {
    webhook(url, WebhookFormat::Slack)
}

#[tokio::test]
async fn a_webhook_is_told_with_one_request() {
    let server = Server::start(&[OK]).await;
    assert_eq!(told(slack(&server.url())).await, [""; 0]);
    let [request] = server.requests().try_into().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("POST /services/{SECRET}?token={SECRET} HTTP/1.1\r\n")), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    assert!(head.contains(&format!("host: {}", server.address)), "{head}");
    let text = "api: registry/api:v2 is deployed in production (blue-green, 12m 3s, by ali@host)";
    assert_eq!(body, serde_json::json!({ "text": text }).to_string());
}

#[tokio::test]
async fn what_breaks_is_tried_again_until_it_works() {
    for turns in [&[BROKEN, BROKEN, OK] as &[Turn], &[Turn::Reset, OK]] {
        let server = Server::start(turns).await;
        assert_eq!(told(slack(&server.url())).await, [""; 0]);
        assert_eq!(server.requests().len(), turns.len());
    }
}

#[tokio::test]
async fn three_tries_are_all() {
    let server = Server::start(&[BROKEN]).await;
    assert_eq!(
        told(slack(&server.url())).await,
        [
            "127.0.0.1 was not told that deploy 17 of api in production is done: it answered 500 Internal Server Error (3 tries)"
        ]
    );
    assert_eq!(server.requests().len(), 3);

    let server = Server::start(&[Turn::Reset]).await;
    let failed = told(slack(&server.url())).await.concat();
    assert!(failed.contains("is done: ") && failed.ends_with("(3 tries)"), "{failed}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn one_that_hangs_has_its_timeout_at_every_try() {
    let server = Server::start(&[Turn::Hang]).await;
    let hanging = Webhook { timeout: Duration::from_millis(200), ..slack(&server.url()) };
    let failed = told(hanging).await.concat();
    assert!(failed.ends_with("it did not answer within 0.2 s (3 tries)"), "{failed}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_not_tried_again_and_its_code_is_told() {
    let server =
        Server::start(&[Turn::Answer("HTTP/1.1 404 Not Found\r\ncontent-length: 10\r\n\r\nno_service")]);
    let server = server.await;
    let failed = told(slack(&server.url())).await.concat();
    assert!(failed.ends_with(": it answered 404 Not Found (no_service)"), "{failed}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_repeats_the_url_is_not_told() {
    let answer = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 30\r\n\r\nCannot POST /services/T0-sesame";
    let server = Server::start(Box::leak(Box::new([Turn::Answer(answer)]))).await;
    let failed = told(slack(&server.url())).await.concat();
    assert!(failed.ends_with(": it answered 404 Not Found"), "{failed}");

    // Nor is one that looks like a code.
    let server = Server::start(&[Turn::Answer("HTTP/1.1 403 No\r\ncontent-length: 6\r\n\r\nsesame")]).await;
    let failed = told(slack(&server.url())).await.concat();
    assert!(failed.ends_with(": it answered 403 Forbidden"), "{failed}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let mut answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 9999999999\r\n\r\n".to_owned();
    answer += &"a".repeat(1 << 20);
    let turns: &'static [Turn] = Box::leak(Box::new([Turn::Answer(Box::leak(answer.into_boxed_str()))]));
    let server = Server::start(turns).await;
    let failed = told(slack(&server.url())).await.concat();
    assert!(failed.ends_with(": it answered 400 Bad Request"), "{failed}");
}

#[tokio::test]
async fn a_redirect_is_a_refusal() {
    let target = Server::start(&[OK]).await;
    let answer = format!("HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url());
    let turns: &'static [Turn] = Box::leak(Box::new([Turn::Answer(Box::leak(answer.into_boxed_str()))]));
    let server = Server::start(turns).await;
    let failed = told(slack(&server.url())).await.concat();
    assert!(failed.ends_with("302 Found; redirects are not followed: correct its `url`"), "{failed}");
    assert_eq!((server.requests().len(), target.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(Box::leak(Box::new([Turn::Answer(busy), OK]))).await;
    let begun = Instant::now();
    assert_eq!(told(slack(&server.url())).await, [""; 0]);
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn nobody_there_is_said_without_the_url() {
    // Bound, but not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/{SECRET}", socket.local_addr().unwrap());
    let failed = told(slack(&url)).await.concat();
    assert!(failed.contains("Connection refused") && failed.ends_with("(3 tries)"), "{failed}");

    let failed = told(slack(&format!("http://no-such-host.invalid/{SECRET}"))).await.concat();
    assert!(failed.starts_with("no-such-host.invalid was not told "), "{failed}");
    let failed = told(slack(&format!("http://[broken/{SECRET}"))).await.concat();
    assert!(
        failed.starts_with("a webhook was not told ") && failed.ends_with("its `url` is not one"),
        "{failed}"
    );
}

#[tokio::test]
async fn each_is_told_what_it_wants_to_know_and_one_that_fails_is_not_in_the_way() {
    let (good, bad) = (Server::start(&[OK]).await, Server::start(&[Turn::Hang]).await);
    let mut notifier = notifier(vec![
        Webhook { on: vec![NotifyOn::Failed], ..slack(&bad.url()) },
        Webhook { on: vec![NotifyOn::Failed, NotifyOn::Waiting], ..slack(&good.url()) },
    ]);
    notifier.tell(NotifyOn::Deployed, &facts());
    notifier.tell(NotifyOn::Waiting, &facts());
    notifier.tell(NotifyOn::Failed, &facts());
    let begun = Instant::now();
    let failed = notifier.finish(Duration::from_millis(500)).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(
        failed,
        ["127.0.0.1 was not told that deploy 17 of api in production failed: it took too long"]
    );
    assert_eq!((bad.requests().len(), good.requests().len()), (1, 2));
}

/// Its certificate, and where it is; it answers with 200.
async fn with_certificate() -> (CertificateDer<'static>, SocketAddr) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, OK, Arc::default()).await;
            }
        }
    });
    (cert.der().clone(), address)
}

#[tokio::test]
async fn https_is_told_where_its_certificate_is_trusted_and_refused_at_once_where_not() {
    let (certificate, address) = with_certificate().await;
    let url = format!("https://localhost:{}/{SECRET}", address.port());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let trusting = builder.with_root_certificates(roots).with_no_client_auth();
    let made = |tls| Notifier { webhooks: vec![slack(&url)], tls, ..notifier(Vec::new()) };
    assert_eq!(told_by(made(Ok(trusting))).await, [""; 0]);

    let failed = told_by(made(post::tls())).await.concat();
    assert!(failed.starts_with("localhost was not told ") && failed.contains("UnknownIssuer"), "{failed}");
    assert!(
        failed.ends_with("trust who signed it on this machine, or set SSL_CERT_FILE"),
        "one try: {failed}"
    );

    let failed = told_by(made(Err("no authorities".to_owned()))).await.concat();
    assert!(failed.ends_with(": no authorities"), "{failed}");
}

#[test]
fn the_tries_of_a_deploy_are_a_second_and_three_apart() {
    assert_eq!(Tries::default().pauses, [1, 3].map(Duration::from_secs));
}
