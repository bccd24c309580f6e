//! An entry of `services`: what is rolled out, and how.

use super::{backup, canary, hooks, tracks, value};
use crate::decode::{Context, Fields, Text, check_name};
use crate::deploy::keys::{BLUE_GREEN, HEALTH, LIMITS, SERVICE};
use crate::deploy::model::{DeployService, Health, Limits, Pull, StrategyName};
use crate::tree::Node;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// More than any disk has.
const MAX_DISK: u64 = 1 << 50;

pub(super) fn decode(name: &Text, node: &Node, context: &mut Context<'_>) -> Option<DeployService> {
    let fields = context.fields(node, &SERVICE, &name.span)?;
    let replicas = fields.optional_integer(context, "replicas").map(count);
    let tracks = tracks::decode(name, &fields, context);
    let (ten, five) = (Duration::from_secs(10), Duration::from_mins(5));
    Some(DeployService {
        name: name.value.clone(),
        proxy_service: proxy_service(name, &fields, context),
        tracks,
        replicas,
        strategy: strategy(&fields, context),
        watch: watch(&fields, context),
        canary: canary::decode(&fields, context),
        health: health(&fields, replicas, context),
        keep: fields.duration(context, "keep", five, &(Duration::ZERO..=DAY)),
        lease: fields.duration(context, "lease", 15 * SECOND, &(2 * SECOND..=five)),
        drain: fields.duration(context, "drain", 30 * SECOND, &(Duration::ZERO..=HOUR)),
        stop_timeout: fields.duration(context, "stop_timeout", ten, &(SECOND..=HOUR)),
        pull: pull(&fields, context),
        limits: limits(&fields, context),
        disk: fields.size(context, "disk", 1 << 30, 0..=MAX_DISK),
        backup: backup::decode(&fields, context),
        hooks: hooks::decode(&fields, context),
    })
}

fn count(number: u64) -> u32 {
    u32::try_from(number).expect("the table's range is below")
}

fn proxy_service(name: &Text, fields: &Fields<'_>, context: &mut Context<'_>) -> String {
    match fields.text(context, "proxy_service") {
        Some(text) => {
            check_name("service", &text, context);
            text.value
        }
        None => name.value.clone(),
    }
}

fn strategy(fields: &Fields<'_>, context: &mut Context<'_>) -> StrategyName {
    use StrategyName::{BlueGreen, Canary, Rolling};
    let alone = fields.is_missing("tracks");
    let default = if alone { Rolling } else { BlueGreen };
    let Some(text) = fields.text(context, "strategy") else { return default };
    let words = [("blue_green", BlueGreen), ("canary", Canary), ("rolling", Rolling)];
    let Some(strategy) = value::choice(&text, "strategy", &words, context) else { return default };
    if alone && strategy != Rolling {
        context
            .problem(&text.span, format!("the strategy {} needs `tracks`", text.shown()))
            .hint("give the service two tracks, or write rolling: one instance after the other");
    }
    strategy
}

fn watch(fields: &Fields<'_>, context: &mut Context<'_>) -> Duration {
    let default = 30 * SECOND;
    match fields.section(context, "blue_green", &BLUE_GREEN) {
        Some(fields) => fields.duration(context, "watch", default, &(Duration::ZERO..=DAY)),
        None => default,
    }
}

fn health(fields: &Fields<'_>, replicas: Option<u32>, context: &mut Context<'_>) -> Health {
    let default = Duration::from_mins(2);
    let Some(fields) = fields.section(context, "health", &HEALTH) else {
        return Health { timeout: default, ready: None };
    };
    let timeout = fields.duration(context, "timeout", default, &(SECOND..=HOUR));
    let ready = fields.optional_integer(context, "ready").map(count);
    if let (Some(ready), Some(replicas)) = (ready, replicas)
        && ready > replicas
    {
        let place = fields.get("ready").map_or_else(|| fields.span.clone(), |node| node.span.clone());
        context
            .problem(&place, "`ready` is above `replicas`: so many are never healthy")
            .hint("lower it, or remove it: then all must be healthy");
    }
    Health { timeout, ready }
}

fn pull(fields: &Fields<'_>, context: &mut Context<'_>) -> Pull {
    let words = [("auto", Pull::Auto), ("always", Pull::Always), ("never", Pull::Never)];
    let text = fields.text(context, "pull");
    text.and_then(|text| value::choice(&text, "pull", &words, context)).unwrap_or(Pull::Auto)
}

fn limits(fields: &Fields<'_>, context: &mut Context<'_>) -> Limits {
    let (error_rate, min_requests) = match fields.section(context, "limits", &LIMITS) {
        Some(fields) => {
            (fields.percent(context, "error_rate", 10), fields.integer(context, "min_requests", 20))
        }
        None => (10, 20),
    };
    Limits { error_rate: error_rate as f64 / 100.0, min_requests }
}
