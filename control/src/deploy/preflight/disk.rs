//! Docker has room for another image.

use super::Item;
use crate::compose::Engine;
use crate::deploy::Place;

/// `None`: deploy.yml does not want to know, or the engine's disk is not this machine's.
pub(super) async fn has_room(place: &Place, engine: &Engine) -> Option<Item> {
    let wanted = place.service.disk;
    if wanted == 0 {
        return None;
    }
    let root = engine.root().await.ok()?;
    let Ok(disk) = rustix::fs::statvfs(&root) else {
        return Some(Item::warning("disk", format!("how much is free in {} cannot be seen", root.display())));
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let said = format!("{} are free in {}", size(free), root.display());
    Some(if free < wanted {
        Item::bad(
            "disk",
            format!(
                "only {said}; {} are wanted: `docker image prune -a` removes what is not used",
                size(wanted)
            ),
        )
    } else {
        Item::good("disk", said)
    })
}

fn size(bytes: u64) -> String {
    let mib = bytes / (1024 * 1024);
    if mib >= 10 * 1024 { format!("{} GiB", mib / 1024) } else { format!("{mib} MiB") }
}
