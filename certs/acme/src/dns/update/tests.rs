use super::super::test_server::{Asked, Zone, name, serve};
use super::*;
use hickory_proto::op::OpCode;
use hickory_proto::rr::rdata::tsig::{TSIG, TsigError};
use hickory_proto::rr::{DNSClass, TSigResponseContext};
use mizan_config::secret::Secret;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

const NAME: &str = "_acme-challenge.example.com";
const VALUE: &str = "gfj9Xq-Rg85nM_43gfj9Xq-Rg85nM_43gfj9Xq-Rg85";

fn tsig(name: &str, secret: &str) -> Tsig {
    let secret = Secret::new(STANDARD.encode(secret));
    Tsig { name: name.into(), algorithm: TsigAlgorithm::HmacSha256, secret }
}

fn ours() -> Tsig {
    tsig("mizan-key", "a secret")
}

fn config(server: SocketAddr, zone: Option<&str>, tsig: Option<Tsig>) -> Rfc2136 {
    Rfc2136 { server, zone: zone.map(Into::into), tsig }
}

/// Whether the request has a good signature; and how its answer is signed.
fn checked(tsig: &Tsig, asked: &Asked) -> TSigResponseContext {
    let signer = key(tsig).expect("a key");
    let (mac, time, range) = signer.verify_message_byte(&asked.bytes, None, true).expect("it is signed");
    assert!(range.contains(&now()));
    TSigResponseContext::new(asked.message.metadata.id, time, signer, mac, None)
}

fn signed(context: TSigResponseContext, mut answer: Message) -> Message {
    let signature = context.sign(&answer.to_vec().expect("it can be sent")).expect("signed");
    answer.set_signature(signature);
    answer
}

async fn present(config: &Rfc2136) -> Result<(), DnsError> {
    send(config, Change::Present, &name(NAME), VALUE).await
}

/// What a person reads when the server answers so.
async fn told(tsig: Option<Tsig>, say: impl Fn(&Asked) -> Message + Send + Sync + 'static) -> String {
    let server = serve(move |asked| Some(say(asked))).await;
    let error = present(&config(server, Some("example.com"), tsig)).await.expect_err("refused");
    error.to_string().replace(&server.to_string(), "SERVER")
}

#[tokio::test]
async fn an_update_is_signed_and_adds_the_one_record() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seeing = seen.clone();
    let server = serve(move |asked| {
        assert!(asked.tcp);
        let context = checked(&ours(), asked);
        seeing.lock().expect("no panic").push(asked.message.clone());
        Some(signed(context, asked.answer(ResponseCode::NoError)))
    })
    .await;
    let config = config(server, Some("example.com"), Some(ours()));
    present(&config).await.expect("written");
    send(&config, Change::Cleanup, &name(NAME), VALUE).await.expect("removed");

    let seen = seen.lock().expect("no panic");
    let [added, removed] = &seen[..] else { panic!("{seen:?}") };
    for update in [added, removed] {
        assert_eq!(update.metadata.op_code, OpCode::Update);
        assert_eq!(update.queries, [Query::query(name("example.com"), RecordType::SOA)]);
        assert!(update.answers.is_empty(), "no prerequisites: two values of one name are no conflict");
        assert_eq!(update.authorities.len(), 1);
        assert_eq!(update.authorities[0].name, name(NAME));
        assert_eq!(update.authorities[0].data, RData::TXT(TXT::new(vec![VALUE.into()])));
    }
    assert_eq!((added.authorities[0].dns_class, added.authorities[0].ttl), (DNSClass::IN, TTL));
    // RFC 2136, 2.5.4: of this value, and only of this.
    assert_eq!((removed.authorities[0].dns_class, removed.authorities[0].ttl), (DNSClass::NONE, 0));
}

#[tokio::test]
async fn two_values_live_side_by_side() {
    let zone = Zone::new("example.com");
    let serving = zone.clone();
    let server = serve(move |asked| Some(serving.answer(asked))).await;
    let config = config(server, None, None);
    for value in ["apex", "wildcard", "apex"] {
        send(&config, Change::Present, &name(NAME), value).await.expect("written");
    }
    assert_eq!(zone.texts(NAME), ["apex", "wildcard"]);
    for _ in 0..2 {
        send(&config, Change::Cleanup, &name(NAME), "apex").await.expect("removed");
    }
    assert_eq!(zone.texts(NAME), ["wildcard"]);
}

#[tokio::test]
async fn the_zone_is_found_where_deeper_names_are_refused() {
    let zone = Zone::new("example.com");
    let serving = zone.clone();
    let server = serve(move |asked| {
        let deep = asked.message.metadata.op_code == OpCode::Query && asked.query().name().num_labels() > 2;
        Some(if deep { asked.answer(ResponseCode::Refused) } else { serving.answer(asked) })
    })
    .await;
    let deep = "_acme-challenge.a.b.example.com";
    let config = config(server, None, None);
    send(&config, Change::Present, &name(deep), VALUE).await.expect("written");
    assert_eq!(zone.texts(deep), [VALUE]);
}

#[tokio::test]
async fn a_server_that_only_forwards_is_not_the_primary() {
    let zone = Zone::new("example.com");
    let server = serve(move |asked| {
        let mut answer = zone.answer(asked);
        answer.metadata.authoritative = false;
        Some(answer)
    })
    .await;
    let error = present(&config(server, None, None)).await.expect_err("not authoritative").to_string();
    assert!(
        error.contains("is not authoritative for any zone that `_acme-challenge.example.com`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_name_outside_of_the_zone_is_not_sent() {
    let server = serve(|_| panic!("nothing is sent")).await;
    let error = present(&config(server, Some("example.org"), None)).await.expect_err("outside");
    assert_eq!(
        error.to_string(),
        "`_acme-challenge.example.com` is not in the zone `example.org` that `certificates.acme.dns.zone` names"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_the_servers_is_not_believed() {
    let unsigned = told(Some(ours()), |asked| asked.answer(ResponseCode::NoError)).await;
    assert!(
        unsigned.contains("did not sign its answer with the key `mizan-key`: it is not signed"),
        "{unsigned}"
    );
    let forged = told(Some(ours()), |asked| {
        let mac = checked(&ours(), asked);
        drop(mac);
        let signer = key(&tsig("mizan-key", "another")).expect("a key");
        let id = asked.message.metadata.id;
        let context = TSigResponseContext::new(id, now(), signer, Vec::new(), None);
        signed(context, asked.answer(ResponseCode::NoError))
    })
    .await;
    assert!(forged.contains("did not sign its answer with the key `mizan-key`"), "{forged}");
    let wrong = told(None, |asked| {
        let mut answer = asked.answer(ResponseCode::NoError);
        answer.metadata.id ^= 1;
        answer
    })
    .await;
    assert_eq!(wrong, "the DNS server SERVER answers something that is not DNS, or not to what was asked");
}

#[tokio::test]
async fn refusals_say_what_to_change() {
    let refused = |code| move |asked: &Asked| asked.answer(code);
    let cases = [
        (None, ResponseCode::NotAuth, "is not authoritative for the zone `example.com` (NOTAUTH)"),
        (Some(ours()), ResponseCode::NotAuth, "or does not know the key `mizan-key` (NOTAUTH)"),
        (None, ResponseCode::Refused, "its `allow-update` must permit our address"),
        (Some(ours()), ResponseCode::Refused, "must permit the key `mizan-key`"),
        (None, ResponseCode::NotZone, "says that the record is outside of the zone `example.com`"),
        (None, ResponseCode::NotImp, "does not take updates"),
        (None, ResponseCode::ServFail, "its log says why"),
        (None, ResponseCode::YXDomain, "did not update the zone `example.com`"),
    ];
    for (tsig, code, words) in cases {
        let told = told(tsig, refused(code)).await;
        assert!(told.starts_with("the DNS server SERVER ") && told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn so_do_refusals_of_signatures() {
    let unknown = told(Some(ours()), |asked| {
        let context = TSigResponseContext::unknown_key(asked.message.metadata.id, now(), name("mizan-key"));
        signed(context, asked.answer(ResponseCode::NotAuth))
    })
    .await;
    assert!(unknown.contains("does not know the key `mizan-key` (BADKEY)"), "{unknown}");
    let bad = told(Some(ours()), |asked| {
        let signer = key(&ours()).expect("a key");
        let context = TSigResponseContext::bad_signature(asked.message.metadata.id, now(), signer);
        signed(context, asked.answer(ResponseCode::NotAuth))
    })
    .await;
    assert!(bad.contains("has another secret for the key `mizan-key` (BADSIG)"), "{bad}");
    let late = told(Some(ours()), |asked| {
        let theirs = (now() - 3600).to_be_bytes()[2..].to_vec();
        let id = asked.message.metadata.id;
        let error = Some(TsigError::BadTime);
        let data = TSIG::new(Algorithm::HmacSha256, now(), FUDGE, vec![0; 32], id, error, theirs);
        let mut answer = asked.answer(ResponseCode::NotAuth);
        let mut record = Record::from_rdata(name("mizan-key"), 0, data);
        record.dns_class = DNSClass::ANY;
        answer.set_signature(Box::new(record));
        answer
    })
    .await;
    assert!(late.contains("has a clock that is 36") && late.contains(" s behind ours (BADTIME)"), "{late}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = bound.local_addr().expect("it is bound");
    drop(bound);
    let error = present(&config(server, Some("example.com"), None)).await.expect_err("nobody").to_string();
    assert!(error.starts_with(&format!("no connection to the DNS server {server}: ")), "{error}");
}

#[test]
fn a_secret_is_in_no_message() {
    let broken = Tsig { secret: Secret::new("not base64!".into()), ..ours() };
    let error = key(&broken).err().expect("refused");
    assert_eq!(
        error.to_string(),
        "the key `mizan-key` cannot sign updates: its secret is not base64; `certificates.acme.dns.tsig` has it"
    );
    assert!(!format!("{error:?}").contains("not base64!"));
}
