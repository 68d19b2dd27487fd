//! A *stage* while it is evaluated: the tree and the config that it has so far, and the steps that
//! led there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::attributes::source_role;
use crate::frontend::artifact::SettingOrigins;
use crate::frontend::dockerfile::instruction::CommandForm;
use crate::frontend::dockerfile::pattern::clean_path;
use crate::frontend::dockerfile::tree::{Accounts, FollowLast, Tree, TreeError};
use crate::oci::image::config::ImageConfig;
use crate::oci::image::platform::Platform;
use crate::oci::tar::Owner;
use crate::recipe::path::join;
use crate::recipe::{BaseImage, LayerEntryKind, LayerRecipe, RecipeStep};

/// Shell if neither the Dockerfile nor the base names one.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// State of a stage during its evaluation.
#[derive(Debug, Clone)]
pub(super) struct StageState {
    pub(super) tree: Tree,
    pub(super) config: ImageConfig,
    pub(super) base: Option<BaseImage>,
    pub(super) steps: Vec<RecipeStep>,
    /// Annotations of the manifest: name and digest of the base.
    pub(super) annotations: BTreeMap<String, String>,
    /// Config fields that this stage itself has set; ENTRYPOINT removes a CMD that it has not set.
    own_fields: BTreeSet<&'static str>,
    /// Where the settings of the config, and the base, are from.
    pub(super) origins: SettingOrigins,
}

impl StageState {
    /// Returns an empty stage.
    pub(super) fn scratch(platform: &Platform) -> Self {
        Self::on_base(None, ImageConfig::new(platform), Tree::new())
    }

    /// Returns a stage on an image.
    pub(super) fn on_base(base: Option<BaseImage>, config: ImageConfig, tree: Tree) -> Self {
        let (steps, annotations, own_fields) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let origins = SettingOrigins::new();
        Self { tree, config, base, steps, annotations, own_fields, origins }
    }

    /// Returns a stage on this one.
    pub(super) fn derive(&self) -> Self {
        Self { own_fields: BTreeSet::new(), ..self.clone() }
    }

    /// Adds a step to the history, with a layer if the tree was changed.
    pub(super) fn commit(&mut self, history: String) {
        let mut entries = self.tree.take_changes();
        for entry in &mut entries {
            if let LayerEntryKind::File(source) = &mut entry.kind {
                source.role = source_role(&entry.path);
            }
        }
        self.steps.push(if entries.is_empty() {
            RecipeStep::Config { history }
        } else {
            RecipeStep::Layer(LayerRecipe::of_tar(history, entries))
        });
    }

    /// Returns the working directory, absolute.
    pub(super) fn workdir(&self) -> &str {
        let workdir = self.config.get("WorkingDir").and_then(Value::as_str).unwrap_or_default();
        if workdir.is_empty() { "/" } else { workdir }
    }

    /// Returns whether the base or the stage sets a working directory.
    pub(super) fn has_workdir(&self) -> bool {
        self.config.get("WorkingDir").and_then(Value::as_str).is_some_and(|path| !path.is_empty())
    }

    /// Returns the user as it was written; empty for root.
    pub(super) fn user(&self) -> &str {
        self.config.get("User").and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets the working directory, and creates it for the user if it does not exist.
    pub(super) fn set_workdir(&mut self, path: &str, owner: Owner) -> Result<(), TreeError> {
        // An absolute path stays as it is written (moby/buildkit `util/system/path.go`).
        let is_absolute = path.starts_with('/');
        let path = if is_absolute {
            path.to_owned()
        } else {
            clean_path(&format!("{}/{path}", self.workdir()))
        };
        let resolved = self.tree.resolve("", &clean_path(&path), FollowLast::Yes)?;
        self.tree.make_parents(&join(&resolved.path, "x"), 0o755, owner)?;
        self.config.set("WorkingDir", json!(path));
        Ok(())
    }

    pub(super) fn set_cmd(&mut self, command: &CommandForm) {
        let words = self.command_words(command);
        self.own_fields.insert("Cmd");
        self.config.set("Cmd", json!(words));
    }

    /// Sets the entrypoint, and removes a command that was inherited from the base.
    pub(super) fn set_entrypoint(&mut self, command: &CommandForm) {
        let words = self.command_words(command);
        if !self.own_fields.contains("Cmd") {
            self.config.set("Cmd", Value::Null);
        }
        self.config.set("Entrypoint", json!(words));
    }

    /// Returns the shell that runs commands.
    pub(super) fn shell(&self) -> Vec<String> {
        let words = self.config.get("Shell").and_then(Value::as_array);
        let words = words.map(|words| words.iter().filter_map(Value::as_str).map(str::to_owned));
        words.map_or_else(|| SHELL.map(str::to_owned).to_vec(), Iterator::collect)
    }

    fn command_words(&self, command: &CommandForm) -> Vec<String> {
        match command {
            CommandForm::Exec(words) => words.clone(),
            CommandForm::Shell(text) => {
                let mut words = self.shell();
                words.push(text.clone());
                words
            }
        }
    }

    /// Returns the users and groups in the stage's files. `read` returns the text of a file.
    pub(super) fn accounts(&self, read: impl Fn(&Tree, &str) -> Option<String>) -> Accounts {
        let text = |path| read(&self.tree, path).unwrap_or_default();
        Accounts::parse(&text("etc/passwd"), &text("etc/group"))
    }
}
