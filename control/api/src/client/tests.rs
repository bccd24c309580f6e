use super::*;
use crate::{Happening, Problem, ProblemKind};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

fn path() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("mizan-api-{}-{count}.sock", std::process::id()))
}

/// Answers one call; gives back what was sent.
fn fake(status: &str, version: &str, body: &str) -> (Client, JoinHandle<String>) {
    let path = path();
    let listener = UnixListener::bind(&path).expect("the folder for temporary files can be written");
    let reply = format!(
        "HTTP/1.1 {status} X\r\nserver: mizan/{version}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let file = path.clone();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        std::fs::remove_file(file).unwrap();
        let mut sent = vec![0; 4096];
        let mut length = 0;
        while !whole(&sent[..length]) {
            length += stream.read(&mut sent[length..]).await.unwrap();
        }
        stream.write_all(reply.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&sent[..length]).into_owned()
    });
    (Client::new(path), server)
}

fn whole(sent: &[u8]) -> bool {
    let text = String::from_utf8_lossy(sent);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

const SPLIT: &str =
    r#"{"revision":8,"weights":{"blue":1},"committed":{"blue":1},"origin":"file","lease":null}"#;

#[tokio::test]
async fn a_change_goes_out_as_json_to_an_encoded_path() {
    let (client, server) = fake("200", "0.1.0", SPLIT);
    let change = SplitChange { weights: [("blue".to_owned(), 1)].into(), ..SplitChange::default() };
    assert_eq!(client.set_split("a/b é", &change).await.unwrap().revision, 8);
    let sent = server.await.unwrap();
    assert!(sent.starts_with("PUT /v1/services/a%2Fb%20%C3%A9/split HTTP/1.1\r\n"), "{sent}");
    assert!(
        sent.contains("content-type: application/json\r\n") && sent.contains(r#""weights":{"blue":1}"#),
        "{sent}"
    );
}

#[tokio::test]
async fn a_revision_goes_into_the_query() {
    let (client, server) = fake("200", "0.1.0", SPLIT);
    client.release_lease("api", Some(7)).await.unwrap();
    assert!(server.await.unwrap().starts_with("DELETE /v1/services/api/split/lease?revision=7 "));
}

#[tokio::test]
async fn metrics_come_as_they_are_or_as_a_refusal() {
    let (client, server) = fake("200", "0.1.0", "rollback_total{reason=\"disk\"} 1\n");
    assert_eq!(client.metrics().await.unwrap(), "rollback_total{reason=\"disk\"} 1\n");
    assert!(server.await.unwrap().starts_with("GET /v1/metrics HTTP/1.1\r\n"));
    let problem = serde_json::to_string(&Problem::new(ProblemKind::NotFound, "an older one")).unwrap();
    let (client, _server) = fake("404", "0.1.0", &problem);
    assert!(matches!(client.metrics().await, Err(ClientError::Refused(_))));
}

#[tokio::test]
async fn a_problem_document_is_a_refusal() {
    let problem = Problem::new(ProblemKind::StaleRevision, "it is at 9");
    let (client, _server) = fake("409", "9.9.9", &serde_json::to_string(&problem).unwrap());
    let error = client.split("api").await.unwrap_err();
    assert_eq!(error.to_string(), "The split was changed in between: it is at 9");
    assert!(matches!(error, ClientError::Refused(refused) if *refused == problem));
}

#[tokio::test]
async fn an_answer_of_another_version_that_cannot_be_understood_says_so() {
    for (status, body) in [("200", "{}"), ("404", "no such thing")] {
        let (client, _server) = fake(status, "9.9.9", body);
        let error = client.status().await.unwrap_err();
        assert!(matches!(&error, ClientError::Version { theirs, .. } if theirs == "9.9.9"), "{error}");
    }
    let (client, _server) = fake("404", env!("CARGO_PKG_VERSION"), "no such thing");
    let error = client.status().await.unwrap_err();
    assert!(matches!(&error, ClientError::Decode(_)), "{error}");
    assert!(error.to_string().contains("status 404 without a problem document"), "{error}");
}

#[tokio::test]
async fn events_are_read_one_by_one_between_signs_of_life() {
    let body = ": hello\n\nid: 3\ndata: {\"id\":3,\"at_unix_ms\":1,\"event\":\"ending\"}\n\n: still here\n\n\
                id: 4\r\ndata: {\"id\":4,\"at_unix_ms\":2,\"event\":\"missed\",\"count\":5}\r\n\r\n";
    let (client, server) = fake("200", "0.1.0", body);
    let mut events = client.events(Some(2)).await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().what, Happening::Ending);
    assert_eq!(events.next().await.unwrap().unwrap().id, 4);
    assert!(events.next().await.unwrap().is_none());
    assert!(server.await.unwrap().contains("last-event-id: 2\r\n"));
}

#[tokio::test]
async fn an_event_without_end_is_given_up() {
    let (client, _server) = fake("200", "0.1.0", &"x".repeat(2 * 1024 * 1024));
    let error = client.events(None).await.unwrap().next().await.unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test]
async fn a_refused_stream_of_events_is_a_refusal() {
    let problem = serde_json::to_string(&Problem::new(ProblemKind::Busy, "16 already")).unwrap();
    let (client, _server) = fake("503", "0.1.0", &problem);
    assert!(matches!(client.events(None).await, Err(ClientError::Refused(_))));
}

#[tokio::test]
async fn who_cannot_be_reached_is_told_apart() {
    let absent = Client::new("/nowhere/mizan.sock").status().await.unwrap_err().to_string();
    assert!(
        absent.contains("there is no admin socket /nowhere/mizan.sock") && absent.contains("--socket"),
        "{absent}"
    );

    let path = path();
    drop(UnixListener::bind(&path).unwrap());
    let leftover = Client::new(&path).status().await.unwrap_err().to_string();
    assert!(leftover.contains("nobody answers"), "{leftover}");

    let source = std::io::ErrorKind::PermissionDenied.into();
    let denied = ClientError::Connect { socket: path.clone(), source }.to_string();
    assert!(denied.contains("it belongs to user ") && denied.contains("with mode "), "{denied}");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn who_does_not_answer_is_waited_for_only_so_long() {
    let never = std::future::pending::<Result<(), ClientError>>();
    let error = Client::new("/s").within(Duration::from_millis(1), never).await.unwrap_err();
    assert!(matches!(error, ClientError::Deadline { .. }), "{error}");
}
