//! A *tree* of files: the files below one directory of a file system, which is the root of a system. Symbolic
//! links are resolved inside it.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::FileSystem;
use super::node::{Node, NodeId, NodeKind};
use crate::disk::{Fault, ReadAt};

/// How many symbolic links are followed for one path, as in Linux (`MAXSYMLINKS`).
const LINKS_MAX: usize = 40;

/// How many parts a path has at most, with those of the links in it.
const PARTS_MAX: usize = 1024;

/// Length in bytes of the longest target of a link (`PATH_MAX` in Linux).
const TARGET_MAX: u64 = 4096;

/// How many names of a directory are listed.
const NAMES_MAX: usize = 100_000;

/// The files below a directory.
pub(crate) struct FileTree<'a> {
    file_system: Arc<dyn FileSystem + 'a>,
    root: NodeId,
}

/// A file of a tree.
pub(crate) struct GuestFile<'a> {
    file_system: Arc<dyn FileSystem + 'a>,
    node: Node,
}

impl<'a> FileTree<'a> {
    /// Returns the trees of a file system, the likeliest root first.
    pub(super) fn of_roots(file_system: Box<dyn FileSystem + 'a>) -> Result<Vec<Self>, Fault> {
        let file_system: Arc<dyn FileSystem + 'a> = Arc::from(file_system);
        let roots = file_system.roots()?;
        let tree = |root| Self { file_system: Arc::clone(&file_system), root };
        Ok(roots.into_iter().map(tree).collect())
    }

    /// Opens a file; `None` if there is none, or it is something else.
    pub(crate) fn open(&self, path: &str) -> Result<Option<GuestFile<'a>>, Fault> {
        let node = self.find(path)?.filter(|node| node.kind == NodeKind::File);
        Ok(node.map(|node| GuestFile { file_system: Arc::clone(&self.file_system), node }))
    }

    /// Returns whether there is a directory at a path that has something in it.
    pub(crate) fn has_entries(&self, path: &str) -> Result<bool, Fault> {
        Ok(!self.list(path, 1)?.is_empty())
    }

    /// Lists the names of a directory in their order; none if there is no such directory.
    pub(crate) fn list_names(&self, path: &str) -> Result<Vec<String>, Fault> {
        let mut names = self.list(path, NAMES_MAX)?;
        names.sort();
        Ok(names)
    }

    /// Returns what a reader should know of the file system, as phrases.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.file_system.notes()
    }

    fn list(&self, path: &str, max: usize) -> Result<Vec<String>, Fault> {
        let Some(directory) = self.find(path)?.filter(|it| it.kind == NodeKind::Directory) else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        self.file_system.list(&directory, &mut |name, _| {
            if name != b"." && name != b".." {
                names.extend(std::str::from_utf8(name).map(str::to_owned));
            }
            if names.len() >= max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(names)
    }

    /// Finds what a path leads to. A path that leads out of the root ends at the root.
    fn find(&self, path: &str) -> Result<Option<Node>, Fault> {
        let split = |path: &[u8]| -> Vec<Vec<u8>> {
            let parts = path.split(|byte| *byte == b'/');
            parts.filter(|part| !part.is_empty() && *part != b".").map(<[u8]>::to_vec).collect()
        };
        let mut parts = VecDeque::from(split(path.as_bytes()));
        let mut above = vec![self.file_system.node(self.root)?];
        let mut links = 0;
        while let Some(part) = parts.pop_front() {
            let Some(directory) = above.last() else { return Ok(None) };
            if part == b".." {
                if above.len() > 1 {
                    above.pop();
                }
                continue;
            }
            if directory.kind != NodeKind::Directory {
                return Ok(None);
            }
            let Some(id) = self.lookup(directory, &part)? else { return Ok(None) };
            let node = self.file_system.node(id)?;
            if node.kind != NodeKind::Symlink {
                above.push(node);
                continue;
            }
            links += 1;
            let target = self.read_link(&node)?;
            let target_parts = split(&target);
            if links > LINKS_MAX || parts.len() + target_parts.len() > PARTS_MAX {
                return Err(Fault::malformed("it has symbolic links that lead to each other"));
            }
            if target.starts_with(b"/") {
                above.truncate(1);
            }
            target_parts.into_iter().rev().for_each(|part| parts.push_front(part));
        }
        Ok(above.pop())
    }

    fn lookup(&self, directory: &Node, wanted: &[u8]) -> Result<Option<NodeId>, Fault> {
        let mut found = None;
        self.file_system.list(directory, &mut |name, id| {
            if name == wanted {
                found = Some(id);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    fn read_link(&self, link: &Node) -> Result<Vec<u8>, Fault> {
        if link.size > TARGET_MAX {
            return Err(Fault::malformed("it has a symbolic link that is too long"));
        }
        let mut target = vec![0; usize::try_from(link.size).unwrap_or(0)];
        self.file_system.read(link, &mut target, 0)?;
        Ok(target)
    }
}

impl ReadAt for GuestFile<'_> {
    fn len(&self) -> u64 {
        self.node.size
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        if at.checked_add(space.len() as u64).is_none_or(|end| end > self.node.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file_system.read(&self.node, space, at).map_err(|fault| match fault {
            Fault::Io(error) => error,
            Fault::Flaw(flaw) => io::Error::new(io::ErrorKind::InvalidData, flaw.detail),
        })
    }
}
