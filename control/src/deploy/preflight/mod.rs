//! The checklist: everything that a machine can check before anything is done. All of it is looked at, also where something
//! is bad already.

mod backup;
mod disk;
pub(super) mod earlier;
mod variables;

use super::ground::{Ground, Roles};
use super::place::Place;
use super::progress::{Progress, Verdict};
use super::proxy::{Configured, Proxy, up};
use super::store::Store;
use crate::compose::{Driver, Engine};
use crate::view::deploy::Screen;
use mizan_config::deploy::model::Pull;
use mizan_rollout::{Hook, Image, Strategy};

/// What the checklist found out.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) driver: Driver,
    pub(crate) ground: Ground,
    pub(crate) roles: Roles,
    pub(crate) replicas: u32,
}

/// One line of the checklist.
#[derive(Debug)]
pub(crate) struct Item {
    what: &'static str,
    verdict: Verdict,
    detail: String,
}

impl Item {
    fn good(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Good, detail: detail.into() }
    }

    fn warning(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Warning, detail: detail.into() }
    }

    fn bad(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Bad, detail: detail.into() }
    }

    fn skipped(what: &'static str, because: &str) -> Self {
        Self { what, verdict: Verdict::Skipped, detail: format!("not looked at: {because}") }
    }
}

/// Tells the lines as they are found, and counts the bad ones.
pub(crate) struct Checklist<'s> {
    screen: &'s mut Screen,
    bad: Vec<String>,
}

impl<'s> Checklist<'s> {
    pub(crate) fn new(screen: &'s mut Screen) -> Self {
        Self { screen, bad: Vec::new() }
    }

    fn add(&mut self, item: Item) {
        let Item { what, verdict, detail } = item;
        if verdict == Verdict::Bad {
            self.bad.push(format!("{what}: {detail}"));
        }
        self.screen.tell(&Progress::Checked { what: what.to_owned(), verdict, detail });
    }

    /// What is bad, in words.
    pub(crate) fn bad(&self) -> &[String] {
        &self.bad
    }

    /// What the user's own hook says.
    pub(crate) fn hook(&mut self, failed: Option<String>) {
        self.add(match failed {
            None => Item::good("hook preflight", "it says yes"),
            Some(why) => Item::bad("hook preflight", why),
        });
    }
}

/// Looks at everything. `None`: too much is missing to go on, and the list says what.
pub(crate) async fn check(
    list: &mut Checklist<'_>,
    place: &Place,
    proxy: &Proxy,
    store: &Store,
    image: &str,
    strategy: &Strategy,
) -> Option<Prepared> {
    list.add(earlier::nothing_open(place, store));
    for item in [variables::are_set(place), backup::is_fresh(place)].into_iter().flatten() {
        list.add(item);
    }
    let configured = the_proxy(list, place, proxy).await;
    let driver = docker(list, place, image).await;
    let (Some(_), Some(driver)) = (configured, driver) else {
        list.add(Item::skipped("running track", "mizan or Docker cannot be asked"));
        return None;
    };
    list.add(image_is_to_be_had(place, driver.engine(), image).await);
    if let Some(item) = earlier::deployed_well(place, driver.engine(), image).await {
        list.add(item);
    }
    let ground = match Ground::look(place, proxy, &driver).await {
        Ok(ground) => ground,
        Err(error) => {
            list.add(Item::bad("running track", error.to_string()));
            return None;
        }
    };
    let roles = match ground.roles(*strategy == Strategy::Rolling) {
        Ok(roles) => roles,
        Err(why) => {
            list.add(Item::bad("running track", why));
            return None;
        }
    };
    let running = roles.stable.as_ref().map_or(0, |stable| ground.running(stable).len() as u32);
    list.add(stable_is_healthy(&ground, &roles, running));
    let replicas = place.service.replicas.unwrap_or(running.max(1));
    let replicas = if *strategy == Strategy::Rolling && running > 0 { running } else { replicas };
    Some(Prepared { driver, ground, roles, replicas })
}

async fn the_proxy(list: &mut Checklist<'_>, place: &Place, proxy: &Proxy) -> Option<Configured> {
    let what = "mizan";
    let looked = async {
        Ok::<_, mizan_api::ClientError>((proxy.client().status().await?, proxy.configured().await?))
    };
    let (status, configured) = match looked.await {
        Ok(both) => both,
        Err(error) => {
            list.add(Item::bad(what, error.to_string()));
            return None;
        }
    };
    let Some(service) = status.services.iter().find(|service| service.name == place.service.proxy_service)
    else {
        let known: Vec<_> = status.services.iter().map(|service| service.name.as_str()).collect();
        let why = format!(
            "mizan.yml has no service `{}`; it has: {}",
            place.service.proxy_service,
            known.join(", ")
        );
        list.add(Item::bad(what, why));
        return None;
    };
    let tracks: Vec<_> = service.tracks.iter().map(|track| track.name.as_str()).collect();
    if let Some(missing) = place.service.tracks.iter().find(|track| !tracks.contains(&track.name.as_str())) {
        let name = &service.name;
        let why = if missing.name.is_empty() {
            format!("in mizan.yml the service {name} has tracks: name them in deploy.yml, too")
        } else {
            format!("in mizan.yml the service {name} has no track `{}`", missing.name)
        };
        list.add(Item::bad(what, why));
        return None;
    }
    if !configured.health {
        let why = format!(
            "the service {} has no health check, so that nobody can tell when a version is ready: add \
             `health: {{ path: /health }}` to mizan.yml",
            service.name
        );
        list.add(Item::bad(what, why));
        return None;
    }
    let smoke = place.hooks().contains(&Hook::Smoke) && place.has_tracks();
    if smoke && configured.forced.header.is_none() && configured.forced.cookie.is_none() {
        let why = format!(
            "the hook smoke has no way to the new track: add `force: {{ header: X-Mizan-Track }}` to the service {} in \
             mizan.yml",
            service.name
        );
        list.add(Item::bad(what, why));
        return None;
    }
    list.add(Item::good(
        what,
        format!("version {}, at {}", status.version, proxy.client().socket().display()),
    ));
    Some(configured)
}

async fn docker(list: &mut Checklist<'_>, place: &Place, image: &str) -> Option<Driver> {
    let compose = &place.environment.compose;
    let engine = Engine::new(&compose.engine);
    let version = match engine.version().await {
        Ok(version) => version,
        Err(error) => {
            list.add(Item::bad("docker", error.to_string()));
            return None;
        }
    };
    if let Some(item) = disk::has_room(place, &engine).await {
        list.add(item);
    }
    let locks = place.file.state.join("projects");
    let driver = match Driver::open(compose, engine, &locks).await {
        Ok(driver) => driver,
        Err(error) => {
            list.add(Item::bad("docker", error.to_string()));
            return None;
        }
    };
    list.add(Item::good(
        "docker",
        format!("engine {version}, {}, project {}", driver.version(), driver.project()),
    ));
    let tracks = &place.service.tracks;
    let images = tracks.iter().map(|track| (track.image_variable.clone(), image.to_owned())).collect();
    let pairs: Vec<_> =
        tracks.iter().map(|track| (track.compose_service.as_str(), track.image_variable.as_str())).collect();
    if let Err(error) = driver.check(&pairs, &images).await {
        list.add(Item::bad("compose file", error.to_string()));
        return None;
    }
    let services: Vec<_> = tracks.iter().map(|track| track.compose_service.as_str()).collect();
    list.add(Item::good("compose file", format!("it has {}", services.join(" and "))));
    Some(driver)
}

async fn image_is_to_be_had(place: &Place, engine: &Engine, image: &str) -> Item {
    let what = "image";
    match (engine.image(image).await, place.service.pull) {
        (Err(error), _) => Item::bad(what, error.to_string()),
        (Ok(None), Pull::Never) => {
            Item::bad(what, format!("{image} is not on this machine, and `pull` of deploy.yml is `never`"))
        }
        (Ok(None), _) => {
            Item::warning(what, format!("{image} is not here yet: it is pulled first, before anything else"))
        }
        (Ok(Some(found)), Pull::Auto) if !found.from_registry => {
            Item::good(what, format!("{image} was built here"))
        }
        (Ok(Some(_)), Pull::Never) => Item::good(what, format!("{image} is here")),
        (Ok(Some(_)), _) => Item::good(what, format!("{image} is here, and is pulled anew")),
    }
}

fn stable_is_healthy(ground: &Ground, roles: &Roles, running: u32) -> Item {
    let what = "running track";
    let Some(stable) = &roles.stable else {
        return Item::warning(
            what,
            "nothing runs yet: this is the first version, with nothing to go back to",
        );
    };
    let up = up(&ground.service, stable);
    let name = if stable.is_empty() { ground.service.name.as_str() } else { stable };
    let image = ground.image(stable).map(|image: Image| image.reference).unwrap_or_default();
    if up == 0 {
        let why = format!(
            "none of {running} instances of {name} takes requests: bring it up first, or it is nothing to go back to"
        );
        return Item::bad(what, why);
    }
    if up < running {
        return Item::warning(what, format!("only {up} of {running} instances of {name} take requests"));
    }
    Item::good(what, format!("{name} serves {image} with {running} instances"))
}

pub(crate) const NOTHING_BEFORE: &str = "there is no version before the one that serves";
