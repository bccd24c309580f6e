//! `mizanctl drain` and `undrain`: take an endpoint or a track out, and put it back.

use crate::console::Console;
use crate::exit::Failure;
use crate::view::{self, Page, Style};
use clap::Args;
use mizan_api::{Client, DrainChange, DrainStatus, ServiceStatus};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::time::Instant;

/// How often it is asked whether the requests have ended.
const POLL: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// A track of the service
    #[arg(long, value_name = "TRACK")]
    track: Option<String>,
    /// An endpoint, by its address as `mizanctl status` has it: 10.0.0.2:3000
    #[arg(long, value_name = "ADDRESS")]
    endpoint: Option<String>,
}

/// Take a track or an endpoint out, and wait until its requests have ended
///
/// New requests go elsewhere at once. It stays so, also when the time is over, until `mizanctl undrain`.
#[derive(Debug, Args)]
pub(super) struct DrainVerb {
    /// The service, as mizan.yml names it
    service: String,
    #[command(flatten)]
    target: Target,
    /// How long to wait for the requests under way; 0s: not at all
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = view::parse_duration)]
    wait: Duration,
    /// Also when nothing would be left that can take the service's requests
    #[arg(long)]
    force: bool,
}

/// Put a drained track or endpoint back
#[derive(Debug, Args)]
pub(super) struct UndrainVerb {
    /// The service, as mizan.yml names it
    service: String,
    #[command(flatten)]
    target: Target,
}

impl DrainVerb {
    pub(super) async fn run(self, client: &Client, console: Console) -> Result<(), Failure> {
        let mut status = client.drain(&self.service, &self.target.change(self.force)).await?;
        let end = Instant::now() + self.wait.min(Duration::from_secs(365 * 86_400));
        let mut progress = Progress::default();
        while status.in_flight > 0 && Instant::now() < end {
            progress.tell(&self.what(), status.in_flight, end - Instant::now());
            tokio::time::sleep(POLL.min(end - Instant::now())).await;
            update(&mut status, &client.service(&self.service).await?, self.target.track.as_deref());
        }
        progress.end();
        console.show(&status, |width, colour| self.text(&status, width, colour))?;
        if status.in_flight == 0 || self.wait.is_zero() {
            return Ok(());
        }
        Err(Failure::Unfinished(format!(
            "{} still under way after {}; no new ones come. `mizanctl undrain {} {}` puts it back",
            under_way(status.in_flight),
            view::short(self.wait.as_millis() as u64),
            self.service,
            self.target.option()
        )))
    }

    fn what(&self) -> String {
        self.target.name(&self.service)
    }

    fn text(&self, status: &DrainStatus, width: usize, colour: bool) -> String {
        let mut page = Page::new(width, colour);
        let rest = match status.in_flight {
            0 => "nothing is under way any more".to_owned(),
            many => format!("{} under way", under_way(many)),
        };
        page.words(0, Style::Plain, &format!("{} is drained; {rest}", self.what()));
        page.into_text()
    }
}

impl UndrainVerb {
    pub(super) async fn run(self, client: &Client, console: Console) -> Result<(), Failure> {
        let status = client.undrain(&self.service, &self.target.change(false)).await?;
        console.show(&status, |width, colour| {
            let mut page = Page::new(width, colour);
            page.words(0, Style::Plain, &format!("{} is back", self.target.name(&self.service)));
            page.into_text()
        })
    }
}

impl Target {
    fn change(&self, force: bool) -> DrainChange {
        DrainChange { track: self.track.clone(), endpoint: self.endpoint.clone(), force }
    }

    fn name(&self, service: &str) -> String {
        let target = self.track.as_ref().or(self.endpoint.as_ref());
        format!("{service} {}", target.map(String::as_str).unwrap_or_default())
    }

    fn option(&self) -> String {
        match (&self.track, &self.endpoint) {
            (Some(track), _) => format!("--track {track}"),
            (_, endpoint) => format!("--endpoint {}", endpoint.as_deref().unwrap_or_default()),
        }
    }
}

fn under_way(requests: u64) -> String {
    if requests == 1 { "1 request is".to_owned() } else { format!("{requests} requests are") }
}

/// The endpoints as they are now. One that is gone has nothing under way.
fn update(status: &mut DrainStatus, service: &ServiceStatus, track: Option<&str>) {
    let tracks = service.tracks.iter().filter(|one| track.is_none_or(|track| one.name == track));
    let now: Vec<_> = tracks.flat_map(|track| &track.endpoints).collect();
    let addresses: Vec<_> = status.endpoints.iter().map(|endpoint| endpoint.address.clone()).collect();
    status.endpoints =
        now.into_iter().filter(|endpoint| addresses.contains(&endpoint.address)).cloned().collect();
    status.in_flight = status.endpoints.iter().map(|endpoint| endpoint.in_flight).sum();
}

fn progress_line(what: &str, in_flight: u64, left: Duration) -> String {
    let seconds = left.as_millis().div_ceil(1000);
    format!("{}: {in_flight} under way, {seconds}s left", Style::Plain.paint(what, false))
}

/// On stderr: one line that is rewritten on a terminal, else one line a change.
#[derive(Debug, Default)]
struct Progress {
    told: Option<u64>,
}

impl Progress {
    fn tell(&mut self, what: &str, in_flight: u64, left: Duration) {
        let line = progress_line(what, in_flight, left);
        let mut stderr = std::io::stderr().lock();
        // Nobody may be reading; the drain goes on.
        let _ = if stderr.is_terminal() {
            write!(stderr, "\r{line}\x1b[K")
        } else if self.told == Some(in_flight) {
            Ok(())
        } else {
            writeln!(stderr, "{line}")
        };
        self.told = Some(in_flight);
    }

    fn end(&self) {
        let mut stderr = std::io::stderr().lock();
        if self.told.is_some() && stderr.is_terminal() {
            let _ = write!(stderr, "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample;

    #[test]
    fn only_the_drained_endpoints_of_the_track_count() {
        let service = sample::status().services.remove(0);
        let endpoints = vec![service.tracks[0].endpoints[0].clone()];
        let mut status = DrainStatus { service: "api".to_owned(), in_flight: 99, endpoints };
        update(&mut status, &service, Some("blue"));
        assert_eq!((status.in_flight, status.endpoints.len()), (4, 1));
        update(&mut status, &service, Some("green"));
        assert_eq!((status.in_flight, status.endpoints.len()), (0, 0));
    }

    #[test]
    fn the_time_left_is_told_by_the_second() {
        let line = progress_line("api green", 6, Duration::from_millis(119_999));
        assert_eq!(line, "api green: 6 under way, 120s left");
    }
}
