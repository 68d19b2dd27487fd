//! The packages of rpm in a disk are those that rpm lists, whatever its database and the file system.

use std::collections::BTreeSet;
use std::fs;

use diskette_integration::guest_root::GuestRoot;
use diskette_integration::peer::{self, text};
use diskette_integration::scene::Scene;
use serde_json::Value;

const OS_RELEASE: &str = "ID=\"almalinux\"\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"AlmaLinux 9.4\"\n";

/// Where the database is in newer distributions.
const DIRECTORY: &str = "usr/lib/sysimage/rpm";

/// Makes a root with packages of rpm.
fn rpm_root(scene: &Scene) -> Option<GuestRoot> {
    let root = GuestRoot::empty(scene, OS_RELEASE);
    root.add_rpms(scene, DIRECTORY)?;
    fs::create_dir_all(root.path.join("var/lib")).unwrap();
    std::os::unix::fs::symlink("../../usr/lib/sysimage/rpm", root.path.join("var/lib/rpm"))
        .unwrap();
    Some(root)
}

/// Returns the packages in a disk as `GuestRoot::list_rpms` does.
fn rpms(scene: &Scene, disk: &str) -> BTreeSet<String> {
    let outcome = scene.run(["sbom", "-q", "--format", "json", disk]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let found: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let line = |package: &Value| {
        let field = |name: &str| package[name].as_str().unwrap().to_owned();
        let (name, version) = (field("name"), field("version"));
        let plain = version.split_once(':').unwrap().1;
        let source = package["source"]["name"].as_str().unwrap_or(&name);
        let source_version = package["source"]["version"].as_str().unwrap_or(plain);
        let (architecture, license) = (field("architecture"), field("license"));
        format!("{name} {version} {architecture} {source}-{source_version}.src.rpm {license}")
    };
    found["packages"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn packages_are_those_that_rpm_lists() {
    let scene = Scene::new();
    let Some(root) = rpm_root(&scene) else { return };
    let expected = root.list_rpms(DIRECTORY);
    assert_eq!(expected.len(), 13, "{expected:?}");
    let check = |options: &[&str]| {
        let Some(_) = root.make_xfs(&scene, "disk.raw", options) else { return };
        assert_eq!(rpms(&scene, "disk.raw"), expected, "{options:?}");
    };
    // Directories with one block, with an index, and with an index that is a tree.
    for count in [20, 500, 4000] {
        for number in 0..count {
            scene.write(&format!("root/usr/bin/a-program-with-a-name-{number}"), "");
        }
        check(&[]);
    }
    check(&["-m", "crc=0"]);
    check(&["-m", "crc=0", "-n", "ftype=0", "-i", "size=256"]);
    check(&["-b", "size=1024", "-n", "size=8192", "-i", "nrext64=1"]);
    let Some(_) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    assert_eq!(rpms(&scene, "disk.raw"), expected);
    // Subvolumes and compressed files, which mkfs does not make, are in the seeds of `builder/fuzz`.
    for options in [&[][..], &["-n", "4096", "-m", "single"], &["-O", "mixed-bg", "-n", "4096"]] {
        let Some(_) = root.make_btrfs(&scene, "disk.raw", options) else { return };
        assert_eq!(rpms(&scene, "disk.raw"), expected, "{options:?}");
    }
}

#[test]
fn links_in_blocks_are_followed() {
    let scene = Scene::new();
    let Some(root) = rpm_root(&scene) else { return };
    let expected = root.list_rpms(DIRECTORY);
    fs::remove_file(root.path.join("var/lib/rpm")).unwrap();
    fs::rename(root.path.join(DIRECTORY), root.path.join("usr/lib/moved")).unwrap();
    let target = format!("../../../{}usr/lib/moved", "./".repeat(400));
    std::os::unix::fs::symlink(&target, root.path.join("var/lib/rpm")).unwrap();
    let Some(_) = root.make_xfs(&scene, "disk.raw", &["-m", "crc=0"]) else { return };
    assert_eq!(rpms(&scene, "disk.raw"), expected, "version 4");
    // mkfs.xfs leaves out the head that Linux writes in front of the target.
    let disk = root.make_xfs(&scene, "disk.raw", &[]).unwrap();
    let content = fs::read(&disk).unwrap();
    let block = content.chunks(4096).position(|block| block.starts_with(target.as_bytes()));
    let mut head = b"XSLM".to_vec();
    head.resize(56, 0);
    head.extend(target.as_bytes());
    let file = fs::File::options().write(true).open(&disk).unwrap();
    let at = block.unwrap() as u64 * 4096;
    std::os::unix::fs::FileExt::write_all_at(&file, &head, at).unwrap();
    assert_eq!(rpms(&scene, "disk.raw"), expected, "version 5");
}

#[test]
fn changes_in_the_log_of_the_database_count() {
    let scene = Scene::new();
    let Some(root) = rpm_root(&scene) else { return };
    let Some(sqlite) = peer::find("sqlite3") else { return };
    let (original, changed) = (scene.path("original"), root.path.join(DIRECTORY));
    fs::rename(&changed, &original).unwrap();
    fs::create_dir(&changed).unwrap();
    let script = scene.write(
        "script",
        format!(
            "PRAGMA journal_mode=wal;\nPRAGMA wal_autocheckpoint=0;\nDELETE FROM Packages WHERE hnum > 5;\n\
             .system cp {0}/rpmdb.sqlite {0}/rpmdb.sqlite-wal {1}/\n",
            text(&original),
            text(&changed)
        ),
    );
    let mut command = sqlite.command();
    command.arg(original.join("rpmdb.sqlite")).stdin(fs::File::open(script).unwrap());
    assert!(command.output().unwrap().status.success());
    assert!(fs::metadata(changed.join("rpmdb.sqlite-wal")).unwrap().len() > 0);
    let Some(_) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    let found = rpms(&scene, "disk.raw");
    // `rpm` reads the log, too, and removes it.
    let expected = root.list_rpms(DIRECTORY);
    assert_eq!((found, expected.len()), (expected.clone(), 5));
}

/// Returns the headers of the packages in a database.
fn headers(root: &GuestRoot) -> Vec<Vec<u8>> {
    let database = root.path.join(DIRECTORY).join("rpmdb.sqlite");
    let sqlite = peer::find("sqlite3").unwrap();
    let listed = sqlite.run([text(&database), "SELECT hex(blob) FROM Packages"]);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    listed.lines().map(|line| line.as_bytes().chunks(2).map(byte).collect()).collect()
}

/// Returns a database as openSUSE's rpm writes it (`rpmpkg.c`).
fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let numbers = |all: [u32; 4]| all.map(u32::to_le_bytes).concat();
    let word = |text: &[u8; 4]| u32::from_le_bytes(*text);
    let mut file = [numbers([word(b"RpmP"), 0, 1, 1]), numbers([100, 0, 0, 0])].concat();
    let (mut blobs, mut block) = (Vec::new(), 4096 / 16);
    for (number, header) in (1..).zip(headers) {
        let len = u32::try_from(header.len()).unwrap();
        let mut blob = [&numbers([word(b"BlbS"), number, 1, len])[..], header].concat();
        blob.resize(blob.len().next_multiple_of(4), 0);
        // A sum, the length and a magic are at the end.
        blob.resize((blob.len() + 12).next_multiple_of(16), 0);
        let blocks = u32::try_from(blob.len() / 16).unwrap();
        file.extend(numbers([word(b"Slot"), number, block, blocks]));
        blobs.extend(blob);
        block += blocks;
    }
    while file.len() < 4096 {
        file.extend(numbers([word(b"Slot"), 0, 0, 0]));
    }
    [file, blobs].concat()
}

#[test]
fn databases_of_opensuse_are_read() {
    let scene = Scene::new();
    let Some(root) = rpm_root(&scene) else { return };
    if peer::find("sqlite3").is_none() {
        return;
    }
    let (expected, headers) = (root.list_rpms(DIRECTORY), headers(&root));
    fs::remove_dir_all(root.path.join(DIRECTORY)).unwrap();
    let database = format!("root/{DIRECTORY}/Packages.db");
    scene.write(&database, ndb(&headers));
    let Some(_) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    assert_eq!(rpms(&scene, "disk.raw"), expected);
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let mut changed = ndb(&headers);
        change(&mut changed);
        scene.write(&database, changed);
        root.make_ext(&scene, "disk.raw", &[]).unwrap();
        let transcript = scene.run_refused(scene.program(["sbom", "disk.raw"]));
        let start = "error: cannot list the packages in the disk of `disk.raw`: its file `/usr/lib/sysimage/rpm/Packages.db` cannot be read: ";
        assert!(transcript.contains(&format!("{start}{expected}\n")), "{transcript}");
    };
    let damaged = "it is no database of rpm, or damaged";
    check(&|file| file[0] = b'X', damaged);
    check(&|file| file[32] = b'X', damaged);
    check(&|file| file.truncate(5000), damaged);
    check(&|file| file[12] = 0xff, damaged);
    // The number of tags of the first header.
    check(&|file| file[4096 + 16] = 0xff, "a header of a package is damaged");
}

#[test]
fn damaged_databases_of_sqlite_are_refused() {
    let scene = Scene::new();
    let Some(root) = rpm_root(&scene) else { return };
    let path = format!("root/{DIRECTORY}/rpmdb.sqlite");
    let sound = fs::read(scene.path(&path)).unwrap();
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let mut changed = sound.clone();
        change(&mut changed);
        scene.write(&path, changed);
        root.make_ext(&scene, "disk.raw", &[]).unwrap();
        let transcript = scene.run_refused(scene.program(["sbom", "disk.raw"]));
        assert!(transcript.contains(&format!("cannot be read: {expected}\n")), "{transcript}");
    };
    if peer::find("mkfs.ext4").is_none() {
        return;
    }
    check(&|file| file[0] = b'X', "it is no database of SQLite");
    check(&|file| file.truncate(50), "it is no database of SQLite");
    check(&|file| file[100] = 7, "a table of the database is damaged");
    let rename = |file: &mut Vec<u8>| {
        let names = file.windows(8).enumerate().filter(|(_, part)| *part == b"Packages");
        let names: Vec<usize> = names.map(|(at, _)| at).collect();
        for at in names {
            file[at] = b'X';
        }
    };
    check(&rename, "it has no table of packages");
}
