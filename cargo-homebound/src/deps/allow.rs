//! Owns `[deps]` of `homebound.toml`: the packages that may start threads, each with the reason.
//! Refuses to read the rest of that file.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::error::Error;

/// One package that may start threads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowed {
    pub(crate) name: String,
    pub(crate) reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deps {
    #[serde(default)]
    allow: Vec<Allowed>,
}

/// The rest of the file is read by `config`.
#[derive(Debug, Default, Deserialize)]
struct Whole {
    #[serde(default)]
    deps: Deps,
}

/// Reads `homebound.toml` of a workspace or, without one, `[workspace.metadata.homebound]`.
pub(crate) fn read(root: &Path, metadata: &serde_json::Value) -> Result<Vec<Allowed>, Error> {
    let path = root.join("homebound.toml");
    let (place, read) = match fs::read_to_string(&path) {
        Ok(text) => {
            (path.display().to_string(), toml::from_str::<Whole>(&text).map_err(|error| error.to_string()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let Some(section) = metadata.get("homebound") else { return Ok(Vec::new()) };
            let read = serde_json::from_value::<Whole>(section.clone());
            ("[workspace.metadata.homebound]".to_owned(), read.map_err(|error| error.to_string()))
        }
        Err(error) => (path.display().to_string(), Err(error.to_string())),
    };
    let allow = read.map_err(|says| Error::Config { place: place.clone(), says })?.deps.allow;
    match allow.iter().find(|allowed| allowed.reason.trim().is_empty()) {
        Some(bare) => {
            let says = format!("[deps] allow: the entry for '{}' has no reason", bare.name);
            Err(Error::Config { place, says })
        }
        None => Ok(allow),
    }
}
