//! A deploy as it goes: on a terminal in place, in plain lines, or as JSON. And as it went: [`history`], [`story`].

mod frame;
mod history;
mod model;
mod plain;
#[cfg(test)]
mod sample;
mod story;
#[cfg(test)]
mod tests;
mod words;
mod writer;

pub(crate) use history::history;
pub(crate) use story::story;
pub(crate) use words::step;

use crate::console::{Console, in_place, now_unix_ms, size};
use crate::deploy::progress::Progress;
use model::Model;
use plain::Plain;
use serde::Serialize;
use writer::Writer;

/// A command may print faster than anybody reads.
const BETWEEN_FRAMES_MS: u64 = 40;

/// Where a deploy tells what it does. Nobody may be reading, and the terminal may take nothing: the deploy goes on.
#[derive(Debug)]
pub(crate) struct Screen {
    colour: bool,
    form: Form,
    writer: Writer,
}

#[derive(Debug)]
enum Form {
    Json,
    Plain(Plain),
    Live(Live),
}

/// A terminal that is drawn on.
#[derive(Debug, Default)]
struct Live {
    model: Model,
    page: Page,
    drawn_unix_ms: u64,
}

/// The terminal's page.
#[derive(Debug, Default, PartialEq, Eq)]
enum Page {
    /// Nothing was told yet.
    #[default]
    Before,
    Open,
    /// The last frame stands.
    Closed,
}

/// An event, and when it was told.
#[derive(Serialize)]
struct Told<'a> {
    at_unix_ms: u64,
    #[serde(flatten)]
    progress: &'a Progress,
}

impl Screen {
    pub(crate) fn new(console: Console) -> Self {
        let form = match (console.json, console.live) {
            (true, _) => Form::Json,
            (false, true) => Form::Live(Live::default()),
            (false, false) => Form::Plain(Plain::default()),
        };
        Self { colour: console.colour, form, writer: Writer::new(std::io::stdout()) }
    }

    pub(crate) fn tell(&mut self, progress: &Progress) {
        let now = now_unix_ms();
        match &mut self.form {
            Form::Json => self.writer.text(json(progress, now)),
            Form::Plain(plain) => self.writer.text(plain.tell(progress, now)),
            Form::Live(live) => live.tell(progress, now, size(), self.colour, &self.writer),
        }
    }

    /// As it is now: the terminal may have another size.
    pub(crate) fn redraw(&mut self) {
        if let Form::Live(live) = &mut self.form {
            live.draw(now_unix_ms(), size(), self.colour, &self.writer);
        }
    }
}

impl Drop for Screen {
    /// What was shown last stays, in full, however it ended.
    fn drop(&mut self) {
        if let Form::Live(live) = &mut self.form {
            live.close(now_unix_ms(), size().0, self.colour, &self.writer);
        }
    }
}

impl Live {
    fn tell(&mut self, progress: &Progress, now: u64, size: (usize, usize), colour: bool, writer: &Writer) {
        if self.page == Page::Closed {
            return writer.text(Plain::default().tell(progress, now));
        }
        self.model.apply(progress, now);
        if self.page == Page::Before {
            writer.text(in_place::opened(size.1));
            self.page = Page::Open;
        }
        if self.model.closing.is_some() {
            self.close(now, size.0, colour, writer);
        } else if !matches!(progress, Progress::Output { .. })
            || now >= self.drawn_unix_ms + BETWEEN_FRAMES_MS
        {
            self.draw(now, size, colour, writer);
        }
    }

    fn draw(&mut self, now: u64, (width, height): (usize, usize), colour: bool, writer: &Writer) {
        if self.page == Page::Open {
            // The last line stays free, so that nothing scrolls.
            let lines = frame::frame(&self.model, now, (width, height - 1), colour);
            writer.frame(in_place::drawn(&lines));
            self.drawn_unix_ms = now;
        }
    }

    fn close(&mut self, now: u64, width: usize, colour: bool, writer: &Writer) {
        if self.page == Page::Open {
            writer.text(in_place::closed(&frame::last_frame(&self.model, now, width, colour)));
            self.page = Page::Closed;
        }
    }
}

/// One line.
fn json(progress: &Progress, at_unix_ms: u64) -> String {
    let told = Told { at_unix_ms, progress };
    serde_json::to_string(&told).expect("events have string keys only") + "\n"
}
