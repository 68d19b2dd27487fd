//! Tests of lock files and of resolving names.

use std::sync::Arc;

use super::*;
use crate::oci::image::reference::Reference;
use crate::oci::tar::testing::TarBuilder;
use crate::recipe::diagnostic::SourceText;

fn lock(text: &str) -> Result<BaseLock, String> {
    let source = Arc::new(SourceText { name: "lock".into(), text: text.into() });
    BaseLock::parse(&source).map_err(|problem| {
        assert_eq!(problem.help, ["remove it, and build with `--lock` to create it again"]);
        problem.to_string()
    })
}

#[test]
fn lock_files_are_read_and_written() {
    let mut locked = BaseLock::default();
    let name = |text: &str| text.parse::<Reference>().unwrap();
    locked.insert(&name("q.io/b:2"), Digest::of_bytes(b"2"));
    locked.insert(&name("alpine"), Digest::of_bytes(b"1"));
    let text = format!(
        "# Written by diskette: which image each name meant.\nversion = 1\n\n[[image]]\n\
         name = \"docker.io/library/alpine:latest\"\ndigest = \"{}\"\n\n[[image]]\n\
         name = \"q.io/b:2\"\ndigest = \"{}\"\n",
        Digest::of_bytes(b"1"),
        Digest::of_bytes(b"2"),
    );
    assert_eq!(locked.to_string(), text);
    assert_eq!(lock(&text), Ok(locked));
    assert_eq!(lock("version = 1"), Ok(BaseLock::default()));
    let check = |text: &str, expected: &str| assert_eq!(lock(text), Err(expected.into()));
    check("", "lock:1:1: this is not a lock file: missing field `version`");
    check("version = 2", "lock:1:11: this lock file is of version 2");
    let entry = |name: &str, digest: &str| {
        format!("version = 1\n[[image]]\nname = \"{name}\"\ndigest = \"{digest}\"\n")
    };
    check(&entry("alpine", ""), "lock:3:8: `alpine` is not the whole name of an image");
    check(&entry("A", ""), "lock:3:8: `A` is not the whole name of an image");
    check(&entry("q.io/a:1", "sha256:0"), "lock:4:10: `sha256:0` is not a sha256 digest");
    let one = entry("q.io/a:1", &Digest::of_bytes(b"1").to_string());
    let two = format!("{one}{}", &one[12..]);
    check(&two, "lock:6:8: `q.io/a:1` is recorded twice");
    let download = |digest: &str| {
        format!("version = 1\n[[download]]\nurl = \"https://e/\\\"\"\ndigest = \"{digest}\"\n")
    };
    check(&download("1"), "lock:4:10: `1` is not a sha256 digest");
    let one = download(&Digest::of_bytes(b"1").to_string());
    check(&format!("{one}{}", &one[12..]), "lock:6:7: `https://e/\"` is recorded twice");
    let written = lock(&one).unwrap().to_string();
    assert_eq!(lock(&written), lock(&one));
    let long = format!("version = 1\n#{}", "x".repeat(1 << 20));
    check(&long, "lock:1:1: `lock` is larger than 1 MiB");
}

#[test]
fn locks_say_what_names_mean() {
    let mut memory = MemoryImages::default();
    let layer = TarBuilder::new().file("a", "content").end();
    memory.put(layer.clone());
    let old = Image::new(&[layer]).put(&mut memory);
    let new = Image::new(&[]).put(&mut memory);
    memory.names.insert("1".into(), digest(&new));
    let name: Reference = "q.io/a:1".parse().unwrap();
    let mut known = BaseLock::default();
    known.insert(&name, digest(&old));
    let check =
        |lock: &BaseLock, pull, locked, expected: Result<&Value, &str>, changed: Option<&Value>| {
            let resolver = BaseResolver::new(lock.clone(), pull, locked);
            // The second time it resolves to the same.
            for _ in 0..2 {
                let loaded = load_with(&memory, None, &resolver, "q.io/a:1", "linux/amd64");
                let found = loaded.map(|loaded| loaded.root).map_err(|error| error.to_string());
                assert_eq!(found, expected.map(digest).map_err(str::to_owned));
            }
            let changed = changed.map(|image| {
                let mut lock = BaseLock::default();
                lock.insert(&name, digest(image));
                lock
            });
            assert_eq!(resolver.updated_lock(), changed);
        };
    let none = BaseLock::default();
    check(&none, PullPolicy::Unknown, LockEnforcement::No, Ok(&new), Some(&new));
    check(&none, PullPolicy::Always, LockEnforcement::No, Ok(&new), Some(&new));
    check(&known, PullPolicy::Unknown, LockEnforcement::No, Ok(&old), None);
    check(&known, PullPolicy::Always, LockEnforcement::No, Ok(&new), Some(&new));
    check(&known, PullPolicy::Unknown, LockEnforcement::Yes, Ok(&old), None);
    check(&known, PullPolicy::Always, LockEnforcement::Yes, Ok(&old), None);
    let unknown = "`q.io/a:1` is not in the lock file";
    check(&none, PullPolicy::Unknown, LockEnforcement::Yes, Err(unknown), None);
    check(&none, PullPolicy::Always, LockEnforcement::Yes, Err(unknown), None);
    let error = BaseError::from(LockError::Unknown(name.clone()));
    let help = "build once with `--lock` to record it, or write `q.io/a:1@sha256:…`";
    assert_eq!(error.help().as_deref(), Some(help));
    // A digest needs no lock.
    let resolver = BaseResolver::new(none, PullPolicy::Unknown, LockEnforcement::Yes);
    let pinned = format!("q.io/a:1@{}", digest(&old));
    let loaded = load_with(&memory, None, &resolver, &pinned, "linux/amd64").unwrap();
    assert_eq!((loaded.root, loaded.name), (digest(&old), Some(pinned)));
    assert_eq!(resolver.updated_lock(), None);
}
