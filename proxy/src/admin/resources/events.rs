//! `/v1/events`.

use crate::admin::call::{Call, Reply};
use crate::admin::events::EventStream;
use crate::observe::events;
use mizan_api::{Problem, ProblemKind};

pub(in crate::admin) fn get(call: &Call) -> Result<Reply, Problem> {
    EventStream::open(events::subscribe(call.last_event)).map(Reply::Events).ok_or_else(|| {
        Problem::new(ProblemKind::Busy, "many read the events already; try again when one of them has left")
    })
}
