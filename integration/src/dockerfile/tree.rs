//! A **tree** has the files of an image after all its layers have been applied.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, EntryKind, Owner, shown};

/// Files by path; the root directory has the empty one.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
    /// Number of the last file; names of the same file have the same number.
    inodes: usize,
}

#[derive(Debug, Clone)]
struct Node {
    mode: u32,
    owner: Owner,
    what: What,
    inode: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Directory,
    /// Content as text, see [`shown`].
    File(String),
    Link(String),
    Fifo,
}

impl Default for Tree {
    fn default() -> Self {
        let mut tree = Self { nodes: BTreeMap::new(), inodes: 0 };
        tree.put("", 0o755, (0, 0), What::Directory);
        tree
    }
}

impl Tree {
    /// Applies a layer. Whiteouts remove only files of lower layers, wherever they are in the layer.
    pub fn apply(&mut self, layer: &[Entry]) -> Result<(), String> {
        for entry in layer {
            match entry.kind {
                EntryKind::Gone => self.remove(&entry.path),
                EntryKind::Opaque => self.remove_below(&entry.path),
                _ => {}
            }
        }
        layer.iter().try_for_each(|entry| self.add(entry))
    }

    fn add(&mut self, entry: &Entry) -> Result<(), String> {
        let what = match &entry.kind {
            EntryKind::Gone | EntryKind::Opaque => return Ok(()),
            EntryKind::Directory => What::Directory,
            EntryKind::File(content) => What::File(shown(content)),
            EntryKind::Link(target) => What::Link(target.clone()),
            EntryKind::Fifo => What::Fifo,
            EntryKind::Hard(first) => return self.add_name(&entry.path, first),
            other => return Err(format!("{}: {other:?} in a layer", entry.path)),
        };
        self.make_room(&entry.path, &what)?;
        self.put(&entry.path, entry.mode, entry.owner, what);
        Ok(())
    }

    fn add_name(&mut self, path: &str, first: &str) -> Result<(), String> {
        let node = self.nodes.get(first).cloned();
        let node = node.ok_or(format!("/{path}: a hard link to /{first}, which is not there"))?;
        self.make_room(path, &node.what)?;
        self.nodes.insert(path.to_owned(), node);
        Ok(())
    }

    fn put(&mut self, path: &str, mode: u32, owner: Owner, what: What) {
        self.inodes += 1;
        let mode = if matches!(what, What::Link(_)) { 0o777 } else { mode };
        self.nodes.insert(path.to_owned(), Node { mode, owner, what, inode: self.inodes });
    }

    /// Creates the directories above a path, as runtimes do, and removes what exists at the path. A path
    /// that leads through a link is an error: runtimes unpack it to different locations.
    fn make_room(&mut self, path: &str, what: &What) -> Result<(), String> {
        for parent in parents(path) {
            match self.nodes.get(parent).map(|node| &node.what) {
                Some(What::Directory) => {}
                None => self.put(parent, 0o755, (0, 0), What::Directory),
                Some(_) => return Err(format!("/{path}: /{parent} is no directory in the layers")),
            }
        }
        if *what != What::Directory {
            self.remove(path);
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        self.remove_below(path);
        self.nodes.remove(path);
    }

    fn remove_below(&mut self, path: &str) {
        self.nodes.retain(|other, _| !is_below(other, path));
    }

    /// Returns the layer that makes this tree from a lower one.
    pub fn since(&self, lower: &Self) -> Vec<Entry> {
        let mut layer = Vec::new();
        for path in lower.nodes.keys().filter(|path| !self.nodes.contains_key(*path)) {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            if self.nodes.get(parent).is_some_and(|node| node.what == What::Directory) {
                layer.push(Entry {
                    path: path.clone(),
                    mode: 0o644,
                    owner: (0, 0),
                    kind: EntryKind::Gone,
                });
            }
        }
        for (path, node) in &self.nodes {
            if lower.nodes.get(path).is_some_and(|other| {
                node.differences(other).is_empty() && self.names(path) == lower.names(path)
            }) {
                continue;
            }
            let first = self.names(path).first().copied().unwrap_or_default().to_owned();
            let kind = match &node.what {
                _ if first != *path => EntryKind::Hard(first),
                What::Directory => EntryKind::Directory,
                What::File(content) => EntryKind::File(content.clone().into_bytes()),
                What::Link(target) => EntryKind::Link(target.clone()),
                What::Fifo => EntryKind::Fifo,
            };
            // Reported for the first name already.
            let (mode, owner) = match kind {
                EntryKind::Hard(_) => (0o644, (0, 0)),
                _ => (node.mode, node.owner),
            };
            layer.push(Entry { path: path.clone(), mode, owner, kind });
        }
        layer
    }

    /// Returns all differences from the expected tree, each as its name and a description.
    pub fn differences(&self, expected: &Self) -> Vec<(String, String)> {
        let paths: BTreeSet<_> = self.nodes.keys().chain(expected.nodes.keys()).collect();
        let mut all = Vec::new();
        for path in paths {
            let mut add = |aspect: &str, how| all.push((format!("/{path} {aspect}"), how));
            match (self.nodes.get(path), expected.nodes.get(path)) {
                (Some(node), Some(other)) => {
                    node.differences(other).into_iter().for_each(|(aspect, how)| add(aspect, how));
                    let (names, others) = (self.names(path), expected.names(path));
                    if names != others {
                        add("names", format!("{names:?}, expected {others:?}"));
                    }
                }
                (Some(node), None) => add("extra", node.describe()),
                (None, Some(node)) => add("missing", node.describe()),
                (None, None) => {}
            }
        }
        all
    }

    /// Returns all names of the file at a path.
    fn names(&self, path: &str) -> Vec<&str> {
        let Some(node) = self.nodes.get(path) else { return Vec::new() };
        let same = self.nodes.iter().filter(|(_, other)| other.inode == node.inode);
        same.map(|(path, _)| path.as_str()).collect()
    }
}

impl Node {
    fn differences(&self, expected: &Self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        match (&self.what, &expected.what) {
            (What::File(content), What::File(other)) if content != other => {
                all.push(("content", format!("{content:?}, expected {other:?}")));
            }
            (What::Link(target), What::Link(other)) if target != other => {
                all.push(("target", format!("{target:?}, expected {other:?}")));
            }
            (what, other) if std::mem::discriminant(what) != std::mem::discriminant(other) => {
                return vec![(
                    "type",
                    format!("{}, expected {}", self.describe(), expected.describe()),
                )];
            }
            _ => {}
        }
        if self.mode != expected.mode {
            all.push(("mode", format!("{:04o}, expected {:04o}", self.mode, expected.mode)));
        }
        if self.owner != expected.owner {
            all.push(("owner", format!("{:?}, expected {:?}", self.owner, expected.owner)));
        }
        all
    }

    fn describe(&self) -> String {
        let (mode, (user, group)) = (self.mode, self.owner);
        let what = match &self.what {
            What::Directory => "a directory".to_owned(),
            What::File(content) => format!("a file with {content:?}"),
            What::Link(target) => format!("a link to {target:?}"),
            What::Fifo => "a fifo".to_owned(),
        };
        format!("{what}, {mode:04o} {user}:{group}")
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    if directory.is_empty() {
        return !path.is_empty();
    }
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Returns every directory above a path except the root, outermost first.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(layers: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for layer in layers {
            tree.apply(&entries(layer)).unwrap();
        }
        tree
    }

    fn entries(text: &str) -> Vec<Entry> {
        Entry::parse_all(text.split("; ").enumerate()).unwrap()
    }

    fn lines(entries: &[Entry]) -> String {
        entries.iter().map(Entry::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn layers_come_to_one_tree() {
        let check = |layers: &[&str], expected| {
            assert_eq!(lines(&tree(layers).since(&Tree::default())), expected);
        };
        check(&["file d/a = 1"], "dir d; file d/a = 1");
        check(&["file a = 1", "file 600 1:2 a = 2"], "file 600 1:2 a = 2");
        check(&["file d/a; file d/b", "gone d/a"], "dir d; file d/b");
        check(&["file d/a; file d/b", "gone d"], "");
        check(&["file d/a", "file d/b; opaque d"], "dir d; file d/b");
        check(&["file d/a", "gone d; dir 700 d"], "dir 700 d");
        check(&["file d/a", "dir 700 d"], "dir 700 d; file d/a");
        check(&["file d/a", "file d = 1"], "file d = 1");
        check(&["file d = 1", "dir d; file d/a"], "dir d; file d/a");
        check(&["file da; file d/a", "gone d"], "file da");
        check(&["file b = 1; hard a = b"], "file a = 1; hard b = a");
        check(&["file a = 1; hard b = a", "file a = 2"], "file a = 2; file b = 1");
        check(&["file a; hard b = a; hard c = a", "gone a"], "file b; hard c = b");
        check(&["dir 700 1:1 /"], "dir 700 1:1 /");
        check(&["fifo 600 p; link 1:1 l = p"], "link 1:1 l = p; fifo 600 p");
    }

    #[test]
    fn layers_that_some_unpack_elsewhere_are_refused() {
        let check = |layers: [&str; 2], expected: &str| {
            let refused = tree(&layers[..1]).apply(&entries(layers[1])).unwrap_err();
            assert_eq!(refused, expected);
        };
        check(["link bin = usr", "file bin/a"], "/bin/a: /bin is no directory in the layers");
        check(["file a", "hard b = c"], "/b: a hard link to /c, which is not there");
        check(["file a", "tar t = gz"], "t: Tar(Gzip, []) in a layer");
    }

    #[test]
    fn a_change_makes_the_upper_of_the_lower_tree() {
        let check = |lower: &str, upper: &str, expected: &str| {
            let (lower, upper) = (tree(&[lower]), tree(&[upper]));
            let layer = upper.since(&lower);
            assert_eq!(lines(&layer), expected);
            let mut made = lower;
            made.apply(&layer).unwrap();
            assert_eq!(made.differences(&upper), []);
        };
        check("file a; dir d", "file a; dir d", "");
        check("file a = 1", "file a = 2; file b", "file a = 2; file b");
        check("file d/a; file d/b", "file e", "gone d; file e");
        check("file d/a; file d/b", "file d/b", "gone d/a");
        check("file d/a", "file d", "file d");
        check("file a; hard b = a", "file a; file b", "file a; file b");
        check("file a; file b", "file a; hard b = a", "file a; hard b = a");
        check("file a; hard c = a", "file 600 a; hard c = a", "file 600 a; hard c = a");
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let check = |ours: &str, expected: &str, what: &[&str]| {
            let differences = tree(&[ours]).differences(&tree(&[expected]));
            let names: Vec<_> =
                differences.iter().map(|(what, how)| format!("{what}: {how}")).collect();
            assert_eq!(names, what);
        };
        check(
            "file a = x; link l = a; dir d; fifo p",
            "fifo p; dir d; link l = a; file a = x",
            &[],
        );
        check("file a", "", &["/a extra: a file with \"\", 0644 0:0"]);
        check("", "dir d", &["/d missing: a directory, 0755 0:0"]);
        check("file a = x", "file a = y", &["/a content: \"x\", expected \"y\""]);
        check("file 600 a", "file a", &["/a mode: 0600, expected 0644"]);
        check("dir 1777 d", "dir 777 d", &["/d mode: 1777, expected 0777"]);
        check("dir 700 /", "dir 755 /", &["/ mode: 0700, expected 0755"]);
        check("file 0:7 a", "file a", &["/a owner: (0, 7), expected (0, 0)"]);
        check("link 7:0 l = a", "link l = a", &["/l owner: (7, 0), expected (0, 0)"]);
        check("link l = a", "link l = b", &["/l target: \"a\", expected \"b\""]);
        check("fifo a", "dir a", &["/a type: a fifo, 0644 0:0, expected a directory, 0755 0:0"]);
        let (one, both) = (r#"["a"], expected ["a", "b"]"#, r#"["b"], expected ["a", "b"]"#);
        let names = [format!("/a names: {one}"), format!("/b names: {both}")];
        check("file a; file b", "file a; hard b = a", &[&names[0], &names[1]]);
    }
}
