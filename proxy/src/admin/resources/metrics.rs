//! `/v1/metrics`.

use crate::admin::call::{Call, Reply};
use crate::observe::metrics;
use mizan_api::Problem;

#[expect(clippy::unnecessary_wraps, reason = "one of the table's functions")]
pub(in crate::admin) fn get(call: &Call) -> Result<Reply, Problem> {
    Ok(Reply::Text { kind: metrics::TEXT, text: call.admin.runtime.metrics.text() })
}
