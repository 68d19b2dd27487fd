//! Evaluates any text as a RUN line, by root and by somebody else. It must not panic, and the
//! layer that comes of it has each directory before what is in it.

use std::collections::BTreeMap;

use diskette_builder::frontend::dockerfile::run::{
    NoInputs, RunContext, RunLine, evaluate_run_line,
};
use diskette_builder::frontend::dockerfile::tree::{Accounts, Tree};
use diskette_builder::recipe::LayerEntryKind;

use super::valid_text;

const SETUP: &str = "mkdir -p a/b tmp home && chmod 1777 tmp && chown 7:7 home && ln -s a l \
    && touch a/f a/.g tmp/t && ln -s ../l/b a/c && chmod 4750 a/f";

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = valid_text(bytes);
    let variables = [("D", "a/b"), ("E", ""), ("L", "x  y\t*"), ("P", "*/?[!b]")];
    let variables: BTreeMap<String, String> =
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let accounts = Accounts::parse("me:x:7:7::/:\n", "me:x:7:\nstaff:x:8:me\n");
    let mut image = Tree::new();
    for user in ["root", "me"] {
        let identity = accounts.find_identity(user).expect("a user");
        let context = RunContext {
            variables: &variables,
            directory: "",
            identity: &identity,
            accounts: &accounts,
            shell: &[],
            inputs: &NoInputs,
        };
        if user == "root" {
            evaluate_run_line(&mut image, RunLine::Shell(SETUP), &context).expect("a tree");
            image.forget_changes();
        }
        let mut tree = image.clone();
        match evaluate_run_line(&mut tree, RunLine::Shell(text), &context) {
            Ok(_) => check(&mut tree),
            Err(error) => assert!(text.get(error.range).is_some() && !error.message.is_empty()),
        }
    }
}

fn check(tree: &mut Tree) {
    let mut seen = vec![String::new()];
    for entry in tree.take_changes() {
        let parent = entry.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(seen.iter().any(|path| path == parent), "{} has no parent", entry.path);
        assert_eq!(tree.get(&entry.path).is_none(), entry.kind == LayerEntryKind::Whiteout);
        if entry.kind == LayerEntryKind::Directory {
            seen.push(entry.path);
        }
    }
}
