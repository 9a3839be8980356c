//! Owns where a project begins, and where its configuration is written.
//! Refuses to read the configuration, and to need cargo: where cargo is missing or fails, the
//! nearest `Cargo.toml` has to do.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use cargo_metadata::MetadataCommand;

/// A project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// The project's folder. Paths in reports begin here.
    pub(crate) root: PathBuf,
    /// The folder of cargo's workspace, if there is one.
    pub(crate) cargo: Option<PathBuf>,
    /// Nothing says that the folder is a project: there is neither a manifest nor a configuration.
    pub(crate) is_bare: bool,
}

/// The name of the file that configures the guard.
pub(crate) const CONFIG: &str = "homebound.toml";

impl Project {
    /// The project around `start`, an absolute folder: cargo's workspace, or the nearest folder
    /// above it with a `homebound.toml`. The search ends at the root of the repository.
    pub(crate) fn around(start: &Path) -> Project {
        let cargo = workspace(start);
        let inside = cargo.as_deref().unwrap_or(start);
        let mut above = Vec::new();
        for folder in inside.ancestors() {
            above.push(folder);
            if folder.join(".git").exists() {
                break;
            }
        }
        let configured = above.iter().find(|folder| folder.join(CONFIG).is_file()).copied();
        let repository = above.last().copied().filter(|folder| folder.join(".git").exists());
        let root = configured.or(cargo.as_deref()).or(repository).unwrap_or(start).to_owned();
        let is_bare = configured.is_none() && cargo.is_none();
        Project { root, cargo, is_bare }
    }

    /// The path of a file for reports: from the root, with `/`. A file outside of the project keeps
    /// its whole path.
    pub(crate) fn name(&self, file: &Path) -> String {
        let inside = file.strip_prefix(&self.root).unwrap_or(file);
        let text = inside.to_string_lossy();
        if std::path::MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace('\\', "/") }
    }

    /// The root of the repository: services that show findings beside a diff expect paths from
    /// there.
    pub(crate) fn repository(&self) -> &Path {
        self.root.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&self.root)
    }
}

/// The absolute path of a file, without symbolic links in its folders. The file itself may be a
/// link.
pub(crate) fn whole(path: &Path) -> io::Result<PathBuf> {
    let meta = fs::metadata(path)?;
    let last = path.components().next_back();
    match (path.file_name(), last) {
        (Some(name), Some(Component::Normal(_))) if !meta.is_dir() => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            Ok(fs::canonicalize(folder.unwrap_or(Path::new(".")))?.join(name))
        }
        _ => fs::canonicalize(path),
    }
}

fn workspace(start: &Path) -> Option<PathBuf> {
    let manifests: Vec<_> = start.ancestors().filter(|folder| folder.join("Cargo.toml").is_file()).collect();
    // Outside of any package cargo has nothing to say.
    let nearest = *manifests.first()?;
    // rustup must not fetch a toolchain for this question, since a hook may have no network.
    let mut asked = MetadataCommand::new();
    asked.current_dir(nearest).no_deps().other_options(["--offline".to_owned()]);
    asked.env("RUSTUP_AUTO_INSTALL", "0");
    if let Ok(told) = asked.exec() {
        let root = told.workspace_root.into_std_path_buf();
        return Some(fs::canonicalize(&root).unwrap_or(root));
    }
    // cargo failed: the manifest is broken, or names a package that is not on this disk. The text
    // of the manifests has to do.
    let heads_one = |folder: &&&Path| {
        let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        text.lines().any(|line| line.trim_start().starts_with("[workspace"))
    };
    Some(manifests.iter().find(heads_one).copied().unwrap_or(nearest).to_owned())
}
