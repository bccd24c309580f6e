//! `canary`: the steps in which requests move.

use crate::decode::{Context, Fields};
use crate::deploy::keys::CANARY_STEP;
use crate::deploy::model::CanaryStep;
use std::time::Duration;

const HOLD: Duration = Duration::from_mins(1);
const WHOLE: u8 = 100;

pub(super) fn decode(service: &Fields<'_>, context: &mut Context<'_>) -> Vec<CanaryStep> {
    let Some(node) = service.get("canary") else {
        return [10, 25, 50, WHOLE].map(|percent| CanaryStep { percent, hold: HOLD, gate: false }).into();
    };
    let nodes = context.some("canary", node);
    let mut steps: Vec<CanaryStep> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let Some(fields) = context.fields(node, &CANARY_STEP, &node.span) else { continue };
        let step = step(&fields, context);
        let Some(percent) = step.as_ref().map(|step| step.percent) else { continue };
        let place = fields.get("weight").map_or_else(|| fields.span.clone(), |node| node.span.clone());
        if steps.last().is_some_and(|last| last.percent >= percent) {
            context
                .problem(&place, "`weight` is not above that of the step before")
                .hint("weights rise from step to step, as in 10%, 50%, 100%");
        } else if at + 1 == nodes.len() && percent != WHOLE {
            context
                .problem(&place, "the last step of `canary` leaves requests on the old version")
                .hint("add `{ weight: 100% }` after it");
        }
        steps.extend(step);
    }
    steps
}

fn step(fields: &Fields<'_>, context: &mut Context<'_>) -> Option<CanaryStep> {
    let percent = fields.optional_percent(context, "weight");
    let hold = fields.duration(context, "hold", HOLD, &(Duration::ZERO..=Duration::from_hours(24)));
    let gate = fields.boolean(context, "gate", false);
    let percent = u8::try_from(percent?).expect("the table has 1 to 100");
    Some(CanaryStep { percent, hold, gate })
}
