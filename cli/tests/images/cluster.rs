//! What KubeVirt and CDI make of images, according to readers that know nothing of ours, and what
//! the program says of the same images.

mod cases;

use diskette_integration::cluster::handmade::TAG;
use diskette_integration::cluster::{self, FoundDisk, LayoutStore, label_of_variable};
use diskette_integration::scene::Scene;

use self::cases::{Case, cases};

const ARCHITECTURE: &str = "amd64";

fn read(case: &Case, scene: &Scene) -> [(&'static str, Result<FoundDisk, String>); 4] {
    let layout = scene.path(case.name);
    case.image.write(&layout);
    cluster::read_with_all(&LayoutStore::new(&layout), TAG, ARCHITECTURE)
}

#[test]
fn readers_do_what_those_do_that_they_stand_for() {
    let scene = Scene::new();
    let mut wrong = Vec::new();
    for case in cases() {
        for ((reader, found), expected) in read(&case, &scene).into_iter().zip(case.said) {
            let is_right = match &found {
                Ok(_) => expected.is_empty(),
                Err(error) => !expected.is_empty() && error.contains(expected),
            };
            if !is_right {
                let found = found.map(|disk| format!("{} ({})", disk.name, disk.format));
                wrong.push(format!("{}, {reader}: {found:?}, not {expected:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where the program says something else than the readers, and why.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("zeros", "QEMU takes zeros for a raw disk, which boots nothing"),
    ("packed", "QEMU takes what is packed for a raw disk, which boots nothing"),
    ("qcow2-blank", "QEMU has nothing against a disk that boots nothing"),
];

#[test]
fn the_program_and_the_readers_agree() {
    let scene = Scene::new();
    let cases = cases();
    assert!(cases.len() >= 60, "{} images", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let found = read(case, &scene);
        let disks: Option<Vec<FoundDisk>> =
            found.into_iter().map(|(_, found)| found.ok()).collect();
        let is_good = disks.is_some_and(|disks| disks.iter().all(|disk| *disk == disks[0]));
        let outcome = scene.run(["verify", "--progress", "none", case.name]);
        assert!(outcome.status < 2, "{}: {}", case.name, outcome.transcript());
        let reason = EXCEPTIONS.iter().find(|(name, _)| *name == case.name);
        let is_exception = is_good != (outcome.status == 0);
        if is_exception != reason.is_some() {
            let said = String::from_utf8_lossy(&outcome.stdout);
            wrong.push(format!("{}: {is_good} for the readers\n{said}", case.name));
        }
    }
    let names = |name: &&str| !cases.iter().any(|case| case.name == *name);
    let unknown: Vec<&str> = EXCEPTIONS.iter().map(|(name, _)| *name).filter(names).collect();
    assert!(unknown.is_empty(), "exceptions for {unknown:?}, which are no images");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn variables_become_labels() {
    let check = |variable: &str, expected: Option<&str>| {
        let label = label_of_variable(variable).map(|(name, value)| format!("{name}: {value}"));
        assert_eq!(label.as_deref(), expected, "{variable}");
    };
    check("KUBEVIRT_IO_TEST_TEST=v", Some("kubevirt.io/test-test: v"));
    check("TEST_TEST_KUBEVIRT_IO_TEST=v", Some("test.test.kubevirt.io/test: v"));
    check("FOOKUBEVIRT_IO_X=v", Some("foo.kubevirt.io/x: v"));
    check("_KUBEVIRT_IO_X=v", Some("kubevirt.io/x: v"));
    check("A__KUBEVIRT_IO_B=v", Some("a..kubevirt.io/b: v"));
    check("KUBEVIRT_IO_=v", Some("kubevirt.io/: v"));
    check("KUBEVIRT_IO_A__B=v", Some("kubevirt.io/a--b: v"));
    check("KUBEVIRT_IO_A_=v", Some("kubevirt.io/a-: v"));
    check("KUBEVIRT_IO_KUBEVIRT_IO_X=a=b", Some("kubevirt.io/kubevirt-io-x: a=b"));
    check(
        "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora",
        Some("instancetype.kubevirt.io/default-preference: fedora"),
    );
    check("kubevirt_io_x=v", None);
    check("KUBEVIRT_IO_X", None);
    check("PATH=/usr/bin", None);
}
