//! `mizanctl watch`: the proxy as it goes.

mod follow;

use crate::console::{self, Console, InPlace, in_place, now_unix_ms};
use crate::exit::Failure;
use crate::view::{self, Sample, Style};
use clap::Args;
use mizan_api::{Client, ClientError, Event, ProblemKind};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// So many events are remembered for the terminal.
const EVENTS: usize = 100;

/// Show shares, rates, failures and latencies as they go, and what happens
///
/// On a terminal in place, until Ctrl-C; else a line for each track and interval, and a line for each event.
#[derive(Debug, Args)]
pub(super) struct WatchVerb {
    /// Only this service; without it, all of them
    service: Option<String>,
    /// How often to look
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Look so many times, then end
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl WatchVerb {
    pub(super) async fn run(self, client: &Client, console: Console) -> Result<(), Failure> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            end = self.watch(client, console) => end,
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    }

    async fn watch(&self, client: &Client, console: Console) -> Result<(), Failure> {
        let mut resized = signal(SignalKind::window_change())?;
        let mut view = View::new(self.look(client).await?, console);
        let (sender, mut events) = mpsc::channel(EVENTS);
        tokio::spawn(follow::follow(client.clone(), sender));
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        view.sampled()?;
        let mut left = self.count;
        loop {
            left = left.map(|left| left - 1);
            if left == Some(0) {
                return Ok(());
            }
            loop {
                tokio::select! {
                    _ = ticks.tick() => break,
                    Some(event) = events.recv() => if self.concerns(&event) { view.happened(event)? },
                    _ = resized.recv() => view.redraw()?,
                }
            }
            match self.look(client).await {
                Ok(sample) => view.sample = sample,
                Err(error) if passing(&error) => {
                    view.unanswered(&error)?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            }
            view.trouble = None;
            view.sampled()?;
        }
    }

    fn concerns(&self, event: &Event) -> bool {
        let (wanted, is) = (self.service.as_deref(), view::service_of(event));
        wanted.is_none() || is.is_none() || wanted == is
    }

    async fn look(&self, client: &Client) -> Result<Sample, ClientError> {
        let mut status = client.status().await?;
        let mut services = Vec::new();
        if let Some(service) = &self.service {
            services.push(client.stats(service, None, None).await?);
            status.services.retain(|one| one.name == *service);
        } else {
            for service in &status.services {
                match client.stats(&service.name, None, None).await {
                    Ok(one) => services.push(one),
                    // It left between the two calls.
                    Err(ClientError::Refused(problem)) if problem.kind == ProblemKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Sample { at_unix_ms: now_unix_ms(), status, stats: services })
    }
}

/// A proxy that starts anew is not there for a while.
fn passing(error: &ClientError) -> bool {
    matches!(error, ClientError::Connect { .. } | ClientError::Deadline { .. } | ClientError::Http(_))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = view::parse_duration(text)?;
    if interval < Duration::from_millis(100) { Err("at least 100ms".to_owned()) } else { Ok(interval) }
}

/// What is shown, and where.
struct View {
    console: Console,
    sample: Sample,
    events: VecDeque<Event>,
    trouble: Option<String>,
    in_place: Option<InPlace>,
}

impl View {
    fn new(sample: Sample, console: Console) -> Self {
        let in_place = (console.live && !console.json).then(InPlace::begin);
        Self { console, sample, events: VecDeque::new(), trouble: None, in_place }
    }

    fn sampled(&mut self) -> Result<(), Failure> {
        if self.console.json {
            line_of_json(&self.sample)
        } else if self.in_place.is_some() {
            self.redraw()
        } else {
            console::print(&view::lines(&self.sample))
        }
    }

    fn happened(&mut self, event: Event) -> Result<(), Failure> {
        if self.console.json {
            line_of_json(&event)
        } else if self.in_place.is_some() {
            self.events.push_back(event);
            if self.events.len() > EVENTS {
                self.events.pop_front();
            }
            self.redraw()
        } else {
            let text = format!("{} {}", view::time_of_day(event.at_unix_ms), view::event(&event).1);
            console::print(&(Style::Plain.paint(&text, false) + "\n"))
        }
    }

    fn unanswered(&mut self, error: &ClientError) -> Result<(), Failure> {
        if self.in_place.is_some() {
            let age = view::short(now_unix_ms().saturating_sub(self.sample.at_unix_ms) / 1000 * 1000);
            self.trouble = Some(format!("for {age} there has been no answer: {error}"));
            self.redraw()
        } else {
            eprintln!("mizanctl: {error}");
            Ok(())
        }
    }

    fn redraw(&mut self) -> Result<(), Failure> {
        if self.in_place.is_none() {
            return Ok(());
        }
        let (width, height) = console::size();
        // The last line stays free, so that nothing scrolls.
        let size = (width, height - 1);
        let events = self.events.make_contiguous();
        let lines = view::frame(&self.sample, events, self.trouble.as_deref(), size, self.console.colour);
        console::print(&in_place::drawn(&lines))
    }
}

fn line_of_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value).map_err(ClientError::from)?;
    console::print(&(json + "\n"))
}
