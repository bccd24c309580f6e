//! The admin API keeps to its own description: schemathesis makes calls from it, good and bad ones.

use mizan_tests::admin::blue_green;
use mizan_tests::{Mizan, Upstream};
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, UnixStream};
use tokio::process::Command;

/// Tools from PyPI do not speak to Unix sockets.
async fn relay(listener: TcpListener, socket: PathBuf) {
    while let Ok((mut client, _)) = listener.accept().await {
        let socket = socket.clone();
        tokio::spawn(async move {
            if let Ok(mut server) = UnixStream::connect(&socket).await {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

/// Where `make setup` puts it.
fn schemathesis() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("schemathesis/bin/schemathesis")
}

#[tokio::test]
async fn no_call_gets_a_5xx_or_an_answer_that_is_not_described() {
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let mizan =
        Mizan::start(&blue_green(&[&blue], &[&green], "sticky: true", "state: ${FOLDER}/state")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let relaying = tokio::spawn(relay(listener, mizan.socket()));
    let program = schemathesis();
    assert!(program.is_file(), "{} is missing: run `make setup`", program.display());
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                  response_schema_conformance";
    // Calls are about a service that is there, as far as the service is not what is tried out.
    let known = "[parameters]\n\"path.service\" = \"shop\"\n";
    std::fs::write(mizan.folder().join("schemathesis.toml"), known).expect("it can be written");
    // A stream of events has no end: its own tests read it.
    let ran = Command::new(program)
        .args(["run", &format!("{url}/v1/openapi.json"), "--url", &url, "--exclude-path", "/v1/events"])
        .args([
            "--checks",
            checks,
            "--max-examples",
            "25",
            "--phases",
            "examples,coverage,fuzzing",
            "--seed",
            "1",
        ])
        .args(["--no-color", "--generation-database", "none"])
        .current_dir(mizan.folder())
        .kill_on_drop(true)
        .output()
        .await
        .expect("it runs");
    relaying.abort();
    let said = String::from_utf8_lossy(&ran.stdout);
    let counted =
        said.lines().filter(|line| line.contains("generated") || line.contains("Tested")).collect::<Vec<_>>();
    println!("{}", counted.join("\n"));
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    let log = mizan.log().text();
    let answered = |path: &str, status: &str| {
        log.lines().filter(|line| line.contains(path) && line.contains(&format!("status={status}"))).count()
    };
    let (good, unknown) = (answered("/v1/services/shop/", "200"), answered("/v1/services/", "404"));
    println!("changes to the service that is there: {good} answered with 200; {unknown} calls with 404");
    assert!(good > 5, "most calls were about services that are not there");
}
