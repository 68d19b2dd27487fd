//! Tests of build contexts, in directories with something beside them that must not be read.

mod changes;
mod limits;
mod listing;
mod names;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

/// A directory with a context `c`, and beside it a file that must not be read.
struct Place {
    temporary: TempDir,
}

const CANARY: &str = "the canary";

impl Place {
    fn new() -> Self {
        let place = Self { temporary: TempDir::new().unwrap() };
        fs::create_dir_all(place.path("outside/d")).unwrap();
        place.write("outside/canary", CANARY);
        place.write("outside/d/f", CANARY);
        fs::create_dir(place.path("c")).unwrap();
        place
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.temporary.path().join(path)
    }

    fn write(&self, path: impl AsRef<Path>, content: &str) {
        let root = Dir::open_ambient_dir(self.temporary.path(), ambient_authority()).unwrap();
        if let Some(parent) = path.as_ref().parent() {
            root.create_dir_all(parent).unwrap();
        }
        root.write(path, content).unwrap();
    }

    fn link(&self, target: impl AsRef<Path>, path: &str) {
        symlink(target, self.path(path)).unwrap();
    }

    fn pipe(&self, path: &str) {
        mknodat(CWD, self.path(path), FileType::Fifo, Mode::RUSR, 0).unwrap();
    }

    fn context(&self, ignore: &str) -> ContextDir {
        let ignore = IgnoreFile::new(ignore.split(' ')).unwrap();
        ContextDir::open(&self.path("c"), ignore).unwrap()
    }
}

fn read(context: &ContextDir, path: &str) -> Result<String, String> {
    let mut file = context.open(path.as_ref()).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

fn listed(context: &ContextDir) -> String {
    match context.listing() {
        Ok(listing) => listing.below("").map(|(path, _)| path).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}
