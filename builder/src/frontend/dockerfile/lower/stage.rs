//! A *stage* while it is evaluated: the tree and the config that it has so far, and the steps that
//! led there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::frontend::dockerfile::instruction::Command;
use crate::frontend::dockerfile::pattern::clean;
use crate::frontend::dockerfile::tree::{
    Accounts, Follow, Tree, TreeError, TreeNode, TreeNodeKind,
};
use crate::oci::image::config::ImageConfig;
use crate::oci::image::platform::Platform;
use crate::oci::tar::Owner;
use crate::recipe::{BaseImage, LayerRecipe, RecipeStep};

/// The shell where neither the Dockerfile nor the base names one.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// A stage at one moment.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) tree: Tree,
    pub(super) config: ImageConfig,
    pub(super) base: Option<BaseImage>,
    pub(super) steps: Vec<RecipeStep>,
    /// Of the manifest: what the base is called.
    pub(super) annotations: BTreeMap<String, String>,
    /// Config fields that this stage itself has set; ENTRYPOINT forgets a CMD that it has not.
    own: BTreeSet<&'static str>,
}

impl Stage {
    /// Returns a stage on top of nothing.
    pub(super) fn scratch(platform: &Platform) -> Self {
        Self::on(None, ImageConfig::new(platform), Tree::new())
    }

    /// Returns a stage on top of an image.
    pub(super) fn on(base: Option<BaseImage>, config: ImageConfig, tree: Tree) -> Self {
        let (steps, annotations, own) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        Self { tree, config, base, steps, annotations, own }
    }

    /// Returns a stage on top of this one.
    pub(super) fn next(&self) -> Self {
        Self { own: BTreeSet::new(), ..self.clone() }
    }

    /// Adds what was done to the history: a layer if the tree was changed.
    pub(super) fn commit(&mut self, history: String) {
        let entries = self.tree.take_changes();
        self.steps.push(if entries.is_empty() {
            RecipeStep::Config { history }
        } else {
            RecipeStep::Layer(LayerRecipe { history, entries })
        });
    }

    /// Returns the working directory, absolute.
    pub(super) fn workdir(&self) -> &str {
        let workdir = self.config.get("WorkingDir").and_then(Value::as_str).unwrap_or_default();
        if workdir.is_empty() { "/" } else { workdir }
    }

    /// Returns the user as it was written; empty for root.
    pub(super) fn user(&self) -> &str {
        self.config.get("User").and_then(Value::as_str).unwrap_or_default()
    }

    /// Goes to a working directory, and makes it if it is not there, for the user.
    pub(super) fn set_workdir(&mut self, path: &str, owner: Owner) -> Result<(), TreeError> {
        let is_absolute = path.starts_with('/');
        let path = if is_absolute { path.to_owned() } else { format!("{}/{path}", self.workdir()) };
        let path = clean(&path);
        let place = self.tree.resolve("", &path, Follow::Yes)?;
        self.tree.make_parents(&place.path, 0o755, owner)?;
        match self.tree.get(&place.path).map(|node| &node.kind) {
            Some(TreeNodeKind::Directory) => {}
            Some(_) => return Err(TreeError::NotADirectory(place.path)),
            None => {
                let kind = TreeNodeKind::Directory;
                self.tree.put(&place.path, TreeNode { kind, mode: 0o755, owner })?;
            }
        }
        self.config.set("WorkingDir", json!(path));
        Ok(())
    }

    pub(super) fn set_cmd(&mut self, command: &Command) {
        let words = self.words(command);
        self.own.insert("Cmd");
        self.config.set("Cmd", json!(words));
    }

    /// Sets the entrypoint, and forgets a command that was made for another.
    pub(super) fn set_entrypoint(&mut self, command: &Command) {
        let words = self.words(command);
        if !self.own.contains("Cmd") {
            self.config.set("Cmd", Value::Null);
        }
        self.config.set("Entrypoint", json!(words));
    }

    /// Returns the shell that commands are given to.
    pub(super) fn shell(&self) -> Vec<String> {
        let words = self.config.get("Shell").and_then(Value::as_array);
        let words = words.map(|words| words.iter().filter_map(Value::as_str).map(str::to_owned));
        words.map_or_else(|| SHELL.map(str::to_owned).to_vec(), Iterator::collect)
    }

    fn words(&self, command: &Command) -> Vec<String> {
        match command {
            Command::Exec(words) => words.clone(),
            Command::Shell(text) => {
                let mut words = self.shell();
                words.push(text.clone());
                words
            }
        }
    }

    /// Returns the accounts that the stage's files name. `read` returns the text of a file.
    pub(super) fn accounts(&self, read: impl Fn(&Tree, &str) -> Option<String>) -> Accounts {
        let text = |path| read(&self.tree, path).unwrap_or_default();
        Accounts::parse(&text("etc/passwd"), &text("etc/group"))
    }
}
