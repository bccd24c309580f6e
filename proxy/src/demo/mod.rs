//! The demo: three backends in this process and the proxy before them.

mod backend;

use crate::lifecycle::{self, Candidate, RunError, RunOptions, Unfit};
use crate::tls::Strictness;
use backend::Backend;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// Serves until Ctrl-C. Admin socket and state live in a temporary folder that goes with it.
pub(crate) async fn serve(listen: SocketAddr, threads: usize) -> Result<(), String> {
    let folder = tempfile::Builder::new()
        .prefix("mizan-demo-")
        .tempdir()
        .map_err(|error| format!("cannot make a temporary folder: {error}"))?;
    let start = |name, track| async move {
        Backend::start(name, track).await.map_err(|error| format!("cannot start a demo backend: {error}"))
    };
    let backends =
        [start("blue-1", "blue").await?, start("blue-2", "blue").await?, start("green-1", "green").await?];
    let text = configuration(listen, folder.path(), &backends);
    let examined = mizan_config::examine("the demo's mizan.yml", &text, &|_| None).map_err(Unfit::Problems);
    let candidate = examined
        .and_then(|examined| {
            Candidate::of(examined, None, &mizan_certs::Unsaved::default(), Strictness::Valid)
        })
        .map_err(|unfit| format!("the demo's own configuration is refused:\n{unfit}"))?;
    let running = lifecycle::start(candidate, RunOptions { file: None, threads }).await.map_err(told)?;
    print!("{}", greeting(&running.listeners().concat(), folder.path(), &text));
    running.until_stopped().await;
    println!("The demo has ended; nothing is left behind.");
    Ok(())
}

fn told(error: RunError) -> String {
    match error {
        RunError::Bind(error) => format!("{error}: `mizan demo --listen 127.0.0.1:8081`"),
        error => error.to_string(),
    }
}

fn configuration(listen: SocketAddr, folder: &Path, backends: &[Backend; 3]) -> String {
    let [blue_1, blue_2, green_1] = backends.each_ref().map(Backend::address);
    format!(
        r#"listen:
  http: "{listen}"
admin:
  socket: {folder}/admin.sock
state: {folder}/state
services:
  shop:
    tracks:
      blue: ["{blue_1}", "{blue_2}"]
      green: ["{green_1}"]
    split: {{ blue: 90, green: 10 }}
    health: {{ path: /health, interval: 2s }}
sites:
  - hosts: ["*"]
    routes:
      - {{ path: "= /hello", respond: {{ status: 200, body: "hello from the edge\n" }} }}
      - {{ path: /, service: shop }}
"#,
        folder = folder.display(),
    )
}

fn greeting(listening: &str, folder: &Path, configuration: &str) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "\nMizan demo on http://{listening}: 90 % of requests go to blue (two backends), 10 % to green (one).\n\n\
         Try:\n  \
         curl http://{listening}/                        which backend answers\n  \
         for i in $(seq 20); do curl -s http://{listening}/; done | sort | uniq -c\n  \
         curl http://{listening}/hello                   a fixed response of the edge\n  \
         curl -N http://{listening}/events               an event stream, one event a second\n  \
         curl -i http://{listening}/status/503           any status\n  \
         curl http://{listening}/lb-health               what a monitor asks\n  \
         curl http://{listening}/lb-ready                whether every service has been discovered\n  \
         curl --unix-socket {socket} http://mizan/v1/status\n\n\
         The configuration:\n",
        socket = folder.join("admin.sock").display(),
    );
    for line in configuration.lines() {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(text, "\nCtrl-C ends the demo.");
    text
}
