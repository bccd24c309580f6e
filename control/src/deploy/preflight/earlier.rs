//! What was done before: no deploy is left open, and the image was deployed well elsewhere.

use super::Item;
use crate::compose::Engine;
use crate::deploy::Place;
use crate::deploy::store::{Store, StoreError};
use mizan_rollout::{Kind, Status};

/// The last deploy has ended.
pub(super) fn nothing_open(place: &Place, store: &Store) -> Item {
    let (what, service) = ("earlier deploys", &place.service.name);
    match store.last() {
        Err(error) => Item::bad(what, error.to_string()),
        Ok(Some(last)) if last.state.ended().is_none() => {
            let number = last.state.plan().number;
            let why = format!(
                "deploy {number} was left open: `mizanctl resume {service}` carries on, `mizanctl rollback {service}` \
                 goes back"
            );
            Item::bad(what, why)
        }
        Ok(_) => Item::good(what, "none is open"),
    }
}

/// `None`: deploy.yml does not want it.
pub(super) async fn deployed_well(place: &Place, engine: &Engine, image: &str) -> Option<Item> {
    let (what, after) = ("deployed before", place.environment.after.as_ref()?);
    let id = engine.image(image).await.ok().flatten().map(|found| found.id);
    let Some(id) = id else {
        return Some(Item::warning(
            what,
            format!("{image} is not here yet: it is looked at again when it is"),
        ));
    };
    let found = good_one(place, after, &id);
    Some(match found {
        Err(error) => Item::bad(what, error.to_string()),
        Ok(Some(number)) => Item::good(what, format!("deploy {number} in {after} was this very image")),
        Ok(None) => {
            let why = format!(
                "{image} was not deployed in {after} yet: `mizanctl deploy {} --env {after} --image {image}`",
                place.service.name
            );
            Item::bad(what, why)
        }
    })
}

/// The deploy of this very image that ended well in another environment, and was not taken back.
pub(in crate::deploy) fn good_one(
    place: &Place,
    environment: &str,
    id: &str,
) -> Result<Option<u64>, StoreError> {
    let store = Store::open(&place.file.state, environment, &place.service.name)?;
    let mut undone = Vec::new();
    for number in store.numbers()?.into_iter().rev() {
        let Some(kept) = store.read(number)? else { continue };
        let plan = kept.state.plan();
        match (plan.kind, kept.state.ended()) {
            (Kind::Rollback { of }, Some((Status::RolledBack, _))) => undone.push(of),
            (Kind::Deploy, Some((Status::Deployed, _)))
                if plan.image.id.as_deref() == Some(id) && !undone.contains(&number) =>
            {
                return Ok(Some(number));
            }
            _ => {}
        }
    }
    Ok(None)
}
