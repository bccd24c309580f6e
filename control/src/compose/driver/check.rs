//! Whether a service takes its image from the variable that deploy.yml names.

use crate::compose::printable;
use serde::Deserialize;
use std::collections::BTreeMap;

/// No image has this name; `.invalid` is nobody's (RFC 6761).
pub(super) fn mark(variable: &str) -> String {
    format!("mizan.invalid/mark:{variable}")
}

/// What `config` prints, as far as it is read. Other values in it may be secrets.
#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default)]
    services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
struct Service {
    image: Option<String>,
}

/// The error goes on after the names of the files: "has no service x".
pub(super) fn has_mark(config: &str, service: &str, variable: &str) -> Result<(), String> {
    // An error of the parser's would show a piece of the text.
    let config: Config = serde_saphyr::from_str(config)
        .map_err(|_| "cannot be understood: `config` does not print what is known".to_owned())?;
    let Some(found) = config.services.get(service) else {
        let names: Vec<_> = config.services.keys().map(|name| printable(name)).collect();
        return Err(format!("has no service {service}: there are {}", names.join(", ")));
    };
    let mark = mark(variable);
    let should = format!("write `image: ${{{variable}}}`");
    match found.image.as_deref() {
        Some(image) if image == mark => Ok(()),
        Some(image) if image.contains(&mark) => Err(format!(
            "has more than the variable in the image of service {service}, `{}` where it is `{mark}`: {should}, the whole \
             reference is in the variable",
            printable(image)
        )),
        Some(image) => Err(format!(
            "has the image `{}` for service {service} and not what {variable} says: {should}",
            printable(image)
        )),
        None => Err(format!("has no image for service {service}: {should}")),
    }
}
