//! `mizanctl deploy`: a new version, step by step.

use super::Where;
use crate::console::{Console, now_unix_ms};
use crate::deploy::begun;
use crate::deploy::preflight::{self, Checklist, Prepared};
use crate::deploy::progress::Progress;
use crate::deploy::runner::Runner;
use crate::deploy::store::StoreError;
use crate::deploy::{Place, Workshop, last_word, who};
use crate::exit::Failure;
use crate::view::deploy::Screen;
use clap::{Args, ValueEnum};
use mizan_config::deploy::model::StrategyName;
use mizan_rollout::{Deploying, Hook, Image, Plan, Record, deploy};

/// Roll a new version out, step by step; take it back by itself when it misbehaves
///
/// First comes a checklist; then the steps, each of which is written down before and after. Ctrl-C gives the traffic back at
/// once, and leaves the rest to `mizanctl resume` or `mizanctl rollback`.
#[derive(Debug, Args)]
pub(super) struct DeployVerb {
    #[command(flatten)]
    place: Where,
    /// The image of the new version: registry/api:v2
    #[arg(long, value_name = "REF")]
    image: String,
    /// Another strategy than deploy.yml's
    #[arg(long, value_enum, value_name = "STRATEGY")]
    strategy: Option<Chosen>,
    /// Only the checklist and the steps: nothing is done
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Chosen {
    BlueGreen,
    Canary,
    Rolling,
}

impl DeployVerb {
    pub(super) async fn run(self, console: Console) -> Result<(), Failure> {
        let place = self.place.find()?;
        let strategy = place.strategy(self.strategy.map(|chosen| match chosen {
            Chosen::BlueGreen => StrategyName::BlueGreen,
            Chosen::Canary => StrategyName::Canary,
            Chosen::Rolling => StrategyName::Rolling,
        }));
        if !place.has_tracks() && strategy != mizan_rollout::Strategy::Rolling {
            let why = format!(
                "{} has no tracks in deploy.yml: only --strategy rolling can do it",
                place.service.name
            );
            return Err(Failure::Usage(why));
        }
        let proxy = super::proxy(&place);
        let store = super::store(&place)?;
        let by = who();
        let lock = store.lock(&format!("the deploy of {}", self.image), &by).map_err(super::busy)?;
        if let Some(last) = store.last().ok().flatten().filter(|last| last.state.ended().is_some()) {
            // Its process may have died before the proxy heard the end.
            let report = last_word(&last, &place.service.proxy_service);
            let _ = proxy.client().report_deploy(&report).await;
        }
        let mut screen = Screen::new(console);
        let mut list = Checklist::new(&mut screen);
        let prepared = preflight::check(&mut list, &place, &proxy, &store, &self.image, &strategy).await;
        let Some(prepared) = prepared else { return Err(not_ready(&list)) };
        let number = store.numbers()?.last().copied().unwrap_or(0) + 1;
        let plan = plan(&place, &prepared, &self.image, strategy, number);
        let workshop = Workshop::new(place, proxy, prepared.driver);
        if plan.hooks.contains(&Hook::Preflight) && list.bad().is_empty() {
            list.hook(workshop.preflight_hook(&plan).await);
        }
        if !list.bad().is_empty() {
            return Err(not_ready(&list));
        }
        screen.tell(&begun(&plan));
        if self.dry_run {
            screen.tell(&Progress::Note { text: "nothing was done: --dry-run".to_owned() });
            return Ok(());
        }
        let now = now_unix_ms();
        let mut journal = store.create(number).map_err(|error| unwritable(&error))?;
        let begin = Record::Begin { plan: Box::new(plan), by };
        journal.append(now, &begin).map_err(|error| unwritable(&error))?;
        let runner = Runner::begin(workshop, store, lock, journal, &begin, now, screen);
        Box::pin(runner.run()).await.outcome()
    }
}

fn plan(
    place: &Place,
    prepared: &Prepared,
    image: &str,
    strategy: mizan_rollout::Strategy,
    number: u64,
) -> Plan {
    let stable = prepared.roles.stable.clone();
    deploy(Deploying {
        number,
        environment: place.environment.name.clone(),
        service: place.service.name.clone(),
        strategy,
        image: Image { reference: image.to_owned(), id: None },
        previous: stable.as_ref().and_then(|stable| prepared.ground.image(stable)),
        stable,
        target: prepared.roles.target.clone(),
        replicas: prepared.replicas,
        ready: place.ready(prepared.replicas),
        keep_ms: place.service.keep.as_millis() as u64,
        hooks: place.hooks(),
    })
}

fn not_ready(list: &Checklist<'_>) -> Failure {
    Failure::NotDeployed(format!("not deployed, nothing was changed:\n  {}", list.bad().join("\n  ")))
}

fn unwritable(error: &StoreError) -> Failure {
    Failure::NotDeployed(format!("not deployed, nothing was changed: {error}"))
}
